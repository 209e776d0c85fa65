//! How many instances a host runs at most: what is beyond is refused at once, and nothing is half done.

mod support;

use lattice_protocol::{Ack, OperationPhase, RefusalCode, decode};
use lattice_testkit::guests;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use support::{Lattice, TestActor, config};

async fn lattice() -> Lattice {
    Lattice::start_with(|config| config.max_instances = Some(5)).await
}

fn start(actor: &TestActor, count: u16) -> Value {
    json!({"actor_ref": actor.reference(), "count": count})
}

fn assert_full(ack: &Ack) {
    assert_eq!((ack.accepted, ack.code), (false, Some(RefusalCode::Full)), "{}", ack.error);
}

#[tokio::test]
async fn what_is_beyond_the_bound_is_refused_at_once() {
    let lattice = lattice().await;
    let (one, two) = (lattice.actor("one", &guests::echo()), lattice.actor("two", &guests::trap()));
    lattice.carry_out("cmd.{host}.la", start(&one, 3)).await;
    let ack = lattice.command("cmd.{host}.la", start(&two, 3)).await;
    assert_full(&ack);
    assert_eq!(ack.error, "the host may run 5 instances, 3 run or are about to, and there is no room for 3 more");
    // Without a number of its own a scale means as many as there can be.
    assert_full(&lattice.command("cmd.{host}.scale", json!({"actor_ref": two.reference(), "count": null})).await);
    // A scale takes room for what it adds.
    assert_full(&lattice.command("cmd.{host}.scale", start(&one, 6)).await);
    assert_full(&lattice.command("cmd.{host}.scale", json!({"actor_id": one.key, "actor_ref": "", "count": 6})).await);
    assert_eq!(lattice.carry_out("cmd.{host}.scale", start(&one, 5)).await.phase, OperationPhase::Running);
    assert_full(&lattice.command("cmd.{host}.la", start(&two, 1)).await);
    assert_eq!(lattice.carry_out("cmd.{host}.scale", start(&one, 4)).await.phase, OperationPhase::Running);
    assert_eq!(lattice.carry_out("cmd.{host}.la", start(&two, 1)).await.phase, OperationPhase::Running);
    lattice.carry_out("cmd.{host}.sa", json!({"actor_ref": one.key, "count": 1})).await;
    lattice.carry_out("cmd.{host}.sa", json!({"actor_ref": two.key})).await;
    assert_eq!(lattice.carry_out("cmd.{host}.la", start(&two, 2)).await.phase, OperationPhase::Running);
    assert_full(&lattice.command("cmd.{host}.la", start(&two, 1)).await);
}

#[tokio::test]
async fn commands_at_the_same_time_do_not_exceed_it() {
    let lattice = lattice().await;
    let actors: Vec<_> = (0..4).map(|index| lattice.actor(&format!("a{index}"), &guests::echo())).collect();
    let subject = format!("wasmbus.ctl.default.cmd.{}.la", lattice.host_key());
    for _ in 0..10 {
        let bodies = (0..16).map(|index| start(&actors[index % 4], 1).to_string());
        let asked = bodies.map(|body| lattice.client.request(subject.clone(), body.into()));
        let answers = futures::future::join_all(asked).await;
        let acks: Vec<Ack> =
            answers.into_iter().map(|answer| decode(&answer.expect("an answer").payload).expect("an ack")).collect();
        let (accepted, refused): (Vec<_>, Vec<_>) = acks.into_iter().partition(|ack| ack.accepted);
        assert_eq!(accepted.len(), 5);
        refused.iter().for_each(assert_full);
        for ack in &accepted {
            assert_eq!(lattice.finished(ack).await.phase, OperationPhase::Running);
        }
        for actor in lattice.inventory().await.actors {
            lattice.carry_out("cmd.{host}.sa", json!({"actor_ref": actor.id})).await;
        }
    }
}

