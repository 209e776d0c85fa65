//! What other commands mean for an update that is still being made ready.

use lattice_protocol::{Ack, ControlSubject, Format, OperationPhase, OperationQuery, OperationRecord, decode, encode};
use lattice_testkit::guests;
use serde_json::json;

use super::{
    ModuleSeed, image, next, revisions, running, says,
    support::{DEADLINE, Lattice, TestActor, gate::Gate},
    to,
};

/// Three instances of an actor, and an update of it that is not ready before the gate opens.
struct Pending {
    lattice: Lattice,
    gate: Gate,
    actor: TestActor,
    new: TestActor,
    ack: Ack,
}

impl Pending {
    async fn start() -> Self {
        let lattice = Lattice::start_with(|config| config.call_deadline = DEADLINE).await;
        let gate = Gate::start(&lattice).await;
        let actor = running(&lattice, json!({})).await;
        let new = image(&lattice, &actor.seed, "slow", &guests::hesitant(gate.key.as_str()), 2);
        let ack = lattice.command("cmd.{host}.upd", to(&new, json!({}))).await;
        assert!(ack.accepted, "{}", ack.error);
        gate.reached().await;
        Self { lattice, gate, actor, new, ack }
    }

    /// Has the update be ready, and returns how it ended.
    async fn finish(&self) -> OperationRecord {
        self.gate.let_through(1000);
        self.lattice.finished(&self.ack).await
    }

    async fn count(&self) -> usize {
        self.lattice.counts(&self.actor.key).await.iter().map(|(_, count)| count).sum()
    }

    async fn revisions(&self) -> Vec<i32> {
        revisions(&self.lattice, &self.actor.key).await.into_iter().map(|(_, revision)| revision).collect()
    }

    /// How an operation stands now.
    async fn phase(&self, ack: &Ack) -> OperationPhase {
        let operation_id = ack.operation_id.clone().expect("our hosts tell the operation");
        let subject = self.lattice.subjects().build(&ControlSubject::Operation { host: self.lattice.host_key() });
        let query = OperationQuery { operation_id, past: None, wait: 0 };
        let body = encode(&query, Format::MESSAGE_PACK);
        let answer = self.lattice.client.request(subject, body.into()).await.expect("an answer");
        let record: OperationRecord = decode(&answer.payload).expect("a record");
        record.phase
    }
}

#[tokio::test]
async fn nothing_waits_for_an_update_that_is_being_made_ready() {
    let pending = Pending::start().await;
    let lattice = &pending.lattice;
    assert_eq!(says(lattice, &pending.actor.key).await, "v1");
    let scale = json!({"actor_id": pending.actor.key, "actor_ref": pending.actor.reference(), "count": 5});
    assert_eq!(lattice.carry_out("cmd.{host}.scale", scale).await.phase, OperationPhase::Running);
    let start = json!({"actor_ref": pending.actor.reference(), "count": 2});
    assert_eq!(lattice.carry_out("cmd.{host}.la", start).await.phase, OperationPhase::Running);
    lattice.carry_out("cmd.{host}.sa", json!({"actor_ref": pending.actor.key, "count": 1})).await;
    let other = lattice.actor("other", &guests::echo());
    let start = json!({"actor_ref": other.reference()});
    assert_eq!(lattice.carry_out("cmd.{host}.la", start).await.phase, OperationPhase::Running);
    assert_eq!((pending.count().await, pending.revisions().await), (6, vec![1]));
    assert_eq!(pending.finish().await.phase, OperationPhase::Running);
    assert_eq!((pending.count().await, pending.revisions().await), (6, vec![2]));
}

#[tokio::test]
async fn a_later_stop_of_everything_supersedes_it() {
    let pending = Pending::start().await;
    let stop = json!({"actor_ref": pending.actor.key});
    assert_eq!(pending.lattice.carry_out("cmd.{host}.sa", stop).await.phase, OperationPhase::Stopped);
    let mut events = pending.lattice.events().await;
    let record = pending.finish().await;
    assert_eq!(record.phase, OperationPhase::Failed);
    assert!(record.causes[0].contains("a later command"), "{:?}", record.causes);
    assert_eq!(events.next_change().await.name(), "actor_update_failed");
    assert_eq!(pending.count().await, 0);
}

