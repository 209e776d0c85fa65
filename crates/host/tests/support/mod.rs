//! A host on a private nats-server, signed guests, and raw requests as other people's clients send them.

#![allow(dead_code, reason = "each test program uses another part")]

pub(crate) mod gate;
pub(crate) mod links;
pub(crate) mod wire;

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use async_nats::{
    HeaderMap, Message,
    jetstream::{self, kv},
};
use bytes::Bytes;
use futures::StreamExt;
use lattice_claims::{AccountSeed, ClusterSeed, HostSeed, ModuleSeed, NewModuleClaims, sign_module};
use lattice_host::{Host, HostConfig, HostDirs, HostIdentity};
use lattice_protocol::{
    Ack, ActorKey, ControlSubject, ControlSubjects, Format, HostInventory, HostKey, LatticeName, OperationQuery,
    OperationRecord, decode, encode, event::CloudEvent,
};
use lattice_testkit::{NatsServer, eventually};
use tempfile::TempDir;

/// Long enough for a machine under load; nothing waits this long when all is well.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A lattice with one host.
pub(crate) struct Lattice {
    pub(crate) nats: NatsServer,
    pub(crate) client: async_nats::Client,
    pub(crate) host: Host,
    pub(crate) seeds: Seeds,
    pub(crate) dir: TempDir,
}

/// Keys that stay the same over restarts of a host.
#[derive(Clone)]
pub(crate) struct Seeds {
    pub(crate) host: HostSeed,
    pub(crate) cluster: ClusterSeed,
    pub(crate) account: AccountSeed,
}

impl Seeds {
    pub(crate) fn generate() -> Self {
        Self { host: HostSeed::generate(), cluster: ClusterSeed::generate(), account: AccountSeed::generate() }
    }
}

impl Lattice {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut HostConfig)) -> Self {
        Self::start_on(NatsServer::start().await, change).await
    }

    /// A lattice on a server that was prepared.
    pub(crate) async fn start_on(nats: NatsServer, change: impl FnOnce(&mut HostConfig)) -> Self {
        let client = nats.client().await;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let seeds = Seeds::generate();
        let mut config = config(&client, &seeds, &dir);
        change(&mut config);
        let host = Host::start(config).await.expect("the host starts");
        Self { nats, client, host, seeds, dir }
    }

    /// Stops the host, keeping what it noted, and starts it again.
    pub(crate) async fn restart(self) -> Self {
        self.restart_after(|_| {}).await
    }

    /// Stops the host, lets something happen in its directory, and starts it again.
    pub(crate) async fn restart_after(self, meanwhile: impl FnOnce(&TempDir)) -> Self {
        let Self { nats, client, host, seeds, dir } = self;
        host.stop(None).await;
        meanwhile(&dir);
        let host = Host::start(config(&client, &seeds, &dir)).await.expect("the host starts again");
        Self { nats, client, host, seeds, dir }
    }

    /// The same, with another configuration than before.
    pub(crate) async fn restart_with(self, change: impl FnOnce(&mut HostConfig)) -> Self {
        let Self { nats, client, host, seeds, dir } = self;
        host.stop(None).await;
        let mut config = config(&client, &seeds, &dir);
        change(&mut config);
        let host = Host::start(config).await.expect("the host starts again");
        Self { nats, client, host, seeds, dir }
    }

    /// Starts another host in the same lattice. Its first event has been heard by then, so that no test that listens from
    /// then on takes it for another.
    pub(crate) async fn join(&self) -> Neighbour {
        let mut events = self.events().await;
        let (dir, seeds) = (tempfile::tempdir().expect("a temporary directory"), Seeds::generate());
        let seeds = Seeds { cluster: self.seeds.cluster.clone(), account: self.seeds.account.clone(), ..seeds };
        let host = Host::start(config(&self.nats.client().await, &seeds, &dir)).await.expect("another host starts");
        let is_its_start = |event: &CloudEvent| event.name() == "host_started" && event.source == host.key().as_str();
        while !is_its_start(&events.next_change().await) {}
        Neighbour { host, dir }
    }

    /// A bucket of the lattice, as other programs open it.
    pub(crate) async fn bucket(&self, name: &str) -> kv::Store {
        let jetstream = jetstream::new(self.client.clone());
        jetstream.get_key_value(format!("{name}_default")).await.expect("the bucket is there")
    }

    /// Signs a module and writes it to a file that the host can read.
    pub(crate) fn actor(&self, name: &str, wasm: &[u8]) -> TestActor {
        self.actor_with(name, wasm, &ModuleSeed::generate(), |_| {})
    }

    pub(crate) fn actor_with(
        &self,
        name: &str,
        wasm: &[u8],
        seed: &ModuleSeed,
        change: impl FnOnce(&mut NewModuleClaims),
    ) -> TestActor {
        let mut claims = NewModuleClaims::new(seed.public(), SystemTime::now());
        claims.name = Some(name.to_owned());
        change(&mut claims);
        let signed = sign_module(wasm, &claims, &self.seeds.account).expect("a module that can be signed");
        let path = self.dir.path().join(format!("{name}.wasm"));
        std::fs::write(&path, signed).expect("the directory can be written");
        TestActor { key: seed.public(), seed: seed.clone(), path }
    }

    pub(crate) fn subjects(&self) -> ControlSubjects {
        ControlSubjects::new(LatticeName::default())
    }

    pub(crate) fn host_key(&self) -> HostKey {
        self.host.key().clone()
    }

    /// Sends bytes to a subject of the lattice, `{host}` standing for the host's key, and returns the answer.
    pub(crate) async fn ask(&self, rest: &str, body: impl Into<Bytes>) -> Message {
        self.ask_with(rest, body, HeaderMap::new()).await
    }

    pub(crate) async fn ask_with(&self, rest: &str, body: impl Into<Bytes>, headers: HeaderMap) -> Message {
        let subject = format!("wasmbus.ctl.default.{}", rest.replace("{host}", self.host.key().as_str()));
        let request = async_nats::Request::new().payload(body.into()).headers(headers).timeout(Some(DEADLINE));
        self.client.send_request(subject, request).await.expect("an answer")
    }

    /// Sends JSON as published clients do, and returns the ack.
    pub(crate) async fn command(&self, rest: &str, body: serde_json::Value) -> Ack {
        let answer = self.ask(rest, body.to_string()).await;
        decode(&answer.payload).expect("an ack")
    }

    /// Sends a command and waits for what becomes of it.
    pub(crate) async fn carry_out(&self, rest: &str, body: serde_json::Value) -> OperationRecord {
        let ack = self.command(rest, body).await;
        assert!(ack.accepted, "refused: {}", ack.error);
        self.finished(&ack).await
    }

    /// Waits for the end of an accepted operation.
    pub(crate) async fn finished(&self, ack: &Ack) -> OperationRecord {
        let operation_id = ack.operation_id.clone().expect("our hosts tell the operation");
        let subject = self.subjects().build(&ControlSubject::Operation { host: self.host_key() });
        eventually("the operation ends", DEADLINE, async || {
            let query = OperationQuery { operation_id: operation_id.clone(), past: None, wait: 1000 };
            let body = encode(&query, Format::MESSAGE_PACK);
            let answer = self.client.request(subject.clone(), body.into()).await.expect("an answer");
            let record: OperationRecord = decode(&answer.payload).expect("a record");
            record.phase.is_final().then_some(record)
        })
        .await
    }

    pub(crate) async fn inventory(&self) -> HostInventory {
        decode(&self.ask("get.{host}.inv", "").await.payload).expect("an inventory")
    }

    /// Instances of an actor by annotations, as the inventory tells.
    pub(crate) async fn counts(&self, actor: &ActorKey) -> Vec<(String, usize)> {
        let inventory = self.inventory().await;
        let Some(actor) = inventory.actors.iter().find(|entry| entry.id == *actor) else { return Vec::new() };
        let mut counts: Vec<(String, usize)> = Vec::new();
        for instance in &actor.instances {
            let text = serde_json::to_string(&instance.annotations).expect("a map");
            match counts.iter_mut().find(|(annotations, _)| *annotations == text) {
                Some((_, count)) => *count += usize::from(instance.max_instances),
                None => counts.push((text, usize::from(instance.max_instances))),
            }
        }
        counts
    }

    pub(crate) async fn events(&self) -> Events {
        let messages = self.client.subscribe("wasmbus.evt.default").await.expect("subscribed");
        self.client.flush().await.expect("the server has it");
        Events { messages }
    }
}

