//! WASI preview 1: there for those who need it, and of no use to those who look around.

use bytes::Bytes;
use lattice_runtime::{Call, CallError};

use crate::guests::wat;
use crate::host::{call, short, simple_actor};

/// An actor that imports WASI under this name, with this body and more fields. What it stores from 1024 to 1028 is its
/// answer.
fn guest(wasi: &str, more: &str, body: &str) -> Bytes {
    wat(&format!(
        r#"(module
            (import "wasmbus" "__guest_response" (func $guest_response (param i32 i32)))
            (import "{wasi}" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
            (import "{wasi}" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
            (import "{wasi}" "fd_prestat_get" (func $fd_prestat_get (param i32 i32) (result i32)))
            (import "{wasi}" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
            (import "{wasi}" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
            (import "{wasi}" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
            (import "{wasi}" "random_get" (func $random_get (param i32 i32) (result i32)))
            (import "{wasi}" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
            (import "{wasi}" "proc_exit" (func $proc_exit (param i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "first\nsecond\nthi")
            (data (i32.const 64) "\00\00\00\00\10\00\00\00")
            {more}
            (func (export "__guest_call") (param i32 i32) (result i32)
                {body}
                (call $guest_response (i32.const 1024) (i32.const 4))
                (i32.const 1)))"#
    ))
}

const PREVIEW_1: &str = "wasi_snapshot_preview1";

async fn answer(guest: Bytes) -> Vec<u8> {
    let (actor, _) = simple_actor(guest).await;
    call(&actor, "").await.expect("the guest answers").to_vec()
}

#[tokio::test]
async fn output_becomes_log_lines() {
    for name in [PREVIEW_1, "wasi_unstable"] {
        for stream in [1, 2] {
            let body =
                format!("(drop (call $fd_write (i32.const {stream}) (i32.const 64) (i32.const 1) (i32.const 80)))");
            let (actor, host) = simple_actor(guest(name, "", &body)).await;
            call(&actor, "").await.unwrap();
            assert_eq!(host.lines(), ["first", "second", "thi"]);
        }
    }
}

#[tokio::test]
async fn there_is_nothing_to_find() {
    let arguments = "(drop (call $args_sizes_get (i32.const 1024) (i32.const 2048)))";
    assert_eq!(answer(guest(PREVIEW_1, "", arguments)).await, [0; 4]);
    let environment = "(drop (call $environ_sizes_get (i32.const 1024) (i32.const 2048)))";
    assert_eq!(answer(guest(PREVIEW_1, "", environment)).await, [0; 4]);
    // 8 is `badf`: no directory is open.
    let directory = "(i32.store (i32.const 1024) (call $fd_prestat_get (i32.const 3) (i32.const 2048)))";
    assert_eq!(answer(guest(PREVIEW_1, "", directory)).await, [8, 0, 0, 0]);
    let input = "(drop (call $fd_read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 1024)))";
    assert_eq!(answer(guest(PREVIEW_1, "", input)).await, [0; 4]);
}

#[tokio::test]
async fn clocks_and_randomness_work() {
    let clock = "(drop (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 1024)))";
    assert_ne!(answer(guest(PREVIEW_1, "", clock)).await, [0; 4]);
    let random = "(drop (call $random_get (i32.const 1024) (i32.const 4)))";
    let guest = guest(PREVIEW_1, "", random);
    assert_ne!(answer(guest.clone()).await, answer(guest).await);
}

#[tokio::test]
async fn a_guest_that_sleeps_wakes_no_later_than_its_deadline() {
    // One subscription to the relative monotonic clock: an hour, with the clock's number at 16 and the time at 24.
    let body = "
        (memory.fill (i32.const 2048) (i32.const 0) (i32.const 48))
        (i32.store (i32.const 2064) (i32.const 1))
        (i64.store (i32.const 2072) (i64.const 3600000000000))
        (drop (call $poll_oneoff (i32.const 2048) (i32.const 4096) (i32.const 1) (i32.const 1024)))";
    let (actor, _) = simple_actor(guest(PREVIEW_1, "", body)).await;
    let error = actor.call(Call::new("Test.Run", "", short())).await.unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error:?}");
}

#[tokio::test]
async fn a_start_that_exits_well_is_followed_by_the_call() {
    let more = |code: u32| format!(r#"(func (export "_start") (call $proc_exit (i32.const {code})))"#);
    assert_eq!(answer(guest(PREVIEW_1, &more(0), "")).await, [0; 4]);

    let (actor, _) = simple_actor(guest(PREVIEW_1, &more(3), "")).await;
    let error = call(&actor, "").await.unwrap_err();
    assert!(matches!(&error, CallError::Trap(text) if text.contains('3')), "{error:?}");
}

#[tokio::test]
async fn an_exit_within_a_call_ends_it() {
    let (actor, _) = simple_actor(guest(PREVIEW_1, "", "(call $proc_exit (i32.const 0))")).await;
    assert!(matches!(call(&actor, "").await, Err(CallError::Trap(_))));
}
