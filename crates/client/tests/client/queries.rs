//! Hosts, inventories and claims, and every way in which there is no good answer.

use std::sync::{Arc, Mutex};

use lattice_client::{Became, RequestError};
use lattice_protocol::{
    Ack, DeliveryState, Format, LogQuery, OperationPhase, OperationQuery, OperationRecord, RefusalCode, decode, encode,
};
use lattice_testkit::{NatsOptions, NatsServer};
use tokio::time::timeout;

use crate::fake::*;

const PING: &str = "wasmbus.ctl.default.ping.hosts";

fn inventory_subject(index: usize) -> String {
    format!("wasmbus.ctl.default.get.{}.inv", HOSTS[index])
}

#[tokio::test]
async fn one_bad_answer_costs_one_item() {
    let (nats, client) = lattice_with(|settings| settings.gather_quiet = QUIET).await;
    let makes = [ping_082, ping_otp, ping_packed];
    let good = HOSTS.iter().take(9).enumerate().map(|(index, id)| makes[index % 3](id));
    let mut answers: Vec<Vec<u8>> = good.collect();
    answers.insert(0, Vec::new());
    answers.insert(4, b"\x07no host".to_vec());
    let _hosts = Responder::start(&nats, PING, move |_| answers.clone()).await;
    let _mute = Responder::mute(&nats, PING).await;

    let gathered = client.hosts().await.expect("hosts answer");
    let mut ids: Vec<String> = gathered.items.iter().map(|host| host.id.to_string()).collect();
    ids.sort_unstable();
    let mut expect = HOSTS[..9].to_vec();
    expect.sort_unstable();
    assert_eq!(ids, expect);
    assert!(gathered.items.iter().all(|host| host.friendly_name == format!("name-{}", host.id)));
    assert!(gathered.items.iter().all(|host| host.uptime_seconds == 200));
    assert_eq!(gathered.errors.len(), 2, "{:?}", gathered.errors);
    assert!(gathered.errors.iter().all(|error| matches!(error, RequestError::Unreadable { .. })));
}

#[tokio::test]
async fn a_gather_ends_before_its_timeout_when_it_is_quiet() {
    let (nats, client) = lattice_with(|settings| settings.timeout = DEADLINE * 100).await;
    let _host = Responder::fixed(&nats, PING, ping_082(HOSTS[0])).await;
    let gathered = timeout(DEADLINE, client.hosts()).await.expect("not the whole time").expect("a host answers");
    assert_eq!(gathered.items.len(), 1);
}

#[tokio::test]
async fn an_empty_lattice_is_empty_at_once() {
    let (_nats, client) = lattice_with(|settings| settings.timeout = DEADLINE * 100).await;
    let gathered = timeout(DEADLINE, client.hosts()).await.expect("at once").expect("an empty lattice is no error");
    assert!(gathered.items.is_empty() && gathered.errors.is_empty());
}

#[tokio::test]
async fn a_lattice_in_which_all_are_silent_is_not_empty() {
    let (nats, client) = lattice_with(|settings| settings.timeout = SHORT).await;
    let _mute = Responder::mute(&nats, PING).await;
    let error = client.hosts().await.expect_err("nobody answers");
    assert!(matches!(error, RequestError::TimedOut { ref subject, timeout } if subject == PING && timeout == SHORT));
}

#[tokio::test]
async fn answers_are_asked_for_in_the_format_that_is_set() {
    let headers = Arc::new(Mutex::new(Vec::new()));
    let nats = NatsServer::start().await;
    let seen = headers.clone();
    let _host = Responder::start(&nats, "acme.ctl.blue.get.*.inv", move |request| {
        let headers = request.headers.as_ref().expect("headers");
        let accept = headers.get("Accept").map(ToString::to_string);
        seen.lock().expect("no panic").push((accept, request.payload.len()));
        vec![inventory_082(HOSTS[0], ACTOR, "echo")]
    })
    .await;
    for format in [Format::JSON, Format::MESSAGE_PACK] {
        let settings = lattice_client::ClientSettings {
            lattice: "blue".parse().expect("a lattice name"),
            prefix: "acme.ctl".parse().expect("a prefix"),
            format,
            ..Default::default()
        };
        let client = lattice_client::Client::new(nats.client().await, settings);
        client.inventory(&host(0)).await.expect("a host answers");
    }
    let expect = ["application/json", "application/msgpack"].map(|media_type| (Some(media_type.to_owned()), 0));
    assert_eq!(*headers.lock().expect("no panic"), expect);
}