/// Another host of the lattice.
pub(crate) struct Neighbour {
    pub(crate) host: Host,
    pub(crate) dir: TempDir,
}

/// The events of the lattice, in order.
pub(crate) struct Events {
    messages: async_nats::Subscriber,
}

impl Events {
    pub(crate) async fn next(&mut self) -> CloudEvent {
        let message = tokio::time::timeout(DEADLINE, self.messages.next()).await.expect("an event in time");
        CloudEvent::from_bytes(&message.expect("the connection stands").payload).expect("an event")
    }

    /// The next event that is no heartbeat.
    pub(crate) async fn next_change(&mut self) -> CloudEvent {
        loop {
            let event = self.next().await;
            if event.name() != "host_heartbeat" {
                return event;
            }
        }
    }

    pub(crate) async fn names(&mut self, count: usize) -> Vec<String> {
        let mut names = Vec::new();
        for _ in 0..count {
            names.push(self.next_change().await.name().to_owned());
        }
        names
    }
}

/// A signed module in a file.
pub(crate) struct TestActor {
    pub(crate) key: ActorKey,
    pub(crate) seed: ModuleSeed,
    pub(crate) path: PathBuf,
}

impl TestActor {
    pub(crate) fn reference(&self) -> String {
        format!("file://{}", self.path.display())
    }
}

pub(crate) fn config(client: &async_nats::Client, seeds: &Seeds, dir: &TempDir) -> HostConfig {
    let identity = HostIdentity {
        lattice: LatticeName::default(),
        host_seed: seeds.host.clone(),
        cluster_seed: seeds.cluster.clone(),
    };
    let dirs = HostDirs { state: dir.path().join("state"), cache: dir.path().join("cache") };
    let mut config = HostConfig::new(identity, client.clone(), dirs);
    config.allow_file = true;
    // Many tests run hosts at the same time on one machine.
    config.runtime = config.runtime.memory(256 << 20);
    config
}

pub(crate) fn accepting(media_type: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Accept", media_type);
    headers
}
