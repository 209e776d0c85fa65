//! Calling actors and providers.

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
    defaults::{CALL_TIMEOUT, LONGEST_WAIT},
    entity::Entity,
    error::{CallError, ReadError},
    header,
    invocation::{Invocation, TraceContext},
    response::InvocationResponse,
};

/// What to call, and with what.
#[derive(Clone, Debug)]
pub struct Call {
    origin: Entity,
    target: Entity,
    operation: String,
    payload: Bytes,
    deadline: Option<Instant>,
    depth: u32,
    trace: TraceContext,
}

impl Call {
    /// `origin` calls `operation` (`Interface.Method`) of `target`.
    pub fn new(origin: Entity, target: Entity, operation: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        let (operation, payload) = (operation.into(), payload.into());
        Self { origin, target, operation, payload, deadline: None, depth: 0, trace: TraceContext::new() }
    }

    /// When the caller stops waiting, instead of the client's timeout. The receiver learns how much time is left.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// How many calls this one is nested in, 0 if it is not said.
    #[must_use]
    pub fn with_depth(mut self, depth: u32) -> Self {
        self.depth = depth;
        self
    }

    /// The trace that the call belongs to.
    #[must_use]
    pub fn with_trace(mut self, trace: TraceContext) -> Self {
        self.trace = trace;
        self
    }
}

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
    timeout: Duration,
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
        let caller = Arc::new(Caller { subjects: RpcSubjects::new(lattice), host, signer });
        Self { nats, caller, timeout: CALL_TIMEOUT }
    }

    /// How long calls without a deadline of their own wait.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(LONGEST_WAIT);
        self
    }

    /// Calls, and waits for the result.
    ///
    /// Dropping the future stops waiting; the receiver may go on until the deadline that it was told.
    ///
    /// # Errors
    /// [`CallError`] tells apart whether nobody is there, no answer came in time, the answer is unreadable, the
    /// invocation was refused, or what was called failed.
    pub async fn call(&self, call: Call) -> Result<Bytes, CallError> {
        let subject = call.target.subject(&self.caller.subjects);
        let begun = Instant::now();
        let deadline = call.deadline.unwrap_or(begun + self.timeout);
        let waited = deadline.saturating_duration_since(begun);
        let timed_out = CallError::TimedOut { subject: subject.clone(), waited };
        if waited.is_zero() {
            return Err(timed_out);
        }
        let headers = header::of_call(waited, call.depth);
        let invocation = self.caller.sign(call);
        let sent = self.send(&subject, headers, invocation.encode());
        let answer = tokio::time::timeout_at(deadline, sent).await.map_err(|_| timed_out)??;
        read_answer(answer, &invocation.id, subject)
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

fn read_answer(answer: Message, id: &str, subject: String) -> Result<Bytes, CallError> {
    let unreadable = |source: ReadError| CallError::Unreadable { subject, source };
    let mut response = match InvocationResponse::decode(&answer.payload) {
        Ok(response) => response,
        Err(source) => return Err(unreadable(source)),
    };
    match response.error.take() {
        Some(error) => Err(remote_error(error, answer.headers.as_ref())),
        None => response.into_result(id).map_err(unreadable),
    }
}

fn remote_error(error: String, headers: Option<&HeaderMap>) -> CallError {
    match header::refusal(headers) {
        Some(kind) => CallError::Refused { kind, error },
        None => CallError::Failed { error },
    }
}
