//! Starts that take their time: however long a fetch takes, nobody is told that it failed when it did not.
//!
//! Time is paused and moved on in steps, in each of which the real server and the real host do what is due.

mod support;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use futures::FutureExt;
use lattice_client::{Client, ClientSettings, Operation, Settled};
use lattice_host::BeforeFetch;
use lattice_protocol::{Annotations, HostKey, OperationId, OperationPhase, StartActor};
use lattice_testkit::{NatsServer, guests};
use support::Lattice;
use tokio::{task::JoinSet, time};

const STARTS: usize = 1000;
/// The longest that a fetch takes.
const LONGEST: u64 = 30_000;
/// How far time is moved at once: short beside every limit that it makes run out.
const STEP: Duration = Duration::from_millis(100);

/// Delays that are spread over their range and the same in every run.
fn delays() -> BeforeFetch {
    let drawn = AtomicU64::new(0);
    BeforeFetch::new(move || {
        let number = drawn.fetch_add(1, Ordering::Relaxed);
        // A multiplicative generator: neighbours land far from each other.
        let delay = number.wrapping_mul(6_364_136_223_846_793_005).rotate_right(29) % (LONGEST + 1);
        time::sleep(Duration::from_millis(delay)).boxed()
    })
}

/// Keeps paused time from moving by itself while it is held: Tokio moves it only when no thread of its own is busy.
struct Held {
    _held: std::sync::mpsc::Sender<()>,
}

impl Held {
    fn hold() -> Self {
        let (sender, receiver) = std::sync::mpsc::channel();
        // Ends with the error that the sender's end is.
        tokio::task::spawn_blocking(move || receiver.recv());
        Self { _held: sender }
    }
}

async fn client(nats: &NatsServer) -> Client {
    Client::new(nats.client().await, ClientSettings::default())
}

async fn start(client: Client, host: HostKey, reference: String) -> Operation {
    let command = StartActor {
        actor_ref: reference,
        annotations: Annotations::new(),
        count: 1.into(),
        host_id: None,
        lattice_id: None,
    };
    client.start_actor(&host, command).await.expect("the host takes it on")
}

/// Moves time on until all tasks have ended.
async fn until_done<T: 'static>(tasks: &mut JoinSet<T>, client: &Client, host: &HostKey) -> Vec<T> {
    let mut done = Vec::new();
    while !tasks.is_empty() {
        step(client, host).await;
        while let Some(ended) = tasks.try_join_next() {
            done.push(ended.expect("no panic"));
        }
    }
    done
}

/// Lets everything happen that is due, then moves time. The host answers in order, so that it has seen what came before.
async fn step(client: &Client, host: &HostKey) {
    client.inventory(host).await.expect("the host answers");
    time::advance(STEP).await;
}

fn is_running(settled: &Settled) -> bool {
    matches!(settled, Settled::ByOperation(record) if record.phase == OperationPhase::Running)
}

#[tokio::test]
async fn no_start_is_reported_as_failed_that_succeeds() {
    let lattice = Lattice::start_with(|config| config.before_fetch = Some(delays())).await;
    let host = lattice.host_key();
    let actor = lattice.actor("slow", &guests::echo());
    let (first, second) = (client(&lattice.nats).await, client(&lattice.nats).await);
    let held = Held::hold();
    time::pause();

    let mut starts = JoinSet::new();
    for _ in 0..STARTS {
        starts.spawn(start(first.clone(), host.clone(), actor.reference()));
    }
    let operations = until_done(&mut starts, &second, &host).await;
    let ids: Vec<OperationId> = operations.iter().map(|operation| operation.id().clone()).collect();

    // Half of those who wait go away with their connection, halfway, and somebody else asks for them.
    let (stay, go): (Vec<_>, Vec<_>) = operations.into_iter().enumerate().partition(|(number, _)| number % 2 == 0);
    let waits = |operation: Operation| operation.wait(Duration::from_secs(3600));
    let mut leaving = JoinSet::new();
    go.into_iter().for_each(|(_, operation)| drop(leaving.spawn(waits(operation))));
    let mut waiting = JoinSet::new();
    for (_, operation) in stay {
        waiting.spawn(waits(second.operation(&host, operation.id().clone())));
    }
    for _ in 0..LONGEST / 2 / u64::try_from(STEP.as_millis()).expect("a small number") {
        step(&second, &host).await;
    }
    leaving.shutdown().await;
    drop(first);
    for id in ids.iter().skip(1).step_by(2) {
        waiting.spawn(waits(second.operation(&host, id.clone())));
    }
    let settled = until_done(&mut waiting, &second, &host).await;
    assert_eq!(settled.len(), STARTS);
    for settled in settled {
        let settled = settled.expect("every start succeeds");
        assert!(is_running(&settled), "{settled:?}");
    }
    assert_eq!(lattice.counts(&actor.key).await, [("{}".to_owned(), STARTS)]);
    time::resume();
    drop(held);
}
