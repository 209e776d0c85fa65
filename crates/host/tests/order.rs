//! Commands in quick succession, whose images are fetched at the same time, end as if each had waited for the one before.

mod support;

use lattice_claims::ModuleSeed;
use lattice_testkit::guests;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use support::{Lattice, TestActor};

/// Commands of one round.
const MOST: usize = 10;

#[derive(Clone, Copy, Debug)]
enum Command {
    Start(u16),
    Scale(u16),
    ScaleByKey(u16),
    Stop(u16),
    /// To the next revision.
    Update,
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        3 => (1_u16..6).prop_map(Command::Start),
        2 => (0_u16..6).prop_map(Command::Scale),
        1 => (0_u16..6).prop_map(Command::ScaleByKey),
        2 => (0_u16..6).prop_map(Command::Stop),
        2 => Just(Command::Update),
    ]
}

/// What runs when each command waits for the one before.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    count: u16,
    /// The image that runs, or that would be started.
    image: usize,
}

impl State {
    fn after(self, command: Command) -> Self {
        let count = match command {
            Command::Start(count) => self.count + count,
            Command::Scale(count) | Command::ScaleByKey(count) => count,
            Command::Stop(0) => 0,
            Command::Stop(count) => self.count.saturating_sub(count),
            Command::Update => self.count,
        };
        let is_updated = matches!(command, Command::Update) && self.count > 0;
        Self { count, image: self.image + usize::from(is_updated) }
    }
}

fn request(command: Command, images: &[TestActor], state: State) -> (&'static str, Value) {
    let (reference, key) = (images[state.image].reference(), images[0].key.as_str());
    match command {
        Command::Start(count) => ("la", json!({"actor_ref": reference, "count": count})),
        Command::Scale(count) => ("scale", json!({"actor_ref": reference, "count": count})),
        Command::ScaleByKey(count) => ("scale", json!({"actor_id": key, "actor_ref": reference, "count": count})),
        Command::Stop(count) => ("sa", json!({"actor_ref": key, "count": count})),
        Command::Update => ("upd", json!({"actor_id": key, "new_actor_ref": images[state.image + 1].reference()})),
    }
}

/// Sends the commands, waits for the end of each, and tells how many instances run, and from what.
async fn carry_out(lattice: &Lattice, images: &[TestActor], commands: &[Command]) -> (usize, Vec<String>) {
    let mut state = State::default();
    let mut accepted = Vec::new();
    for command in commands {
        let (verb, body) = request(*command, images, state);
        state = state.after(*command);
        let ack = lattice.command(&format!("cmd.{{host}}.{verb}"), body).await;
        // Only what is known to change nothing is refused: a stop or update of what does not run.
        let can_be_refused = matches!(command, Command::Stop(_) | Command::Update);
        assert!(ack.accepted || can_be_refused, "{command:?}: {}", ack.error);
        accepted.extend(ack.accepted.then_some(ack));
    }
    for ack in &accepted {
        lattice.finished(ack).await;
    }
    let running = lattice.inventory().await.actors.into_iter().flat_map(|actor| actor.instances);
    let mut references: Vec<_> = running.map(|instance| instance.image_ref.expect("our hosts tell it")).collect();
    let count = references.len();
    references.dedup();
    (count, references)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quick_commands_end_as_slow_ones() {
    let lattice = Lattice::start().await;
    let seed = ModuleSeed::generate();
    let image = |revision: usize| {
        let change = |claims: &mut lattice_claims::NewModuleClaims| claims.revision = i32::try_from(revision).ok();
        lattice.actor_with(&format!("v{revision}"), &guests::echo(), &seed, change)
    };
    let images: Vec<_> = (0..=MOST).map(image).collect();
    let mut runner = TestRunner::new(Config::default());
    for _ in 0..200 {
        let tree = proptest::collection::vec(command(), 1..MOST).new_tree(&mut runner).expect("nothing is filtered");
        let commands = tree.current();
        let (count, references) = carry_out(&lattice, &images, &commands).await;
        let expect = commands.iter().fold(State::default(), |state, command| state.after(*command));
        let from = if expect.count > 0 { vec![images[expect.image].reference()] } else { Vec::new() };
        assert_eq!((count, references), (usize::from(expect.count), from), "{commands:?}");
        lattice.carry_out("cmd.{host}.scale", json!({"actor_id": seed.public(), "actor_ref": "", "count": 0})).await;
        // Everything is accounted for: what is known not to run is refused.
        let ack = lattice.command("cmd.{host}.sa", json!({"actor_ref": seed.public()})).await;
        assert_eq!(ack.error, "actor is not running on this host");
    }
}
