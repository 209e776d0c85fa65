//! Starting, scaling and stopping actors: counts, annotations, order, events.

mod support;

use lattice_claims::ModuleSeed;
use lattice_protocol::{OperationPhase, event::EventData};
use lattice_testkit::guests;
use serde_json::json;
use support::Lattice;

const PLAIN: &str = "{}";
const BLUE: &str = r#"{"color":"blue"}"#;

#[tokio::test]
async fn start_adds_and_scale_sets() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("a", &guests::echo());
    let start = |count: u16| json!({"actor_ref": actor.reference(), "count": count});
    assert_eq!(lattice.carry_out("cmd.{host}.la", start(0)).await.phase, OperationPhase::Running);
    assert_eq!(lattice.counts(&actor.key).await, [(PLAIN.to_owned(), 1)]);
    lattice.carry_out("cmd.{host}.la", start(2)).await;
    assert_eq!(lattice.counts(&actor.key).await, [(PLAIN.to_owned(), 3)]);
    lattice.carry_out("cmd.{host}.scale", start(2)).await;
    assert_eq!(lattice.counts(&actor.key).await, [(PLAIN.to_owned(), 2)]);
    lattice.carry_out("cmd.{host}.scale", start(65_535)).await;
    assert_eq!(lattice.counts(&actor.key).await, [(PLAIN.to_owned(), 65_535)]);
    let record = lattice.carry_out("cmd.{host}.la", start(1)).await;
    assert_eq!(record.phase, OperationPhase::Failed);
    assert!(record.causes[0].contains("beyond the limit of 65535"), "{:?}", record.causes);
    let record = lattice.carry_out("cmd.{host}.scale", start(0)).await;
    assert_eq!(record.phase, OperationPhase::Stopped);
    assert!(lattice.counts(&actor.key).await.is_empty());
}

#[tokio::test]
async fn null_means_without_bound_and_never_zero() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("a", &guests::echo());
    lattice.carry_out("cmd.{host}.scale", json!({"actor_ref": actor.reference(), "count": null})).await;
    assert_eq!(lattice.counts(&actor.key).await, [(PLAIN.to_owned(), 65_535)]);
}

#[tokio::test]
async fn annotation_sets_are_kept_apart() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("a", &guests::echo());
    let reference = actor.reference();
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": reference, "count": 2})).await;
    let blue = json!({"color": "blue"});
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": reference, "count": 3, "annotations": blue})).await;
    // Scale means exactly these annotations.
    lattice.carry_out("cmd.{host}.scale", json!({"actor_ref": reference, "count": 1})).await;
    assert_eq!(lattice.counts(&actor.key).await, [(PLAIN.to_owned(), 1), (BLUE.to_owned(), 3)]);
    // Stop means at least these.
    lattice.carry_out("cmd.{host}.sa", json!({"actor_ref": actor.key, "count": 1, "annotations": blue})).await;
    assert_eq!(lattice.counts(&actor.key).await, [(PLAIN.to_owned(), 1), (BLUE.to_owned(), 2)]);
    let ack = lattice.command("cmd.{host}.sa", json!({"actor_ref": actor.key, "annotations": {"color": "red"}})).await;
    assert_eq!(ack.error, "no actors with matching annotations found to stop");
    lattice.carry_out("cmd.{host}.sa", json!({"actor_ref": actor.key})).await;
    assert!(lattice.counts(&actor.key).await.is_empty());
    let ack = lattice.command("cmd.{host}.sa", json!({"actor_ref": actor.key})).await;
    assert_eq!(ack.error, "actor is not running on this host");
}

#[tokio::test]
async fn two_versions_serve_side_by_side_by_annotations() {
    let lattice = Lattice::start().await;
    let seed = ModuleSeed::generate();
    let one = lattice.actor_with("one", &guests::echo(), &seed, |claims| claims.revision = Some(1));
    let two = lattice.actor_with("two", &guests::trap(), &seed, |claims| claims.revision = Some(2));
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": one.reference()})).await;
    let record = lattice.carry_out("cmd.{host}.la", json!({"actor_ref": two.reference()})).await;
    assert_eq!(record.phase, OperationPhase::Failed);
    assert!(record.causes[0].contains("from another image"), "{:?}", record.causes);
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": two.reference(), "annotations": {"v": "2"}})).await;
    let inventory = lattice.inventory().await;
    let revisions: Vec<_> = inventory.actors[0].instances.iter().map(|one| one.revision).collect();
    assert_eq!(revisions, [1, 2]);
}

