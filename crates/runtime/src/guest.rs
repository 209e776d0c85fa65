//! [`Guest`]: what the host keeps for one instance, and [`Exchange`]: what passes between the two in one call.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use wasmtime::Memory;
use wasmtime_wasi::p1::WasiP1Ctx;

use crate::call::{CallContext, HostCall, Imports};
use crate::limits::{Limiter, MemoryBudget};
use crate::log::Log;

/// What the host keeps for one instance.
pub(crate) struct Guest {
    pub(crate) imports: Arc<dyn Imports>,
    pub(crate) log: Arc<Log>,
    pub(crate) limiter: Limiter,
    /// The guest's memory, once it was looked up.
    pub(crate) memory: Option<Memory>,
    /// Only for modules that import WASI.
    pub(crate) wasi: Option<Box<WasiP1Ctx>>,
    pub(crate) exchange: Exchange,
}

/// What passes between host and guest in one call.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) context: CallContext,
    pub(crate) time: TimeLimit,
    pub(crate) request: Option<Request>,
    pub(crate) response: Option<Bytes>,
    pub(crate) error: Option<String>,
    pub(crate) host_answer: HostAnswer,
}

/// What the guest is asked.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) operation: String,
    pub(crate) payload: Bytes,
}

/// What the last host call brought.
#[derive(Debug, Default)]
pub(crate) enum HostAnswer {
    #[default]
    None,
    Response(Bytes),
    Error {
        text: String,
        fetched: bool,
    },
}

/// From when to when a call may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLimit {
    pub(crate) from: Instant,
    pub(crate) until: Instant,
}

/// The time of a call is up.
#[derive(Debug, thiserror::Error)]
#[error("the time of the call is up")]
pub(crate) struct TimeIsUp;

impl Guest {
    /// A guest that is never there, for stores in which nothing runs.
    pub(crate) fn nobody() -> Self {
        let imports: Arc<dyn Imports> = Arc::new(NoHost);
        let now = Instant::now();
        let budget = Arc::new(MemoryBudget::new(usize::MAX));
        Self {
            log: Arc::new(Log::new(Arc::clone(&imports))),
            imports,
            limiter: Limiter::new(budget, usize::MAX).expect("the budget is endless"),
            memory: None,
            wasi: None,
            exchange: Exchange::silent(CallContext::new(now), TimeLimit { from: now, until: now }),
        }
    }

    /// The context of WASI calls.
    ///
    /// # Panics
    ///
    /// If the module does not import WASI: then nobody can call this.
    pub(crate) fn wasi(&mut self) -> &mut WasiP1Ctx {
        self.wasi.as_mut().expect("whoever can call WASI imports it")
    }

    pub(crate) fn check_time(&self) -> Result<(), TimeIsUp> {
        if self.exchange.time.is_up() { Err(TimeIsUp) } else { Ok(()) }
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest")
            .field("limiter", &self.limiter)
            .field("exchange", &self.exchange)
            .finish_non_exhaustive()
    }
}

/// The host of a guest that is never there.
struct NoHost;

impl Imports for NoHost {
    fn host_call(&self, _: HostCall) -> BoxFuture<'_, Result<Bytes, String>> {
        Box::pin(std::future::ready(Err("there is no host".to_owned())))
    }

    fn console_log(&self, _: &str) {}
}

impl Exchange {
    /// Nothing asked yet, for what runs before the first request.
    pub(crate) fn silent(context: CallContext, time: TimeLimit) -> Self {
        Self { context, time, request: None, response: None, error: None, host_answer: HostAnswer::None }
    }

    pub(crate) fn ask(request: Request, context: CallContext, time: TimeLimit) -> Self {
        Self { request: Some(request), ..Self::silent(context, time) }
    }

    /// Forgets what the last call left: payloads, and what its caller attached.
    pub(crate) fn forget(&mut self) {
        *self = Self::silent(CallContext::new(self.time.until), self.time);
    }

    /// The error of the last host call, if the guest did not read it.
    pub(crate) fn unread_host_error(&mut self) -> Option<String> {
        match &mut self.host_answer {
            HostAnswer::Error { text, fetched: false } => Some(std::mem::take(text)),
            _ => None,
        }
    }
}

impl TimeLimit {
    /// The same time, and at most so much of it.
    pub(crate) fn at_most(self, limit: Duration) -> Self {
        let until = self.from.checked_add(limit).map_or(self.until, |until| until.min(self.until));
        Self { until, ..self }
    }

    pub(crate) fn allowed(&self) -> Duration {
        self.until.saturating_duration_since(self.from)
    }

    fn is_up(&self) -> bool {
        Instant::now() >= self.until
    }
}
