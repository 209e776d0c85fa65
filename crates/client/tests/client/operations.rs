//! Commands that are sent again, watched, lost, or done when they are answered.

use std::{
    collections::VecDeque,
    error::Error,
    num::NonZeroUsize,
    sync::{Arc, Mutex},
};

use async_nats::Message;
use futures::StreamExt;
use lattice_client::{
    Client, HostError, Recording, RequestError, Rollout, Settled, UpdateEverywhere, UpdateOptions, WaitError,
};
use lattice_protocol::{
    Ack, DeleteLink, FORCE_HEADER, Format, LabelChange, LinkDefinition, OPERATION_HEADER, OperationId, OperationPhase,
    OperationQuery, REQUESTER_HEADER, RefusalCode, StartActor, StopProvider, UpdateActor, decode, encode,
};
use lattice_testkit::NatsServer;
use tokio::time::timeout;

use crate::fake::*;

const EVENTS: &str = "wasmbus.evt.default";

fn command(verb: &str) -> String {
    control(&format!("cmd.{}.{verb}", HOSTS[0]))
}

fn own_records() -> String {
    control(&format!("lattice.{}.operation", HOSTS[0]))
}

fn start() -> StartActor {
    StartActor {
        actor_ref: "file:///echo.wasm".to_owned(),
        annotations: Default::default(),
        count: 1.into(),
        host_id: None,
        lattice_id: None,
    }
}

fn update() -> UpdateActor {
    UpdateActor {
        actor_id: ACTOR.parse().expect("an actor key"),
        annotations: Default::default(),
        host_id: None,
        lattice_id: None,
        new_actor_ref: "file:///new.wasm".to_owned(),
    }
}

fn link() -> LinkDefinition {
    LinkDefinition {
        actor_id: ACTOR.parse().expect("an actor key"),
        provider_id: PROVIDER.parse().expect("a provider key"),
        link_name: Default::default(),
        contract_id: "wasmcloud:keyvalue".parse().expect("a contract"),
        values: [("URL", "secret")].into_iter().collect(),
    }
}

fn header(request: &Message, name: &str) -> Option<String> {
    Some(request.headers.as_ref()?.get(name)?.to_string())
}

fn id_of(request: &Message) -> OperationId {
    header(request, OPERATION_HEADER).expect("an operation id").parse().expect("an operation id")
}

fn taken_on(request: &Message) -> Vec<Vec<u8>> {
    vec![encode(&Ack::operation(id_of(request)), Format::MESSAGE_PACK)]
}

/// Answers questions about operations with these phases in turn, and refuses any further one.
async fn records(
    nats: &NatsServer,
    subject: &str,
    phases: &[OperationPhase],
) -> (Responder, Arc<Mutex<Vec<OperationQuery>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut phases: VecDeque<OperationPhase> = phases.iter().copied().collect();
    let noted = asked.clone();
    let answer = move |request: &Message| {
        let query: OperationQuery = decode(&request.payload).expect("a question");
        noted.lock().expect("no panic").push(query.clone());
        match phases.pop_front() {
            Some(phase) => {
                let mut told = record(&query, phase);
                told.causes = vec!["the host went away".to_owned()];
                told.code = Some(RefusalCode::Full);
                vec![encode(&told, Format::MESSAGE_PACK)]
            }
            None => vec![encode(&Ack::refused("not known").with_code(RefusalCode::NotFound), Format::MESSAGE_PACK)],
        }
    };
    (Responder::start(nats, subject, answer).await, asked)
}

#[tokio::test]
async fn a_command_that_did_not_arrive_is_sent_once_more_under_the_same_id() {
    let (nats, client) = lattice_with(|settings| settings.timeout = PATIENT).await;
    let ids = Arc::new(Mutex::new(Vec::new()));
    let (noted, mut lost) = (ids.clone(), true);
    let taking = Responder::start(&nats, &command("la"), move |request| {
        noted.lock().expect("no panic").push((id_of(request), request.payload.clone()));
        if std::mem::take(&mut lost) { Vec::new() } else { taken_on(request) }
    })
    .await;
    let _records = records(&nats, &own_records(), &[]).await;
    client.start_actor(&host(0), start()).await.expect("it is taken on in the end");
    let sent = std::mem::take(&mut *ids.lock().expect("no panic"));
    assert!(matches!(sent.as_slice(), [first, second] if first == second), "{sent:?}");
    taking.leave().await;

    // Once, and then it gives up.
    let noted = ids.clone();
    let _mute = Responder::start(&nats, &command("la"), move |request| {
        noted.lock().expect("no panic").push((id_of(request), request.payload.clone()));
        Vec::new()
    })
    .await;
    let error = client.start_actor(&host(0), start()).await.expect_err("no answer");
    assert!(matches!(error, RequestError::TimedOut { .. }), "{error:?}");
    assert_eq!(ids.lock().expect("no panic").len(), 2);
}

