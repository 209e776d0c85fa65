//! The host of the guests, and shorthands for what every test needs.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use lattice_runtime::{
    Actor, ActorSettings, Call, CallContext, CallError, HostCall, Imports, MAX_PAYLOAD, Runtime, RuntimeConfig,
};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Longer than anything here takes, and short enough to see that something hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A host that notes what it is asked.
pub(crate) struct TestHost {
    calls: Mutex<Vec<HostCall>>,
    lines: Mutex<Vec<String>>,
    entered: Semaphore,
    gate: Semaphore,
}

impl TestHost {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            calls: Mutex::default(),
            lines: Mutex::default(),
            entered: Semaphore::new(0),
            gate: Semaphore::new(0),
        })
    }

    /// Waits until so many more calls stand at the gate.
    pub(crate) async fn entered(&self, calls: u32) {
        let entered = timeout(PATIENCE, self.entered.acquire_many(calls)).await.expect("the calls get there");
        entered.expect("the semaphore stays open").forget();
    }

    /// Lets so many calls through the gate.
    pub(crate) fn let_through(&self, calls: usize) {
        self.gate.add_permits(calls);
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no test panics with it").clone()
    }

    pub(crate) fn last_call(&self) -> HostCall {
        self.calls.lock().expect("no test panics with it").last().cloned().expect("there was a host call")
    }
}

impl Imports for TestHost {
    fn host_call(&self, call: HostCall) -> BoxFuture<'_, Result<Bytes, String>> {
        self.calls.lock().expect("no test panics with it").push(call.clone());
        async move {
            match call.operation.as_str() {
                "Echo" => Ok(call.payload),
                "Fail" => Err("it failed".to_owned()),
                "Huge" => Ok(vec![0; MAX_PAYLOAD + 1].into()),
                "Wait" => {
                    self.entered.add_permits(1);
                    self.gate.acquire().await.expect("the semaphore stays open").forget();
                    Ok(call.payload)
                }
                other => Err(format!("unknown operation {other}")),
            }
        }
        .boxed()
    }

    fn console_log(&self, text: &str) {
        self.lines.lock().expect("no test panics with it").push(text.to_owned());
    }
}

/// A runtime of its own for each test, small enough for many at once.
pub(crate) fn runtime() -> Runtime {
    Runtime::new(RuntimeConfig::default().memory(256 << 20)).expect("the engine can be set up")
}

/// An actor of this module in a runtime of its own.
pub(crate) async fn actor(module: Bytes, settings: ActorSettings) -> (Actor, Arc<TestHost>) {
    actor_in(&runtime(), module, settings).await
}

pub(crate) async fn actor_in(runtime: &Runtime, module: Bytes, settings: ActorSettings) -> (Actor, Arc<TestHost>) {
    let host = TestHost::new();
    let module = runtime.compile(module, "test").await.expect("the module is good");
    let actor = Actor::new(runtime, &module, &settings, Arc::clone(&host) as Arc<dyn Imports>);
    (actor.expect("the settings suffice"), host)
}

/// An actor with settings that are in nobody's way.
pub(crate) async fn simple_actor(module: Bytes) -> (Actor, Arc<TestHost>) {
    actor(module, generous()).await
}

pub(crate) fn generous() -> ActorSettings {
    ActorSettings { count: 16, deadline: PATIENCE, ..ActorSettings::default() }
}

pub(crate) fn patient() -> CallContext {
    CallContext::new(Instant::now() + PATIENCE)
}

pub(crate) fn short() -> CallContext {
    CallContext::new(Instant::now() + Duration::from_millis(100))
}

/// A call that has all the time.
pub(crate) async fn call(actor: &Actor, payload: impl Into<Bytes>) -> Result<Bytes, CallError> {
    actor.call(Call::new("Test.Run", payload, patient())).await
}

/// A call on a task of its own.
pub(crate) fn spawn(actor: &Actor, payload: &'static str) -> tokio::task::JoinHandle<Result<Bytes, CallError>> {
    let actor = actor.clone();
    tokio::spawn(async move { call(&actor, payload).await })
}

/// Waits until this holds.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, wait).await.expect("the condition comes to hold");
}