#[tokio::test]
async fn what_started_after_it_is_not_its_business() {
    let pending = Pending::start().await;
    pending.lattice.carry_out("cmd.{host}.sa", json!({"actor_ref": pending.actor.key})).await;
    let start = json!({"actor_ref": pending.actor.reference(), "count": 2});
    assert_eq!(pending.lattice.carry_out("cmd.{host}.la", start).await.phase, OperationPhase::Running);
    let record = pending.finish().await;
    assert!(record.causes[0].contains("a later command"), "{:?}", record.causes);
    assert_eq!((pending.count().await, pending.revisions().await), (2, vec![1]));
}

#[tokio::test]
async fn a_later_update_supersedes_it() {
    let pending = Pending::start().await;
    let newer = next(&pending.lattice, &pending.actor, "v3", 3);
    let record = pending.lattice.carry_out("cmd.{host}.upd", to(&newer, json!({}))).await;
    assert_eq!(record.phase, OperationPhase::Running);
    assert_eq!(pending.finish().await.phase, OperationPhase::Failed);
    assert_eq!(says(&pending.lattice, &pending.actor.key).await, "v3");
}

#[tokio::test]
async fn a_later_start_of_its_image_waits_for_it_alone() {
    let pending = Pending::start().await;
    let lattice = &pending.lattice;
    let start = json!({"actor_ref": pending.new.reference(), "count": 2});
    let ack = lattice.command("cmd.{host}.la", start).await;
    // What comes after it does not wait.
    lattice.carry_out("cmd.{host}.sa", json!({"actor_ref": pending.actor.key, "count": 1})).await;
    assert!(!pending.phase(&ack).await.is_final());
    assert_eq!((pending.count().await, pending.revisions().await), (2, vec![1]));
    assert_eq!(pending.finish().await.phase, OperationPhase::Running);
    let record = lattice.finished(&ack).await;
    assert_eq!((record.phase, record.causes), (OperationPhase::Running, Vec::new()));
    assert_eq!((pending.count().await, pending.revisions().await), (4, vec![2]));
}

#[tokio::test]
async fn a_later_scale_to_its_image_is_done_after_it() {
    let pending = Pending::start().await;
    let scale = json!({"actor_ref": pending.new.reference(), "count": 5});
    let ack = pending.lattice.command("cmd.{host}.scale", scale).await;
    assert_eq!(pending.finish().await.phase, OperationPhase::Running);
    let record = pending.lattice.finished(&ack).await;
    assert_eq!((record.phase, record.causes), (OperationPhase::Running, Vec::new()));
    assert_eq!((pending.count().await, pending.revisions().await), (5, vec![2]));
}

#[tokio::test]
async fn what_waits_for_an_update_that_fails_fails_too() {
    let lattice = Lattice::start_with(|config| config.call_deadline = DEADLINE).await;
    let gate = Gate::start(&lattice).await;
    let actor = running(&lattice, json!({})).await;
    // An older image, which is found out only when it is ready.
    let old = image(&lattice, &actor.seed, "old", &guests::hesitant(gate.key.as_str()), 0);
    let update = lattice.command("cmd.{host}.upd", to(&old, json!({}))).await;
    gate.reached().await;
    let start = lattice.command("cmd.{host}.la", json!({"actor_ref": old.reference()})).await;
    gate.let_through(1);
    assert!(lattice.finished(&update).await.causes[0].contains("revision"));
    let record = lattice.finished(&start).await;
    assert!(record.causes[0].contains("from another image"), "{:?}", record.causes);
    assert_eq!(says(&lattice, &actor.key).await, "v1");
}

#[tokio::test]
async fn a_host_that_stops_gives_it_up() {
    let pending = Pending::start().await;
    let Pending { lattice, gate: _gate, actor, .. } = pending;
    let lattice = lattice.restart().await;
    lattice.host.restored().await;
    assert_eq!(says(&lattice, &actor.key).await, "v1");
}

#[tokio::test]
async fn an_update_right_after_a_start_is_in_order() {
    let lattice = Lattice::start().await;
    for turn in 0..20 {
        let actor = image(&lattice, &ModuleSeed::generate(), &format!("a{turn}"), &guests::say("v1"), 1);
        let new = next(&lattice, &actor, &format!("b{turn}"), 2);
        let start = json!({"actor_ref": actor.reference(), "count": 2});
        let started = lattice.command("cmd.{host}.la", start).await;
        let update = lattice.command("cmd.{host}.upd", to(&new, json!({}))).await;
        assert!(update.accepted, "{}", update.error);
        assert_eq!(lattice.finished(&started).await.phase, OperationPhase::Running);
        let record = lattice.finished(&update).await;
        assert_eq!((record.phase, record.causes), (OperationPhase::Running, Vec::new()));
        assert_eq!(revisions(&lattice, &actor.key).await, [("none".to_owned(), 2)]);
    }
}
