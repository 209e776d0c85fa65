//! [`Actor`]: the calls of one actor under one set of settings.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;

use crate::call::{Call, CallContext, Imports, WhenBusy};
use crate::defaults::{CALL_DEADLINE, INSTANCE_MEMORY, MAX_PAYLOAD, QUEUE};
use crate::error::{ActorError, CallError};
use crate::gate::{Census, Gate, Permit, Turned};
use crate::guest::{Request, TimeLimit};
use crate::instance::{Blueprint, Instance};
use crate::log::Log;
use crate::module::Module;
use crate::runtime::Runtime;
use crate::stats::{ActorStats, Counters};

/// How an actor may be called.
#[derive(Clone, Debug)]
pub struct ActorSettings {
    /// Calls that may run at once. With 0 none runs until a [`resize`](Actor::resize).
    pub count: u16,
    /// Calls that may wait for their turn.
    pub queue: usize,
    /// Bytes of memory and tables that one instance may have.
    pub memory: usize,
    /// Longest time that a call may take, waiting included.
    pub deadline: Duration,
    /// Keep instances between calls, with what they have in memory, instead of making one for each.
    pub reuse: bool,
}

impl Default for ActorSettings {
    fn default() -> Self {
        Self { count: 1, queue: QUEUE, memory: INSTANCE_MEMORY, deadline: CALL_DEADLINE, reuse: false }
    }
}

/// An actor that can be called. Clones are handles to the same one.
///
/// Dropping the last handle frees kept instances; calls hold a handle.
#[derive(Clone, Debug)]
pub struct Actor {
    inner: Arc<ActorInner>,
}

struct ActorInner {
    blueprint: Blueprint,
    deadline: Duration,
    gate: Arc<Gate>,
    kept: Mutex<VecDeque<Instance>>,
    counters: Counters,
    aborted: CancellationToken,
}

