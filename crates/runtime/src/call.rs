//! What a call is, and [`Imports`]: what its guest can ask of the host.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;

/// One call of an actor.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The operation, handed to the guest as it is.
    pub operation: &'a str,
    /// What the operation is about.
    pub payload: Bytes,
    /// What goes with the call to every host call that it makes.
    pub context: CallContext,
    /// What to do if all places of the actor are taken.
    pub when_busy: WhenBusy,
}

impl<'a> Call<'a> {
    /// A call that waits for its turn.
    #[must_use]
    pub fn new(operation: &'a str, payload: impl Into<Bytes>, context: CallContext) -> Self {
        Self { operation, payload: payload.into(), context, when_busy: WhenBusy::Wait }
    }

    /// Has the call refused if it has not got its turn after so long.
    #[must_use]
    pub fn wait_at_most(mut self, limit: Duration) -> Self {
        self.when_busy = WhenBusy::WaitAtMost(limit);
        self
    }

    /// Has the call refused if it cannot run at once: for an actor that calls itself, which would wait for its own end.
    #[must_use]
    pub fn refuse_when_busy(mut self) -> Self {
        self.when_busy = WhenBusy::Refuse;
        self
    }
}

/// What a call does if all places of the actor are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenBusy {
    /// It waits in the queue until its deadline.
    #[default]
    Wait,
    /// It waits in the queue for so long, and at most until its deadline.
    WaitAtMost(Duration),
    /// It is refused at once.
    Refuse,
}

/// What goes with a call to every host call that it makes.
#[derive(Clone)]
pub struct CallContext {
    /// When the call must have ended. The runtime shortens it to what the actor allows.
    pub deadline: Instant,
    /// How many calls led to this one. The runtime passes it on and leaves its meaning to the host.
    pub depth: u8,
    value: Option<Arc<dyn Any + Send + Sync>>,
}

impl CallContext {
    /// The context of a call that must end at this time.
    #[must_use]
    pub fn new(deadline: Instant) -> Self {
        Self { deadline, depth: 0, value: None }
    }

    /// Sets how many calls led to this one.
    #[must_use]
    pub fn depth(mut self, depth: u8) -> Self {
        self.depth = depth;
        self
    }

    /// Attaches whatever the host wants to find in its host calls, a trace for instance.
    #[must_use]
    pub fn attach<T: Any + Send + Sync>(mut self, value: Arc<T>) -> Self {
        self.value = Some(value);
        self
    }

    /// What was attached, if it has this type.
    #[must_use]
    pub fn attached<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.value.as_deref()?.downcast_ref()
    }
}

impl fmt::Debug for CallContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallContext")
            .field("deadline", &self.deadline)
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}

/// What a guest asks of its host.
#[derive(Clone, Debug)]
pub struct HostCall {
    /// The link name; empty for a call to an actor.
    pub binding: String,
    /// The contract, or the key or alias of an actor.
    pub namespace: String,
    /// The operation.
    pub operation: String,
    /// What the operation is about.
    pub payload: Bytes,
    /// The context of the guest's call, its deadline being the time by which an answer is of use.
    pub context: CallContext,
}

/// The host as its guests see it.
///
/// Both methods run within the call of the guest, on the task that called the actor.
pub trait Imports: Send + Sync + 'static {
    /// Answers a host call. The error's text is what the guest reads. The future is dropped at the call's deadline, and
    /// with the call.
    fn host_call(&self, call: HostCall) -> BoxFuture<'_, Result<Bytes, String>>;

    /// Takes a line that the guest logged, without its end. It must not block. Lines are bounded in length and number.
    fn console_log(&self, text: &str);
}
