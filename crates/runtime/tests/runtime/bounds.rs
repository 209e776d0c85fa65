//! What guests cannot do, and that it costs their own call only.

use bytes::Bytes;
use lattice_runtime::{
    Actor, ActorError, ActorSettings, Call, CallError, FailureKind, MAX_PAYLOAD, Runtime, RuntimeConfig,
};

use crate::guests::{ECHO, HostOperation, SPIN, host_call, module, module_with, wat};
use crate::host::{TestHost, actor, actor_in, call, generous, runtime, short, simple_actor, spawn, until};

/// The text of the trap, or a panic that shows what came instead.
async fn trap_of(module: Bytes) -> String {
    let (actor, _) = simple_actor(module).await;
    match call(&actor, "1234").await {
        Err(CallError::Trap(text)) => text,
        other => panic!("not a trap: {other:?}"),
    }
}

async fn assert_serves(runtime: &Runtime) {
    let (actor, _) = actor_in(runtime, module(ECHO), generous()).await;
    assert_eq!(call(&actor, "still here").await.expect("other actors are served"), "still here");
}

#[tokio::test]
async fn a_spinning_guest_ends_at_its_deadline() {
    let (actor, _) = simple_actor(module(SPIN)).await;
    let error = actor.call(Call::new("Test.Run", "", short())).await.unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error:?}");
    assert_eq!(actor.stats().failures(FailureKind::TimedOut), 1);
    assert_eq!(actor.stats().running, 0);
}

#[tokio::test]
async fn the_actors_own_deadline_binds_too() {
    let settings = ActorSettings { deadline: std::time::Duration::from_millis(50), ..generous() };
    let (actor, _) = actor(module(SPIN), settings).await;
    let error = call(&actor, "").await.unwrap_err();
    assert!(matches!(error, CallError::TimedOut { after } if after.as_millis() == 50), "{error:?}");
}

#[tokio::test]
async fn a_guest_that_spins_before_its_call_ends_too() {
    for more in [r#"(func (export "_start") (loop $a (br $a)))"#, "(func $spin (loop $a (br $a))) (start $spin)"] {
        let (actor, _) = simple_actor(module_with(more, ECHO)).await;
        let error = actor.call(Call::new("Test.Run", "", short())).await.unwrap_err();
        assert!(matches!(error, CallError::TimedOut { .. }), "{error:?}");
    }
}

/// The runtime has one thread, so that calls and tasks only go on if spinning guests let them.
#[tokio::test(flavor = "current_thread")]
async fn spinning_guests_hold_no_worker() {
    let runtime = runtime();
    let (spinner, _) = actor_in(&runtime, module(SPIN), generous()).await;
    let spinning: Vec<_> = (0..3).map(|_| spawn(&spinner, "")).collect();
    until(|| spinner.stats().running == 3).await;

    let (echo, _) = actor_in(&runtime, module(&host_call(HostOperation::Echo)), generous()).await;
    for _ in 0..10 {
        assert_eq!(call(&echo, "go on").await.unwrap(), "go on");
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert_eq!(spinner.stats().running, 3);
    spinner.abort();
    for call in spinning {
        assert!(matches!(call.await.unwrap(), Err(CallError::Aborted)));
    }
}

#[tokio::test]
async fn a_host_call_ends_with_the_deadline() {
    let (actor, host) = simple_actor(module(&host_call(HostOperation::Wait))).await;
    let error = actor.call(Call::new("Test.Run", "", short())).await.unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error:?}");
    host.entered(1).await;
}

#[tokio::test]
async fn traps_name_what_happened_and_where() {
    let more = "(func $deep_inside (unreachable))";
    let text = trap_of(module_with(more, "(call $deep_inside) (i32.const 1)")).await;
    assert!(text.contains("unreachable") && text.contains("deep_inside"), "{text}");
}

#[tokio::test]
async fn endless_recursion_is_a_trap() {
    let more = "(func $again (param i64) (result i64) (i64.add (call $again (local.get 0)) (i64.const 1)))";
    let text = trap_of(module_with(more, "(drop (call $again (i64.const 0))) (i32.const 1)")).await;
    assert!(text.contains("stack"), "{text}");
}

