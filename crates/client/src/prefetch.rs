//! Having an image on many hosts before anything starts from it, some at a time.

use std::{fmt, num::NonZeroUsize, pin::Pin, sync::Arc, task::Context, task::Poll, time::Duration};

use futures::{Stream, StreamExt, stream};
use lattice_protocol::{Constraints, Host, HostKey};

use crate::{
    client::Client,
    gather::{Boxed, Gathered, Missing},
    operation::{Settled, WaitError},
    request::RequestError,
};

/// An image that hosts are to have in their caches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefetchEverywhere {
    /// The image of an actor or a provider.
    pub image_ref: String,
    /// Labels that a host must have to be meant; none means all hosts.
    pub constraints: Constraints,
    /// On how many hosts it is under way at once.
    pub max_parallel: NonZeroUsize,
    /// How long each host may take.
    pub deadline: Duration,
}

/// How a prefetch went on one host.
#[derive(Debug)]
#[non_exhaustive]
pub struct HostPrefetch {
    /// The host.
    pub host_id: HostKey,
    /// The name people use for it; empty if it is not known.
    pub friendly_name: String,
    /// How it went.
    pub outcome: Result<Settled, PrefetchError>,
}

/// Why a host does not have an image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrefetchError {
    /// The host did not take it on.
    #[error("the prefetch was not taken on")]
    Request(#[source] Box<RequestError>),
    /// It did not end well, or it is not known how it ended.
    #[error("the prefetch did not end well")]
    Wait(#[source] Box<WaitError>),
}

/// A prefetch under way on many hosts: how it went on each, in the order in which they end.
///
/// Dropping it begins no further ones; those that a host has taken on go on there.
pub struct Prefetches {
    hosts: Vec<HostKey>,
    missing: Vec<Missing>,
    errors: Vec<RequestError>,
    complete: bool,
    prefetches: Boxed<HostPrefetch>,
}

impl Prefetches {
    /// The hosts that are meant.
    pub fn hosts(&self) -> &[HostKey] {
        &self.hosts
    }

    /// The hosts that did not answer and may be meant.
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
}

impl Stream for Prefetches {
    type Item = HostPrefetch;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<HostPrefetch>> {
        self.prefetches.poll_next_unpin(context)
    }
}

impl fmt::Debug for Prefetches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prefetches").field("hosts", &self.hosts).field("missing", &self.missing).finish_non_exhaustive()
    }
}

impl Client {
    /// Has every host that has these labels fetch, check and compile an image, and tells host by host how it went.
    ///
    /// Nothing happens unless the stream is read.
    ///
    /// # Errors
    /// Hosts could not be asked for, as [`hosts`](Self::hosts). One that does not answer is no error here but stands in
    /// [`Prefetches::missing`].
    pub async fn prefetch_everywhere(&self, prefetch: PrefetchEverywhere) -> Result<Prefetches, RequestError> {
        let Gathered { items, errors, missing, complete } = self.hosts().await?;
        let meant: Vec<Host> = items.into_iter().filter(|host| has(host, &prefetch.constraints)).collect();
        let hosts = meant.iter().map(|host| host.id.clone()).collect();
        let at_once = prefetch.max_parallel.get();
        let (client, prefetch) = (self.clone(), Arc::new(prefetch));
        let prefetches = stream::iter(meant).map(move |host| {
            let (client, prefetch) = (client.clone(), Arc::clone(&prefetch));
            async move {
                let outcome = client.prefetch_and_wait(&host.id, &prefetch).await;
                HostPrefetch { host_id: host.id, friendly_name: host.friendly_name, outcome }
            }
        });
        let prefetches = prefetches.buffer_unordered(at_once).boxed();
        Ok(Prefetches { hosts, missing, errors, complete, prefetches })
    }

    async fn prefetch_and_wait(&self, host: &HostKey, wanted: &PrefetchEverywhere) -> Result<Settled, PrefetchError> {
        let operation = self.prefetch(host, &wanted.image_ref).await;
        let operation = operation.map_err(|error| PrefetchError::Request(Box::new(error)))?;
        operation.wait(wanted.deadline).await.map_err(|error| PrefetchError::Wait(Box::new(error)))
    }
}

fn has(host: &Host, constraints: &Constraints) -> bool {
    constraints.iter().all(|(key, value)| host.labels.get(key).is_some_and(|found| found == value))
}
