//! The NATS server and its bucket: gone and back, small, filled by others.

mod support;

use std::time::Duration;

use async_nats::jetstream::{self, kv};
use lattice_protocol::{Claims, decode, event::EventData};
use lattice_testkit::{NatsOptions, NatsServer, eventually, guests};
use serde_json::json;
use support::{DEADLINE, Lattice};

async fn subjects(lattice: &Lattice) -> Vec<String> {
    let claims: Claims = decode(&lattice.ask("get.claims", "").await.payload).expect("claims");
    claims.claims.iter().filter_map(|entry| entry.get("sub")?.clone()).collect()
}

#[tokio::test]
async fn everything_comes_back_after_the_server_was_gone() {
    let mut lattice = Lattice::start_with(|config| config.heartbeat = Duration::from_millis(50)).await;
    let actor = lattice.actor("a", &guests::echo());
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": actor.reference()})).await;
    lattice.nats.restart().await;
    eventually("the host answers again", DEADLINE, async || {
        lattice.client.request("wasmbus.ctl.default.ping.hosts", "".into()).await.ok()
    })
    .await;
    let mut events = lattice.events().await;
    eventually("the heart beats again", DEADLINE, async || {
        (events.next().await.name() == "host_heartbeat").then_some(())
    })
    .await;
    let entry = r#"{"sub":"elsewhere","iss":"A"}"#;
    lattice.bucket("LATTICEDATA").await.put("CLAIMS_elsewhere", entry.into()).await.expect("stored");
    eventually("the watch goes on", DEADLINE, async || {
        subjects(&lattice).await.contains(&"elsewhere".to_owned()).then_some(())
    })
    .await;
    let target = lattice_client::CallTarget::Actor(actor.key.clone());
    let signer = lattice_claims::InvocationSigner::new(lattice.seeds.cluster.clone());
    let caller = lattice_client::Caller::new(lattice.client.clone(), Default::default(), signer);
    assert_eq!(caller.call(&target, "Echo.Say", "x", DEADLINE).await.expect("an answer"), "x");
    lattice.carry_out("cmd.{host}.sa", json!({"actor_ref": actor.key})).await;
}

#[tokio::test]
async fn regression_the_first_answer_knows_all_claims() {
    // The bucket was read in the background, and a host that had just started answered with a part of it.
    let nats = NatsServer::start().await;
    let jetstream = jetstream::new(nats.client().await);
    // Made by somebody with other settings; used as it is.
    let settings = kv::Config {
        bucket: "LATTICEDATA_default".to_owned(),
        history: 5,
        storage: jetstream::stream::StorageType::Memory,
        ..Default::default()
    };
    let bucket = jetstream.create_key_value(settings).await.expect("JetStream is on");
    for index in 0..300 {
        let entry = format!(r#"{{"sub":"M{index}","rev":"1"}}"#);
        bucket.put(format!("CLAIMS_M{index}"), entry.into()).await.expect("stored");
    }
    bucket.delete("CLAIMS_M0").await.expect("deleted");
    bucket.purge("CLAIMS_M1").await.expect("purged");
    for garbage in ["", "no JSON", "[1]", "\u{0}"] {
        bucket.put("CLAIMS_garbage", garbage.to_owned().into()).await.expect("stored");
    }
    bucket.put("LINKDEF_x", "{}".into()).await.expect("stored");
    let lattice = Lattice::start_on(nats, |_| {}).await;
    assert_eq!(subjects(&lattice).await.len(), 298);
    assert_eq!(bucket.status().await.expect("a status").history(), 5);
}

#[tokio::test]
async fn a_heartbeat_fits_the_server() {
    let nats = NatsServer::start_with(NatsOptions { max_payload: 8192, ..Default::default() }).await;
    let lattice = Lattice::start_on(nats, |config| config.heartbeat = Duration::from_millis(50)).await;
    let actor = lattice.actor("wide", &guests::echo());
    lattice.carry_out("cmd.{host}.scale", json!({"actor_ref": actor.reference(), "count": 100})).await;
    let mut events = lattice.events().await;
    let inventory =
        eventually("a heartbeat with the actor", DEADLINE, async || match events.next().await.known_data() {
            Some(EventData::HostHeartbeat(inventory)) if !inventory.actors.is_empty() => Some(inventory),
            _ => None,
        })
        .await;
    let counts: Vec<_> = inventory.actors[0].instances.iter().map(|one| one.max_instances).collect();
    assert_eq!(counts, [100]);
}