#[tokio::test]
async fn inventories_come_from_every_host() {
    let (nats, client) = lattice_with(|settings| settings.gather_quiet = QUIET).await;
    let hosts: Vec<Vec<u8>> = HOSTS.iter().take(3).map(|id| ping_packed(id)).collect();
    let _hosts = Responder::start(&nats, PING, move |_| hosts.clone()).await;
    // The third host left between the two questions.
    let _first = Responder::fixed(&nats, &inventory_subject(0), inventory_082(HOSTS[0], ACTOR, "echo")).await;
    let _second = Responder::fixed(&nats, &inventory_subject(1), inventory_082(HOSTS[1], ACTOR, "echo")).await;

    let gathered = client.inventories().await.expect("hosts answer");
    assert_eq!(gathered.items.len(), 2);
    let actor = &gathered.items[0].actors[0];
    assert_eq!((actor.id.as_str(), actor.instances[0].max_instances), (ACTOR, 5));
    assert!(gathered.errors.is_empty() && gathered.missing.is_empty(), "{gathered:?}");
}

#[tokio::test]
async fn a_slow_host_does_not_keep_others_from_being_asked() {
    // One more than are asked at once.
    const COUNT: usize = 33;
    let (nats, client) = lattice_with(|settings| settings.gather_quiet = QUIET).await;
    let ids: Vec<String> = (0..COUNT).map(|_| lattice_claims::HostSeed::generate().public().to_string()).collect();
    let pings: Vec<Vec<u8>> = ids.iter().map(|id| ping_packed(id)).collect();
    let _hosts = Responder::start(&nats, PING, move |_| pings.clone()).await;

    let host = nats.client().await;
    let mut requests = host.subscribe("wasmbus.ctl.default.get.*.inv").await.expect("the server takes a subscription");
    round_trip(&host).await;
    // The first that is asked answers after the last.
    let _inventories = Responder::of(host.clone(), async move {
        let mut first = futures::StreamExt::next(&mut requests).await;
        for number in 2.. {
            let Some(request) = futures::StreamExt::next(&mut requests).await else { return };
            let first = first.take_if(|_| number == COUNT);
            for request in std::iter::once(request).chain(first) {
                let id = request.subject.split('.').nth(4).expect("a host");
                let inbox = request.reply.clone().expect("a client wants an answer");
                host.publish(inbox, inventory_082(id, ACTOR, "echo").into()).await.expect("the connection stands");
            }
        }
    });
    let gathered = client.inventories().await.expect("hosts answer");
    assert_eq!((gathered.items.len(), gathered.errors.len()), (COUNT, 0), "{:?}", gathered.errors);
}

