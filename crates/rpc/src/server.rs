//! Serving one actor or provider: its invocations are verified, handed to a [`Handler`], and answered.

mod admission;
mod calls;
mod intake;
mod refusal;
mod room;

pub use refusal::{RefusalKind, Refusals};
pub(crate) use room::{Place, Room};

use std::{fmt, future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use lattice_claims::Issuers;
use lattice_protocol::{LatticeName, RpcSubjects};
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    defaults::{IN_FLIGHT, LARGEST_PAYLOAD, LAST_WORDS, ROUND_TRIP, UNTOLD_DEADLINE},
    entity::Entity,
    error::ServeError,
    invocation::TraceContext,
};
use intake::Intake;

/// What callers are told whose time is over.
pub(crate) const TOO_LATE: &str = "the call took longer than its deadline";
/// What callers are told of a handler that panicked.
pub(crate) const PANICKED: &str = "what was called panicked";

/// A verified call that is to be answered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// Who calls, as the invocation's claims prove.
    pub origin: Entity,
    /// What is called, `Interface.Method`.
    pub operation: String,
    /// The payload, as the invocation's claims prove.
    pub payload: Bytes,
    /// The invocation's id.
    pub id: String,
    /// When the caller stops waiting, at the latest when the service allows. The handler's future is dropped then.
    pub deadline: Instant,
    /// Whether the caller says when that is. Those of other projects do not, and may stop waiting much earlier.
    pub deadline_is_told: bool,
    /// How many calls this one is nested in, in the caller's words.
    pub depth: u32,
    /// Whether what is called waits for the end of this call, in the caller's words.
    pub back: bool,
    /// The trace that the call belongs to.
    pub trace: TraceContext,
    /// The host of the caller, in the caller's words.
    pub host_id: String,
}

/// Why a handler has no result. The text goes to the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandlerError {
    /// The call was executed, or begun, and failed.
    #[error("{0}")]
    Failed(String),
    /// There is no room for the call now; nothing was executed.
    #[error("{0}")]
    Overloaded(String),
    /// The caller has no link to what it calls; nothing was executed.
    #[error("{0}")]
    Unlinked(String),
}

/// Executes the calls of one actor or provider.
pub trait Handler: Send + Sync + 'static {
    /// Executes one call.
    ///
    /// Each call runs in a task of its own, as many at once as the service allows; to allow fewer is the handler's
    /// matter. An error or a panic is answered to this caller and touches no other call. The future is dropped when
    /// the request's deadline passes and when a shutdown has waited long enough.
    fn handle(&self, request: Request) -> impl Future<Output = Result<Bytes, HandlerError>> + Send;
}

/// Looks for keys that were lent to providers a moment ago, before this receiver heard of it.
pub trait KeyLookup: Send + Sync + 'static {
    /// Looks for a key that signed an invocation and that nobody knows here, and returns whether the service's issuers know
    /// it now. Called for each such invocation, also for forged ones: it is to bound what it does.
    fn look_up(&self, key: String) -> BoxFuture<'_, bool>;
}

/// What to serve, for whom, and within which limits.
#[derive(Clone)]
pub struct Service {
    subjects: RpcSubjects,
    subject: String,
    entity: Entity,
    issuers: Issuers,
    inbox_prefixes: Vec<String>,
    in_flight: usize,
    longest_call: Duration,
    largest_payload: usize,
    refusals: Arc<Refusals>,
    lookup: Option<Arc<dyn KeyLookup>>,
}

impl Service {
    /// The service of `entity` in `lattice` for callers of the trusted clusters.
    pub fn new(lattice: LatticeName, entity: Entity, issuers: Issuers) -> Self {
        let subjects = RpcSubjects::new(lattice);
        Self {
            subject: entity.subject(&subjects),
            subjects,
            entity,
            issuers,
            inbox_prefixes: vec!["_INBOX".to_owned()],
            in_flight: IN_FLIGHT,
            longest_call: UNTOLD_DEADLINE,
            largest_payload: LARGEST_PAYLOAD,
            refusals: Arc::default(),
            lookup: None,
        }
    }

