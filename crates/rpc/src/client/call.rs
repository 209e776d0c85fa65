//! [`Call`]: what a caller asks for.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::{defaults::LONGEST_WAIT, entity::Entity, header::Nesting, invocation::TraceContext};

/// What to call, and with what.
#[derive(Clone, Debug)]
pub struct Call {
    pub(crate) origin: Entity,
    pub(crate) target: Entity,
    pub(crate) operation: String,
    pub(crate) payload: Bytes,
    pub(crate) deadline: Option<Instant>,
    pub(crate) nesting: Nesting,
    pub(crate) trace: TraceContext,
}

impl Call {
    /// `origin` calls `operation` (`Interface.Method`) of `target`.
    pub fn new(origin: Entity, target: Entity, operation: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        let (operation, payload) = (operation.into(), payload.into());
        Self {
            origin,
            target,
            operation,
            payload,
            deadline: None,
            nesting: Nesting::default(),
            trace: TraceContext::new(),
        }
    }

    /// When the caller stops waiting, instead of the client's timeout. The receiver learns how much time is left.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// How long the caller waits from now on, payloads that travel through the object store included.
    #[must_use]
    pub fn with_time_limit(self, limit: Duration) -> Self {
        self.with_deadline(Instant::now() + limit.min(LONGEST_WAIT))
    }

    /// How many calls this one is nested in, 0 if it is not said.
    #[must_use]
    pub fn with_depth(mut self, depth: u32) -> Self {
        self.nesting.depth = depth;
        self
    }

    /// Says that what is called waits for the end of this call, so that it is not to wait long for a place there. Published
    /// hosts do not know that.
    #[must_use]
    pub fn back(mut self) -> Self {
        self.nesting.back = true;
        self
    }

    /// What is called.
    pub fn target(&self) -> &Entity {
        &self.target
    }

    /// The trace that the call belongs to.
    #[must_use]
    pub fn with_trace(mut self, trace: TraceContext) -> Self {
        self.trace = trace;
        self
    }
}
