//! Stopping a host that is busy: with running calls, queued commands, held questions, and without its NATS server.

mod support;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use lattice_claims::{InvocationSigner, Issuers, ModuleSeed};
use lattice_client::{CallTarget, Caller};
use lattice_host::Host;
use lattice_protocol::{
    Ack, ActorKey, ControlSubject, Format, LatticeName, OperationQuery, OperationRecord, decode, encode,
    event::EventData,
};
use lattice_rpc::{Entity, Handler, HandlerError, Request, Server, Service};
use lattice_testkit::{NatsServer, eventually, guests};
use serde_json::{Value, json};
use support::{DEADLINE, Lattice, Seeds, TestActor, config};
use tokio::sync::Semaphore;

/// Somebody elsewhere in the lattice who lets callers wait until they are let go.
struct Gate {
    key: ActorKey,
    waiting: Arc<Semaphore>,
    open: Arc<Semaphore>,
    _server: Server,
}

struct Wait {
    waiting: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Handler for Wait {
    async fn handle(&self, request: Request) -> Result<Bytes, HandlerError> {
        self.waiting.add_permits(1);
        self.open.acquire().await.expect("the gate is never closed").forget();
        Ok(request.payload)
    }
}

impl Gate {
    async fn start(lattice: &Lattice) -> Self {
        let key = ModuleSeed::generate().public();
        let (waiting, open) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let issuers = Issuers::new([lattice.seeds.cluster.public()]).expect("a key that verifies");
        let service = Service::new(LatticeName::default(), Entity::Actor(key.clone()), issuers);
        let wait = Wait { waiting: Arc::clone(&waiting), open: Arc::clone(&open) };
        let server = Server::start(lattice.nats.client().await, service, Arc::new(wait)).await.expect("subscribed");
        Self { key, waiting, open, _server: server }
    }

    /// Starts an actor whose calls wait at the gate.
    async fn visitor(&self, lattice: &Lattice, annotations: Value) -> TestActor {
        let actor = lattice.actor("visitor", &guests::host_call("", self.key.as_str()));
        lattice.carry_out("cmd.{host}.la", json!({"actor_ref": actor.reference(), "annotations": annotations})).await;
        actor
    }

    /// Has the actor make a call that has reached the gate when this returns.
    async fn occupy(&self, lattice: &Lattice, actor: &TestActor) -> tokio::task::JoinHandle<bool> {
        let signer = InvocationSigner::new(lattice.seeds.cluster.clone());
        let caller = Caller::new(lattice.nats.client().await, LatticeName::default(), signer);
        let target = CallTarget::Actor(actor.key.clone());
        let call = tokio::spawn(async move { caller.call(&target, "Visit.Gate", "x", DEADLINE).await.is_ok() });
        tokio::time::timeout(DEADLINE, self.waiting.acquire()).await.expect("the call comes").expect("open").forget();
        call
    }
}

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
        gate.open.add_permits(1);
    };
    let (report, ()) = tokio::join!(host.stop(Some(DEADLINE)), let_go);
    assert!(report.drained);
    assert_eq!(told(&mut events).await, ["stopped None 1", "actor_scaled", "host_stopped"]);
    assert!(call.await.expect("no panic"), "the running call was answered");
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
