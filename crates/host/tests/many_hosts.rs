//! Many hosts in one lattice: everybody is known and answers, and what a host costs does not grow with their number.

mod support;

use std::{sync::atomic::Ordering, time::Duration};

use futures::{StreamExt, stream};
use lattice_client::{Client, ClientSettings};
use lattice_host::{Host, HostConfig};
use lattice_runtime::{Runtime, RuntimeConfig};
use lattice_testkit::{NatsServer, eventually};
use support::{Seeds, config};

/// Hosts of one process, which share an engine that none of them uses.
struct Many {
    nats: NatsServer,
    /// The one connection over which all of them speak.
    connection: async_nats::Client,
    hosts: Vec<Host>,
    engine: Runtime,
    seeds: Seeds,
    dir: tempfile::TempDir,
}

/// As often as this a host says that it is alive, and notes that it is a member.
const INTERVAL: Duration = Duration::from_secs(2);
/// Long enough for a thousand hosts on a machine under load.
const DEADLINE: Duration = Duration::from_secs(120);
/// Hosts that start at the same time.
const AT_ONCE: usize = 16;

impl Many {
    async fn new() -> Self {
        let nats = NatsServer::start().await;
        let connection = nats.client().await;
        let engine = Runtime::new(RuntimeConfig::default().memory(64 << 20)).expect("an engine");
        let dir = tempfile::tempdir().expect("a temporary directory");
        Self { nats, connection, hosts: Vec::new(), engine, seeds: Seeds::generate(), dir }
    }

    /// Starts hosts until there are so many.
    async fn grow_to(&mut self, count: usize) {
        let configs: Vec<HostConfig> = (self.hosts.len()..count).map(|number| self.config(number)).collect();
        let starts = stream::iter(configs.into_iter().map(Host::start)).buffer_unordered(AT_ONCE);
        let started: Vec<_> = starts.collect().await;
        self.hosts.extend(started.into_iter().map(|started| started.expect("the host starts")));
    }

    fn config(&self, number: usize) -> HostConfig {
        let seeds = Seeds { host: Seeds::generate().host, ..self.seeds.clone() };
        let mut config = config(&self.connection, &seeds, &self.dir);
        config.state_dir = self.dir.path().join(format!("state-{number}"));
        config.engine = Some(self.engine.clone());
        (config.heartbeat, config.member_interval) = (INTERVAL, INTERVAL);
        config
    }

    /// Bytes that all hosts send and receive, for each of their heartbeats.
    async fn bytes_per_heartbeat(&self) -> f64 {
        let watching = self.nats.client().await;
        let mut events = watching.subscribe("wasmbus.evt.default.host_heartbeat").await.expect("subscribed");
        watching.flush().await.expect("the server has it");
        // Every host has its turn some times, whenever in the interval that is.
        let heartbeats = self.hosts.len() * 3;
        let before = self.bytes();
        for _ in 0..heartbeats {
            tokio::time::timeout(DEADLINE, events.next()).await.expect("hosts are alive").expect("connected");
        }
        (self.bytes() - before) as f64 / heartbeats as f64
    }

    fn bytes(&self) -> u64 {
        let statistics = self.connection.statistics();
        statistics.in_bytes.load(Ordering::Relaxed) + statistics.out_bytes.load(Ordering::Relaxed)
    }

    async fn gather(&self) {
        let client = Client::new(self.nats.client().await, ClientSettings::default());
        let count = self.hosts.len();
        eventually("every host answers", DEADLINE, async || {
            let gathered = client.hosts().await.expect("the lattice answers");
            (gathered.complete && gathered.items.len() == count).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_hosts_are_one_lattice() {
    let mut many = Many::new().await;
    let mut costs = Vec::new();
    for count in [10, 100, 1000] {
        many.grow_to(count).await;
        many.gather().await;
        costs.push(many.bytes_per_heartbeat().await);
    }
    for cost in &costs {
        assert!((cost / costs[0] - 1.0).abs() <= 0.1, "what a host costs grows with their number: {costs:?}");
    }
}
