//! Commands and what becomes of them, with hosts that keep records and hosts that only publish events.

use std::{
    collections::VecDeque,
    error::Error,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use lattice_client::{Client, Operation, RequestError, Settled, WaitError};
use lattice_protocol::{
    Ack, Format, OperationId, OperationPhase, OperationQuery, OperationRecord, ScaleActor, StartActor, StopActor,
    StopHost, decode, encode,
};
use lattice_testkit::{NatsServer, eventually};

use crate::fake::*;

const IMAGE: &str = "file:///echo.wasm";
const ACCEPTED: &str = r#"{"accepted":true,"error":""}"#;
const EVENTS: &str = "wasmbus.evt.default";

fn command_subject(verb: &str) -> String {
    format!("wasmbus.ctl.default.cmd.{}.{verb}", HOSTS[0])
}

fn operation_subject() -> String {
    format!("wasmbus.ctl.default.lattice.{}.operation", HOSTS[0])
}

fn start() -> StartActor {
    StartActor {
        actor_ref: IMAGE.to_owned(),
        annotations: [("app", "a")].into_iter().collect(),
        count: 2.into(),
        host_id: None,
        lattice_id: None,
    }
}

fn stop() -> StopActor {
    StopActor {
        actor_id: ACTOR.parse().expect("an actor key"),
        annotations: Default::default(),
        count: 0.into(),
        host_id: None,
        lattice_id: None,
    }
}

fn event(name: &str, data: &str) -> Bytes {
    format!(
        r#"{{"specversion":"1.0","id":"id-{name}","type":"com.wasmcloud.lattice.{name}",
        "source":"{}","datacontenttype":"application/json","time":"2026-11-20T11:27:45.123456789Z","data":{data}}}"#,
        HOSTS[0]
    )
    .into()
}

fn actors_started() -> Bytes {
    event(
        "actors_started",
        &format!(
            r#"{{"annotations":{{"app":"a"}},"claims":{{"issuer":"A"}},"count":2,"host_id":"{}","image_ref":"{IMAGE}",
            "public_key":"{ACTOR}"}}"#,
            HOSTS[0]
        ),
    )
}

/// A host that takes every command on as the operation that the client names.
async fn recording_host(nats: &NatsServer, verb: &str) -> Responder {
    Responder::start(nats, &command_subject(verb), |request| {
        let id =
            request.headers.as_ref().and_then(|headers| headers.get("Lattice-Operation")).expect("an operation id");
        let id: OperationId = id.as_str().parse().expect("an operation id");
        vec![encode(&Ack::operation(id), Format::MESSAGE_PACK)]
    })
    .await
}

/// Answers questions about operations with these phases and causes in turn, and with silence after them.
async fn records(nats: &NatsServer, phases: &[OperationPhase], causes: &[&str]) -> (Responder, Arc<Mutex<Vec<u64>>>) {
    let waits = Arc::new(Mutex::new(Vec::new()));
    let asked = waits.clone();
    let mut phases: VecDeque<OperationPhase> = phases.iter().copied().collect();
    let causes: Vec<String> = causes.iter().copied().map(str::to_owned).collect();
    let answer = move |request: &async_nats::Message| {
        let query: OperationQuery = decode(&request.payload).expect("a question");
        asked.lock().expect("no panic").push(query.wait);
        let record =
            phases.pop_front().map(|phase| OperationRecord { causes: causes.clone(), ..record(&query, phase) });
        record.map(|record| encode(&record, Format::MESSAGE_PACK)).into_iter().collect()
    };
    (Responder::start(nats, &operation_subject(), answer).await, waits)
}

#[tokio::test]
async fn a_command_says_who_shall_do_what_in_which_operation() {
    let (nats, client) = lattice().await;
    let seen = Arc::new(Mutex::new(None));
    let noted = seen.clone();
    let _host = Responder::start(&nats, &command_subject("la"), move |request| {
        *noted.lock().expect("no panic") = Some(request.clone());
        vec![encode(&Ack::operation("made-by-the-host".parse().expect("an id")), Format::MESSAGE_PACK)]
    })
    .await;
    let operation = client.start_actor(&host(0), start()).await.expect("accepted");
    assert_eq!(operation.id().as_str(), "made-by-the-host");
    assert!(operation.is_recorded());

    let request = seen.lock().expect("no panic").take().expect("a request");
    let headers = request.headers.expect("headers");
    let header = |name: &str| headers.get(name).map(ToString::to_string).expect("a header");
    assert_eq!(header("Content-Type"), "application/msgpack");
    assert_eq!(header("Accept"), "application/msgpack");
    let id = header(lattice_protocol::OPERATION_HEADER);
    assert_eq!((id.len(), &id[14..15]), (36, "7"), "a UUID of version 7: {id}");
    let expect = StartActor { host_id: Some(host(0)), lattice_id: Some(client.lattice().clone()), ..start() };
    assert_eq!(decode::<StartActor>(&request.payload).expect("a command"), expect);
    assert_eq!(Format::of_request(&request.payload), Some(Format::MESSAGE_PACK));
}

