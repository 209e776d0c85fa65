//! Compiling: from bytes to a [`Module`], bounded in size, in time and in the cores that it takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use wasmparser::{Parser, Payload};

use crate::config::RuntimeConfig;
use crate::defaults::FUNCTION_BYTES;
use crate::error::{CompileError, EngineError};
use crate::machine;
use crate::module::{Loaded, Module, ModuleInner, Needs, deserialize};
use crate::runtime::{Runtime, RuntimeInner};

/// What a module begins with.
const MAGIC: &[u8] = b"\0asm";

/// What follows in a component: a version that is still a draft, and the layer of components.
const COMPONENT_LAYER: &[u8] = &[1, 0];

/// The threads that compile and the turns to use them.
#[derive(Debug)]
pub(crate) struct Compiler {
    pool: ThreadPool,
    turns: Arc<Semaphore>,
    limits: Limits,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    bytes: usize,
    time: Duration,
}

impl Compiler {
    pub(crate) fn new(config: &RuntimeConfig) -> Result<Self, EngineError> {
        let threads = config.compile_threads.unwrap_or_else(|| (machine::cores() / 2).max(1));
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|number| format!("lattice-compile-{number}"))
            .build()
            .map_err(|source| EngineError::Thread { name: "lattice-compile", source: source.into() })?;
        let limits = Limits { bytes: config.module_bytes, time: config.compile_timeout };
        Ok(Self { pool, turns: Arc::new(Semaphore::new(threads)), limits })
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, CompileError> {
        let waited = self.limits.time;
        let turn = timeout(waited, Arc::clone(&self.turns).acquire_owned()).await;
        turn.map_err(|_| CompileError::Busy { waited })?.map_err(CompileError::failed)
    }
}

impl Runtime {
    /// Compiles a module, or loads its code from the cache.
    ///
    /// The digest must be one of these very bytes, by whatever cryptographic hash: code in the cache is found by it.
    ///
    /// # Errors
    ///
    /// If the bytes are no module, no actor, too large, or took too long. A compilation that took too long ends in the
    /// background and keeps its turn until then.
    pub async fn compile(&self, bytes: Bytes, digest: &str) -> Result<Module, CompileError> {
        check_header(&bytes, self.inner.compiler.limits.bytes)?;
        let started = Instant::now();
        let job = Job { runtime: Arc::clone(&self.inner), bytes, digest: digest.to_owned(), started };
        let (job, cached) = blocking(move || job.cached()).await?;
        match cached {
            Some(module) => Ok(module),
            None => self.compile_in_turn(job).await,
        }
    }

    async fn compile_in_turn(&self, job: Job) -> Result<Module, CompileError> {
        let compiler = &self.inner.compiler;
        let turn = compiler.turn().await?;
        let limit = compiler.limits.time;
        let compiled = blocking(move || job.compiled(turn));
        timeout(limit, compiled).await.map_err(|_| CompileError::TimedOut { limit })??
    }
}

/// One compilation.
struct Job {
    runtime: Arc<RuntimeInner>,
    bytes: Bytes,
    digest: String,
    started: Instant,
}

impl Job {
    /// The module, if its code is in the cache, and the job back.
    fn cached(self) -> (Self, Option<Module>) {
        let cached = self.load_cached();
        (self, cached)
    }

    fn load_cached(&self) -> Option<Module> {
        let code = self.runtime.cache.as_ref()?.load(&self.digest)?;
        let module = self.load(&code, true);
        module
            .inspect_err(
                |error| tracing::warn!(digest = self.digest, %error, "compiled code in the cache is of no use"),
            )
            .ok()
    }

    fn compiled(self, turn: OwnedSemaphorePermit) -> Result<Module, CompileError> {
        // Another job for the same module may have ended while this one waited.
        if let Some(module) = self.load_cached() {
            return Ok(module);
        }
        check_functions(&self.bytes)?;
        let engine = &self.runtime.engines.on_demand.engine;
        let compile = || engine.precompile_module(&self.bytes);
        let code = self.runtime.compiler.pool.install(compile).map_err(CompileError::invalid)?;
        drop(turn);
        let module = self.load(&code, false)?;
        if let Some(cache) = &self.runtime.cache {
            cache.store(&self.digest, &code);
        }
        Ok(module)
    }

    fn load(&self, code: &[u8], from_cache: bool) -> Result<Module, CompileError> {
        let engines = &self.runtime.engines;
        let pooled = engines.pool.as_ref().and_then(|pool| Some((pool, deserialize(&pool.host.engine, code).ok()?)));
        let (pooled, on_demand, needs) = match pooled {
            Some((pool, module)) => {
                let needs = Needs::of(&module);
                (Some(Loaded::new(&pool.host, module)?), OnceCell::new(), needs)
            }
            None => {
                let module = deserialize(&engines.on_demand.engine, code)
                    .map_err(|error| CompileError::failed(error.into_boxed_dyn_error()))?;
                let needs = Needs::of(&module);
                (None, OnceCell::new_with(Some(Loaded::new(&engines.on_demand, module)?)), needs)
            }
        };
        let digest = self.digest.clone();
        let compile_time = self.started.elapsed();
        Ok(Module { inner: Arc::new(ModuleInner { digest, from_cache, compile_time, pooled, on_demand, needs }) })
    }
}

fn check_header(bytes: &[u8], limit: usize) -> Result<(), CompileError> {
    if bytes.len() > limit {
        return Err(CompileError::TooLarge { size: bytes.len(), limit });
    }
    let rest = bytes.strip_prefix(MAGIC).ok_or(CompileError::NotWasm)?;
    if rest.get(2..4) == Some(COMPONENT_LAYER) {
        return Err(CompileError::Component);
    }
    Ok(())
}

/// What cannot be read is left to the compiler, which says more about it.
fn check_functions(bytes: &[u8]) -> Result<(), CompileError> {
    let payloads = Parser::new(0).parse_all(bytes).map_while(Result::ok);
    let sizes = payloads.filter_map(|payload| match payload {
        Payload::CodeSectionEntry(body) => Some(body.range().len()),
        _ => None,
    });
    match sizes.max() {
        Some(size) if size > FUNCTION_BYTES => Err(CompileError::FunctionTooLarge { size, limit: FUNCTION_BYTES }),
        _ => Ok(()),
    }
}

/// Runs this where it may block. A panic in it is an error of the compiler.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, CompileError> {
    spawn_blocking(work).await.map_err(CompileError::failed)
}
