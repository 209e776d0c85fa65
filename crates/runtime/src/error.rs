//! What can go wrong: with the engine, with a module, with an actor's settings, with a call.

use std::path::PathBuf;
use std::time::Duration;

/// A cause that came from the engine below us.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The WebAssembly engine does not work on this machine.
    #[error("cannot set up the WebAssembly engine")]
    Engine(#[source] Cause),
    /// A thread that the engine needs was not to be had.
    #[error("cannot start the `{name}` thread")]
    Thread {
        /// What the thread was for.
        name: &'static str,
        /// What the system said.
        #[source]
        source: Cause,
    },
    /// Others could change the compiled code that this process would run.
    #[error("the directory {} for compiled code {problem}", path.display())]
    UnsafeDirectory {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl EngineError {
    pub(crate) fn engine(error: wasmtime::Error) -> Self {
        Self::Engine(error.into_boxed_dyn_error())
    }
}

/// Why bytes did not become a module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The bytes are something else.
    #[error("not a WebAssembly module: it does not begin with `\\0asm`")]
    NotWasm,
    /// The bytes begin like a module and are truncated, malformed, or use a feature that is switched off.
    #[error("not a valid WebAssembly module")]
    Invalid(#[source] Cause),
    /// A WebAssembly component, which cannot be run yet.
    #[error("a WebAssembly component, and only core modules with the waPC interface can be run")]
    Component,
    /// The module is no actor: it lacks the function through which actors are called.
    #[error("the module does not export `__guest_call` and so cannot be called")]
    NoGuestCall,
    /// The module exports one of the interface's functions with another signature.
    #[error("the module exports `{export}` with the signature {found}, and {expected} is needed")]
    WrongSignature {
        /// The export.
        export: &'static str,
        /// Its signature.
        found: String,
        /// The interface's signature.
        expected: &'static str,
    },
    /// The module imports what no host has.
    #[error("the module imports `{name}` from `{module}`, which is unknown")]
    UnknownImport {
        /// The module imported from.
        module: String,
        /// The name imported.
        name: String,
    },
    /// The module imports something known as something else.
    #[error("the module's imports do not fit those of the host")]
    WrongImport(#[source] Cause),
    /// The module is larger than the engine was told to accept.
    #[error("a module of {size} bytes, and at most {limit} are accepted")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The most that is accepted.
        limit: usize,
    },
    /// The module has a function that would take the compiler too much memory.
    #[error("a function of {size} bytes, and at most {limit} are accepted")]
    FunctionTooLarge {
        /// Its size in bytes.
        size: usize,
        /// The most that is accepted.
        limit: usize,
    },
    /// Compiling did not end in time.
    #[error("compiling took longer than {limit:?}")]
    TimedOut {
        /// The time that was allowed.
        limit: Duration,
    },
    /// Other compilations took all the time there was.
    #[error("no turn to compile within {waited:?}")]
    Busy {
        /// How long this one waited.
        waited: Duration,
    },
    /// The engine failed, through no fault of the module.
    #[error("the compiler failed")]
    Failed(#[source] Cause),
}

impl CompileError {
    pub(crate) fn invalid(error: wasmtime::Error) -> Self {
        Self::Invalid(error.into_boxed_dyn_error())
    }

    pub(crate) fn failed(cause: impl Into<Cause>) -> Self {
        Self::Failed(cause.into())
    }
}

/// Why a module did not become an actor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActorError {
    /// The module starts with more memory than its instances may have.
    #[error("the module needs {needed} bytes of memory to start, and its instances may have {limit}")]
    MemoryLimit {
        /// Bytes of memory and tables before the first instruction.
        needed: usize,
        /// Bytes that an instance may have.
        limit: usize,
    },
}

/// Why a call brought no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The guest says so, in its own words.
    #[error("the actor failed: {0}")]
    Guest(String),
    /// A call that the guest made to its host failed, and the guest did not ask why.
    #[error("a host call failed and the actor left its error unread: {0}")]
    HostCall(String),
    /// The guest reported failure without a word.
    #[error("the actor returned {code} instead of 1, without an error text")]
    NoSuccess {
        /// What it returned.
        code: i32,
    },
    /// The guest did what is not allowed and was stopped.
    #[error("the actor trapped: {0}")]
    Trap(String),
    /// The call's time was up while the guest ran. What it did so far is done.
    #[error("the call did not end within {after:?}")]
    TimedOut {
        /// How long the call had, waiting included.
        after: Duration,
    },
    /// The call's time was up before an instance was free. The guest has not seen it.
    #[error("no instance became free within {after:?}")]
    NotStarted {
        /// How long the call waited.
        after: Duration,
    },
    /// The guest needed more memory than an instance may have.
    #[error("the actor needs more than the {limit} bytes of memory that it may have")]
    MemoryLimit {
        /// Bytes that an instance may have.
        limit: usize,
    },
    /// All guests together have all the memory that they may have.
    #[error("the {limit} bytes of memory for actors are in use")]
    OutOfMemory {
        /// Bytes that all guests together may have.
        limit: usize,
    },
    /// As many calls run as may, and as many wait as may. The guest has not seen this one.
    #[error("{running} calls run and {waiting} wait, more are refused")]
    QueueFull {
        /// Calls that run.
        running: usize,
        /// Calls that wait.
        waiting: usize,
    },
    /// As many calls run as may, and this one was not to wait. The guest has not seen it.
    #[error("all {count} places are taken and the call was not to wait")]
    Busy {
        /// Calls that may run at once.
        count: usize,
    },
    /// A payload, to the guest or from it, is larger than any may be.
    #[error("a {what} of {size} bytes, and at most {limit} are allowed")]
    TooLarge {
        /// Which payload.
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// The actor takes no more calls. The guest has not seen this one.
    #[error("the actor has been stopped")]
    Closed,
    /// The actor was ended while the call ran or waited. What it did so far is done.
    #[error("the actor was stopped while the call was under way")]
    Aborted,
    /// No instance could be made, through no fault of the call.
    #[error("cannot make an instance of the actor")]
    Instantiate(#[source] Cause),
}

impl CallError {
    /// What kind of failure this is, for counting.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Guest(_) | Self::NoSuccess { .. } => FailureKind::Guest,
            Self::HostCall(_) => FailureKind::HostCall,
            Self::Trap(_) => FailureKind::Trap,
            Self::TimedOut { .. } => FailureKind::TimedOut,
            Self::MemoryLimit { .. } => FailureKind::MemoryLimit,
            Self::NotStarted { .. } | Self::QueueFull { .. } | Self::Busy { .. } => FailureKind::Refused,
            Self::TooLarge { .. } => FailureKind::TooLarge,
            Self::Closed | Self::Aborted => FailureKind::Closed,
            Self::OutOfMemory { .. } | Self::Instantiate(_) => FailureKind::Host,
        }
    }
}

/// The kinds of failure that are counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The guest reported failure.
    Guest,
    /// A host call failed and the guest left the error unread.
    HostCall,
    /// The guest trapped.
    Trap,
    /// The guest ran out of time.
    TimedOut,
    /// The guest ran out of its memory.
    MemoryLimit,
    /// The call got no place: the queue was full or time ran out in it.
    Refused,
    /// A payload was too large.
    TooLarge,
    /// The actor was stopped.
    Closed,
    /// The host lacked memory or could not make an instance.
    Host,
}

impl FailureKind {
    /// All kinds, in the order of their declaration.
    pub const ALL: [Self; 9] = [
        Self::Guest,
        Self::HostCall,
        Self::Trap,
        Self::TimedOut,
        Self::MemoryLimit,
        Self::Refused,
        Self::TooLarge,
        Self::Closed,
        Self::Host,
    ];

    /// A word for it, fit for a metric's label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::HostCall => "host_call",
            Self::Trap => "trap",
            Self::TimedOut => "timed_out",
            Self::MemoryLimit => "memory_limit",
            Self::Refused => "refused",
            Self::TooLarge => "too_large",
            Self::Closed => "closed",
            Self::Host => "host",
        }
    }
}
