//! A thousand starts and stops, and many calls, leave nothing behind: no thread, no file, no subscription, no memory.

mod support;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicIsize, Ordering},
    time::Duration,
};

use lattice_claims::InvocationSigner;
use lattice_client::{CallTarget, Caller};
use lattice_protocol::LatticeName;
use lattice_testkit::{NatsOptions, NatsServer, eventually, guests};
use serde_json::{Value, json};
use support::{DEADLINE, Lattice, Seeds, TestActor, config};

/// After these the host remembers as many operations as it ever does.
const WARM_UP: usize = 300;
const CYCLES: usize = 1000;
/// Bytes by which memory may grow in a cycle.
const GROWTH: isize = 1000;

const FIRST_CALLS: usize = 4000;
const CALLS: usize = 20_000;
/// Callers at the same time, twice as many as the actor has places.
const CALLERS: usize = 16;
/// Bytes by which memory may grow in a call: less than anything that could be kept of it.
const GROWTH_OF_CALL: isize = 4;

/// A server that tells its own numbers to a user of the system account.
const ACCOUNTS: &str = r#"
accounts {
  SYS: { users: [{ user: system, password: system }] }
  APP: { jetstream: enabled, users: [{ user: app, password: app }] }
}
system_account: SYS
no_auth_user: app
"#;

/// Counts the bytes that are allocated and not freed.
struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as isize, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Debug, PartialEq, Eq)]
struct Resources {
    threads: usize,
    files: usize,
    subscriptions: u64,
}

#[derive(Debug)]
struct Memory {
    heap: isize,
    resident: isize,
}

#[test]
fn a_thousand_cycles_and_many_calls_leave_nothing_behind() {
    // Threads for blocking work end soon after their work, so that their number tells something.
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).thread_keep_alive(Duration::from_millis(20)).enable_all().build();
    runtime.expect("a runtime").block_on(cycles());
}

#[allow(clippy::print_stderr, reason = "the figures are for whoever runs it with --nocapture")]
async fn cycles() {
    let nats = NatsServer::start_with(NatsOptions { config: ACCOUNTS.to_owned(), ..Default::default() }).await;
    let options = async_nats::ConnectOptions::with_user_and_password("system".into(), "system".into());
    let system = options.connect(nats.url()).await.expect("the system account is open");
    let client = nats.client().await;
    let (dir, seeds) = (tempfile::tempdir().expect("a temporary directory"), Seeds::generate());
    let host = lattice_host::Host::start(config(&client, &seeds, &dir)).await.expect("the host starts");
    let lattice = Lattice { nats, client, host, seeds, dir };
    let actor = lattice.actor("cycled", &guests::echo());
    let start = json!({"actor_ref": actor.reference(), "count": 3});
    let stop = json!({"actor_ref": actor.key});
    let cycle = async || {
        lattice.carry_out("cmd.{host}.la", start.clone()).await;
        lattice.carry_out("cmd.{host}.sa", stop.clone()).await;
    };

    for _ in 0..WARM_UP {
        cycle().await;
    }
    let (resources, memory) = (at_rest(&system).await, Memory::now());
    for _ in 0..CYCLES {
        cycle().await;
    }
    let (resources_after, memory_after) = (at_rest(&system).await, Memory::now());
    eprintln!("{resources:?} {memory:?} before, {resources_after:?} {memory_after:?} after {CYCLES} cycles");
    assert_eq!(resources_after, resources);
    let cycles = CYCLES as isize;
    assert!((memory_after.heap - memory.heap) / cycles < GROWTH, "the heap grew from {memory:?} to {memory_after:?}");
    assert!((memory_after.resident - memory.resident) / cycles < GROWTH, "{memory:?} became {memory_after:?}");
    calls(&lattice, &system, &actor).await;
}

#[allow(clippy::print_stderr, reason = "the figures are for whoever runs it with --nocapture")]
async fn calls(lattice: &Lattice, system: &async_nats::Client, actor: &TestActor) {
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": actor.reference(), "count": CALLERS / 2})).await;
    call_often(lattice, actor, FIRST_CALLS).await;
    let (resources, memory) = (at_rest(system).await, Memory::now());
    call_often(lattice, actor, CALLS).await;
    let (resources_after, memory_after) = (at_rest(system).await, Memory::now());
    eprintln!("{resources:?} {memory:?} before, {resources_after:?} {memory_after:?} after {CALLS} calls");
    assert_eq!(resources_after, resources);
    let grown = (memory_after.heap - memory.heap) / CALLS as isize;
    assert!(grown < GROWTH_OF_CALL, "the heap grew from {memory:?} to {memory_after:?}");
}

async fn call_often(lattice: &Lattice, actor: &TestActor, times: usize) {
    let signer = InvocationSigner::new(lattice.seeds.cluster.clone());
    let caller = Caller::new(lattice.client.clone(), LatticeName::default(), signer);
    let target = CallTarget::Actor(actor.key.clone());
    let one_by_one = async || {
        for _ in 0..times / CALLERS {
            let answer = caller.call(&target, "Echo.Say", vec![7_u8; 128], DEADLINE).await;
            assert_eq!(answer.expect("an answer").len(), 128);
        }
    };
    futures::future::join_all((0..CALLERS).map(|_| one_by_one())).await;
}

/// The resources when no thread for blocking work is left over from what was done last.
async fn at_rest(system: &async_nats::Client) -> Resources {
    let mut last = None;
    eventually("the process is at rest", DEADLINE, async || {
        let now = Some(measure(system).await);
        let rests = now == last && !has_blocking_threads();
        last = now;
        if rests { last.take() } else { None }
    })
    .await
}

/// Whether a thread beyond the two that the runtime keeps belongs to it.
fn has_blocking_threads() -> bool {
    let threads = std::fs::read_dir("/proc/self/task").expect("the system tells");
    let names = threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("tokio-")).count() > 2
}

async fn measure(system: &async_nats::Client) -> Resources {
    let answer = system.request("$SYS.REQ.SERVER.PING.SUBSZ", "".into()).await.expect("the server answers");
    let told: Value = serde_json::from_slice(&answer.payload).expect("JSON");
    Resources {
        threads: entries("/proc/self/task"),
        files: entries("/proc/self/fd"),
        subscriptions: told["data"]["num_subscriptions"].as_u64().expect("a number"),
    }
}

fn entries(directory: &str) -> usize {
    std::fs::read_dir(directory).expect("the system tells").count()
}

impl Memory {
    fn now() -> Self {
        let pages = std::fs::read_to_string("/proc/self/statm").expect("the system tells");
        let resident: isize = pages.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("a number of pages");
        Self { heap: LIVE.load(Ordering::Relaxed), resident: resident * 4096 }
    }
}