/// Pointers and lengths beyond the one page of memory, for each import that takes them. The guest did a host call that
/// worked, or one that failed, so that there is something to copy.
#[tokio::test]
async fn pointers_out_of_bounds_are_traps() {
    let host_call = |operation: u32| {
        format!(
            "(drop (call $host_call (i32.const 0) (i32.const 4) (i32.const 4) (i32.const 8) (i32.const {operation})
                (i32.const 4) (i32.const 0) (i32.const 4)))"
        )
    };
    let bad_host_call = |bad: usize| {
        let mut args = ["0", "4", "4", "8", "12", "4", "0", "4"];
        args[bad] = "-1";
        let args: String = args.iter().map(|arg| format!("(i32.const {arg})")).collect();
        format!("(drop (call $host_call {args}))")
    };
    let mut bodies = vec![
        "(call $guest_request (i32.const 65533) (i32.const 0))".to_owned(),
        "(call $guest_request (i32.const 0) (i32.const 65533))".to_owned(),
        "(call $guest_request (i32.const -1) (i32.const -1))".to_owned(),
        "(call $guest_response (i32.const 65533) (i32.const 4))".to_owned(),
        "(call $guest_response (i32.const 0) (i32.const -1))".to_owned(),
        "(call $guest_response (i32.const -1) (i32.const -1))".to_owned(),
        "(call $guest_error (i32.const 65536) (i32.const 1))".to_owned(),
        "(call $guest_error (i32.const 1) (i32.const 0x7fffffff))".to_owned(),
        "(call $console_log (i32.const -4) (i32.const 8))".to_owned(),
        format!("{} (call $host_response (i32.const 65533))", host_call(12)),
        format!("{} (call $host_error (i32.const -1))", host_call(16)),
    ];
    bodies.extend((0..8).map(bad_host_call));
    for body in bodies {
        let text = trap_of(module(&format!("{body} (i32.const 1)"))).await;
        assert!(text.contains("outside of the guest's memory"), "{body}: {text}");
    }
}

#[tokio::test]
async fn a_module_without_memory_can_be_called_but_not_passed_anything() {
    let text = r#"(module
        (import "wasmbus" "__guest_request" (func $guest_request (param i32 i32)))
        (func (export "__guest_call") (param i32 i32) (result i32)
            (if (local.get 1) (then (call $guest_request (i32.const 0) (i32.const 0))))
            (i32.const 1)))"#;
    let (actor, _) = simple_actor(wat(text)).await;
    call(&actor, "").await.unwrap();
    let error = call(&actor, "x").await.unwrap_err();
    assert!(matches!(&error, CallError::Trap(text) if text.contains("no memory")), "{error:?}");
}

