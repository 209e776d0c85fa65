//! Identity, restart, and an orderly end.

mod support;

use lattice_host::{Host, HostConfig, StartError};
use lattice_protocol::event::EventData;
use lattice_testkit::{NatsOptions, NatsServer, guests};
use serde_json::json;
use support::{Lattice, Seeds, config};

#[tokio::test]
async fn stopping_tells_everything_in_order() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("a", &guests::echo());
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": actor.reference(), "count": 2})).await;
    let mut events = lattice.events().await;
    let ack = lattice.command("cmd.{host}.stop", json!({"timeout": 3})).await;
    assert!(ack.accepted);
    let timeout = lattice.host.stop_requested().await;
    assert_eq!(timeout, Some(std::time::Duration::from_secs(3)));
    assert!(lattice.host.stop(timeout).await.drained);
    assert_eq!(events.names(3).await, ["actors_stopped", "actor_scaled", "host_stopped"]);
    let gone = lattice.client.request("wasmbus.ctl.default.ping.hosts", "".into()).await;
    assert_eq!(gone.expect_err("nobody is there").kind(), async_nats::RequestErrorKind::NoResponders);
}

#[tokio::test]
async fn a_host_says_that_it_started_and_lives() {
    let lattice = Lattice::start().await;
    let mut events = lattice.events().await;
    let lattice = lattice.restart().await;
    assert_eq!(events.next_change().await.name(), "host_stopped");
    let started = events.next().await;
    let Some(EventData::HostStarted(data)) = started.known_data() else { panic!("{started:?}") };
    assert_eq!(data.friendly_name, lattice.host.friendly_name());
    assert_eq!(data.labels.get("hostcore.os"), Some(std::env::consts::OS));
    let beat = events.next().await;
    let Some(EventData::HostHeartbeat(inventory)) = beat.known_data() else { panic!("{beat:?}") };
    assert_eq!(inventory.host_id, lattice.host_key());
}

/// The state of a start was part of each future that awaited one, copied from frame to frame in unoptimized programs: threads
/// with the usual 2 MiB of stack overflowed.
#[tokio::test]
async fn regression_whoever_awaits_a_start_carries_no_more_than_its_configuration() {
    let (nats, dir) = (NatsServer::start().await, tempfile::tempdir().expect("a temporary directory"));
    let start = Host::start(config(&nats.client().await, &Seeds::generate(), &dir));
    let (future, configuration) = (size_of_val(&start), size_of::<HostConfig>());
    assert!(future < configuration + 512, "{future} bytes for a configuration of {configuration}");
}

#[tokio::test]
async fn an_identity_is_used_once() {
    let lattice = Lattice::start().await;
    let same_directory = Host::start(config(&lattice.client, &lattice.seeds, &lattice.dir)).await;
    assert!(matches!(same_directory, Err(StartError::StateLocked { .. })));
    let other = tempfile::tempdir().expect("a temporary directory");
    let same_key = Host::start(config(&lattice.client, &lattice.seeds, &other)).await;
    assert!(matches!(same_key, Err(StartError::IdentityInUse { .. })));
    // The first is untouched.
    lattice.inventory().await;
}

#[tokio::test]
async fn a_server_without_jetstream_is_named_as_such() {
    let nats = NatsServer::start_with(NatsOptions { jetstream: false, ..Default::default() }).await;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let error = Host::start(config(&nats.client().await, &Seeds::generate(), &dir)).await.expect_err("no JetStream");
    assert!(matches!(error, StartError::NoJetStream { .. }), "{error:?}");
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    let nats = NatsServer::start().await;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut config = config(&nats.client().await, &Seeds::generate(), &dir);
    config.heartbeat = std::time::Duration::ZERO;
    let error = Host::start(config).await.expect_err("a host cannot beat all the time");
    assert!(matches!(error, StartError::Heartbeat), "{error:?}");
}

#[tokio::test]
async fn a_configuration_shows_no_secrets() {
    let nats = NatsServer::start().await;
    let (dir, seeds) = (tempfile::tempdir().expect("a temporary directory"), Seeds::generate());
    let shown = format!("{:?}", config(&nats.client().await, &seeds, &dir));
    for secret in [seeds.host.secret_text(), seeds.cluster.secret_text()] {
        assert!(!shown.contains(&secret), "{shown}");
    }
}