#[tokio::test]
async fn a_host_without_records_gets_a_command_once() {
    let (nats, client) = lattice_with(|settings| settings.timeout = SHORT).await;
    let count = Arc::new(Mutex::new(0));
    let counted = count.clone();
    let _mute = Responder::start(&nats, &command("la"), move |_| {
        *counted.lock().expect("no panic") += 1;
        Vec::new()
    })
    .await;
    client.start_actor(&host(0), start()).await.expect_err("no answer");
    assert_eq!(*count.lock().expect("no panic"), 1);
}

#[tokio::test]
async fn a_command_says_who_makes_it_and_its_answer_where_it_is_recorded() {
    let (nats, client) = lattice_with(|settings| settings.requester = Some("me@here\r\nx".to_owned())).await;
    let mut answers = [false, true].into_iter();
    let _host = Responder::start(&nats, &command("la"), move |request| {
        assert_eq!(header(request, REQUESTER_HEADER).as_deref(), Some("me@here  x"), "on one line");
        let unrecorded = answers.next().expect("two commands");
        vec![encode(&Ack { unrecorded, ..Ack::operation(id_of(request)) }, Format::MESSAGE_PACK)]
    })
    .await;
    for recording in [Recording::Lattice, Recording::Host] {
        let operation = client.start_actor(&host(0), start()).await.expect("accepted");
        let accepted = operation.accepted();
        assert_eq!((accepted.host.clone(), accepted.recording), (Some(host(0)), recording));
        assert_eq!(&accepted.id, operation.id());
    }
}

#[tokio::test]
async fn phases_are_watched_to_the_last() {
    use OperationPhase::{Accepted, Compiling, Fetching, Running};
    let (nats, client) = lattice().await;
    let _host = Responder::start(&nats, &command("la"), taken_on).await;
    // A question may be answered without news when its time is over.
    let (_records, asked) = records(&nats, &own_records(), &[Accepted, Accepted, Fetching, Compiling, Running]).await;
    let operation = client.start_actor(&host(0), start()).await.expect("accepted");
    let seen: Vec<OperationPhase> =
        operation.watch().map(|record| record.expect("it is followed").phase).collect().await;
    assert_eq!(seen, [Accepted, Fetching, Compiling, Running]);
    let past: Vec<_> = asked.lock().expect("no panic").iter().map(|query| (query.past, query.wait > 0)).collect();
    assert_eq!(
        past,
        [
            (None, false),
            (Some(Accepted), true),
            (Some(Accepted), true),
            (Some(Fetching), true),
            (Some(Compiling), true)
        ]
    );
}

#[tokio::test]
async fn the_record_of_a_failure_is_the_last_that_is_watched() {
    let (nats, client) = lattice().await;
    let _records = records(&nats, &own_records(), &[OperationPhase::Failed]).await;
    let operation = client.operation(&host(0), "x".parse().expect("an id"));
    let seen: Vec<_> = operation.watch().collect().await;
    assert!(matches!(seen.as_slice(), [Ok(record)] if record.phase == OperationPhase::Failed), "{seen:?}");

    let _more = records(&nats, &control("lattice.operation"), &[OperationPhase::Failed]).await;
    let error = operation.wait(DEADLINE).await.expect_err("it failed");
    assert!(matches!(error, WaitError::Failed { code: Some(RefusalCode::Full), .. }), "{error:?}");
}