impl Actor {
    /// An actor of this module, whose guests see these imports.
    ///
    /// # Errors
    ///
    /// If the module starts with more memory than the settings allow.
    pub fn new(
        runtime: &Runtime,
        module: &Module,
        settings: &ActorSettings,
        imports: Arc<dyn Imports>,
    ) -> Result<Self, ActorError> {
        let needed = module.memory_needed();
        if needed > settings.memory {
            return Err(ActorError::MemoryLimit { needed, limit: settings.memory });
        }
        let blueprint = Blueprint {
            runtime: runtime.clone(),
            module: module.clone(),
            memory: settings.memory,
            log: Arc::new(Log::new(Arc::clone(&imports))),
            imports,
            kept: settings.reuse,
        };
        let inner = ActorInner {
            blueprint,
            deadline: settings.deadline,
            gate: Arc::new(Gate::new(usize::from(settings.count), settings.queue)),
            kept: Mutex::default(),
            counters: Counters::default(),
            aborted: CancellationToken::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Calls the actor and returns its answer, which is empty if it gave none.
    ///
    /// Dropping the future ends the call, and the guest with it.
    ///
    /// # Errors
    ///
    /// Each says whose fault it is and whether the guest has seen the call; [`CallError::kind`] groups them.
    pub async fn call(&self, call: Call<'_>) -> Result<Bytes, CallError> {
        let outcome = self.inner.call(call).await;
        self.inner.counters.count(&outcome);
        outcome
    }

    /// Changes how many calls may run at once. Running calls go on; with fewer places than those, new ones wait.
    pub fn resize(&self, count: u16) {
        let count = usize::from(count);
        self.inner.gate.resize(count);
        self.inner.keep_at_most(count);
    }

    /// Refuses calls from now on. Those that run or wait go on.
    pub fn close(&self) {
        self.inner.gate.close();
    }

    /// Refuses calls from now on and waits until those that run or wait have ended, each by its own deadline.
    pub async fn drain(&self) {
        self.close();
        self.inner.gate.wait_idle().await;
        self.inner.keep_at_most(0);
    }

    /// Refuses calls from now on and ends those that run or wait; they fail with [`CallError::Aborted`].
    pub fn abort(&self) {
        self.close();
        self.inner.aborted.cancel();
        self.inner.keep_at_most(0);
    }

    /// Makes an instance as a call does, has it initialise itself, and throws it away: whether calls could begin.
    ///
    /// # Errors
    ///
    /// What the first call would fail with before its guest sees it.
    pub async fn try_instance(&self, deadline: Instant) -> Result<(), CallError> {
        let time = self.inner.time_limit(deadline);
        let context = CallContext::new(time.until);
        let instance = timeout_at(time.until.into(), self.inner.blueprint.instance(&context, time)).await;
        instance.unwrap_or(Err(CallError::TimedOut { after: time.allowed() })).map(drop)
    }

    /// The module that is called.
    #[must_use]
    pub fn module(&self) -> &Module {
        &self.inner.blueprint.module
    }

    /// What goes on now and what went on so far.
    #[must_use]
    pub fn stats(&self) -> ActorStats {
        self.inner.counters.stats(self.inner.gate.census(), self.inner.kept().len())
    }
}

impl ActorInner {
    async fn call(&self, call: Call<'_>) -> Result<Bytes, CallError> {
        let time = self.time_limit(call.context.deadline);
        tokio::select! {
            // Both may be dropped at any point: a call that ends early drops its instance and then its place.
            biased;
            outcome = self.call_within(call, time) => outcome,
            () = self.aborted.cancelled() => Err(CallError::Aborted),
        }
    }

    fn time_limit(&self, deadline: Instant) -> TimeLimit {
        let from = Instant::now();
        let own = from.checked_add(self.deadline);
        TimeLimit { from, until: own.map_or(deadline, |own| own.min(deadline)) }
    }

    async fn call_within(&self, mut call: Call<'_>, time: TimeLimit) -> Result<Bytes, CallError> {
        let size = call.payload.len();
        if size > MAX_PAYLOAD {
            return Err(CallError::TooLarge { what: "request", size, limit: MAX_PAYLOAD });
        }
        let _place = self.enter(call.when_busy, time).await?;
        call.context.deadline = time.until;
        // Pinned here, or the timeout would have room for it of its own.
        let serving = pin!(self.serve(call, time));
        let outcome = timeout_at(time.until.into(), serving).await;
        outcome.unwrap_or(Err(CallError::TimedOut { after: time.allowed() }))
    }

    async fn enter(&self, when_busy: WhenBusy, time: TimeLimit) -> Result<Permit, CallError> {
        let wait = match when_busy {
            WhenBusy::WaitAtMost(limit) => time.at_most(limit),
            WhenBusy::Wait | WhenBusy::Refuse => time,
        };
        let entered = match when_busy {
            WhenBusy::Wait | WhenBusy::WaitAtMost(_) => self.gate.enter(wait.until.into()).await,
            WhenBusy::Refuse => self.gate.try_enter(),
        };
        entered.map_err(|turned| refusal(turned, wait))
    }

    async fn serve(&self, call: Call<'_>, time: TimeLimit) -> Result<Bytes, CallError> {
        let mut instance = match self.take_kept() {
            Some(instance) => instance,
            None => self.blueprint.instance(&call.context, time).await?,
        };
        let request = Request { operation: call.operation.to_owned(), payload: call.payload };
        let outcome = instance.call(request, call.context, time).await;
        self.keep(instance);
        outcome
    }

    fn take_kept(&self) -> Option<Instance> {
        self.kept().pop_back()
    }

    /// Keeps an instance for the next call if that is wanted, it is still good, and memory is not short.
    fn keep(&self, instance: Instance) {
        let wanted = self.blueprint.kept && instance.is_reusable() && self.blueprint.runtime.inner.budget.is_roomy();
        if wanted {
            self.kept().push_back(instance);
            // Looked at after the push, so that what comes too late for an abort goes as well.
            let count = if self.aborted.is_cancelled() { 0 } else { self.gate.census().limit };
            self.keep_at_most(count);
        }
    }

    fn keep_at_most(&self, count: usize) {
        let mut kept = self.kept();
        let surplus = kept.len().saturating_sub(count);
        let surplus: Vec<_> = kept.drain(..surplus).collect();
        // Freeing instances takes a while, and others need not wait for it.
        drop(kept);
        drop(surplus);
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Instance>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for ActorInner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ActorInner")
            .field("module", &self.blueprint.module)
            .field("gate", &self.gate)
            .finish_non_exhaustive()
    }
}

fn refusal(turned: Turned, time: TimeLimit) -> CallError {
    match turned {
        Turned::Full(Census { running, waiting, .. }) => CallError::QueueFull { running, waiting },
        Turned::Busy(Census { limit, .. }) => CallError::Busy { count: limit },
        Turned::Late => CallError::NotStarted { after: time.allowed() },
        Turned::Closed => CallError::Closed,
    }
}
