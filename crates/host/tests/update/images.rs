//! Which images are taken, and what of the old ones is kept.

use lattice_protocol::{OperationPhase, RefusalCode, event::EventData};
use lattice_testkit::guests;
use serde_json::json;

use super::{
    ModuleSeed, forced, image, instances, next, revisions, running, says,
    support::{Lattice, gate::Gate},
    to, updated,
};

#[tokio::test]
async fn an_update_replaces_the_image_and_keeps_the_rest() {
    let lattice = Lattice::start().await;
    let actor = running(&lattice, json!({"color": "blue"})).await;
    let before = instances(&lattice, &actor.key).await;
    let new = next(&lattice, &actor, "v2", 2);
    let record = updated(&lattice, to(&new, json!({}))).await;
    let phases: Vec<_> = record.phases.iter().map(|reached| reached.phase).collect();
    let expect = [
        OperationPhase::Accepted,
        OperationPhase::Fetching,
        OperationPhase::Verifying,
        OperationPhase::Compiling,
        OperationPhase::Starting,
        OperationPhase::Swapping,
        OperationPhase::Running,
    ];
    assert_eq!(phases, expect, "{:?}", record.causes);
    assert!(record.swap_micros.is_some());
    assert_eq!((record.actor_id.as_ref(), record.reference), (Some(&actor.key), Some(new.reference())));
    let after = instances(&lattice, &actor.key).await;
    assert_eq!(after.len(), 3);
    for (old, new_one) in before.iter().zip(&after) {
        assert_eq!((new_one.revision, new_one.image_ref.as_ref()), (2, Some(&new.reference())));
        assert_eq!(new_one.annotations, old.annotations);
        assert!(before.iter().all(|old| old.instance_id != new_one.instance_id), "instances are new");
    }
    assert_eq!(says(&lattice, &actor.key).await, "v2");
    let claims: serde_json::Value =
        serde_json::from_slice(&lattice.ask("get.claims", "{}").await.payload).expect("JSON");
    assert_eq!(claims["claims"][0]["rev"], "2");
}

#[tokio::test]
async fn events_tell_of_an_update_in_order() {
    let lattice = Lattice::start().await;
    let actor = image(&lattice, &ModuleSeed::generate(), "v1", &guests::say("v1"), 1);
    let body = json!({"actor_ref": actor.reference(), "annotations": {"color": "blue"}, "count": 2});
    lattice.carry_out("cmd.{host}.la", body).await;
    let new = next(&lattice, &actor, "v2", 2);
    let mut events = lattice.events().await;
    let record = updated(&lattice, to(&new, json!({}))).await;
    let mut told = Vec::new();
    for _ in 0..7 {
        let event = events.next_change().await;
        assert_eq!(event.operationid.as_ref(), Some(&record.operation_id), "{event:?}");
        told.push(match event.known_data().expect("a known event") {
            EventData::ActorUpdated(data) => {
                assert_eq!((data.image_ref, data.old_image_ref), (new.reference(), actor.reference()));
                assert_eq!(data.annotations.get("color"), Some("blue"));
                format!("updated {} to {}", data.old_revision, data.revision)
            }
            EventData::ActorStarted(data) => format!("one started of {}", data.claims.revision.unwrap_or(0)),
            EventData::ActorsStarted(data) => format!("{} started", data.count.get()),
            EventData::ActorScaled(data) => {
                assert_eq!(data.image_ref, new.reference());
                format!("scaled to {}", data.max_instances.get())
            }
            EventData::ActorsStopped(data) => {
                assert_eq!(data.image_ref, actor.reference());
                format!("{} stopped, {} remain", data.count.get(), data.remaining.get())
            }
            other => panic!("{other:?}"),
        });
    }
    let expect = [
        "updated 1 to 2",
        "one started of 2",
        "one started of 2",
        "2 started",
        "scaled to 2",
        "2 stopped, 2 remain",
        "scaled to 2",
    ];
    assert_eq!(told, expect);
}

#[tokio::test]
async fn calls_of_the_old_version_finish_while_the_new_one_serves() {
    let lattice = Lattice::start().await;
    let gate = Gate::start(&lattice).await;
    let actor = gate.visitor(&lattice, json!({})).await;
    let call = gate.occupy(&lattice, &actor).await;
    let mut events = lattice.events().await;
    let new = next(&lattice, &actor, "v2", 1);
    let ack = lattice.command("cmd.{host}.upd", to(&new, json!({}))).await;
    assert_eq!(events.names(4).await, ["actor_updated", "actor_started", "actors_started", "actor_scaled"]);
    assert_eq!(says(&lattice, &actor.key).await, "v2");
    assert!(!call.is_finished());
    gate.let_through(1);
    assert!(call.await.expect("no panic"), "the call that the old version had was answered");
    assert_eq!(lattice.finished(&ack).await.phase, OperationPhase::Running);
    assert_eq!(events.names(2).await, ["actors_stopped", "actor_scaled"]);
}

