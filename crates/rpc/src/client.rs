//! Calling actors and providers.

mod call;

pub use call::Call;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_nats::{HeaderMap, Message, RequestError, RequestErrorKind};
use bytes::Bytes;
use lattice_claims::InvocationSigner;
use lattice_protocol::{HostKey, LatticeName, RpcSubjects};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    chunks::{ChunkError, Chunks, ObjectName},
    defaults::{CALL_TIMEOUT, CHUNKED_EXTRA, LARGEST_PAYLOAD, LONGEST_WAIT},
    direct::{DirectClient, Outcome},
    error::{CallError, ReadError},
    header::{self, Nesting},
    invocation::Invocation,
    response::InvocationResponse,
};

/// Sends signed invocations in one lattice. Clones share everything.
///
/// ```no_run
/// # async fn example(nats: async_nats::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use lattice_claims::{ClusterSeed, HostSeed, InvocationSigner};
/// use lattice_protocol::{ActorKey, LatticeName};
/// use lattice_rpc::{Call, RpcClient};
///
/// let cluster: ClusterSeed = std::fs::read_to_string("cluster.nk")?.parse()?;
/// let caller = HostSeed::generate().public();
/// let rpc = RpcClient::new(nats, LatticeName::default(), caller, InvocationSigner::new(cluster))
///     .with_timeout(Duration::from_secs(5));
///
/// let actor: ActorKey = "MDJ5BWS6JXSWOZL2ZENW2D4FBSHQ5ZMFGEGJB33TLKYKMXTLLAXINU36".parse()?;
/// let answer = rpc.call(Call::new(actor.clone().into(), actor.into(), "Actor.HealthRequest", "\u{80}")).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RpcClient {
    nats: async_nats::Client,
    caller: Arc<Caller>,
    chunks: Chunks,
    direct: Option<DirectClient>,
    timeout: Duration,
    largest_payload: usize,
}

#[derive(Debug)]
struct Caller {
    subjects: RpcSubjects,
    host: HostKey,
    signer: InvocationSigner,
}

impl RpcClient {
    /// A client of `lattice` that calls in the name of `host`, which need not be running.
    pub fn new(nats: async_nats::Client, lattice: LatticeName, host: HostKey, signer: InvocationSigner) -> Self {
        let subjects = RpcSubjects::new(lattice);
        let chunks = Chunks::new(nats.clone(), subjects.clone());
        let caller = Arc::new(Caller { subjects, host, signer });
        Self { nats, caller, chunks, direct: None, timeout: CALL_TIMEOUT, largest_payload: LARGEST_PAYLOAD }
    }