#[tokio::test]
async fn a_host_that_hangs_does_not_hide_what_another_one_knows() {
    let (nats, client) = lattice_with(|settings| settings.timeout = DEADLINE).await;
    let claims = format!(r#"{{"claims":[{{"sub":"{ACTOR}","name":"echo"}}]}}"#).into_bytes();
    let links = br#"{"links":[]}"#.to_vec();
    let mut hosts = Vec::new();
    for (what, answer) in [("claims", claims), ("links", links)] {
        let mut answers = [None, Some(answer)].into_iter();
        let subject = format!("wasmbus.ctl.default.get.{what}");
        hosts.push(Responder::start(&nats, &subject, move |_| answers.next().flatten().into_iter().collect()).await);
    }
    assert_eq!(client.claims().await.expect("another host answers").claims.good.len(), 1);
    assert_eq!(client.links().await.expect("another host answers").links.good.len(), 0);
}

#[tokio::test]
async fn a_refusal_says_more_than_a_host_that_hangs() {
    let (nats, client) = lattice_with(|settings| settings.timeout = PATIENT).await;
    let refused = encode(&Ack::refused("no").with_code(RefusalCode::Unavailable), Format::JSON);
    let mut answers = [None, Some(refused)].into_iter();
    let subject = "wasmbus.ctl.default.get.claims";
    let _hosts = Responder::start(&nats, subject, move |_| answers.next().flatten().into_iter().collect()).await;
    let error = client.claims().await.expect_err("nobody tells more");
    assert_eq!(error.refusal_code(), Some(RefusalCode::Unavailable), "{error:?}");
}

#[tokio::test]
async fn claims_come_in_either_encoding() {
    let (nats, client) = lattice().await;
    let json = format!(r#"{{"claims":[{{"sub":"{ACTOR}","name":"echo","version":null}}]}}"#);
    let mut packed = b"\x81\xa6claims\x91\x83\xa3sub\xd9\x38".to_vec();
    packed.extend_from_slice(ACTOR.as_bytes());
    packed.extend_from_slice(b"\xa4name\xa4echo\xa7version\xc0");
    let mut answers = [json.into_bytes(), packed].into_iter();
    let _host =
        Responder::start(&nats, "wasmbus.ctl.default.get.claims", move |_| answers.next().into_iter().collect()).await;
    for _ in 0..2 {
        let claims = client.claims().await.expect("a host answers");
        let values: Vec<_> = claims.claims[0].iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
        assert_eq!(values, [("name", Some("echo")), ("sub", Some(ACTOR)), ("version", None)]);
    }
}

/// Asks a host for its inventory that answers this.
async fn inventory_error(body: impl Into<Vec<u8>>) -> RequestError {
    let (nats, client) = lattice().await;
    let _host = Responder::fixed(&nats, &inventory_subject(0), body).await;
    client.inventory(&host(0)).await.expect_err("no inventory")
}

#[tokio::test]
async fn a_refusal_carries_the_hosts_words() {
    let error = inventory_error(r#"{"accepted":false,"error":"no \"such\"\nhost"}"#).await;
    assert!(matches!(error, RequestError::Refused { ref error, .. } if error == "no \"such\"\nhost"), "{error:?}");
}

#[tokio::test]
async fn unreadable_answers_are_told_apart_from_none() {
    for body in ["", "[]", "{}", "{\"host_id\":\"N", "\u{7f}\u{7f}"] {
        let error = inventory_error(body).await;
        assert!(matches!(error, RequestError::Unreadable { .. }), "{body:?}: {error:?}");
    }
}

#[tokio::test]
async fn nobody_there_and_no_answer_are_two_errors() {
    let (nats, client) = lattice_with(|settings| settings.timeout = SHORT).await;
    let error = client.inventory(&host(0)).await.expect_err("no host");
    assert!(matches!(error, RequestError::NoResponders { subject } if subject == inventory_subject(0)));
    let _mute = Responder::mute(&nats, &inventory_subject(0)).await;
    let error = client.inventory(&host(0)).await.expect_err("no answer");
    assert!(matches!(error, RequestError::TimedOut { timeout: SHORT, .. }), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_is_down_is_named() {
    let (mut nats, client) = lattice_with(|settings| settings.timeout = SHORT).await;
    nats.kill();
    lattice_testkit::eventually("the client notices", DEADLINE, async || {
        let error = client.inventory(&host(0)).await.expect_err("no server");
        matches!(error, RequestError::Disconnected { .. }).then_some(())
    })
    .await;
    let error = client.hosts().await.expect_err("no server");
    assert!(matches!(error, RequestError::Disconnected { .. }), "{error:?}");
}

#[tokio::test]
async fn a_full_queue_to_a_lost_server_is_not_waited_for() {
    let mut nats = NatsServer::start().await;
    let options = async_nats::ConnectOptions::new().client_capacity(1);
    let connection = options.connect(nats.url()).await.expect("the server runs");
    let settings = lattice_client::ClientSettings { timeout: SHORT, ..Default::default() };
    let client = lattice_client::Client::new(connection, settings);
    nats.kill();
    for _ in 0..4 {
        let asked = timeout(DEADLINE, client.inventory(&host(0))).await.expect("in time");
        asked.expect_err("no server");
    }
    let error = timeout(DEADLINE, client.hosts()).await.expect("in time").expect_err("no server");
    assert!(matches!(error, RequestError::Disconnected { .. }), "{error:?}");
}

#[tokio::test]
async fn a_request_that_the_server_does_not_carry_is_not_sent() {
    let options = NatsOptions { max_payload: 4096, ..NatsOptions::default() };
    let nats = NatsServer::start_with(options).await;
    let client = lattice_client::Client::new(nats.client().await, lattice_client::ClientSettings::default());
    let command = lattice_protocol::StartActor {
        actor_ref: "x".repeat(5000),
        annotations: Default::default(),
        count: 1.into(),
        host_id: None,
        lattice_id: None,
    };
    let error = client.start_actor(&host(0), command).await.expect_err("too large");
    assert!(matches!(error, RequestError::TooLarge { size: 5000.., max: 4096, .. }), "{error:?}");
}

#[tokio::test]
async fn deliveries_are_told_by_hosts_of_this_project_alone() {
    let (nats, client) = lattice_with(|settings| settings.timeout = PATIENT).await;
    let told = format!(
        r#"{{"host_id":"{}","deliveries":[{{"actor_id":"{ACTOR}","contract_id":"wasmcloud:keyvalue","host_id":"{}",
        "id":"x","link_name":"default","provider_id":"{PROVIDER}","state":"confirmed"}},{{"state":"?"}}]}}"#,
        HOSTS[0], HOSTS[0]
    );
    let _ours = Responder::fixed(&nats, &control("lattice.deliveries"), told).await;
    let _members = Responder::fixed(&nats, &control("lattice.members"), members([0, 10])).await;
    let gathered = client.link_deliveries().await.expect("a host answers");
    assert_eq!((gathered.missing.len(), gathered.errors.len(), gathered.complete), (0, 0, true));
    let deliveries = &gathered.items[0].deliveries;
    assert_eq!((deliveries.good[0].state, deliveries.bad.len()), (DeliveryState::Confirmed, 1));
}

