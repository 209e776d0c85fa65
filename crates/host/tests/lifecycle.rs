//! Identity, restart, and an orderly end.

mod support;

use lattice_host::{Host, StartError};
use lattice_protocol::event::EventData;
use lattice_testkit::{NatsOptions, NatsServer, guests};
use serde_json::json;
use support::{Lattice, Seeds, config};

#[tokio::test]
async fn what_ran_runs_again_after_a_restart() {
    let lattice = Lattice::start().await;
    let (key, actor) = (lattice.host_key(), lattice.actor("a", &guests::echo()));
    let blue = json!({"color": "blue"});
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": actor.reference(), "count": 2})).await;
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": actor.reference(), "count": 3, "annotations": blue})).await;
    let before = lattice.counts(&actor.key).await;
    // The image is gone, what ran is kept.
    std::fs::remove_file(&actor.path).expect("the file is there");
    let lattice = lattice.restart().await;
    lattice.host.restored().await;
    assert_eq!(lattice.host_key(), key);
    let mut after = lattice.counts(&actor.key).await;
    after.sort_by_key(|(annotations, _)| annotations.len());
    assert_eq!(after, before);
    lattice.carry_out("cmd.{host}.sa", json!({"actor_ref": actor.key})).await;
    let lattice = lattice.restart().await;
    lattice.host.restored().await;
    assert!(lattice.inventory().await.actors.is_empty());
}

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
async fn an_unreadable_note_is_put_aside() {
    let lattice = Lattice::start().await;
    let state = lattice.dir.path().join("state");
    let Lattice { nats: _nats, client, host, seeds, dir } = lattice;
    host.stop(None).await;
    std::fs::write(state.join("running.json"), "{broken").expect("written");
    let host = Host::start(config(&client, &seeds, &dir)).await.expect("starts all the same");
    host.restored().await;
    assert!(state.join("running.unreadable").exists());
}

#[tokio::test]
async fn what_cannot_be_restored_is_kept_until_it_is_stopped() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("a", &guests::echo());
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": actor.reference()})).await;
    let Lattice { nats, client, host, seeds, dir } = lattice;
    host.stop(None).await;
    let image = std::fs::read(&actor.path).expect("the file is there");
    std::fs::remove_file(&actor.path).expect("the file is there");
    std::fs::remove_dir_all(dir.path().join("cache")).expect("the cache is there");
    let host = Host::start(config(&client, &seeds, &dir)).await.expect("starts all the same");
    let lattice = Lattice { nats, client, host, seeds, dir };
    lattice.host.restored().await;
    assert!(lattice.inventory().await.actors.is_empty());
    std::fs::write(&actor.path, image).expect("the directory can be written");
    let lattice = lattice.restart().await;
    lattice.host.restored().await;
    assert_eq!(lattice.inventory().await.actors.len(), 1);
}

#[tokio::test]
async fn stopping_what_could_not_be_restored_forgets_it() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("a", &guests::echo());
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": actor.reference()})).await;
    let image = std::fs::read(&actor.path).expect("the file is there");
    let Lattice { nats, client, host, seeds, dir } = lattice;
    host.stop(None).await;
    std::fs::remove_file(&actor.path).expect("the file is there");
    std::fs::remove_dir_all(dir.path().join("cache")).expect("the cache is there");
    let host = Host::start(config(&client, &seeds, &dir)).await.expect("starts all the same");
    let lattice = Lattice { nats, client, host, seeds, dir };
    lattice.host.restored().await;
    lattice.carry_out("cmd.{host}.sa", json!({"actor_ref": actor.key})).await;
    std::fs::write(&actor.path, image).expect("the directory can be written");
    let lattice = lattice.restart().await;
    lattice.host.restored().await;
    assert!(lattice.inventory().await.actors.is_empty());
}
