//! Actors: started, scaled, updated, stopped, and their claims.

use lattice_interop::{Actor, LATTICE, Map, eventually, map};
use serde_json::{Value, json};
use wasmcloud_interface_lattice_control::{
    LatticeController as _, ScaleActorCommand, StartActorCommand, StopActorCommand, UpdateActorCommand,
};

use crate::stage::{Stage, declined};

/// One after the other, each seen by the program before the next.
#[tokio::test]
async fn they_are_started_scaled_updated_and_stopped() {
    let stage = Stage::start().await;
    let (old, new) = (stage.lattice.sign(1).await, stage.lattice.sign(2).await);
    let team = map([("team", "a")]);
    stage.done(stage.sender.start_actor(&stage.context, &start(&stage, &old, 2, &team)).await);
    stage.lattice.until_running(&old, 2).await;
    assert_eq!(instances(&stage).await[0]["annotations"], json!(team));

    stage.done(stage.sender.scale_actor(&stage.context, &scale(&stage, &old, 5, &team)).await);
    stage.lattice.until_running(&old, 5).await;

    stage.done(stage.sender.update_actor(&stage.context, &update(&stage, &new)).await);
    eventually("the new revision runs", async || {
        let instances = instances(&stage).await;
        (!instances.is_empty() && instances.iter().all(|one| one["revision"] == 2)).then_some(())
    })
    .await;
    stage.lattice.until_running(&new, 5).await;

    stage.done(stage.sender.stop_actor(&stage.context, &stop(&stage, &new, 3)).await);
    stage.lattice.until_running(&new, 2).await;
    // None means all, as the contract has it.
    stage.done(stage.sender.stop_actor(&stage.context, &stop(&stage, &new, 0)).await);
    stage.lattice.until_running(&new, 0).await;
    is_noted_who_asked(&stage, &["la", "scale", "upd", "sa"]).await;
}

/// A start of none starts one, as the contract has it.
#[tokio::test]
async fn a_start_of_none_starts_one() {
    let stage = Stage::start().await;
    let actor = stage.lattice.sign(1).await;
    stage.done(stage.sender.start_actor(&stage.context, &start(&stage, &actor, 0, &map([]))).await);
    stage.lattice.until_running(&actor, 1).await;
}

/// Annotations are optional, and published actors leave them out.
#[tokio::test]
async fn they_need_no_annotations() {
    let stage = Stage::start().await;
    let actor = stage.lattice.sign(1).await;
    let command = StartActorCommand { annotations: None, ..start(&stage, &actor, 1, &map([])) };
    stage.done(stage.sender.start_actor(&stage.context, &command).await);
    stage.lattice.until_running(&actor, 1).await;
    let command = ScaleActorCommand { annotations: None, ..scale(&stage, &actor, 0, &map([])) };
    stage.done(stage.sender.scale_actor(&stage.context, &command).await);
    stage.lattice.until_running(&actor, 0).await;
}

/// What the host itself refuses is an ack that says why.
#[tokio::test]
async fn a_hosts_refusal_is_an_ack() {
    let stage = Stage::start().await;
    let mut actor = stage.lattice.sign(1).await;
    declined(stage.sender.stop_actor(&stage.context, &stop(&stage, &actor, 0)).await);
    // The published types read what is theirs and pass over the code.
    let answer = stage.answer();
    assert_eq!((&answer["accepted"], answer["code"].is_string()), (&json!(false), true), "{answer}");
    declined(stage.sender.update_actor(&stage.context, &update(&stage, &actor)).await);
    actor.reference = "no reference".to_owned();
    declined(stage.sender.start_actor(&stage.context, &start(&stage, &actor, 1, &map([]))).await);
    declined(stage.sender.scale_actor(&stage.context, &scale(&stage, &actor, 1, &map([]))).await);
    assert_eq!(stage.lattice.inventory().await["actors"], json!([]));
}

/// Claims are read whole, as the program shows them.
#[tokio::test]
async fn they_have_claims() {
    let stage = Stage::start().await;
    let none = stage.sender.get_claims(&stage.context, LATTICE).await.expect("claims");
    assert!(none.claims.is_empty(), "{none:?}");
    let actor = stage.lattice.sign_for(&["wasmcloud:keyvalue"], 3).await;
    stage.lattice.run(&["start", "actor", &actor.reference]).await;
    let shown = eventually("the claims are known", async || stage.get(&["claims"], "claims").await.pop()).await;
    let read = stage.sender.get_claims(&stage.context, LATTICE).await.expect("claims");
    stage.read_all(&read);
    assert_eq!(json!(read.claims), json!([shown]));
    assert_eq!((&read.claims[0]["sub"], &*read.claims[0]["rev"]), (&actor.key, "3"));
}

/// What runs of the one actor.
async fn instances(stage: &Stage) -> Vec<Value> {
    let inventory = stage.lattice.inventory().await;
    inventory["actors"][0]["instances"].as_array().cloned().unwrap_or_default()
}

/// The program shows in whose name these commands came.
async fn is_noted_who_asked(stage: &Stage, commands: &[&str]) {
    let operations = stage.get(&["operations"], "operations").await;
    let requester = format!("actor {}", stage.actor);
    for command in commands {
        let noted = operations.iter().any(|one| one["command"] == *command && one["requester"] == requester.as_str());
        assert!(noted, "`{command}` of {requester} in {operations:?}");
    }
}

fn start(stage: &Stage, actor: &Actor, count: u16, annotations: &Map) -> StartActorCommand {
    StartActorCommand {
        actor_ref: actor.reference.clone(),
        annotations: Some(annotations.clone()),
        count,
        host_id: stage.lattice.host().to_owned(),
        lattice_id: LATTICE.to_owned(),
    }
}

fn scale(stage: &Stage, actor: &Actor, count: u16, annotations: &Map) -> ScaleActorCommand {
    ScaleActorCommand {
        actor_id: actor.key.clone(),
        actor_ref: actor.reference.clone(),
        annotations: Some(annotations.clone()),
        count,
        host_id: stage.lattice.host().to_owned(),
        lattice_id: LATTICE.to_owned(),
    }
}

fn update(stage: &Stage, new: &Actor) -> UpdateActorCommand {
    UpdateActorCommand {
        actor_id: new.key.clone(),
        annotations: None,
        host_id: stage.lattice.host().to_owned(),
        lattice_id: LATTICE.to_owned(),
        new_actor_ref: new.reference.clone(),
    }
}

fn stop(stage: &Stage, actor: &Actor, count: u16) -> StopActorCommand {
    StopActorCommand {
        actor_id: actor.key.clone(),
        annotations: None,
        count,
        host_id: stage.lattice.host().to_owned(),
        lattice_id: LATTICE.to_owned(),
    }
}