#[tokio::test]
async fn events_tell_what_happened_in_order() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("a", &guests::echo());
    let mut events = lattice.events().await;
    let ack = lattice.command("cmd.{host}.la", json!({"actor_ref": actor.reference(), "count": 2})).await;
    assert_eq!(events.names(2).await, ["actor_started", "actor_started"]);
    let started = events.next_change().await;
    assert_eq!(started.operationid, ack.operation_id);
    let Some(EventData::ActorsStarted(data)) = started.known_data() else { panic!("{started:?}") };
    assert_eq!((data.public_key, data.count.get()), (actor.key.clone(), 2));
    let scaled = events.next_change().await;
    let Some(EventData::ActorScaled(data)) = scaled.known_data() else { panic!("{scaled:?}") };
    assert_eq!((data.max_instances.get(), data.claims.name.as_deref()), (2, Some("a")));
    lattice.carry_out("cmd.{host}.sa", json!({"actor_ref": actor.key, "count": 1})).await;
    let stopped = events.next_change().await;
    let Some(EventData::ActorsStopped(data)) = stopped.known_data() else { panic!("{stopped:?}") };
    assert_eq!((data.count.get(), data.remaining.get()), (1, 1));
    let scaled = events.next_change().await;
    assert_eq!(scaled.sequence_number(), stopped.sequence_number().map(|number| number + 1));
    assert_eq!(scaled.hostepoch, stopped.hostepoch);
}

#[tokio::test]
async fn failures_are_events_and_operations_with_their_causes() {
    let lattice = Lattice::start().await;
    let mut events = lattice.events().await;
    let missing = format!("file://{}", lattice.dir.path().join("missing.wasm").display());
    let record = lattice.carry_out("cmd.{host}.la", json!({"actor_ref": missing})).await;
    assert_eq!(record.phase, OperationPhase::Failed);
    assert!(record.causes.len() >= 2, "{:?}", record.causes);
    let event = events.next_change().await;
    let Some(EventData::ActorsStartFailed(data)) = event.known_data() else { panic!("{event:?}") };
    assert_eq!(
        (data.error, data.actor_ref, data.public_key.as_str()),
        (record.causes.join(": "), missing.clone(), "N/A")
    );
    let actor = lattice.actor("a", &guests::echo());
    let other = lattice.actor("b", &guests::echo());
    let body = json!({"actor_id": other.key, "actor_ref": actor.reference(), "count": 1});
    let record = lattice.carry_out("cmd.{host}.scale", body).await;
    assert!(record.causes[0].contains(other.key.as_str()), "{:?}", record.causes);
    assert_eq!(events.next_change().await.name(), "actor_scale_failed");
    assert!(lattice.inventory().await.actors.is_empty());
}

#[tokio::test]
async fn contradictory_commands_are_applied_in_order() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("a", &guests::echo());
    let reference = actor.reference();
    let start = json!({"actor_ref": reference, "count": 3});
    for _ in 0..20 {
        let (started, stopped) =
            (lattice.command("cmd.{host}.la", start.clone()).await, json!({"actor_ref": actor.key}));
        let stopped = lattice.command("cmd.{host}.sa", stopped).await;
        let again = lattice.command("cmd.{host}.la", json!({"actor_ref": reference, "count": 1})).await;
        for ack in [started, stopped, again] {
            assert!(ack.accepted, "{}", ack.error);
            lattice.finished(&ack).await;
        }
        assert_eq!(lattice.counts(&actor.key).await, [(PLAIN.to_owned(), 1)]);
        lattice.carry_out("cmd.{host}.sa", json!({"actor_ref": actor.key})).await;
    }
}

#[tokio::test]
async fn an_operation_id_is_carried_out_once() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("a", &guests::echo());
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Lattice-Operation", "0193d0c5-0000-7000-8000-000000000001");
    let body = json!({"actor_ref": actor.reference(), "count": 2}).to_string();
    for _ in 0..3 {
        let answer = lattice.ask_with("cmd.{host}.la", body.clone(), headers.clone()).await;
        let ack: lattice_protocol::Ack = lattice_protocol::decode(&answer.payload).expect("an ack");
        assert!(ack.accepted);
        lattice.finished(&ack).await;
    }
    assert_eq!(lattice.counts(&actor.key).await, [(PLAIN.to_owned(), 2)]);
    let other = json!({"actor_ref": actor.reference(), "count": 5}).to_string();
    let answer = lattice.ask_with("cmd.{host}.la", other, headers).await;
    let ack: lattice_protocol::Ack = lattice_protocol::decode(&answer.payload).expect("an ack");
    assert_eq!(ack.error, "this operation id belongs to another command");
}