#[tokio::test]
async fn what_a_host_has_forgotten_is_asked_of_any() {
    let (nats, client) = lattice().await;
    let _own = records(&nats, &own_records(), &[]).await;
    let operation = || client.operation(&host(0), "x".parse().expect("an id"));
    let error = operation().wait(DEADLINE).await.expect_err("nobody knows it");
    assert!(
        matches!(error, WaitError::Request { ref source, .. } if source.refusal_code() == Some(RefusalCode::NotFound))
    );
    let _any = records(&nats, &control("lattice.operation"), &[OperationPhase::Stopped]).await;
    assert!(matches!(operation().wait(DEADLINE).await, Ok(Settled::ByOperation(_))));
}

#[tokio::test]
async fn an_operation_whose_host_went_away_is_lost() {
    use OperationPhase::{Fetching, Lost};
    let (nats, client) = lattice().await;
    // Until the host counts as gone among the others, they answer as if it still worked.
    let (_any, asked) = records(&nats, &control("lattice.operation"), &[Fetching, Fetching, Lost]).await;
    let operation = client.operation(&host(0), "x".parse().expect("an id"));
    let error = timeout(DEADLINE, operation.wait(DEADLINE * 100)).await.expect("in time").expect_err("lost");
    let WaitError::Lost { host: Some(of), ref record, ref source, .. } = error else { panic!("{error:?}") };
    assert_eq!((of, record.phase, source.to_string().as_str()), (host(0), Lost, "the host went away"));
    assert_eq!(asked.lock().expect("no panic").len(), 3);

    let error = client.operation(&host(0), "y".parse().expect("an id")).wait(DEADLINE).await.expect_err("not known");
    assert!(matches!(error, WaitError::HostGone { .. }), "{error:?}");
}

#[tokio::test]
async fn an_operation_is_taken_up_without_knowing_its_host() {
    let (nats, client) = lattice().await;
    let (_any, _) = records(&nats, &control("lattice.operation"), &[OperationPhase::Done, OperationPhase::Done]).await;
    let operation = client.operation_anywhere("x".parse().expect("an id"));
    assert_eq!(operation.host(), None);
    assert!(matches!(operation.wait(DEADLINE).await, Ok(Settled::ByOperation(_))));
    let record = client.operation_by_id(&"x".parse().expect("an id"), std::time::Duration::ZERO).await;
    assert_eq!(record.expect("a record").phase, OperationPhase::Done);
}

