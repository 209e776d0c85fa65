//! [`Instance`]: one instance of a module and the one call at a time that it serves.

use std::sync::Arc;

use bytes::Bytes;
use wasmtime::{Store, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::abi::Fault;
use crate::call::{CallContext, Imports};
use crate::defaults::{MAX_ERROR_TEXT, MAX_PAYLOAD, WASI_CALL_BYTES};
use crate::engine::Slot;
use crate::epoch;
use crate::error::CallError;
use crate::guest::{Exchange, Guest, Request, TimeIsUp, TimeLimit};
use crate::limits::{Limiter, MemoryBudget, Refusal};
use crate::log::{Log, clip};
use crate::module::{Entries, Module};
use crate::runtime::Runtime;
use crate::wasi;

/// All that instances of one actor have in common.
#[derive(Clone)]
pub(crate) struct Blueprint {
    pub(crate) runtime: Runtime,
    pub(crate) module: Module,
    pub(crate) memory: usize,
    pub(crate) imports: Arc<dyn Imports>,
    pub(crate) log: Arc<Log>,
    /// Whether instances outlive calls; then they do not take slots of the pool, which are for those that do not.
    pub(crate) kept: bool,
}

/// One instance. The slot stands behind the store, for it is dropped after it.
pub(crate) struct Instance {
    store: Store<Guest>,
    entries: Entries,
    intact: bool,
    _slot: Option<Slot>,
}

impl Blueprint {
    /// Makes an instance, on the time of its first call, and has it initialise itself.
    pub(crate) async fn instance(&self, context: &CallContext, time: TimeLimit) -> Result<Instance, CallError> {
        let runtime = &self.runtime.inner;
        let (loaded, slot) = self.module.loaded(runtime, self.kept).await.map_err(CallError::Instantiate)?;
        let guest = self.guest(&runtime.budget, Exchange::silent(context.clone(), time))?;
        let mut store = Store::new(loaded.module.engine(), guest);
        store.limiter(|guest| &mut guest.limiter);
        store.set_hostcall_fuel(WASI_CALL_BYTES);
        epoch::watch(&mut store);
        match loaded.instantiate(&mut store).await {
            Ok(entries) => Instance { store, entries, intact: true, _slot: slot }.initialised().await,
            Err(error) => {
                Err(explain(error, store.data(), |error| CallError::Instantiate(error.into_boxed_dyn_error())))
            }
        }
    }

    fn guest(&self, budget: &Arc<MemoryBudget>, exchange: Exchange) -> Result<Guest, CallError> {
        let limiter = Limiter::new(Arc::clone(budget), self.memory);
        Ok(Guest {
            imports: Arc::clone(&self.imports),
            log: Arc::clone(&self.log),
            limiter: limiter.ok_or(CallError::OutOfMemory { limit: budget.limit() })?,
            memory: None,
            wasi: self.module.inner.needs.wasi.then(|| Box::new(wasi::context(&self.log))),
            exchange,
        })
    }
}

impl Instance {
    /// Puts one request to the guest.
    pub(crate) async fn call(
        &mut self,
        request: Request,
        context: CallContext,
        time: TimeLimit,
    ) -> Result<Bytes, CallError> {
        let lengths = (length(request.operation.len())?, length(request.payload.len())?);
        self.store.data_mut().exchange = Exchange::ask(request, context, time);
        match self.entries.guest_call.call_async(&mut self.store, lengths).await {
            Ok(code) => self.finish(code),
            Err(error) => Err(self.broken(error)),
        }
    }

    /// The outcome of a call that came back. An instance may wait long for its next one, and then holds nothing of this.
    fn finish(&mut self, code: i32) -> Result<Bytes, CallError> {
        let exchange = &mut self.store.data_mut().exchange;
        let outcome = result(exchange, code);
        exchange.forget();
        outcome
    }

    /// Whether it can serve another call: after a trap its memory may be in any state, and after a refused growth its
    /// allocator may have given up.
    pub(crate) fn is_reusable(&self) -> bool {
        self.intact && self.store.data().limiter.refused().is_none()
    }

    async fn initialised(mut self) -> Result<Self, CallError> {
        for initialiser in std::mem::take(&mut self.entries.initialisers) {
            match initialiser.call_async(&mut self.store, ()).await {
                Err(error) if !exited_well(&error) => return Err(self.broken(error)),
                _ => {}
            }
        }
        Ok(self)
    }

    fn broken(&mut self, error: wasmtime::Error) -> CallError {
        self.intact = false;
        explain(error, self.store.data(), trap)
    }
}

/// A command that ends with code 0 has done its initialisation.
fn exited_well(error: &wasmtime::Error) -> bool {
    matches!(error.downcast_ref::<I32Exit>(), Some(I32Exit(0)))
}

fn length(len: usize) -> Result<u32, CallError> {
    u32::try_from(len).map_err(|_| CallError::TooLarge { what: "request", size: len, limit: MAX_PAYLOAD })
}

/// What the guest's return code means, given what it told the host before: its own error comes first, then one of the
/// host that it did not read.
fn result(exchange: &mut Exchange, code: i32) -> Result<Bytes, CallError> {
    if let Some(text) = exchange.error.take() {
        return Err(CallError::Guest(text));
    }
    if let Some(text) = exchange.unread_host_error() {
        return Err(CallError::HostCall(text));
    }
    if code != 1 {
        return Err(CallError::NoSuccess { code });
    }
    Ok(exchange.response.take().unwrap_or_default())
}

/// Why the guest was ended. What is not about time, memory or payloads is `otherwise`.
fn explain(error: wasmtime::Error, guest: &Guest, otherwise: impl FnOnce(wasmtime::Error) -> CallError) -> CallError {
    if error.is::<TimeIsUp>() {
        return CallError::TimedOut { after: guest.exchange.time.allowed() };
    }
    if let Some(Fault::ResponseTooLarge { size }) = error.downcast_ref() {
        return CallError::TooLarge { what: "response", size: *size, limit: MAX_PAYLOAD };
    }
    match guest.limiter.refused() {
        Some(Refusal::Instance) => CallError::MemoryLimit { limit: guest.limiter.limit() },
        Some(Refusal::Budget) => CallError::OutOfMemory { limit: guest.limiter.budget_limit() },
        None => otherwise(error),
    }
}

fn trap(error: wasmtime::Error) -> CallError {
    let what = match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    };
    let text = match error.downcast_ref::<WasmBacktrace>().and_then(innermost_function) {
        Some(function) => format!("{what} (in `{function}`)"),
        None => what,
    };
    CallError::Trap(clip(text.as_bytes(), MAX_ERROR_TEXT).into_owned())
}

fn innermost_function(backtrace: &WasmBacktrace) -> Option<String> {
    let frame = backtrace.frames().first()?;
    frame.func_name().map(str::to_owned)
}
