//! [`RuntimeConfig`]: what can be set about the engine.

use std::path::PathBuf;
use std::time::Duration;

use crate::defaults::{CACHE_BYTES, COMPILE_TIMEOUT, MODULE_BYTES};

/// Settings of a [`Runtime`](crate::Runtime).
///
/// ```
/// use lattice_runtime::RuntimeConfig;
///
/// let config = RuntimeConfig::default().memory(256 << 20).compile_threads(1);
/// ```
#[derive(Clone, Debug)]
pub struct RuntimeConfig {
    pub(crate) compiled_dir: Option<PathBuf>,
    pub(crate) cache_bytes: u64,
    pub(crate) memory: Option<u64>,
    pub(crate) module_bytes: usize,
    pub(crate) compile_timeout: Duration,
    pub(crate) compile_threads: Option<usize>,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            compiled_dir: None,
            cache_bytes: CACHE_BYTES,
            memory: None,
            module_bytes: MODULE_BYTES,
            compile_timeout: COMPILE_TIMEOUT,
            compile_threads: None,
        }
    }
}

impl RuntimeConfig {
    /// Keeps compiled code in this directory, which is made if it is missing and must be accessible to its owner alone.
    /// Without one every start compiles.
    #[must_use]
    pub fn compiled_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.compiled_dir = Some(dir.into());
        self
    }

    /// Bytes of compiled code to keep on disk.
    #[must_use]
    pub fn cache_bytes(mut self, bytes: u64) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// Bytes of memory that all guests together may hold, which also sizes the pool of instances. By default half of
    /// what the machine and the control group have free.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Bytes of the largest module that is compiled.
    #[must_use]
    pub fn module_bytes(mut self, bytes: usize) -> Self {
        self.module_bytes = bytes;
        self
    }

    /// Longest time that a compilation may take.
    #[must_use]
    pub fn compile_timeout(mut self, timeout: Duration) -> Self {
        self.compile_timeout = timeout;
        self
    }

    /// How many cores compile at once, at least one; by default half of those that the process may use.
    #[must_use]
    pub fn compile_threads(mut self, threads: usize) -> Self {
        self.compile_threads = Some(threads.max(1));
        self
    }
}
