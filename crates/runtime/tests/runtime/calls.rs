//! What passes between host and guest in a call.

use std::sync::Arc;

use lattice_runtime::{Call, CallError, FailureKind};

use crate::guests::{COUNTER, ECHO, HostOperation, host_call, module, module_from, module_with, wat};
use crate::host::{actor, call, generous, patient, simple_actor};

/// The text of the guest's error, or a panic that shows what came instead.
fn guest_error(error: CallError) -> String {
    match error {
        CallError::Guest(text) => text,
        other => panic!("not the guest's own error: {other:?}"),
    }
}

#[tokio::test]
async fn a_guest_answers_under_both_import_names() {
    for imports in ["wasmbus", "wapc"] {
        let (actor, _) = simple_actor(module_from(imports, ECHO, "")).await;
        assert_eq!(call(&actor, "hello").await.unwrap(), "hello");
        assert_eq!(call(&actor, "").await.unwrap(), "");
    }
}

#[tokio::test]
async fn the_operation_arrives_as_it_is() {
    let body = "
        (call $guest_request (i32.const 1024) (i32.const 2048))
        (call $guest_response (i32.const 1024) (local.get $operation))
        (i32.const 1)";
    let (actor, _) = simple_actor(module(body)).await;
    let answer = actor.call(Call::new("a/ü.b.C", "", patient())).await.unwrap();
    assert_eq!(answer, "a/ü.b.C".as_bytes());
}

#[tokio::test]
async fn a_host_call_brings_its_answer() {
    let (actor, host) = simple_actor(module(&host_call(HostOperation::Echo))).await;
    let context = patient().depth(3).attach(Arc::new("trace".to_owned()));
    let deadline = context.deadline;
    let answer = actor.call(Call::new("Test.Run", "ping", context)).await.unwrap();
    assert_eq!(answer, "ping");

    let seen = host.last_call();
    assert_eq!((seen.binding.as_str(), seen.namespace.as_str(), seen.operation.as_str()), ("link", "contract", "Echo"));
    assert_eq!(seen.payload, "ping");
    assert_eq!(seen.context.depth, 3);
    assert_eq!(seen.context.attached::<String>().map(String::as_str), Some("trace"));
    assert!(seen.context.deadline <= deadline);
}

#[tokio::test]
async fn a_failed_host_call_tells_the_guest_why() {
    let (actor, _) = simple_actor(module(&host_call(HostOperation::Fail))).await;
    assert_eq!(guest_error(call(&actor, "").await.unwrap_err()), "it failed");
}

#[tokio::test]
async fn an_answer_too_large_is_a_failed_host_call() {
    let (actor, _) = simple_actor(module(&host_call(HostOperation::Huge))).await;
    let text = guest_error(call(&actor, "").await.unwrap_err());
    assert!(text.contains("response") && text.contains("16777217"), "{text}");
}

#[tokio::test]
async fn an_unread_host_error_fails_the_call_even_if_the_guest_is_content() {
    let body = "
        (drop (call $host_call (i32.const 0) (i32.const 4) (i32.const 4) (i32.const 8) (i32.const 16) (i32.const 4)
            (i32.const 0) (i32.const 0)))
        (i32.const 1)";
    let (actor, _) = simple_actor(module(body)).await;
    let error = call(&actor, "").await.unwrap_err();
    assert!(matches!(&error, CallError::HostCall(text) if text == "it failed"), "{error:?}");
    assert_eq!(actor.stats().failures(FailureKind::HostCall), 1);
}

#[tokio::test]
async fn the_guests_own_error_comes_first() {
    let body = "
        (drop (call $host_call (i32.const 0) (i32.const 4) (i32.const 4) (i32.const 8) (i32.const 16) (i32.const 4)
            (i32.const 0) (i32.const 0)))
        (call $guest_error (i32.const 0) (i32.const 4))
        (i32.const 1)";
    let (actor, _) = simple_actor(module(body)).await;
    assert_eq!(guest_error(call(&actor, "").await.unwrap_err()), "link");
}

#[tokio::test]
async fn only_one_means_success() {
    for code in [0, 2, -1] {
        let (actor, _) = simple_actor(module(&format!("(i32.const {code})"))).await;
        let error = call(&actor, "").await.unwrap_err();
        assert!(matches!(error, CallError::NoSuccess { code: found } if found == code), "{error:?}");
    }
}

#[tokio::test]
async fn no_response_is_an_empty_one() {
    let (actor, _) = simple_actor(module("(i32.const 1)")).await;
    assert_eq!(call(&actor, "x").await.unwrap(), "");
}

#[tokio::test]
async fn reading_what_is_not_there_does_nothing() {
    let body = "
        (call $host_response (i32.const 0))
        (call $host_error (i32.const 0))
        (if (i32.or (call $host_response_len) (call $host_error_len)) (then (unreachable)))
        (call $guest_response (i32.const 0) (i32.const 4))
        (i32.const 1)";
    let (actor, _) = simple_actor(module(body)).await;
    assert_eq!(call(&actor, "").await.unwrap(), "link");
}

