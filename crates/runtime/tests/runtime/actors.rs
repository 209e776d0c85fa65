//! How many calls of an actor run at once, how many wait, and what happens to the rest.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use lattice_runtime::{ActorSettings, Call, CallError, FailureKind, Runtime, RuntimeConfig};

use crate::guests::{COUNTER, ECHO, HostOperation, SPIN, host_call, module, wat};
use crate::host::{actor, actor_in, call, generous, patient, runtime, short, spawn, until};

fn waiting_guest() -> Bytes {
    module(&host_call(HostOperation::Wait))
}

fn settings(count: u16, queue: usize) -> ActorSettings {
    ActorSettings { count, queue, ..generous() }
}

#[tokio::test]
async fn so_many_run_so_many_wait_and_more_are_refused() {
    let (actor, host) = actor(waiting_guest(), settings(2, 3)).await;
    let calls: Vec<_> = (0..5).map(|_| spawn(&actor, "x")).collect();
    host.entered(2).await;
    until(|| actor.stats().waiting == 3).await;
    assert_eq!(actor.stats().running, 2);

    let error = call(&actor, "x").await.unwrap_err();
    assert!(matches!(error, CallError::QueueFull { running: 2, waiting: 3 }), "{error:?}");
    assert_eq!(actor.stats().failures(FailureKind::Refused), 1);

    host.let_through(6);
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), "x");
    }
    assert_eq!(call(&actor, "x").await.unwrap(), "x", "after the overload it works at once");
    assert_eq!((actor.stats().running, actor.stats().waiting), (0, 0));
}

#[tokio::test]
async fn a_call_waits_no_longer_than_its_deadline() {
    let (actor, host) = actor(waiting_guest(), settings(1, 1)).await;
    let first = spawn(&actor, "x");
    host.entered(1).await;
    let error = actor.call(Call::new("Test.Run", "", short())).await.unwrap_err();
    assert!(matches!(error, CallError::NotStarted { .. }), "{error:?}");
    host.let_through(1);
    first.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_call_that_must_not_wait_is_refused_at_once() {
    let (actor, host) = actor(waiting_guest(), settings(1, 10)).await;
    let first = spawn(&actor, "x");
    host.entered(1).await;
    let error = actor.call(Call::new("Test.Run", "", patient()).refuse_when_busy()).await.unwrap_err();
    assert!(matches!(error, CallError::Busy { count: 1 }), "{error:?}");
    host.let_through(2);
    first.await.unwrap().unwrap();
    actor.call(Call::new("Test.Run", "", patient()).refuse_when_busy()).await.unwrap();
}

#[tokio::test]
async fn more_places_let_those_who_wait_in_and_fewer_end_nobody() {
    let (actor, host) = actor(waiting_guest(), settings(1, 10)).await;
    let calls: Vec<_> = (0..4).map(|_| spawn(&actor, "x")).collect();
    host.entered(1).await;
    actor.resize(3);
    host.entered(2).await;
    actor.resize(1);
    assert_eq!((actor.stats().running, actor.stats().waiting, actor.stats().count), (3, 1, 1));

    host.let_through(2);
    until(|| actor.stats().running == 1).await;
    assert_eq!(actor.stats().waiting, 1, "the one place left is taken");
    host.let_through(2);
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn the_highest_count_costs_nothing() {
    let runtime = runtime();
    for reuse in [false, true] {
        let settings = ActorSettings { count: u16::MAX, reuse, ..generous() };
        let (actor, _) = actor_in(&runtime, module(ECHO), settings).await;
        assert_eq!(runtime.stats().memory_used, 0);
        assert_eq!(call(&actor, "x").await.unwrap(), "x");
        assert_eq!(actor.stats().count, 65_535);
    }
}

#[tokio::test]
async fn draining_waits_for_all_who_were_let_in() {
    let (actor, host) = actor(waiting_guest(), settings(1, 1)).await;
    let calls = [spawn(&actor, "x"), spawn(&actor, "x")];
    host.entered(1).await;
    until(|| actor.stats().waiting == 1).await;

    let drained = tokio::spawn({
        let actor = actor.clone();
        async move { actor.drain().await }
    });
    until(|| call_is_refused(&actor)).await;
    assert!(!drained.is_finished());
    host.let_through(2);
    drained.await.unwrap();
    assert_eq!((actor.stats().running, actor.stats().waiting), (0, 0));
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), "x");
    }
}