/// A verb, one of two actors, and a count.
fn command() -> impl Strategy<Value = (&'static str, usize, u16)> {
    (prop_oneof![Just("la"), Just("scale"), Just("sa"), Just("upd")], 0..2_usize, 0..7_u16)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_comes_no_room_is_exceeded_or_lost() {
    let lattice = lattice().await;
    let actors = [lattice.actor("one", &guests::echo()), lattice.actor("two", &guests::say("two"))];
    let copies = [("copy1", guests::echo()), ("copy2", guests::say("two"))];
    let copies = [0, 1].map(|index| lattice.actor_with(copies[index].0, &copies[index].1, &actors[index].seed, |_| {}));
    let mut runner = TestRunner::new(Config::default());
    for _ in 0..100 {
        let tree = proptest::collection::vec(command(), 1..12).new_tree(&mut runner).expect("nothing is filtered");
        let commands = tree.current();
        let mut accepted = Vec::new();
        for (verb, index, count) in &commands {
            let (actor, copy) = (&actors[*index], &copies[*index]);
            let body = match *verb {
                "sa" => json!({"actor_ref": actor.key, "count": count}),
                "upd" => json!({"actor_id": actor.key, "new_actor_ref": copy.reference()}),
                _ => start(if count % 2 == 0 { actor } else { copy }, *count),
            };
            let ack = lattice.command(&format!("cmd.{{host}}.{verb}"), body).await;
            accepted.extend(ack.accepted.then_some(ack));
        }
        for ack in &accepted {
            lattice.finished(ack).await;
        }
        let counts = futures::future::join_all(actors.iter().map(|actor| lattice.counts(&actor.key))).await.concat();
        assert!(counts.iter().map(|(_, count)| count).sum::<usize>() <= 5, "{commands:?}: {counts:?}");
        for actor in &actors {
            lattice.command("cmd.{host}.sa", json!({"actor_ref": actor.key})).await;
            lattice.carry_out("cmd.{host}.scale", json!({"actor_id": actor.key, "actor_ref": "", "count": 0})).await;
        }
        // All the room is there again.
        assert_eq!(lattice.carry_out("cmd.{host}.la", start(&actors[0], 5)).await.phase, OperationPhase::Running);
        lattice.carry_out("cmd.{host}.sa", json!({"actor_ref": actors[0].key})).await;
    }
}

#[tokio::test]
async fn what_fails_gives_its_room_back() {
    let lattice = lattice().await;
    let actor = lattice.actor("a", &guests::echo());
    let missing = json!({"actor_ref": format!("file://{}/missing.wasm", lattice.dir.path().display()), "count": 5});
    let unfit = lattice.actor("unfit", b"\0asm\x01\0\0\0");
    for _ in 0..3 {
        for body in [missing.clone(), start(&unfit, 5)] {
            assert_eq!(lattice.carry_out("cmd.{host}.la", body.clone()).await.phase, OperationPhase::Failed);
            assert_eq!(lattice.carry_out("cmd.{host}.scale", body).await.phase, OperationPhase::Failed);
        }
    }
    assert_eq!(lattice.carry_out("cmd.{host}.la", start(&actor, 5)).await.phase, OperationPhase::Running);
}

#[tokio::test]
async fn an_update_needs_no_room() {
    let lattice = lattice().await;
    let old = lattice.actor("old", &guests::echo());
    lattice.carry_out("cmd.{host}.la", start(&old, 5)).await;
    for revision in 1..4 {
        let name = format!("new{revision}");
        let new = lattice.actor_with(&name, &guests::echo(), &old.seed, |claims| claims.revision = Some(revision));
        let body = json!({"actor_id": new.key, "new_actor_ref": new.reference()});
        assert_eq!(lattice.carry_out("cmd.{host}.upd", body).await.phase, OperationPhase::Running);
        assert_full(&lattice.command("cmd.{host}.la", start(&new, 1)).await);
    }
}

#[tokio::test]
async fn what_has_no_room_after_a_restart_is_kept_until_there_is_some() {
    let lattice = Lattice::start().await;
    let (one, two) = (lattice.actor("one", &guests::echo()), lattice.actor("two", &guests::trap()));
    lattice.carry_out("cmd.{host}.la", start(&one, 3)).await;
    lattice.carry_out("cmd.{host}.la", start(&two, 3)).await;
    let Lattice { nats, client, host, seeds, dir } = lattice;
    host.stop(None).await;
    let mut small = config(&client, &seeds, &dir);
    small.max_instances = Some(5);
    let host = lattice_host::Host::start(small).await.expect("the host starts again");
    host.restored().await;
    let lattice = Lattice { nats, client, host, seeds, dir };
    assert_eq!(lattice.inventory().await.actors.len(), 1);
    let lattice = lattice.restart().await;
    lattice.host.restored().await;
    assert_eq!(lattice.inventory().await.actors.len(), 2);
}

#[tokio::test]
async fn a_scale_of_what_runs_under_another_key_is_refused_at_once() {
    let lattice = lattice().await;
    let (one, two) = (lattice.actor("one", &guests::echo()), lattice.actor("two", &guests::trap()));
    lattice.carry_out("cmd.{host}.la", start(&one, 1)).await;
    let body = json!({"actor_id": two.key, "actor_ref": one.reference(), "count": 2});
    let ack = lattice.command("cmd.{host}.scale", body).await;
    assert_eq!((ack.accepted, ack.code), (false, Some(RefusalCode::Conflict)));
    assert!(ack.error.contains(one.key.as_str()) && ack.error.contains(two.key.as_str()), "{}", ack.error);
    assert_eq!(lattice.counts(&one.key).await.len(), 1);
}
