//! [`Engines`]: the pool of instances sized from the machine, and the engine that makes instances on demand.
//!
//! Both compile alike, so that code compiled once runs in both. Calls use the pool, where an instance costs microseconds.
//! A module beyond the limits of the pool, a call for which no slot of the pool is free, and instances that are kept
//! between calls use the other engine: waiting for a slot instead would let actors that call each other wait for
//! themselves. How much memory all instances hold is bounded for both together.
//!
//! Both reserve 4 GiB of address space for each instance, by which most bounds checks cost nothing. A process whose address
//! space is limited has no pool, and its instances reserve what they use, at the price of the checks.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, Linker, PoolingAllocationConfig};

use crate::abi;
use crate::defaults::{FRUGAL_GUARD, MAX_SLOTS, MEMORY_PER_SLOT, MIN_SLOTS, SLOT_KEEPS_RESIDENT, TABLE_KEEPS_RESIDENT};
use crate::error::EngineError;
use crate::guest::Guest;
use crate::machine;
use crate::wasi;

/// The two engines.
#[derive(Debug)]
pub(crate) struct Engines {
    pub(crate) pool: Option<Pool>,
    pub(crate) on_demand: Host,
}

/// An engine and what its modules can import.
pub(crate) struct Host {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<Guest>,
}

/// The engine with a bounded number of instances, and those that are free.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) host: Host,
    free: Arc<Semaphore>,
    slots: usize,
}

/// The right to one instance of the pool. It must outlive the instance.
pub(crate) type Slot = OwnedSemaphorePermit;

impl Engines {
    /// Engines for guests that together hold so many bytes of memory.
    pub(crate) fn new(memory: u64) -> Result<Self, EngineError> {
        if let Some(limit) = machine::address_space() {
            tracing::warn!(limit, "the address space of this process is limited (ulimit -v), calls will be slower");
            return Ok(Self { pool: None, on_demand: Host::new(&frugal_config()).map_err(EngineError::engine)? });
        }
        let on_demand = Host::new(&base_config()).map_err(EngineError::engine)?;
        let pool = Pool::new(slots_for(memory))
            .inspect_err(|error| {
                tracing::warn!(error = format!("{error:#}"), "no pool of instances, calls will be slower")
            })
            .ok();
        Ok(Self { pool, on_demand })
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Host> {
        self.pool.iter().map(|pool| &pool.host).chain([&self.on_demand])
    }
}

impl Pool {
    fn new(slots: u32) -> wasmtime::Result<Self> {
        let mut config = base_config();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool_config(slots)));
        let slots = slots as usize;
        Ok(Self { host: Host::new(&config)?, free: Arc::new(Semaphore::new(slots)), slots })
    }

    /// The right to one more instance, if there is one now.
    pub(crate) fn slot(&self) -> Option<Slot> {
        Arc::clone(&self.free).try_acquire_owned().ok()
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    pub(crate) fn slots_used(&self) -> usize {
        self.slots - self.free.available_permits()
    }
}

impl Host {
    fn new(config: &Config) -> wasmtime::Result<Self> {
        let engine = Engine::new(config)?;
        let mut linker = Linker::new(&engine);
        abi::define(&mut linker)?;
        wasi::define(&mut linker)?;
        Ok(Self { engine, linker })
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

fn slots_for(memory: u64) -> u32 {
    let slots = (memory / MEMORY_PER_SLOT).clamp(MIN_SLOTS, MAX_SLOTS);
    u32::try_from(slots).expect("clamped to far less")
}

/// What both engines have in common: all that decides how code is compiled.
fn base_config() -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    // The interface speaks of one memory with 32-bit addresses, and no actor toolchain emits the rest: what is off
    // cannot be attacked.
    config.wasm_memory64(false);
    config.wasm_multi_memory(false);
    config.wasm_gc(false);
    config.wasm_function_references(false);
    config.wasm_exceptions(false);
    config.gc_support(false);
    config
}

/// Memories that reserve little and move when they outgrow it.
fn frugal_config() -> Config {
    let mut config = base_config();
    config.memory_reservation(MEMORY_PER_SLOT).memory_reservation_for_growth(MEMORY_PER_SLOT);
    config.memory_guard_size(FRUGAL_GUARD);
    config
}

fn pool_config(slots: u32) -> PoolingAllocationConfig {
    let mut config = PoolingAllocationConfig::new();
    config.total_core_instances(slots);
    config.total_memories(slots);
    config.total_tables(slots);
    config.total_stacks(slots);
    config.linear_memory_keep_resident(SLOT_KEEPS_RESIDENT);
    config.table_keep_resident(TABLE_KEEPS_RESIDENT);
    config.pagemap_scan(Enabled::Auto);
    config
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hash, Hasher};

    use super::*;

    fn compatibility(engine: &Engine) -> u64 {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn both_engines_run_the_same_code() {
        let engines = Engines::new(64 << 20).unwrap();
        let pool = engines.pool.expect("a pool of the smallest size can be made");
        assert_eq!(compatibility(&pool.host.engine), compatibility(&engines.on_demand.engine));
    }

    #[test]
    fn the_pool_follows_the_machine() {
        assert_eq!(slots_for(0), 16);
        assert_eq!(slots_for(128 << 20), 32);
        assert_eq!(slots_for(u64::MAX), 1000);
    }

    #[test]
    fn a_slot_comes_back_when_dropped() {
        let pool = Pool::new(1).unwrap();
        let slot = pool.slot().unwrap();
        assert!(pool.slot().is_none());
        assert_eq!(pool.slots_used(), 1);
        drop(slot);
        assert!(pool.slot().is_some());
    }
}