    /// How long calls without a deadline of their own wait, two seconds if it is not said; 13 more when a payload is too
    /// large for one message.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(LONGEST_WAIT);
        self
    }

    /// Calls actors that run on the host which started this process directly. They are not signed then: the door knows who calls,
    /// whatever origin the call names.
    #[must_use]
    pub fn with_direct(mut self, direct: DirectClient) -> Self {
        self.direct = Some(direct);
        self
    }

    /// How many bytes the payload of a call and that of its answer may have, 32 MiB if it is not said. Nothing larger is
    /// sent or fetched.
    #[must_use]
    pub fn with_largest_payload(mut self, bytes: usize) -> Self {
        self.largest_payload = bytes;
        self
    }

    /// Calls, and waits for the result.
    ///
    /// Payloads that are too large for one message travel through the lattice's object store, within the call's deadline.
    ///
    /// Dropping the future stops waiting; the receiver may go on until the deadline that it was told.
    ///
    /// # Errors
    /// [`CallError`] tells apart whether nobody is there, no answer came in time, the answer is unreadable, the
    /// invocation was refused, what was called failed, or a large payload could not be put into the object store.
    pub async fn call(&self, call: Call) -> Result<Bytes, CallError> {
        let size = call.payload.len();
        if size > self.largest_payload {
            return Err(CallError::PayloadTooLarge { size, limit: self.largest_payload });
        }
        let route = Route {
            subject: call.target.subject(&self.caller.subjects),
            times: self.times(&call),
            nesting: call.nesting,
        };
        if route.times.waited().is_zero() {
            return Err(route.timed_out());
        }
        let Some(direct) = &self.direct else { return self.call_over_nats(call, route).await };
        match direct.call(&call, route.times.answered).await {
            Outcome::Settled(settled) => settled,
            Outcome::TimedOut => Err(route.timed_out()),
            Outcome::Elsewhere => self.call_over_nats(call, route).await,
            Outcome::Full(refused) => match Box::pin(self.call_over_nats(call, route)).await {
                Err(CallError::NoResponders { .. }) => Err(refused),
                settled => settled,
            },
        }
    }

    async fn call_over_nats(&self, call: Call, route: Route) -> Result<Bytes, CallError> {
        let size = call.payload.len();
        let mut invocation = self.caller.sign(call);
        if !self.chunks.are_needed(size) {
            return self.exchange(invocation, route).await;
        }
        let payload = std::mem::take(&mut invocation.payload);
        // What is rare lies on the heap, or every call would have room for it.
        let object = Box::pin(self.store(&invocation.id, &payload, &route.times)).await;
        let object = object.map_err(|source| CallError::NotStored { size, source })?;
        drop(payload);
        let outcome = self.exchange(invocation, route).await;
        if outcome.as_ref().is_err_and(is_final) {
            Box::pin(self.chunks.discard(&object)).await;
        }
        outcome
    }

    fn times(&self, call: &Call) -> Times {
        let begun = Instant::now();
        let with_chunks = call.deadline.unwrap_or(begun + self.timeout + CHUNKED_EXTRA);
        let without = call.deadline.unwrap_or(begun + self.timeout);
        let answered = if self.chunks.are_needed(call.payload.len()) { with_chunks } else { without };
        Times { begun, answered, fetched: with_chunks }
    }

    async fn store(&self, id: &str, payload: &[u8], times: &Times) -> Result<ObjectName, ChunkError> {
        let object = ObjectName::of_request(id)?;
        self.chunks.store(&object, payload, times.answered).await?;
        Ok(object)
    }

    async fn exchange(&self, invocation: Invocation, route: Route) -> Result<Bytes, CallError> {
        let Route { subject, times, nesting } = &route;
        let left = times.answered.saturating_duration_since(Instant::now());
        let sent = self.send(subject, header::of_call(left, *nesting), invocation.encode());
        let answer = tokio::time::timeout_at(times.answered, sent).await.map_err(|_| route.timed_out())??;
        let response = read_answer(&answer, &invocation.id, subject)?;
        if !response.is_chunked() {
            return Ok(response.payload);
        }
        let fetched = Box::pin(self.fetch(&invocation.id, response.content_length, times.fetched)).await;
        fetched.map_err(|source| unreadable(subject, ReadError::Chunked { source }))
    }

    async fn fetch(&self, id: &str, announced: u64, until: Instant) -> Result<Bytes, ChunkError> {
        let length = ChunkError::check_length(announced, self.largest_payload)?;
        let object = ObjectName::of_response(id)?;
        let fetching = async {
            let found = self.chunks.find(object, length).await?;
            Ok((found.read().await?, found))
        };
        let (payload, found) = self.chunks.within(until, "read", fetching).await?;
        found.discard().await;
        Ok(payload)
    }

    async fn send(&self, subject: &str, headers: HeaderMap, body: Bytes) -> Result<Message, CallError> {
        let size = body.len();
        let request = async_nats::Request::new().headers(headers).payload(body).timeout(None);
        let answer = self.nats.send_request(subject.to_owned(), request).await;
        answer.map_err(|source| self.not_sent(subject, size, source))
    }

    fn not_sent(&self, subject: &str, size: usize, source: RequestError) -> CallError {
        let subject = subject.to_owned();
        match source.kind() {
            RequestErrorKind::NoResponders => CallError::NoResponders { subject },
            RequestErrorKind::MaxPayloadExceeded => CallError::TooLarge { size, limit: self.nats.max_payload() },
            _ => CallError::Connection { subject, source },
        }
    }
}

impl Caller {
    fn sign(&self, call: Call) -> Invocation {
        let mut invocation = Invocation {
            origin: call.origin,
            target: call.target,
            operation: call.operation,
            content_length: call.payload.len() as u64,
            payload: call.payload,
            id: Uuid::new_v4().simple().to_string(),
            claims: String::new(),
            host_id: self.host.to_string(),
            trace: call.trace,
        };
        invocation.claims = self.signer.sign(&invocation.id, &invocation.parts(), SystemTime::now());
        invocation
    }
}

/// Where a call goes, when it is over, and what it is made within.
struct Route {
    subject: String,
    times: Times,
    nesting: Nesting,
}

impl Route {
    fn timed_out(&self) -> CallError {
        CallError::TimedOut { subject: self.subject.clone(), waited: self.times.waited() }
    }
}

/// When a call began and when it is over.
struct Times {
    begun: Instant,
    /// Until when its answer must have come.
    answered: Instant,
    /// Until when the result must have been fetched if it is not in the answer.
    fetched: Instant,
}

impl Times {
    fn waited(&self) -> Duration {
        self.answered.saturating_duration_since(self.begun)
    }
}

/// Whether it is certain that the receiver does not, or no longer, fetch the payload.
fn is_final(error: &CallError) -> bool {
    matches!(error, CallError::NoResponders { .. } | CallError::Refused { .. } | CallError::Failed { .. })
}

fn read_answer(answer: &Message, id: &str, subject: &str) -> Result<InvocationResponse, CallError> {
    let response = InvocationResponse::decode(&answer.payload).map_err(|source| unreadable(subject, source))?;
    match &response.error {
        Some(error) => Err(remote_error(error.clone(), answer.headers.as_ref())),
        None => response.check_id(id).map(|()| response).map_err(|source| unreadable(subject, source)),
    }
}

fn unreadable(subject: &str, source: ReadError) -> CallError {
    CallError::Unreadable { subject: subject.to_owned(), source }
}

fn remote_error(error: String, headers: Option<&HeaderMap>) -> CallError {
    match header::refusal(headers) {
        Some(kind) => CallError::Refused { kind, error },
        None => CallError::Failed { error },
    }
}