fn call_is_refused(actor: &lattice_runtime::Actor) -> bool {
    use futures::FutureExt;
    let call = actor.call(Call::new("Test.Run", "", patient()).refuse_when_busy());
    matches!(call.now_or_never(), Some(Err(CallError::Closed)))
}

#[tokio::test]
async fn a_call_that_is_not_to_wait_for_long_gets_its_turn_or_is_refused() {
    let (actor, host) = actor(waiting_guest(), settings(1, 2)).await;
    let first = spawn(&actor, "x");
    host.entered(1).await;
    let call = |limit| Call::new("Test.Run", "x", patient()).wait_at_most(limit);
    let error = actor.call(call(Duration::from_millis(1))).await.unwrap_err();
    assert!(matches!(error, CallError::NotStarted { after } if after == Duration::from_millis(1)), "{error}");
    let mut waiting = Box::pin(actor.call(call(Duration::from_secs(20))));
    assert!(futures::poll!(&mut waiting).is_pending());
    host.let_through(2);
    assert_eq!(waiting.await.unwrap(), "x");
    first.await.unwrap().unwrap();
}

#[tokio::test]
async fn aborting_ends_those_who_run_and_those_who_wait() {
    let (actor, host) = actor(waiting_guest(), settings(1, 1)).await;
    let calls = [spawn(&actor, "x"), spawn(&actor, "x")];
    host.entered(1).await;
    until(|| actor.stats().waiting == 1).await;
    actor.abort();
    for call in calls {
        assert!(matches!(call.await.unwrap(), Err(CallError::Aborted)));
    }
    assert!(matches!(call(&actor, "x").await, Err(CallError::Closed)));
    actor.drain().await;
}