#[tokio::test]
async fn a_link_of_another_provider_is_refused_unless_forced() {
    let (nats, client) = lattice().await;
    let _host = Responder::start(&nats, &control("linkdefs.put"), |request| {
        let sent: LinkDefinition = decode(&request.payload).expect("a link");
        assert_eq!(sent, link());
        match header(request, FORCE_HEADER) {
            Some(force) if force == "true" => taken_on(request),
            _ => {
                let provider_id = Some(OTHER_PROVIDER.parse().expect("a provider key"));
                let refused = Ack::refused("it stands").with_code(RefusalCode::LinkConflict);
                vec![encode(&Ack { provider_id, ..refused }, Format::MESSAGE_PACK)]
            }
        }
    })
    .await;
    let error = client.put_link(&link(), false).await.expect_err("refused");
    let RequestError::Refused { code: Some(RefusalCode::LinkConflict), provider_id: Some(stands), .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(stands.as_str(), OTHER_PROVIDER);

    let (records, _) = records(&nats, &control("lattice.operation"), &[OperationPhase::Done]).await;
    let operation = client.put_link(&link(), true).await.expect("accepted");
    assert_eq!(operation.host(), None);
    assert!(matches!(operation.wait(DEADLINE).await, Ok(Settled::ByOperation(_))));
    // It had been done when it was answered, so that the answer counts where no record is left.
    records.leave().await;
    let operation = client.put_link(&link(), true).await.expect("accepted");
    assert_eq!(operation.wait(DEADLINE).await.expect("done"), Settled::ByAnswer);
}

/// A host without records, which says this before it answers.
async fn foreign(nats: &NatsServer, subject: &str, event: Option<(&str, String)>) -> Responder {
    let publisher = nats.client().await;
    let mut requests = publisher.subscribe(subject.to_owned()).await.expect("the server takes a subscription");
    round_trip(&publisher).await;
    let event = event.map(|(name, data)| {
        format!(
            r#"{{"specversion":"1.0","id":"1","type":"com.wasmcloud.lattice.{name}","source":"{}","data":{data}}}"#,
            HOSTS[0]
        )
    });
    Responder::of(publisher.clone(), async move {
        while let Some(request) = requests.next().await {
            if let Some(event) = &event {
                publisher.publish(EVENTS, event.clone().into()).await.expect("the connection stands");
            }
            let inbox = request.reply.expect("a client wants an answer");
            publisher.publish(inbox, r#"{"accepted":true,"error":""}"#.into()).await.expect("the connection stands");
        }
    })
}

#[tokio::test]
async fn hosts_without_records_tell_by_events_or_have_done_it() {
    let (nats, client) = lattice_with(|settings| settings.timeout = PATIENT).await;
    let place = format!(
        r#"{{"actor_id":"{ACTOR}","provider_id":"{PROVIDER}","link_name":"default","contract_id":"wasmcloud:keyvalue"}}"#
    );
    let delete = || {
        let LinkDefinition { actor_id, contract_id, link_name, .. } = link();
        DeleteLink { actor_id, contract_id, lattice_id: None, link_name }
    };
    let _links = foreign(&nats, &control("linkdefs.put"), Some(("linkdef_set", place))).await;
    let operation = client.put_link(&link(), false).await.expect("accepted");
    assert_eq!(operation.accepted().recording, Recording::None);
    let watched: Vec<_> = operation.watch().collect().await;
    assert!(matches!(watched.as_slice(), [Err(WaitError::NotRecorded { .. })]), "{watched:?}");
    assert!(matches!(operation.wait(DEADLINE).await, Ok(Settled::ByEvent(event)) if event.name() == "linkdef_set"));
    // Of a link that there was not nothing is said.
    let _deletes = foreign(&nats, &control("linkdefs.del"), None).await;
    let operation = client.delete_link(delete()).await.expect("accepted");
    assert_eq!(operation.wait(DEADLINE).await.expect("done"), Settled::ByAnswer);

    let updated = format!(r#"{{"public_key":"{ACTOR}","reason":"no such image"}}"#);
    let _updates = foreign(&nats, &command("upd"), Some(("actor_update_failed", updated))).await;
    let operation = client.update_actor(&host(0), update(), UpdateOptions::default()).await.expect("accepted");
    let error = operation.wait(DEADLINE).await.expect_err("it failed");
    assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("no such image"));

    let stopped = format!(r#"{{"public_key":"{PROVIDER}","link_name":"default","reason":"stop"}}"#);
    let _providers = foreign(&nats, &command("sp"), Some(("provider_stopped", stopped))).await;
    let stop = StopProvider {
        annotations: Default::default(),
        contract_id: None,
        host_id: None,
        lattice_id: None,
        link_name: Default::default(),
        provider_id: PROVIDER.parse().expect("a provider key"),
    };
    let operation = client.stop_provider(&host(0), stop).await.expect("accepted");
    assert!(matches!(operation.wait(DEADLINE).await, Ok(Settled::ByEvent(_))));
}

#[tokio::test]
async fn labels_and_configuration() {
    let (nats, client) = lattice().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    let take = move |request: &Message| {
        noted.lock().expect("no panic").push((request.subject.to_string(), request.payload.to_vec()));
        taken_on(request)
    };
    let _labels = Responder::start(&nats, &control("labels.*.*"), take.clone()).await;
    let _config = Responder::start(&nats, &control("config.>"), take).await;
    let _any = records(&nats, &control("lattice.operation"), &[OperationPhase::Done; 3]).await;
    let _own = records(&nats, &own_records(), &[OperationPhase::Done; 2]).await;
    let entity = ACTOR.parse().expect("an actor key");
    let operations = [
        client.put_label(&host(0), "zone", "east").await,
        client.delete_label(&host(0), "zone").await,
        client.put_config(&entity, "db.url", "secret").await,
        client.delete_config(&entity, "db.url").await,
        client.clear_config(&entity).await,
    ];
    for operation in operations {
        assert!(matches!(operation.expect("accepted").wait(DEADLINE).await, Ok(Settled::ByOperation(_))));
    }
    let seen = std::mem::take(&mut *seen.lock().expect("no panic"));
    let subjects: Vec<&str> = seen.iter().map(|(subject, _)| subject.as_str()).collect();
    let expect = [
        control(&format!("labels.{}.put", HOSTS[0])),
        control(&format!("labels.{}.del", HOSTS[0])),
        control(&format!("config.put.{ACTOR}.db.url")),
        control(&format!("config.del.{ACTOR}.db.url")),
        control(&format!("config.clear.{ACTOR}")),
    ];
    assert_eq!(subjects, expect);
    let label: LabelChange = decode(&seen[0].1).expect("a label");
    assert_eq!((label.key.as_str(), label.value.as_str()), ("zone", "east"));
    assert_eq!(seen[2].1, b"secret");
    assert!(matches!(client.put_config(&entity, "a b", "x").await, Err(RequestError::Key { .. })));
}

#[tokio::test]
async fn configuration_is_read() {
    let (nats, client) = lattice().await;
    let entity = ACTOR.parse().expect("an actor key");
    let answers: [&[u8]; 3] = [br#"{"url":[104,105]}"#, b"", br#"{"found":true,"data":[104,105]}"#];
    let mut answers = answers.into_iter().chain([br#"{"found":false,"data":[]}"#.as_slice()]);
    let _host = Responder::start(&nats, &control("get.config.>"), move |_| {
        answers.next().map(<[u8]>::to_vec).into_iter().collect()
    })
    .await;
    assert_eq!(client.config(&entity).await.expect("an answer").0["url"], b"hi");
    assert!(client.config(&entity).await.expect("an entity that was never heard of").0.is_empty());
    assert_eq!(client.config_value(&entity, "url").await.expect("an answer"), Some(b"hi".to_vec()));
    assert_eq!(client.config_value(&entity, "url").await.expect("an answer"), None);
}

/// Two hosts that run the actor and one that does not; the first fails to update it.
async fn three_hosts(nats: &NatsServer) -> Vec<Responder> {
    let pings: Vec<Vec<u8>> = HOSTS.iter().take(3).map(|id| ping_packed(id)).collect();
    let mut hosts = vec![
        Responder::start(nats, &control("ping.hosts"), move |_| pings.clone()).await,
        Responder::fixed(nats, &control("lattice.members"), members([0, 1, 2])).await,
    ];
    for (index, id) in HOSTS.iter().enumerate().take(3) {
        let actor = if index == 2 { OTHER_ACTOR } else { ACTOR };
        let inventory = inventory_082(id, actor, "echo");
        hosts.push(Responder::fixed(nats, &control(&format!("get.{id}.inv")), inventory).await);
        hosts.push(Responder::start(nats, &control(&format!("cmd.{id}.upd")), taken_on).await);
        let phase = if index == 0 { OperationPhase::Failed } else { OperationPhase::Running };
        hosts.push(records(nats, &control(&format!("lattice.{id}.operation")), &[phase; 2]).await.0);
    }
    hosts
}

async fn roll_out(client: &Client, stop_on_failure: bool) -> Rollout {
    let update = UpdateEverywhere {
        actor_id: ACTOR.parse().expect("an actor key"),
        new_actor_ref: "file:///new.wasm".to_owned(),
        annotations: [("app", "a")].into_iter().collect(),
        max_parallel: NonZeroUsize::MIN,
        force: false,
        stop_on_failure,
        deadline: DEADLINE,
    };
    client.update_everywhere(update).await.expect("hosts answer")
}

#[tokio::test]
async fn an_update_everywhere_goes_on_after_a_failure_unless_told() {
    let (nats, client) = lattice().await;
    let _hosts = three_hosts(&nats).await;
    let mut rollout = roll_out(&client, false).await;
    assert!(rollout.is_complete() && rollout.missing().is_empty() && rollout.errors().is_empty());
    let mut hosts = rollout.hosts().to_vec();
    hosts.sort();
    assert_eq!(hosts, [host(0), host(1)]);
    let updates: Vec<_> = rollout.by_ref().collect().await;
    let ok: Vec<_> = updates.iter().filter(|update| update.outcome.is_ok()).map(|update| &update.host_id).collect();
    assert_eq!((updates.len(), ok), (2, vec![&host(1)]));
    assert!(updates.iter().any(|update| matches!(update.outcome, Err(HostError::Wait(_)))));

    let updates: Vec<_> = roll_out(&client, true).await.collect().await;
    let first_failed = matches!(updates[0].outcome, Err(HostError::Wait(_)));
    assert_eq!(matches!(updates[1].outcome, Err(HostError::NotBegun)), first_failed, "{updates:?}");
}
