//! Commands in quick succession, whose images are fetched at the same time, end as if each had waited for the one before.

mod support;

use lattice_testkit::guests;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use support::Lattice;

#[derive(Clone, Copy, Debug)]
enum Command {
    Start(u16),
    Scale(u16),
    ScaleByKey(u16),
    Stop(u16),
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        3 => (1_u16..6).prop_map(Command::Start),
        2 => (0_u16..6).prop_map(Command::Scale),
        1 => (0_u16..6).prop_map(Command::ScaleByKey),
        2 => (0_u16..6).prop_map(Command::Stop),
    ]
}

/// The number of instances when each command waits for the one before.
fn in_order(commands: &[Command]) -> u16 {
    commands.iter().fold(0, |running, command| match command {
        Command::Start(count) => running + count,
        Command::Scale(count) | Command::ScaleByKey(count) => *count,
        Command::Stop(0) => 0,
        Command::Stop(count) => running.saturating_sub(*count),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quick_commands_end_as_slow_ones() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("a", &guests::echo());
    let (reference, key) = (actor.reference(), actor.key.as_str());
    let request = |command: Command| -> (&str, Value) {
        match command {
            Command::Start(count) => ("la", json!({"actor_ref": reference, "count": count})),
            Command::Scale(count) => ("scale", json!({"actor_ref": reference, "count": count})),
            Command::ScaleByKey(count) => ("scale", json!({"actor_id": key, "actor_ref": reference, "count": count})),
            Command::Stop(count) => ("sa", json!({"actor_ref": key, "count": count})),
        }
    };
    let mut runner = TestRunner::new(Config::default());
    for _ in 0..100 {
        let tree = proptest::collection::vec(command(), 1..10).new_tree(&mut runner).expect("nothing is filtered");
        let commands = tree.current();
        let mut accepted = Vec::new();
        for command in &commands {
            let (verb, body) = request(*command);
            let ack = lattice.command(&format!("cmd.{{host}}.{verb}"), body).await;
            // Only what is known to change nothing is refused: a stop of what does not run.
            assert!(ack.accepted || matches!(command, Command::Stop(_)), "{command:?}: {}", ack.error);
            accepted.extend(ack.accepted.then_some(ack));
        }
        for ack in &accepted {
            lattice.finished(ack).await;
        }
        let running: usize = lattice.counts(&actor.key).await.iter().map(|(_, count)| count).sum();
        assert_eq!(running, usize::from(in_order(&commands)), "{commands:?}");
        lattice.carry_out("cmd.{host}.scale", json!({"actor_ref": reference, "count": 0})).await;
    }
}
