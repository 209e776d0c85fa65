//! Live update: what it keeps and what it refuses, what other commands mean for it, and that no call is lost.

mod images;
mod load;
mod pending;
#[path = "../support/mod.rs"]
mod support;

use async_nats::HeaderMap;
use lattice_claims::{InvocationSigner, ModuleSeed};
use lattice_client::{CallTarget, Caller};
use lattice_protocol::{Ack, ActorInstance, ActorKey, LatticeName, OperationRecord, decode};
use serde_json::{Value, json};
use support::{DEADLINE, Lattice, TestActor};

/// A signed image of an actor.
fn image(lattice: &Lattice, seed: &ModuleSeed, name: &str, wasm: &[u8], revision: i32) -> TestActor {
    lattice.actor_with(name, wasm, seed, |claims| claims.revision = Some(revision))
}

/// An image of revision 1 that says `v1`, of which three instances run.
async fn running(lattice: &Lattice, annotations: Value) -> TestActor {
    let actor = image(lattice, &ModuleSeed::generate(), "v1", &lattice_testkit::guests::say("v1"), 1);
    let body = json!({"actor_ref": actor.reference(), "annotations": annotations, "count": 3});
    let record = lattice.carry_out("cmd.{host}.la", body).await;
    assert_eq!(record.causes, Vec::<String>::new());
    actor
}

/// An image of the same actor that says its name.
fn next(lattice: &Lattice, actor: &TestActor, name: &str, revision: i32) -> TestActor {
    image(lattice, &actor.seed, name, &lattice_testkit::guests::say(name), revision)
}

fn to(image: &TestActor, annotations: Value) -> Value {
    json!({"actor_id": image.key, "new_actor_ref": image.reference(), "annotations": annotations})
}

async fn updated(lattice: &Lattice, body: Value) -> OperationRecord {
    lattice.carry_out("cmd.{host}.upd", body).await
}

async fn forced(lattice: &Lattice, body: Value) -> OperationRecord {
    let mut headers = HeaderMap::new();
    headers.insert("Lattice-Force", "true");
    let answer = lattice.ask_with("cmd.{host}.upd", body.to_string(), headers).await;
    let ack: Ack = decode(&answer.payload).expect("an ack");
    assert!(ack.accepted, "{}", ack.error);
    lattice.finished(&ack).await
}

/// What the actor answers to a call through the lattice.
async fn says(lattice: &Lattice, actor: &ActorKey) -> String {
    let signer = InvocationSigner::new(lattice.seeds.cluster.clone());
    let caller = Caller::new(lattice.client.clone(), LatticeName::default(), signer);
    let answer = caller.call(&CallTarget::Actor(actor.clone()), "Test.Say", "", DEADLINE).await;
    String::from_utf8(answer.expect("an answer").to_vec()).expect("a text")
}

async fn instances(lattice: &Lattice, actor: &ActorKey) -> Vec<ActorInstance> {
    let inventory = lattice.inventory().await;
    let found = inventory.actors.into_iter().find(|entry| entry.id == *actor);
    found.map(|entry| entry.instances.into_iter().collect()).unwrap_or_default()
}

/// The revisions that run, each once, with the color of the instances.
async fn revisions(lattice: &Lattice, actor: &ActorKey) -> Vec<(String, i32)> {
    let instances = instances(lattice, actor).await;
    let color = |one: &ActorInstance| one.annotations.get("color").unwrap_or("none").to_owned();
    let mut revisions: Vec<_> = instances.iter().map(|one| (color(one), one.revision)).collect();
    revisions.sort();
    revisions.dedup();
    revisions
}
