//! Stopping a host that is busy: with running calls, queued commands, held questions, and without its NATS server.

mod support;

use std::time::Duration;

use lattice_host::Host;
use lattice_protocol::{
    Ack, ControlSubject, Format, Members, OperationPhase, OperationQuery, OperationRecord, RefusalCode, decode, encode,
    event::EventData,
};
use lattice_testkit::{NatsServer, eventually, guests};
use serde_json::json;
use support::{DEADLINE, Lattice, Seeds, config, gate::Gate};

async fn lattice() -> Lattice {
    Lattice::start_with(|config| config.call_deadline = DEADLINE).await
}

/// Waits until the host takes no more commands.
async fn deaf(client: &async_nats::Client) {
    eventually("the host takes no more commands", DEADLINE, async || {
        // What is under way when the subscription ends is not answered.
        let ping = async_nats::Request::new().timeout(Some(Duration::from_millis(100)));
        let answer = client.send_request("wasmbus.ctl.default.ping.hosts", ping).await;
        answer.err().filter(|error| error.kind() == async_nats::RequestErrorKind::NoResponders)
    })
    .await;
}

/// The names of the events up to the last one of the host, with the annotations of those that tell of a stop.
async fn told(events: &mut support::Events) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        let event = events.next_change().await;
        told.push(match event.known_data() {
            Some(EventData::ActorsStopped(data)) => {
                format!("stopped {:?} {}", data.annotations.get("v"), data.count.get())
            }
            _ => event.name().to_owned(),
        });
        if event.name() == "host_stopped" {
            return told;
        }
    }
}

#[tokio::test]
async fn regression_what_is_cut_off_while_it_ends_is_told_once() {
    // A group that was draining for a stop command was on no list any more, and nobody told that it ended.
    let lattice = lattice().await;
    let gate = Gate::start(&lattice).await;
    let actor = gate.visitor(&lattice, json!({"v": "1"})).await;
    let call = gate.occupy(&lattice, &actor).await;
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": actor.reference(), "annotations": {"v": "2"}})).await;
    let mut events = lattice.events().await;
    let ack = lattice.command("cmd.{host}.sa", json!({"actor_ref": actor.key, "annotations": {"v": "1"}})).await;
    assert!(ack.accepted, "{}", ack.error);
    eventually("the group takes no more calls", DEADLINE, async || {
        (lattice.counts(&actor.key).await.len() == 1).then_some(())
    })
    .await;
    assert!(!lattice.host.stop(Some(Duration::ZERO)).await.drained);
    let expect = ["stopped Some(\"1\") 1", "actor_scaled", "stopped Some(\"2\") 1", "actor_scaled", "host_stopped"];
    assert_eq!(told(&mut events).await, expect);
    call.abort();
}

#[tokio::test]
async fn commands_that_wait_when_the_host_stops_are_not_begun() {
    let lattice = lattice().await;
    let gate = Gate::start(&lattice).await;
    let actor = gate.visitor(&lattice, json!({})).await;
    let call = gate.occupy(&lattice, &actor).await;
    let mut events = lattice.events().await;
    for (verb, annotations) in [("sa", json!({})), ("la", json!({"v": "2"})), ("la", json!({"v": "3"}))] {
        let reference = if verb == "sa" { actor.key.to_string() } else { actor.reference() };
        let body = json!({"actor_ref": reference, "annotations": annotations});
        assert!(lattice.command(&format!("cmd.{{host}}.{verb}"), body).await.accepted);
    }
    let Lattice { client, host, nats: _nats, .. } = lattice;
    let let_go = async {
        deaf(&client).await;
        gate.let_through(1);
    };
    let (report, ()) = tokio::join!(host.stop(Some(DEADLINE)), let_go);
    assert!(report.drained);
    assert_eq!(told(&mut events).await, ["stopped None 1", "actor_scaled", "host_stopped"]);
    assert!(call.await.expect("no panic"), "the running call was answered");
}