#[tokio::test]
async fn an_operation_is_followed_to_its_end() {
    use OperationPhase::{Compiling, Fetching, Running};
    let (nats, client) = lattice().await;
    let _host = recording_host(&nats, "la").await;
    let (_records, waits) = records(&nats, &[Fetching, Compiling, Running], &[]).await;
    let operation = client.start_actor(&host(0), start()).await.expect("accepted");
    let id = operation.id().clone();
    let settled = operation.wait(DEADLINE).await.expect("it runs");
    assert!(matches!(settled, Settled::ByOperation(record) if record.operation_id == id && record.phase == Running));
    assert_eq!(*waits.lock().expect("no panic"), [0, 10_000, 10_000]);
}

#[tokio::test]
async fn a_failure_comes_with_its_causes() {
    let (nats, client) = lattice().await;
    let _host = recording_host(&nats, "scale").await;
    let causes = ["cannot start `x`", "cannot fetch", "no \"such\" file"];
    let (_records, _) = records(&nats, &[OperationPhase::Failed], &causes).await;
    let scale = ScaleActor {
        actor_id: None,
        actor_ref: IMAGE.to_owned(),
        annotations: Default::default(),
        count: 1.into(),
        host_id: None,
        lattice_id: None,
    };
    let error = client.scale_actor(&host(0), scale).await.expect("accepted").wait(DEADLINE).await.expect_err("failed");
    let chain: Vec<String> =
        std::iter::successors(error.source(), |error| (*error).source()).map(ToString::to_string).collect();
    assert_eq!(chain, causes);
    assert!(matches!(error, WaitError::Failed { settled, .. } if matches!(*settled, Settled::ByOperation(_))));
}

#[tokio::test]
async fn a_host_that_is_gone_is_not_waited_for() {
    let (nats, client) = lattice().await;
    let _host = recording_host(&nats, "la").await;
    let operation = client.start_actor(&host(0), start()).await.expect("accepted");
    let error = operation.wait(DEADLINE * 100).await.expect_err("nobody to ask");
    assert!(matches!(error, WaitError::HostGone { host: gone, .. } if gone == Some(host(0))));
}

#[tokio::test]
async fn a_host_may_come_back_later_than_the_client_to_a_server_that_restarted() {
    let (mut nats, client) = lattice_with(|settings| settings.timeout = SHORT).await;
    let operation = client.operation(&host(0), "x".parse().expect("an id"));
    nats.restart().await;
    eventually("the client is back", DEADLINE, async || {
        let error = client.inventory(&host(0)).await.expect_err("no host");
        matches!(error, RequestError::NoResponders { .. }).then_some(())
    })
    .await;
    let back = records(&nats, &[OperationPhase::Running], &[]);
    let (settled, _records) = futures::join!(operation.wait(DEADLINE), back);
    assert!(matches!(settled, Ok(Settled::ByOperation(_))), "{settled:?}");
}