#[tokio::test]
async fn everything_can_be_read_twice() {
    let read = "(call $guest_request (i32.const 1024) (i32.const 2048))";
    let body = format!(
        "{read} {read}
        (drop (call $host_call (i32.const 0) (i32.const 4) (i32.const 4) (i32.const 8) (i32.const 12) (i32.const 4)
            (i32.const 2048) (local.get $payload)))
        (call $host_response (i32.const 4096))
        (call $host_response (i32.const 4100))
        (call $guest_response (i32.const 0) (i32.const 4))
        (call $guest_response (i32.const 4096) (i32.const 8))
        (i32.const 1)"
    );
    let (actor, _) = simple_actor(module(&body)).await;
    assert_eq!(call(&actor, "ping").await.unwrap(), "pingping");
}

#[tokio::test]
async fn a_later_host_call_that_succeeds_settles_an_unread_error() {
    let host_call = |operation: u32| {
        format!(
            "(drop (call $host_call (i32.const 0) (i32.const 4) (i32.const 4) (i32.const 8) (i32.const {operation})
                (i32.const 4) (i32.const 0) (i32.const 4)))"
        )
    };
    let body = format!("{} {} (i32.const 1)", host_call(16), host_call(12));
    let (actor, _) = simple_actor(module(&body)).await;
    call(&actor, "").await.unwrap();
}

#[tokio::test]
async fn guests_log() {
    let body = "(call $console_log (i32.const 4) (i32.const 8)) (i32.const 1)";
    let (actor, host) = simple_actor(module(body)).await;
    call(&actor, "").await.unwrap();
    assert_eq!(host.lines(), ["contract"]);
}

#[tokio::test]
async fn a_guest_cannot_make_up_lines_of_others() {
    let text = r#"(data (i32.const 2048) "one\r\n\n2026-01-01 INFO other: two\n")"#;
    let (actor, host) =
        simple_actor(module_with(text, "(call $console_log (i32.const 2048) (i32.const 33)) (i32.const 1)")).await;
    call(&actor, "").await.unwrap();
    assert_eq!(host.lines(), ["one", "2026-01-01 INFO other: two"]);
}

#[tokio::test]
async fn long_lines_are_cut_and_too_many_are_dropped() {
    let body = "
        (local $left i32)
        (local.set $left (i32.const 20000))
        (loop $again
            (call $console_log (i32.const 1024) (i32.const 60000))
            (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
        (i32.const 1)";
    let (actor, host) = simple_actor(module(body)).await;
    call(&actor, "").await.unwrap();
    let lines = host.lines();
    assert!(lines.len() < 20_000, "{} lines", lines.len());
    assert!(lines[0].ends_with("… (60000 bytes)") && lines[0].len() < 10_000);
}

#[tokio::test]
async fn a_module_is_initialised_in_order_before_its_first_call() {
    let append = |name: &str, digit: u32| {
        format!(
            r#"(func (export "{name}")
                (i32.store8 (i32.add (i32.const 1024) (global.get $calls)) (i32.const {digit}))
                (global.set $calls (i32.add (global.get $calls) (i32.const 1))))"#
        )
    };
    let more = format!(
        "(global $calls (mut i32) (i32.const 0)) {} {}",
        append("wapc_init", u32::from(b'i')),
        append("_start", u32::from(b's'))
    );
    let body = "(call $guest_response (i32.const 1024) (global.get $calls)) (i32.const 1)";
    for reuse in [false, true] {
        let settings = lattice_runtime::ActorSettings { reuse, ..generous() };
        let (actor, _) = actor(module_with(&more, body), settings).await;
        assert_eq!(call(&actor, "").await.unwrap(), "si");
        assert_eq!(call(&actor, "").await.unwrap(), "si", "once for each instance");
    }
}

#[tokio::test]
async fn what_happens_before_the_call_is_not_its_answer() {
    let more = r#"(func (export "_start")
        (call $guest_error (i32.const 0) (i32.const 4))
        (call $guest_response (i32.const 0) (i32.const 4)))"#;
    let (actor, _) = simple_actor(module_with(more, "(i32.const 1)")).await;
    assert_eq!(call(&actor, "").await.unwrap(), "");
}

#[tokio::test]
async fn a_memory_is_there_to_be_imported() {
    let text = r#"(module
        (import "wasmbus" "__guest_request" (func $guest_request (param i32 i32)))
        (import "wasmbus" "__guest_response" (func $guest_response (param i32 i32)))
        (import "" "memory" (memory 1))
        (func (export "__guest_call") (param i32 i32) (result i32)
            (call $guest_request (i32.const 0) (i32.const 200000))
            (call $guest_response (i32.const 200000) (local.get 1))
            (i32.const 1)))"#;
    let (actor, _) = simple_actor(wat(text)).await;
    assert_eq!(call(&actor, "one").await.unwrap(), "one");
    assert_eq!(call(&actor, "two").await.unwrap(), "two");
}

#[tokio::test]
async fn each_call_has_a_fresh_instance() {
    let (actor, _) = simple_actor(module(COUNTER)).await;
    for _ in 0..3 {
        assert_eq!(call(&actor, "").await.unwrap(), [1u8].as_slice());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_callers_get_their_own_answers() {
    let (actor, _) = simple_actor(module(&host_call(HostOperation::Echo))).await;
    let callers: Vec<_> = (0..8)
        .map(|caller| {
            let actor = actor.clone();
            tokio::spawn(async move {
                for number in 0..100 {
                    let payload = format!("caller {caller}, call {number}");
                    assert_eq!(call(&actor, payload.clone()).await.unwrap(), payload);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let stats = actor.stats();
    assert_eq!((stats.calls, stats.failures_total(), stats.running, stats.waiting), (800, 0, 0, 0));
}
