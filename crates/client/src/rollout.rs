//! A command on many hosts, some at a time.

mod prefetch;
mod update;

use std::{
    fmt,
    num::NonZeroUsize,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::{Stream, StreamExt, stream};
use lattice_protocol::HostKey;

pub use self::{prefetch::PrefetchEverywhere, update::UpdateEverywhere};
use crate::{
    gather::{Boxed, Gathered, Missing},
    operation::{Operation, Settled, WaitError},
    request::RequestError,
};

/// How a command went on one host.
#[derive(Debug)]
#[non_exhaustive]
pub struct HostOutcome {
    /// The host.
    pub host_id: HostKey,
    /// The name people use for it; empty if it is not known.
    pub friendly_name: String,
    /// How it went.
    pub outcome: Result<Settled, HostError>,
}

/// Why a command did not come about on a host.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The host did not take it on.
    #[error("the command was not taken on")]
    Request(#[source] Box<RequestError>),
    /// It did not end well, or it is not known how it ended.
    #[error("the command did not end well")]
    Wait(#[source] Box<WaitError>),
    /// It was not begun, because it had failed on another host.
    #[error("the command was not begun, for it failed on another host")]
    NotBegun,
}

/// A command under way on many hosts: how it went on each, in the order in which they end.
///
/// Dropping it begins no further ones; those that a host has taken on go on there.
pub struct Rollout {
    hosts: Vec<HostKey>,
    missing: Vec<Missing>,
    errors: Vec<RequestError>,
    complete: bool,
    outcomes: Boxed<HostOutcome>,
}

impl Rollout {
    /// Has `one` carry the command out on each of these hosts, of which the friendly names are told.
    fn new<F>(
        hosts: Gathered<(HostKey, String)>,
        max_parallel: NonZeroUsize,
        one: impl Fn(HostKey) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Settled, HostError>> + Send + 'static,
    {
        let Gathered { items, errors, missing, complete } = hosts;
        let hosts = items.iter().map(|(host, _)| host.clone()).collect();
        let outcomes = stream::iter(items).map(move |(host_id, friendly_name)| {
            let carried_out = one(host_id.clone());
            async move { HostOutcome { host_id, friendly_name, outcome: carried_out.await } }
        });
        Self { hosts, missing, errors, complete, outcomes: outcomes.buffer_unordered(max_parallel.get()).boxed() }
    }

    /// The hosts that are meant.
    pub fn hosts(&self) -> &[HostKey] {
        &self.hosts
    }

    /// The hosts that did not answer and may be meant: nothing happens there.
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// What was wrong with what hosts said of themselves.
    pub fn errors(&self) -> &[RequestError] {
        &self.errors
    }

    /// Whether it is known which hosts are meant.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether it is known of no host that it is meant, nor that it may be.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.missing.is_empty() && self.errors.is_empty()
    }
}

impl Stream for Rollout {
    type Item = HostOutcome;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<HostOutcome>> {
        self.outcomes.poll_next_unpin(context)
    }
}

impl fmt::Debug for Rollout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rollout").field("hosts", &self.hosts).field("missing", &self.missing).finish_non_exhaustive()
    }
}

/// How a command ends that a host was sent.
async fn ended(sent: Result<Operation, RequestError>, deadline: Duration) -> Result<Settled, HostError> {
    let operation = sent.map_err(|error| HostError::Request(Box::new(error)))?;
    operation.wait(deadline).await.map_err(|error| HostError::Wait(Box::new(error)))
}