#[tokio::test]
async fn a_bad_image_leaves_the_old_version_serving() {
    let lattice = Lattice::start().await;
    let actor = image(&lattice, &ModuleSeed::generate(), "v2", &guests::say("v2"), 2);
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": actor.reference(), "count": 3})).await;
    let before = instances(&lattice, &actor.key).await;
    let of_it = |name: &str, wasm: &[u8], revision: i32| image(&lattice, &actor.seed, name, wasm, revision);
    let missing = of_it("missing", &guests::echo(), 3);
    std::fs::remove_file(&missing.path).expect("it was written");
    let truncated = of_it("truncated", &guests::echo(), 3);
    let bytes = std::fs::read(&truncated.path).expect("it was written");
    std::fs::write(&truncated.path, &bytes[..bytes.len() / 2]).expect("it can be written");
    let foreign = image(&lattice, &ModuleSeed::generate(), "foreign", &guests::echo(), 3);
    let cases = [
        (missing, "there is no such file"),
        (truncated, "cannot fetch"),
        (of_it("older", &guests::echo(), 1), "is revision 1, and revision 2 runs"),
        (of_it("without_a_call", b"\0asm\x01\0\0\0", 3), "__guest_call"),
        (of_it("stillborn", &guests::stillborn(), 3), "cannot make an instance"),
        (of_it("too_large", &guests::roomy(2000), 3), "bytes of memory to start"),
    ];
    let mut events = lattice.events().await;
    let check = async |record: lattice_protocol::OperationRecord,
                       reference: String,
                       expect: &str,
                       events: &mut super::support::Events| {
        let why = record.causes.join(": ");
        assert_eq!(record.phase, OperationPhase::Failed, "{reference}");
        assert!(why.contains(expect), "{why}");
        let event = events.next_change().await;
        let Some(EventData::ActorUpdateFailed(data)) = event.known_data() else { panic!("{event:?}") };
        assert_eq!((data.reason, data.image_ref, data.public_key), (why, reference, actor.key.clone()));
        assert_eq!(event.operationid, Some(record.operation_id));
        assert_eq!(says(&lattice, &actor.key).await, "v2");
        assert_eq!(instances(&lattice, &actor.key).await, before);
    };
    for (bad, expect) in cases {
        check(updated(&lattice, to(&bad, json!({}))).await, bad.reference(), expect, &mut events).await;
    }
    // Whose links and calls these are is not for force to decide.
    let body = json!({"actor_id": actor.key, "new_actor_ref": foreign.reference()});
    let expect = format!("is actor {}, not {}", foreign.key, actor.key);
    check(updated(&lattice, body.clone()).await, foreign.reference(), &expect, &mut events).await;
    let record = forced(&lattice, body).await;
    assert_eq!(record.code, Some(RefusalCode::Conflict));
    check(record, foreign.reference(), &expect, &mut events).await;
}

#[tokio::test]
async fn force_goes_back_to_a_lower_revision() {
    let lattice = Lattice::start().await;
    let actor = running(&lattice, json!({})).await;
    let (new, old) = (next(&lattice, &actor, "v5", 5), next(&lattice, &actor, "v3", 3));
    updated(&lattice, to(&new, json!({}))).await;
    assert_eq!(updated(&lattice, to(&old, json!({}))).await.code, Some(RefusalCode::Conflict));
    assert_eq!(says(&lattice, &actor.key).await, "v5");
    assert_eq!(forced(&lattice, to(&old, json!({}))).await.phase, OperationPhase::Running);
    assert_eq!(says(&lattice, &actor.key).await, "v3");
}