#[tokio::test]
async fn a_stop_command_lets_running_calls_finish_and_tells_everything_that_stops() {
    let lattice = lattice().await;
    let gate = Gate::start(&lattice).await;
    let actor = gate.visitor(&lattice, json!({"v": "1"})).await;
    let other = lattice.actor("other", &guests::echo());
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": other.reference(), "annotations": {"v": "2"}})).await;
    let call = gate.occupy(&lattice, &actor).await;
    let mut events = lattice.events().await;
    let ack = lattice.command("cmd.{host}.stop", json!({"timeout": DEADLINE.as_secs()})).await;
    assert!(ack.accepted, "{}", ack.error);
    let late = lattice.command("cmd.{host}.la", json!({"actor_ref": other.reference()})).await;
    assert_eq!((late.accepted, late.code), (false, Some(RefusalCode::Stopping)));
    let deadline = lattice.host.stop_requested().await;
    assert_eq!(deadline, Some(DEADLINE));
    let Lattice { client, host, nats, .. } = lattice;
    let let_go = async {
        deaf(&client).await;
        gate.let_through(1);
    };
    let (report, ()) = tokio::join!(host.stop(deadline), let_go);
    assert!(report.drained);
    assert!(call.await.expect("no panic"), "the running call was answered");
    let mut told = told(&mut events).await;
    assert_eq!(told.pop().as_deref(), Some("host_stopped"));
    told.sort();
    assert_eq!(told, ["actor_scaled", "actor_scaled", "stopped Some(\"1\") 1", "stopped Some(\"2\") 1"]);
    // Nothing comes after it.
    let last = serde_json::json!({
        "specversion": "1.0", "id": "1", "type": "com.wasmcloud.lattice.sentinel", "source": "test",
        "datacontenttype": "application/json", "time": "2024-01-01T00:00:00Z", "data": {},
    });
    let publisher = nats.client().await;
    publisher.publish("wasmbus.evt.default", last.to_string().into()).await.expect("sent");
    publisher.flush().await.expect("the server has it");
    assert_eq!(events.next_change().await.name(), "sentinel");
}

#[tokio::test]
async fn what_an_update_replaced_is_told_when_it_is_cut_off() {
    let lattice = lattice().await;
    let gate = Gate::start(&lattice).await;
    let actor = gate.visitor(&lattice, json!({"v": "1"})).await;
    let call = gate.occupy(&lattice, &actor).await;
    let next = lattice.actor_with("next", &guests::echo(), &actor.seed, |claims| claims.revision = Some(1));
    let mut events = lattice.events().await;
    let update = json!({"actor_id": actor.key, "new_actor_ref": next.reference()});
    assert!(lattice.command("cmd.{host}.upd", update).await.accepted);
    assert_eq!(events.names(4).await, ["actor_updated", "actor_started", "actors_started", "actor_scaled"]);
    assert!(!lattice.host.stop(Some(Duration::ZERO)).await.drained);
    let expect = ["stopped Some(\"1\") 1", "actor_scaled", "stopped Some(\"1\") 1", "actor_scaled", "host_stopped"];
    assert_eq!(told(&mut events).await, expect);
    call.abort();
}

#[tokio::test]
async fn questions_that_are_held_back_are_answered_before_the_host_goes() {
    let lattice = lattice().await;
    let gate = Gate::start(&lattice).await;
    let actor = gate.visitor(&lattice, json!({})).await;
    let call = gate.occupy(&lattice, &actor).await;
    let stopping: Ack = lattice.command("cmd.{host}.sa", json!({"actor_ref": actor.key})).await;
    let query =
        OperationQuery { operation_id: stopping.operation_id.expect("our hosts tell it"), past: None, wait: 5000 };
    let subject = lattice.subjects().build(&ControlSubject::Operation { host: lattice.host_key() });
    let client = lattice.client.clone();
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.expect("subscribed");
    client.publish_with_reply(subject, inbox, encode(&query, Format::JSON).into()).await.expect("sent");
    // The host takes its messages in order: with this answer it holds the question.
    lattice.inventory().await;
    lattice.host.stop(Some(Duration::ZERO)).await;
    let answer = tokio::time::timeout(DEADLINE, futures::StreamExt::next(&mut answers)).await;
    let answer = answer.expect("an answer in time").expect("the connection stands");
    let record: OperationRecord = decode(&answer.payload).expect("a record");
    assert!(!record.phase.is_final(), "{record:?}");
    call.abort();
}

#[tokio::test]
async fn what_has_arrived_when_the_host_stops_is_answered() {
    let lattice = lattice().await;
    let inbox = lattice.client.new_inbox();
    let mut answers = lattice.client.subscribe(inbox.clone()).await.expect("subscribed");
    let start = format!("wasmbus.ctl.default.cmd.{}.la", lattice.host_key());
    let actor = lattice.actor("a", &guests::echo());
    let body = json!({"actor_ref": actor.reference()}).to_string();
    for _ in 0..500 {
        let (start, body) = (start.clone(), body.clone().into());
        lattice.client.publish_with_reply(start, inbox.clone(), body).await.expect("sent");
    }
    // The host has the same connection, so that it has what was sent before the server's answer to this: nobody listens.
    lattice.client.request(lattice.client.new_inbox(), "".into()).await.expect_err("nobody answers");
    lattice.host.stop(None).await;
    for _ in 0..500 {
        let answer = tokio::time::timeout(DEADLINE, futures::StreamExt::next(&mut answers)).await;
        let ack: Ack =
            decode(&answer.expect("all are answered").expect("the connection stands").payload).expect("an ack");
        assert!(ack.accepted || ack.error == "the host is stopping and takes no more commands", "{}", ack.error);
    }
}