/// What a host tells of a link that stands at this revision, or stands no more.
fn told(index: usize, state: &str, revision: Option<u64>) -> String {
    let host = HOSTS[index];
    let revision = revision.map_or(String::new(), |revision| format!(r#","revision":{revision}"#));
    let of = |id: &str| {
        format!(
            r#"{{"actor_id":"{ACTOR}","contract_id":"wasmcloud:keyvalue","error":"why","host_id":"{host}","id":"{id}",
            "link_name":"default","provider_id":"{PROVIDER}","state":"{state}"{revision}}}"#
        )
    };
    format!(r#"{{"host_id":"{host}","deliveries":[{},{}]}}"#, of("this one"), of("another"))
}

/// How an operation stands that did this to the link, which stood at revision 17 then.
fn record_of_link(command: &str) -> OperationRecord {
    let query = OperationQuery {
        operation_id: "0194c4a5-7f5e-7d7c-a8c5-5c0c8f0e8a11".parse().expect("an id"),
        past: None,
        wait: 0,
    };
    let (link_id, link_revision) = (Some("this one".to_owned()), Some(17));
    OperationRecord { command: command.to_owned(), link_id, link_revision, ..record(&query, OperationPhase::Done) }
}

#[tokio::test]
async fn what_became_of_the_link_of_an_operation_is_told_of_exactly_that_put() {
    let (nats, client) = lattice_with(|settings| settings.timeout = PATIENT).await;
    let answers = [
        told(0, "confirmed", Some(17)),
        told(1, "failed", Some(17)),
        told(2, "failed", Some(16)),
        told(3, "confirmed", Some(18)),
        told(4, "failed", None),
    ];
    let _hosts =
        Responder::start(&nats, &control("lattice.deliveries"), move |_| answers.clone().map(String::into).into())
            .await;
    let _members = Responder::fixed(&nats, &control("lattice.members"), members(0..5)).await;
    let told = client.deliveries_of(&record_of_link("linkdefs.put")).await.expect("hosts answer").expect("it put one");
    assert!(told.complete);
    let of = |index: usize| told.items.iter().flatten().find(|delivery| delivery.host_id == host(index));
    let became: Vec<_> = (0..5)
        .map(|index| of(index).expect("it is told"))
        .map(|delivery| (delivery.became, delivery.error.as_deref()))
        .collect();
    let expect = [
        (Became::Is(DeliveryState::Confirmed), Some("why")),
        (Became::Is(DeliveryState::Failed), Some("why")),
        (Became::Is(DeliveryState::Pending), None),
        (Became::Superseded, None),
        (Became::Superseded, None),
    ];
    assert_eq!(became, expect);
    assert_eq!(told.items.iter().flatten().count(), 5, "other links are other operations' matter");
}

#[tokio::test]
async fn of_an_operation_that_put_no_link_nobody_is_asked() {
    let (_nats, client) = lattice_with(|settings| settings.timeout = PATIENT).await;
    let without = OperationRecord { link_id: None, ..record_of_link("linkdefs.put") };
    for record in [record_of_link("linkdefs.del"), without] {
        assert!(client.deliveries_of(&record).await.expect("nothing is to be asked").is_none());
    }
}

#[tokio::test]
async fn lines_of_a_provider_are_asked_of_its_host() {
    let (nats, client) = lattice().await;
    let query = LogQuery {
        after: Some(7),
        limit: 3,
        link_name: Default::default(),
        provider_id: PROVIDER.parse().expect("a provider key"),
    };
    let sent = query.clone();
    let answer = format!(
        r#"{{"host_id":"{}","lines":[{{"number":9,"stream":"stderr","text":"x","time":"t"}}],"lost":1}}"#,
        HOSTS[0]
    );
    let _host = Responder::start(&nats, &control(&format!("lattice.{}.logs", HOSTS[0])), move |request| {
        assert_eq!(decode::<LogQuery>(&request.payload).expect("a query"), sent);
        vec![answer.clone().into()]
    })
    .await;
    let told = client.provider_logs(&host(0), &query).await.expect("the host answers");
    assert_eq!((told.lines[0].number, told.lines[0].text.as_str(), told.lost), (9, "x", 1));
    let error = client.provider_logs(&host(1), &query).await.expect_err("there is no such host");
    assert!(matches!(error, RequestError::NoResponders { .. }), "{error:?}");
}