#[tokio::test]
async fn at_the_deadline_the_outcome_is_unknown() {
    let (nats, client) = lattice().await;
    let _host = recording_host(&nats, "la").await;
    let (_records, _) = records(&nats, &[OperationPhase::Fetching], &[]).await;
    let operation = client.start_actor(&host(0), start()).await.expect("accepted");
    let error = operation.wait(SHORT).await.expect_err("it goes on");
    assert!(
        matches!(error, WaitError::Unknown { waited: SHORT, last: Some(ref last), .. }
            if last.phase == OperationPhase::Fetching),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for_again() {
    let (nats, client) = lattice_with(|settings| settings.timeout = SHORT).await;
    let mut silent = true;
    let _records = Responder::start(&nats, &operation_subject(), move |request| {
        let query: OperationQuery = decode(&request.payload).expect("a question");
        let record = format!(
            r#"{{"host_id":"{}","operation_id":"{}","phase":"stopped","causes":[]}}"#,
            HOSTS[0], query.operation_id
        );
        if std::mem::take(&mut silent) { Vec::new() } else { vec![record.into_bytes()] }
    })
    .await;
    let operation = client.operation(&host(0), "0194c4a5-7f5e-7d7c-a8c5-5c0c8f0e8a11".parse().expect("an id"));
    operation.wait(DEADLINE).await.expect("stopped");
}

#[tokio::test]
async fn an_operation_that_the_host_does_not_know() {
    let (nats, client) = lattice().await;
    let _records = Responder::fixed(&nats, &operation_subject(), r#"{"accepted":false,"error":"unknown"}"#).await;
    let error = client.operation(&host(0), "x".parse().expect("an id")).wait(DEADLINE).await.expect_err("unknown");
    assert!(matches!(error, WaitError::Request { source, .. } if matches!(*source, RequestError::Refused { .. })));
}

#[tokio::test]
async fn a_command_whose_answer_is_lost_is_found_in_the_records() {
    let (nats, client) = lattice_with(|settings| settings.timeout = SHORT).await;
    let _mute = Responder::mute(&nats, &command_subject("la")).await;
    let error = client.start_actor(&host(0), start()).await.expect_err("no answer and no record");
    assert!(matches!(error, RequestError::TimedOut { .. }), "{error:?}");

    let (_records, _) = records(&nats, &[OperationPhase::Fetching, OperationPhase::Running], &[]).await;
    let operation = client.start_actor(&host(0), start()).await.expect("the host has a record");
    assert!(matches!(operation.wait(DEADLINE).await, Ok(Settled::ByOperation(_))));
}

#[tokio::test]
async fn refusals_are_errors_of_the_command() {
    let (nats, client) = lattice().await;
    let refused = r#"{"accepted":false,"error":"actor is not running on this host"}"#;
    let _host = Responder::fixed(&nats, &command_subject("sa"), refused).await;
    let error = client.stop_actor(&host(0), stop()).await.expect_err("refused");
    assert!(matches!(error, RequestError::Refused { error, .. } if error == "actor is not running on this host"));
    let error = client.start_actor(&host(0), start()).await.expect_err("nobody takes this verb");
    assert!(matches!(error, RequestError::NoResponders { .. }));
}

/// A host without records that publishes events before it answers, as wasmCloud 0.82 does when it stops an actor.
async fn foreign_host(nats: &NatsServer, verb: &str, events: Vec<Bytes>) -> Responder {
    let publisher = nats.client().await;
    let subject = command_subject(verb);
    let mut requests = publisher.subscribe(subject).await.expect("the server takes a subscription");
    round_trip(&publisher).await;
    Responder::of(publisher.clone(), async move {
        while let Some(request) = futures::StreamExt::next(&mut requests).await {
            for event in &events {
                publisher.publish(EVENTS, event.clone()).await.expect("the connection stands");
            }
            let inbox = request.reply.expect("a client wants an answer");
            publisher.publish(inbox, ACCEPTED.into()).await.expect("the connection stands");
        }
    })
}

async fn start_at_foreign_host(nats: &NatsServer, client: &Client, events: Vec<Bytes>) -> (Responder, Operation) {
    let responder = foreign_host(nats, "la", events).await;
    let operation = client.start_actor(&host(0), start()).await.expect("accepted");
    assert!(!operation.is_recorded());
    (responder, operation)
}

fn json(settings: &mut lattice_client::ClientSettings) {
    settings.format = Format::JSON;
}

#[tokio::test]
async fn without_records_an_event_tells_and_says_that_it_is_inferred() {
    let (nats, client) = lattice_with(json).await;
    let others = event("host_heartbeat", "{}");
    let (_host, operation) = start_at_foreign_host(&nats, &client, vec![others, actors_started()]).await;
    let settled = operation.wait(DEADLINE).await.expect("it runs");
    assert!(matches!(settled, Settled::ByEvent(event) if event.name() == "actors_started"));
}

#[tokio::test]
async fn an_event_after_the_answer_tells_too() {
    let (nats, client) = lattice_with(json).await;
    let (_host, operation) = start_at_foreign_host(&nats, &client, Vec::new()).await;
    let publisher = nats.client().await;
    publisher.publish(EVENTS, actors_started()).await.expect("the connection stands");
    assert!(matches!(operation.wait(DEADLINE).await, Ok(Settled::ByEvent(_))));
}

#[tokio::test]
async fn an_event_of_failure_fails_the_operation() {
    let (nats, client) = lattice_with(json).await;
    let failed = event("actor_start_failed", &format!(r#"{{"actor_ref":"{IMAGE}","error":"no such image"}}"#));
    let (_host, operation) = start_at_foreign_host(&nats, &client, vec![failed]).await;
    let error = operation.wait(DEADLINE).await.expect_err("failed");
    assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("no such image"));
}

#[tokio::test]
async fn without_any_event_the_outcome_is_unknown() {
    let (nats, client) = lattice_with(json).await;
    let (_host, operation) = start_at_foreign_host(&nats, &client, vec![event("host_heartbeat", "{}")]).await;
    let error = operation.wait(SHORT).await.expect_err("nothing was said");
    assert!(matches!(error, WaitError::Unknown { last: None, .. }));
}

#[tokio::test]
async fn a_host_that_stops_tells_by_its_record_or_its_last_event() {
    let (nats, client) = lattice().await;
    let commands = recording_host(&nats, "stop").await;
    let stop = || async { client.stop_host(&host(0), StopHost::default()).await.expect("accepted") };

    let (records, _) = records(&nats, &[OperationPhase::Stopped], &[]).await;
    assert!(matches!(stop().await.wait(DEADLINE).await, Ok(Settled::ByOperation(_))));
    records.leave().await;

    let operation = stop().await;
    let stopped = event("host_stopped", r#"{"labels":{}}"#);
    client.nats().publish(EVENTS, stopped).await.expect("the connection stands");
    assert!(matches!(operation.wait(DEADLINE).await, Ok(Settled::ByEvent(_))));

    let operation = stop().await;
    assert!(matches!(operation.wait(DEADLINE).await, Err(WaitError::HostGone { .. })));
    drop(commands);
}