/// Grows by one page as often as it can and answers with the pages it has, as one byte.
const GROW: &str = "
    (loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (i32.store8 (i32.const 1024) (memory.size))
    (call $guest_response (i32.const 1024) (i32.const 1))
    (i32.const 1)";

#[tokio::test]
async fn growth_beyond_the_limit_is_refused() {
    let settings = ActorSettings { memory: 10 * 65536, ..generous() };
    let (actor, _) = actor(module(GROW), settings).await;
    assert_eq!(call(&actor, "").await.unwrap(), [10u8].as_slice());
}

#[tokio::test]
async fn a_trap_after_refused_growth_is_a_memory_limit() {
    let body = format!("{GROW} (unreachable)");
    let settings = ActorSettings { memory: 10 * 65536, ..generous() };
    let (actor, _) = actor(module(&body), settings).await;
    let error = call(&actor, "").await.unwrap_err();
    assert!(matches!(error, CallError::MemoryLimit { limit: 655_360 }), "{error:?}");
}

#[tokio::test]
async fn tables_count_as_memory() {
    let more = "(table $table 1 funcref)";
    let body = "
        (if (i32.eq (table.grow $table (ref.null func) (i32.const 100000000)) (i32.const -1)) (then (unreachable)))
        (i32.const 1)";
    // Kept instances are made on demand, where tables have no other limit.
    let (actor, _) = actor(module_with(more, body), ActorSettings { reuse: true, ..generous() }).await;
    let error = call(&actor, "").await.unwrap_err();
    assert!(matches!(error, CallError::MemoryLimit { .. }), "{error:?}");
}

#[tokio::test]
async fn a_module_that_needs_more_than_it_may_have_is_no_actor() {
    let runtime = runtime();
    let text = r#"(module (memory (export "memory") 100)
        (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#;
    let module = runtime.compile(wat(text), "big").await.unwrap();
    assert_eq!(module.memory_needed(), 100 * 65536);
    let settings = ActorSettings { memory: 99 * 65536, ..generous() };
    let error = Actor::new(&runtime, &module, &settings, TestHost::new()).unwrap_err();
    let ActorError::MemoryLimit { needed, limit } = error else { panic!("{error:?}") };
    assert_eq!((needed, limit), (6_553_600, 6_488_064));
}

/// A guest that takes what it can get and then waits for its host.
fn hoarder() -> Bytes {
    let grow = "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))";
    module(&format!("{grow} {}", host_call(HostOperation::Wait)))
}

#[tokio::test]
async fn all_guests_together_get_no_more_than_there_is() {
    let runtime = Runtime::new(RuntimeConfig::default().memory(32 << 20)).unwrap();
    let (hoarders, host) = actor_in(&runtime, hoarder(), generous()).await;
    let hoarding = spawn(&hoarders, "");
    host.entered(1).await;
    let stats = runtime.stats();
    assert!(stats.memory_used > stats.memory_limit - (2 << 20) && stats.memory_used <= stats.memory_limit, "{stats:?}");

    let needy = r#"(module (memory (export "memory") 64)
        (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#;
    let (needy, _) = actor_in(&runtime, wat(needy), generous()).await;
    let error = call(&needy, "").await.unwrap_err();
    assert!(matches!(error, CallError::OutOfMemory { limit } if limit == 32 << 20), "{error:?}");
    assert_eq!(needy.stats().failures(FailureKind::Host), 1);

    host.let_through(1);
    hoarding.await.unwrap().unwrap();
    call(&needy, "").await.unwrap();
    assert_eq!(runtime.stats().memory_used, 0);
}

#[tokio::test]
async fn payloads_have_a_largest_size() {
    let runtime = runtime();
    let (echo, _) = actor_in(&runtime, module(ECHO), generous()).await;
    let error = call(&echo, vec![0; MAX_PAYLOAD + 1]).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { what: "request", size, .. } if size == MAX_PAYLOAD + 1), "{error:?}");

    let text = r#"(module
        (import "wasmbus" "__guest_request" (func $guest_request (param i32 i32)))
        (import "wasmbus" "__guest_response" (func $guest_response (param i32 i32)))
        (memory (export "memory") 600)
        (func (export "__guest_call") (param i32 i32) (result i32)
            (call $guest_request (i32.const 0) (i32.const 1024))
            (call $guest_response (i32.const 1024) (i32.add (local.get 1) (i32.eq (i32.load8_u (i32.const 1024)) (i32.const 1))))
            (i32.const 1)))"#;
    let (large, _) = actor_in(&runtime, wat(text), generous()).await;
    let payload = Bytes::from(vec![0; MAX_PAYLOAD]);
    assert_eq!(call(&large, payload.clone()).await.unwrap(), payload);
    // With a first byte of 1 it answers with one byte more than it got.
    let error = call(&large, vec![1; MAX_PAYLOAD]).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { what: "response", .. }), "{error:?}");
}

#[tokio::test]
async fn names_too_long_or_no_text_are_errors_that_the_guest_can_read() {
    for (len, data, expect) in [(8000, "", "at most 4096"), (4, r#"(data (i32.const 0) "\ff")"#, "UTF-8")] {
        let read = "(call $host_error (i32.const 2048)) (call $guest_error (i32.const 2048) (call $host_error_len))";
        let body = format!(
            "(if (call $host_call (i32.const 0) (i32.const {len}) (i32.const 4) (i32.const 8) (i32.const 12)
                (i32.const 4) (i32.const 0) (i32.const 0)) (then (unreachable)))
            {read} (i32.const 0)"
        );
        let (actor, _) = simple_actor(module_with(data, &body)).await;
        let error = call(&actor, "").await.unwrap_err();
        assert!(matches!(&error, CallError::Guest(text) if text.contains(expect)), "{error:?}");
    }
}

#[tokio::test]
async fn failures_cost_their_own_call_only_and_leave_nothing() {
    let runtime = runtime();
    let unreachable = module("(unreachable)");
    for guest in [unreachable, module(SPIN), module(&format!("{GROW} (unreachable)"))] {
        let (actor, _) = actor_in(&runtime, guest, generous()).await;
        let calls = (0..4).map(|_| actor.call(Call::new("Test.Run", "", short())));
        for outcome in futures::future::join_all(calls).await {
            outcome.unwrap_err();
        }
        assert_serves(&runtime).await;
        assert_eq!((runtime.stats().memory_used, runtime.stats().pool_slots_used), (0, 0));
    }
}

#[tokio::test]
async fn a_cancelled_call_leaves_nothing() {
    let runtime = runtime();
    let (actor, host) = actor_in(&runtime, module(&host_call(HostOperation::Wait)), generous()).await;
    let call = spawn(&actor, "");
    host.entered(1).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    let stats = runtime.stats();
    assert_eq!((stats.memory_used, stats.pool_slots_used, actor.stats().running), (0, 0, 0));
}
