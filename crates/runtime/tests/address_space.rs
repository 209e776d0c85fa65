//! That calls work where address space is scarce. In a process of its own, for the limit is one of the whole process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::{BoxFuture, join_all};
use lattice_runtime::{Actor, ActorSettings, Call, CallContext, HostCall, Imports, Runtime, RuntimeConfig};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Less than one instance reserves where it is not.
const ADDRESS_SPACE: u64 = 3 << 30;

/// Grows by 32 MiB, writes to the last byte, and answers with the pages that it has, as two bytes.
const GUEST: &str = r#"(module
    (import "wasmbus" "__guest_response" (func $response (param i32 i32)))
    (memory (export "memory") 1)
    (func (export "__guest_call") (param i32 i32) (result i32)
        (drop (memory.grow (i32.const 512)))
        (i32.store8 (i32.const 33619967) (i32.const 1))
        (i32.store16 (i32.const 0) (memory.size))
        (call $response (i32.const 0) (i32.const 2))
        (i32.const 1)))"#;

struct NoHost;

impl Imports for NoHost {
    fn host_call(&self, _: HostCall) -> BoxFuture<'_, Result<Bytes, String>> {
        Box::pin(std::future::ready(Err("there is no host".to_owned())))
    }

    fn console_log(&self, _: &str) {}
}

/// Regression: each instance reserved 4 GiB, so that under `ulimit -v` some calls or all failed.
#[tokio::test]
async fn calls_work_under_a_limit_of_the_address_space() {
    let limit = Rlimit { current: Some(ADDRESS_SPACE), ..getrlimit(Resource::As) };
    setrlimit(Resource::As, limit).expect("a limit can be lowered");
    let runtime = Runtime::new(RuntimeConfig::default()).expect("the engine can be set up");
    let stats = runtime.stats();
    assert!(stats.memory_limit as u64 <= ADDRESS_SPACE / 2, "{stats:?}");

    let bytes = wat::parse_str(GUEST).expect("the text module is well-formed");
    let module = runtime.compile(bytes.into(), "guest").await.expect("the module is good");
    let settings = ActorSettings { count: 16, ..ActorSettings::default() };
    let actor = Actor::new(&runtime, &module, &settings, Arc::new(NoHost)).expect("the settings suffice");
    let deadline = Instant::now() + Duration::from_secs(60);
    let calls = (0..16).map(|_| actor.call(Call::new("Test.Run", "", CallContext::new(deadline))));
    for answer in join_all(calls).await {
        assert_eq!(answer.expect("every call is served"), 513_u16.to_le_bytes().as_slice());
    }
}