#[tokio::test]
async fn an_instance_is_tried_without_a_call() {
    let (good, _) = actor(module(COUNTER), reusing(1)).await;
    good.try_instance(patient().deadline).await.unwrap();
    assert_eq!((good.stats().calls, good.stats().kept), (0, 0));
    assert_eq!(call(&good, "").await.unwrap(), [1u8].as_slice(), "nothing is left of the trial");

    let text = |more: &str| {
        wat(&format!(r#"(module (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)) {more})"#))
    };
    let (stillborn, _) = actor(text("(func $begin unreachable) (start $begin)"), generous()).await;
    let error = stillborn.try_instance(patient().deadline).await.unwrap_err();
    assert!(matches!(error, CallError::Instantiate(_)), "{error:?}");
    let (trapping, _) = actor(text(r#"(func (export "wapc_init") unreachable)"#), generous()).await;
    let error = trapping.try_instance(patient().deadline).await.unwrap_err();
    assert!(matches!(error, CallError::Trap(_)), "{error:?}");
    let (spinning, _) = actor(text(r#"(func (export "wapc_init") (loop $on (br $on)))"#), generous()).await;
    let error = spinning.try_instance(short().deadline).await.unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error:?}");
}

fn reusing(count: u16) -> ActorSettings {
    ActorSettings { count, reuse: true, ..generous() }
}

#[tokio::test]
async fn kept_instances_keep_their_state_until_they_trap() {
    let (actor, _) = actor(module(COUNTER), reusing(1)).await;
    assert_eq!(call(&actor, "").await.unwrap(), [1u8].as_slice());
    assert_eq!(call(&actor, "").await.unwrap(), [2u8].as_slice());
    assert!(matches!(call(&actor, "12").await, Err(CallError::Guest(_))));
    assert_eq!(call(&actor, "").await.unwrap(), [4u8].as_slice(), "an error of the guest is no damage");
    assert!(matches!(call(&actor, "1").await, Err(CallError::Trap(_))));
    assert_eq!(actor.stats().kept, 0);
    assert_eq!(call(&actor, "").await.unwrap(), [1u8].as_slice());
}

/// Regression: the payloads of the last call, and what its caller had attached, stayed with the instance.
#[tokio::test]
async fn a_kept_instance_holds_nothing_of_the_last_call() {
    let (actor, _) = actor(module(ECHO), reusing(1)).await;
    let attached = Arc::new(());
    let context = patient().attach(Arc::clone(&attached));
    let payload = Bytes::from(vec![b'x'; 1000]);
    drop(actor.call(Call::new("Test.Run", payload.clone(), context)).await.unwrap());
    assert_eq!(actor.stats().kept, 1);
    assert_eq!(Arc::strong_count(&attached), 1);
    assert!(payload.is_unique());
}

#[tokio::test]
async fn an_instance_that_ran_out_of_time_or_memory_is_not_kept() {
    let (spinner, _) = actor(module(SPIN), reusing(1)).await;
    spinner.call(Call::new("Test.Run", "", short())).await.unwrap_err();
    assert_eq!(spinner.stats().kept, 0);

    let grow = "(drop (memory.grow (i32.const 60000))) (i32.const 1)";
    let (grower, _) = actor(module(grow), reusing(1)).await;
    call(&grower, "").await.unwrap();
    assert_eq!(grower.stats().kept, 0);
}

#[tokio::test]
async fn as_many_instances_are_kept_as_there_are_places() {
    let runtime = runtime();
    let (actor, host) = actor_in(&runtime, waiting_guest(), reusing(3)).await;
    let calls: Vec<_> = (0..3).map(|_| spawn(&actor, "x")).collect();
    host.entered(3).await;
    host.let_through(3);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(actor.stats().kept, 3);
    assert_eq!(runtime.stats().pool_slots_used, 0, "kept instances take no slots");
    actor.resize(1);
    assert_eq!(actor.stats().kept, 1);
    actor.drain().await;
    assert_eq!(actor.stats().kept, 0);
    assert_eq!(runtime.stats().memory_used, 0);
}

#[tokio::test]
async fn instances_are_not_kept_while_memory_is_short() {
    let runtime = Runtime::new(RuntimeConfig::default().memory(2 << 20)).unwrap();
    let text = r#"(module (memory (export "memory") 20)
        (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#;
    let (actor, _) = actor_in(&runtime, wat(text), reusing(4)).await;
    call(&actor, "").await.unwrap();
    assert_eq!((actor.stats().kept, runtime.stats().memory_used), (0, 0));
}

/// More calls at once than the pool has slots: all run, for they may wait for each other.
#[tokio::test]
async fn a_pool_without_free_slots_stops_nobody() {
    let runtime = Runtime::new(RuntimeConfig::default().memory(64 << 20)).unwrap();
    let slots = runtime.stats().pool_slots;
    let (actor, host) = actor_in(&runtime, waiting_guest(), settings(200, 0)).await;
    let calls: Vec<_> = (0..slots + 4).map(|_| spawn(&actor, "x")).collect();
    host.entered(u32::try_from(calls.len()).unwrap()).await;
    assert_eq!(runtime.stats().pool_slots_used, slots);
    host.let_through(calls.len());
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), "x");
    }
    assert_eq!((runtime.stats().pool_slots_used, runtime.stats().memory_used), (0, 0));
}

#[tokio::test]
async fn a_module_beyond_the_pool_runs_all_the_same() {
    let runtime = runtime();
    let text = r#"(module
        (table 100000 funcref) (memory (export "memory") 1)
        (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#;
    let (actor, _) = actor_in(&runtime, wat(text), generous()).await;
    assert!(!actor.module().is_pooled());
    call(&actor, "").await.unwrap();
    assert_eq!(runtime.stats().memory_used, 0);
}

#[tokio::test]
async fn many_calls_leave_nothing() {
    let runtime = runtime();
    let (actor, _) = actor_in(&runtime, module(&host_call(HostOperation::Echo)), generous()).await;
    for _ in 0..2000 {
        call(&actor, "x").await.unwrap();
    }
    let stats = runtime.stats();
    assert_eq!((stats.memory_used, stats.pool_slots_used), (0, 0));
    assert_eq!((actor.stats().calls, actor.stats().running), (2000, 0));
}