    /// Where callers may be answered, instead of under `_INBOX`. What asks to be answered elsewhere is not executed.
    #[must_use]
    pub fn with_inbox_prefixes(mut self, prefixes: Vec<String>) -> Self {
        self.inbox_prefixes = prefixes;
        self
    }

    /// How many calls are worked on at once, 1,024 if it is not said. One more is answered that it is too many.
    #[must_use]
    pub fn with_in_flight(mut self, calls: usize) -> Self {
        self.in_flight = calls;
        self
    }

    /// How long a call may take, whatever its caller says; 30 seconds if it is not said.
    #[must_use]
    pub fn with_longest_call(mut self, longest: Duration) -> Self {
        self.longest_call = longest;
        self
    }

    /// How many bytes the payload of a call and that of its answer may have, 32 MiB if it is not said. What announces more
    /// is refused before anything is fetched.
    #[must_use]
    pub fn with_largest_payload(mut self, bytes: usize) -> Self {
        self.largest_payload = bytes;
        self
    }

    /// Who is asked about keys that are not known.
    #[must_use]
    pub fn with_key_lookup(mut self, lookup: Arc<dyn KeyLookup>) -> Self {
        self.lookup = Some(lookup);
        self
    }

    /// Counts refusals here, together with other services.
    #[must_use]
    pub fn with_refusals(mut self, refusals: Arc<Refusals>) -> Self {
        self.refusals = refusals;
        self
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("subject", &self.subject).field("entity", &self.entity).finish_non_exhaustive()
    }
}

/// How a shutdown went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shutdown {
    /// Calls that were ended because they took too long, and whose callers were told so.
    pub ended: usize,
}

/// A running service. Dropping it ends everything at once, unanswered; [`Server::shutdown`] is the orderly way.
#[derive(Debug)]
pub struct Server {
    nats: async_nats::Client,
    subject: String,
    refusals: Arc<Refusals>,
    stop: CancellationToken,
    end: CancellationToken,
    task: JoinHandle<usize>,
}

impl Server {
    /// Subscribes and serves. When this returns, the NATS server knows the subscription.
    ///
    /// # Errors
    /// [`ServeError`] if the subscription cannot be made.
    pub async fn start<H: Handler>(
        nats: async_nats::Client,
        service: Service,
        handler: Arc<H>,
    ) -> Result<Self, ServeError> {
        let subject = service.subject.clone();
        let queue = service.entity.queue_group(&subject);
        let subscriber = nats.queue_subscribe(subject.clone(), queue).await;
        let subscriber = subscriber.map_err(|source| ServeError::Subscribe { subject: subject.clone(), source })?;
        let (stop, end) = (CancellationToken::new(), CancellationToken::new());
        let refusals = service.refusals.clone();
        let intake = Intake::new(nats.clone(), service, handler, end.clone());
        let task = tokio::spawn(intake.run(subscriber, stop.clone()));
        // From here on, giving up the start ends the service.
        let server = Self { nats, subject, refusals, stop, end, task };
        round_trip(&server.nats, &server.subject).await;
        Ok(server)
    }

    /// Where the service is invoked.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What was refused so far, counted by kind.
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// Takes no more calls, lets those that run finish within `limit`, ends the others, and answers them all.
    ///
    /// When this returns, the NATS server knows that the subscription is gone and has every answer.
    pub async fn shutdown(mut self, limit: Duration) -> Shutdown {
        self.stop.cancel();
        if timeout(limit, &mut self.task).await.is_ok() {
            round_trip(&self.nats, &self.subject).await;
            return Shutdown { ended: 0 };
        }
        self.end.cancel();
        let ended = timeout(LAST_WORDS, &mut self.task).await.ok().and_then(Result::ok).unwrap_or_default();
        round_trip(&self.nats, &self.subject).await;
        Shutdown { ended }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Waits until the NATS server has seen all that was sent before: it answers at once that nobody listens on an inbox
/// which was never used.
async fn round_trip(nats: &async_nats::Client, subject: &str) {
    let nobody = nats.request(nats.new_inbox(), Bytes::new());
    if timeout(ROUND_TRIP, nobody).await.is_err() {
        tracing::warn!(subject, "the NATS server did not confirm within {ROUND_TRIP:?}");
    }
}
