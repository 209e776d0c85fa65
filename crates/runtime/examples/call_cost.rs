//! Prints what a call costs, in microseconds: the median of batches, on one thread. Build it optimised.

#![allow(clippy::print_stdout, reason = "printing is all that this program is for")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use lattice_runtime::{Actor, ActorSettings, Call, CallContext, HostCall, Imports, Runtime, RuntimeConfig};

/// Calls of one batch and batches of one figure.
const BATCH: u32 = 500;
const BATCHES: usize = 21;

const ECHO: &str = "(call $guest_response (i32.const 16384) (local.get $payload)) (i32.const 1)";
const HOST_CALL: &str = "
    (drop (call $host_call (i32.const 0) (i32.const 4) (i32.const 4) (i32.const 8) (i32.const 12) (i32.const 4)
        (i32.const 16384) (local.get $payload)))
    (call $host_response (i32.const 65536))
    (call $guest_response (i32.const 65536) (call $host_response_len))
    (i32.const 1)";
const WASI: &str = r#"(import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))"#;
const WASI_OUTPUT: &str = r#"
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))"#;

struct EchoHost;

impl Imports for EchoHost {
    fn host_call(&self, call: HostCall) -> BoxFuture<'_, Result<Bytes, String>> {
        Box::pin(std::future::ready(Ok(call.payload)))
    }

    fn console_log(&self, _: &str) {}
}

fn guest(imports: &str, body: &str) -> Bytes {
    let text = format!(
        r#"(module
            (import "wasmbus" "__guest_request" (func $guest_request (param i32 i32)))
            (import "wasmbus" "__guest_response" (func $guest_response (param i32 i32)))
            (import "wasmbus" "__host_call"
                (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
            (import "wasmbus" "__host_response_len" (func $host_response_len (result i32)))
            (import "wasmbus" "__host_response" (func $host_response (param i32)))
            {imports}
            (memory (export "memory") 17)
            (data (i32.const 0) "linkcontractEcho")
            (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
                (call $guest_request (i32.const 1024) (i32.const 16384)) {body}))"#
    );
    wat::parse_str(&text).expect("the text module is well-formed").into()
}

async fn measure(runtime: &Runtime, name: &str, module: Bytes, reuse: bool, size: usize) {
    let module = runtime.compile(module, name).await.expect("the module is good");
    let settings = ActorSettings { reuse, ..ActorSettings::default() };
    let actor = Actor::new(runtime, &module, &settings, Arc::new(EchoHost)).expect("the settings suffice");
    let payload = Bytes::from(vec![b'x'; size]);
    let mut batches = Vec::new();
    for _ in 0..BATCHES {
        let started = Instant::now();
        for _ in 0..BATCH {
            let context = CallContext::new(Instant::now() + Duration::from_secs(5));
            actor.call(Call::new("Test.Run", payload.clone(), context)).await.expect("the guest answers");
        }
        batches.push(started.elapsed() / BATCH);
    }
    batches.sort();
    println!("{name:<34}{size:>8} bytes {:>9.1} µs", batches[BATCHES / 2].as_secs_f64() * 1e6);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let runtime = Runtime::new(RuntimeConfig::default()).expect("the engine can be set up");
    println!("{:?}", runtime.stats());
    for size in [16, 8 << 10] {
        measure(&runtime, "fresh instance, echo", guest("", ECHO), false, size).await;
        measure(&runtime, "kept instance, echo", guest("", ECHO), true, size).await;
        measure(&runtime, "fresh instance, host call", guest("", HOST_CALL), false, size).await;
        measure(&runtime, "fresh instance, WASI unused", guest(WASI, ECHO), false, size).await;
    }
    let output = format!(
        "(i32.store (i32.const 2048) (i32.const 4)) (i32.store (i32.const 2052) (i32.const 8))
        (drop (call $fd_write (i32.const 1) (i32.const 2048) (i32.const 1) (i32.const 2056))) {ECHO}"
    );
    measure(&runtime, "fresh instance, WASI output", guest(WASI_OUTPUT, &output), false, 16).await;
}