#[tokio::test]
async fn regression_a_host_stops_without_its_nats_server() {
    // It waited for ever to hand over its last events, when the connection's queue was full.
    let mut nats = NatsServer::start().await;
    let options = async_nats::ConnectOptions::new().client_capacity(1);
    let client = options.connect(nats.url()).await.expect("the server is there");
    let (dir, seeds) = (tempfile::tempdir().expect("a temporary directory"), Seeds::generate());
    let host = Host::start(config(&client, &seeds, &dir)).await.expect("starts");
    let lattice = Lattice { nats: NatsServer::start().await, client: nats.client().await, host, seeds, dir };
    let actor = lattice.actor("a", &guests::echo());
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": actor.reference()})).await;
    nats.kill();
    eventually("the connection is lost", DEADLINE, async || {
        (client.connection_state() != async_nats::connection::State::Connected).then_some(())
    })
    .await;
    tokio::time::timeout(DEADLINE, lattice.host.stop(Some(Duration::from_secs(1)))).await.expect("it stops");
}

/// A host that stops is no member any more, so that what it had begun counted as lost until it had ended.
#[tokio::test]
async fn regression_what_ends_while_the_host_stops_is_not_lost() {
    let lattice = lattice().await;
    let gate = Gate::start(&lattice).await;
    let actor = gate.visitor(&lattice, json!({})).await;
    let call = gate.occupy(&lattice, &actor).await;
    let other = lattice.join().await;
    let ack = lattice.command("cmd.{host}.sa", json!({"actor_ref": actor.key})).await;
    let query = OperationQuery { operation_id: ack.operation_id.expect("it is accepted"), past: None, wait: 0 };
    let (own, members) = (lattice.subjects().operation(&lattice.host_key()), ControlSubject::Members);
    let (any, members) = (lattice.subjects().build(&ControlSubject::AnyOperation), lattice.subjects().build(&members));
    let Lattice { client, host, nats: _nats, .. } = lattice;
    let record = async || -> OperationRecord {
        let answer = client.request(any.clone(), encode(&query, Format::JSON).into()).await.expect("an answer");
        decode(&answer.payload).expect("a record")
    };
    let ask = async {
        eventually("the host cannot be asked", DEADLINE, async || {
            let ping = async_nats::Request::new().timeout(Some(Duration::from_millis(100)));
            let answer = client.send_request(own.clone(), ping).await;
            answer.err().filter(|error| error.kind() == async_nats::RequestErrorKind::NoResponders)
        })
        .await;
        eventually("the other host knows that it leaves", DEADLINE, async || {
            let answer = client.request(members.clone(), "".into()).await.expect("an answer");
            let members: Members = decode(&answer.payload).expect("members");
            (members.members.len() == 1).then_some(())
        })
        .await;
        let during = record().await.phase;
        gate.let_through(1);
        during
    };
    let (report, during) = tokio::join!(host.stop(Some(DEADLINE)), ask);
    assert!(report.drained);
    assert_eq!(during, OperationPhase::Accepted);
    assert_eq!(record().await.phase, OperationPhase::Stopped);
    assert!(call.await.expect("no panic"), "the running call was answered");
    other.host.stop(None).await;
}

#[tokio::test]
async fn the_stop_of_a_host_is_an_operation_that_ends_with_it() {
    let lattice = lattice().await;
    let other = lattice.join().await;
    let mut events = lattice.events().await;
    let ack = lattice.command("cmd.{host}.stop", json!({})).await;
    assert!(ack.accepted, "{}", ack.error);
    let id = ack.operation_id.expect("it is an operation");
    let any = lattice.subjects().build(&ControlSubject::AnyOperation);
    let Lattice { client, host, nats: _nats, .. } = lattice;
    let stopped = host.key().clone();
    let deadline = host.stop_requested().await;
    host.stop(deadline).await;
    let event = events.next_change().await;
    assert_eq!(event.operationid, Some(id.clone()), "{event:?}");
    let query = OperationQuery { operation_id: id, past: None, wait: 0 };
    let answer = client.request(any, encode(&query, Format::JSON).into()).await.expect("the other host answers");
    let record: OperationRecord = decode(&answer.payload).expect("a record");
    assert_eq!((record.command.as_str(), record.phase), ("stop", OperationPhase::Stopped));
    assert_eq!(record.host_id, stopped);
    other.host.stop(None).await;
}
