//! Updates under load: no call is lost, whether it comes through the lattice or from an actor beside.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use lattice_claims::InvocationSigner;
use lattice_client::{CallTarget, Caller};
use lattice_protocol::{ActorKey, LatticeName, OperationPhase};
use lattice_testkit::{eventually, guests};
use serde_json::json;
use tokio::task::JoinSet;

use super::{
    ModuleSeed, image,
    support::{DEADLINE, Lattice},
    to, updated,
};

const UPDATES: usize = 20;
/// Calls of the actor that is updated.
const CALLS: usize = 100_000;
/// How many of them one call of the actor beside makes.
const FROM_BESIDE: u32 = 50;
/// Callers that call it through the lattice, and as many that call it through the actor beside.
const CALLERS: usize = 4;

#[derive(Clone, Default)]
struct Load {
    made: Arc<AtomicUsize>,
}

impl Load {
    /// Calls until enough calls have been made; each of these calls stands for so many. Returns why calls failed.
    async fn generate(self, caller: Caller, actor: ActorKey, calls: usize) -> Vec<String> {
        let target = CallTarget::Actor(actor);
        let mut failures = Vec::new();
        while self.made.load(Ordering::Relaxed) < CALLS {
            if let Err(error) = caller.call(&target, "Test.Call", "payload", DEADLINE).await {
                failures.push(format!("{error:?}"));
            }
            self.made.fetch_add(calls, Ordering::Relaxed);
        }
        failures
    }

    async fn reaches(&self, calls: usize) {
        eventually("calls are made", 10 * DEADLINE, async || {
            (self.made.load(Ordering::Relaxed) >= calls).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_updates_under_load_lose_no_call() {
    let lattice = Lattice::start_with(|config| config.call_deadline = DEADLINE).await;
    let seed = ModuleSeed::generate();
    let first = image(&lattice, &seed, "v0", &guests::echo(), 0);
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": first.reference(), "count": 8})).await;
    let beside = lattice.actor("beside", &guests::host_calls(first.key.as_str(), FROM_BESIDE));
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": beside.reference(), "count": CALLERS})).await;

    let load = Load::default();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        for (actor, calls) in [(&first.key, 1), (&beside.key, FROM_BESIDE as usize)] {
            let signer = InvocationSigner::new(lattice.seeds.cluster.clone());
            let caller = Caller::new(lattice.nats.client().await, LatticeName::default(), signer);
            callers.spawn(load.clone().generate(caller, actor.clone(), calls));
        }
    }
    for update in 1..=UPDATES {
        load.reaches(update * CALLS / (UPDATES + 1)).await;
        let new = image(&lattice, &seed, &format!("v{update}"), &guests::echo(), i32::try_from(update).expect("few"));
        let record = updated(&lattice, to(&new, json!({}))).await;
        assert_eq!((record.phase, record.causes), (OperationPhase::Running, Vec::new()));
        assert!(record.swap_micros.is_some());
    }
    assert!(load.made.load(Ordering::Relaxed) < CALLS, "the load outlasts the updates");
    let failures = callers.join_all().await.concat();
    assert!(failures.is_empty(), "{} calls failed: {:?}", failures.len(), failures.first());
}
