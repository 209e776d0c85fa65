//! [`Runtime`]: the handle to the engines and all that they share.

use std::sync::Arc;

use crate::cache::CodeCache;
use crate::compile::Compiler;
use crate::config::RuntimeConfig;
use crate::defaults::{ASSUMED_MEMORY, MIN_GUEST_MEMORY};
use crate::engine::Engines;
use crate::epoch::Ticker;
use crate::error::EngineError;
use crate::limits::MemoryBudget;
use crate::machine;

/// The engines that compile and run modules. Clones are handles to the same ones; the last handle, those that actors
/// hold included, ends their threads.
///
/// Calls run on the tasks that make them, within a Tokio runtime with its timers enabled.
#[derive(Clone, Debug)]
pub struct Runtime {
    pub(crate) inner: Arc<RuntimeInner>,
}

#[derive(Debug)]
pub(crate) struct RuntimeInner {
    pub(crate) engines: Engines,
    pub(crate) budget: Arc<MemoryBudget>,
    pub(crate) compiler: Compiler,
    pub(crate) cache: Option<CodeCache>,
    _ticker: Ticker,
}

/// What the runtime holds at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuntimeStats {
    /// Bytes that all guests together hold.
    pub memory_used: usize,
    /// Bytes that all guests together may hold.
    pub memory_limit: usize,
    /// Instances that the pool has room for.
    pub pool_slots: usize,
    /// Instances in the pool.
    pub pool_slots_used: usize,
    /// Whether compiled code is kept on disk.
    pub caches_code: bool,
}

impl Runtime {
    /// Sets up the engines.
    ///
    /// # Errors
    ///
    /// If the engine does not work here, a thread cannot be started, or the directory for compiled code is accessible to
    /// others. A directory that cannot be made or written costs only the caching.
    pub fn new(config: RuntimeConfig) -> Result<Self, EngineError> {
        let memory = config.memory.unwrap_or_else(guest_memory);
        let engines = Engines::new(memory)?;
        let cache = match &config.compiled_dir {
            Some(dir) => CodeCache::open(dir, config.cache_bytes, &engines.on_demand.engine)?,
            None => None,
        };
        let ticker = Ticker::start(&engines)?;
        let budget = Arc::new(MemoryBudget::new(usize::try_from(memory).unwrap_or(usize::MAX)));
        let compiler = Compiler::new(&config)?;
        Ok(Self { inner: Arc::new(RuntimeInner { engines, budget, compiler, cache, _ticker: ticker }) })
    }

    /// What the runtime holds now.
    #[must_use]
    pub fn stats(&self) -> RuntimeStats {
        let RuntimeInner { engines, budget, cache, .. } = &*self.inner;
        RuntimeStats {
            memory_used: budget.used(),
            memory_limit: budget.limit(),
            pool_slots: engines.pool.as_ref().map_or(0, |pool| pool.slots()),
            pool_slots_used: engines.pool.as_ref().map_or(0, |pool| pool.slots_used()),
            caches_code: cache.is_some(),
        }
    }
}

/// Half of what is free now: the other half is for the host, its compiler and its neighbours.
fn guest_memory() -> u64 {
    let available = machine::available_memory().unwrap_or(ASSUMED_MEMORY);
    (available / 2).max(MIN_GUEST_MEMORY)
}