#[tokio::test]
async fn the_same_image_again_changes_nothing_but_its_name() {
    let lattice = Lattice::start().await;
    let actor = running(&lattice, json!({})).await;
    let before = instances(&lattice, &actor.key).await;
    let mut events = lattice.events().await;
    let record = updated(&lattice, to(&actor, json!({}))).await;
    assert_eq!((record.phase, record.swap_micros), (OperationPhase::Running, None));
    assert_eq!(instances(&lattice, &actor.key).await, before);
    // Under another name the same instances go on.
    let copy = lattice.dir.path().join("copy.wasm");
    std::fs::copy(&actor.path, &copy).expect("it can be copied");
    let reference = format!("file://{}", copy.display());
    let body = json!({"actor_id": actor.key, "new_actor_ref": reference});
    assert_eq!(updated(&lattice, body).await.phase, OperationPhase::Running);
    let after = instances(&lattice, &actor.key).await;
    let ids =
        |list: &[lattice_protocol::ActorInstance]| list.iter().map(|one| one.instance_id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&after), ids(&before));
    assert!(after.iter().all(|one| one.image_ref.as_ref() == Some(&reference)));
    lattice.carry_out("cmd.{host}.sa", json!({"actor_ref": actor.key})).await;
    assert_eq!(events.names(3).await, ["actor_updated", "actors_stopped", "actor_scaled"]);
}

#[tokio::test]
async fn annotations_say_which_instances_are_meant() {
    let lattice = Lattice::start().await;
    let actor = running(&lattice, json!({"color": "blue", "size": "1"})).await;
    for annotations in [json!({"color": "red"}), json!({})] {
        let body = json!({"actor_ref": actor.reference(), "annotations": annotations});
        lattice.carry_out("cmd.{host}.la", body).await;
    }
    let all = |blue: i32, red: i32, none: i32| {
        [("blue".to_owned(), blue), ("none".to_owned(), none), ("red".to_owned(), red)]
    };
    updated(&lattice, to(&next(&lattice, &actor, "v2", 2), json!({"color": "blue"}))).await;
    assert_eq!(revisions(&lattice, &actor.key).await, all(2, 1, 1));
    let inventory = lattice.inventory().await;
    assert_eq!((inventory.actors[0].revision, inventory.actors[0].name.as_deref()), (2, Some("v2")));
    // An older image that starts beside it does not take the lattice's claims back.
    let body = json!({"actor_ref": actor.reference(), "annotations": {"color": "green"}});
    lattice.carry_out("cmd.{host}.la", body).await;
    let claims: serde_json::Value =
        serde_json::from_slice(&lattice.ask("get.claims", "{}").await.payload).expect("JSON");
    assert_eq!(claims["claims"][0]["rev"], "2");
    lattice.carry_out("cmd.{host}.sa", json!({"actor_ref": actor.key, "annotations": {"color": "green"}})).await;
    // All that are meant or none: the red ones could be updated, the blue ones run something newer.
    updated(&lattice, to(&next(&lattice, &actor, "v4", 4), json!({"size": "1"}))).await;
    let record = updated(&lattice, to(&next(&lattice, &actor, "v3", 3), json!({}))).await;
    assert_eq!(record.phase, OperationPhase::Failed);
    assert_eq!(revisions(&lattice, &actor.key).await, all(4, 1, 1));
    updated(&lattice, to(&next(&lattice, &actor, "v6", 6), json!({}))).await;
    assert_eq!(revisions(&lattice, &actor.key).await, all(6, 6, 6));
}

#[tokio::test]
async fn what_is_known_is_refused_at_once() {
    let lattice = Lattice::start().await;
    let actor = image(&lattice, &ModuleSeed::generate(), "v1", &guests::echo(), 1);
    let ack = lattice.command("cmd.{host}.upd", to(&actor, json!({}))).await;
    assert_eq!((ack.error.as_str(), ack.code), ("actor not found", Some(RefusalCode::NotRunning)));
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": actor.reference()})).await;
    let ack = lattice.command("cmd.{host}.upd", to(&actor, json!({"color": "blue"}))).await;
    let text = "actor instance with matching annotations not found";
    assert_eq!((ack.error.as_str(), ack.code), (text, Some(RefusalCode::NotRunning)));
    let body = json!({"actor_id": actor.key, "new_actor_ref": "not a reference!"});
    assert_eq!(lattice.command("cmd.{host}.upd", body).await.code, Some(RefusalCode::Invalid));
}

#[tokio::test]
async fn after_a_restart_the_new_version_runs() {
    let lattice = Lattice::start().await;
    let actor = running(&lattice, json!({})).await;
    let new = next(&lattice, &actor, "v2", 2);
    updated(&lattice, to(&new, json!({}))).await;
    // What ran is kept, though the image is gone.
    std::fs::remove_file(&new.path).expect("it is there");
    let lattice = lattice.restart().await;
    lattice.host.restored().await;
    assert_eq!(says(&lattice, &actor.key).await, "v2");
    let instances = instances(&lattice, &actor.key).await;
    assert_eq!(instances.len(), 3);
    assert!(instances.iter().all(|one| one.image_ref.as_ref() == Some(&new.reference())));
}
