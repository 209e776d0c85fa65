//! Which invocations are executed: the checks between bytes and a [`Request`].

use std::time::{Duration, SystemTime};

use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use lattice_claims::{Envelope, InvocationError, Issuers};
use lattice_protocol::error_chain;
use tokio::time::Instant;

use super::{RefusalKind, Request};
use crate::{
    chunks::{ChunkError, ObjectName},
    defaults::UNKNOWN_ID,
    entity::Entity,
    error::ReadError,
    header,
    invocation::Invocation,
};

/// Characters of every public key.
const KEY_TEXT: usize = 56;

/// An invocation that is not executed, and what its caller is told.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) kind: RefusalKind,
    pub(super) id: String,
    pub(super) error: String,
    /// The key that signed it, if nothing is known of that.
    pub(super) stranger: Option<String>,
}

#[derive(Debug)]
pub(super) struct Admission {
    pub(super) entity: Entity,
    pub(super) issuers: Issuers,
    pub(super) longest_call: Duration,
    pub(super) largest_payload: usize,
}

/// A call that is executed, as soon as its payload is there.
#[derive(Debug)]
pub(super) struct Admitted {
    /// The call; its payload is empty if that is elsewhere.
    pub(super) request: Request,
    pub(super) elsewhere: Option<Elsewhere>,
}

/// A payload that is in the object store, of a call of which everything else is verified.
#[derive(Debug)]
pub(super) struct Elsewhere {
    pub(super) object: ObjectName,
    /// Bytes of the payload.
    pub(super) length: usize,
    envelope: Envelope,
}

impl Refusal {
    pub(super) fn new(kind: RefusalKind, id: String, error: String) -> Self {
        Self { kind, id, error, stranger: None }
    }

    /// A payload in the object store that cannot be had.
    pub(super) fn of_chunks(id: String, error: &ChunkError) -> Self {
        let kind = match error {
            ChunkError::TooLarge { .. } => RefusalKind::TooLarge,
            _ => RefusalKind::Chunked,
        };
        Self::new(kind, id, format!("the payload cannot be had: {}", error_chain(error)))
    }
}

impl From<&InvocationError> for Refusal {
    fn from(error: &InvocationError) -> Self {
        let refusal = Self::new(RefusalKind::of(error), String::new(), error_chain(error));
        match error {
            InvocationError::UntrustedIssuer { issuer } => Self { stranger: Some(issuer.clone()), ..refusal },
            _ => refusal,
        }
    }
}

impl Elsewhere {
    /// Verifies the payload that was fetched.
    pub(super) fn verify(self, request: Request, payload: Bytes) -> Result<Request, Refusal> {
        verify_payload(self.envelope, Request { payload, ..request })
    }
}

impl Admission {
    /// Reads and verifies an invocation that came just now.
    pub(super) fn admit(&self, message: &Message) -> Result<Admitted, Refusal> {
        let invocation = read(message)?;
        let envelope = self.check(&invocation).map_err(|refusal| Refusal { id: invocation.id.clone(), ..refusal })?;
        if invocation.is_chunked() {
            return self.admit_chunked(invocation, envelope, message);
        }
        let request = self.request(invocation, message.headers.as_ref());
        Ok(Admitted { request: verify_payload(envelope, request)?, elsewhere: None })
    }

    /// All that can be known without the payload.
    fn check(&self, invocation: &Invocation) -> Result<Envelope, Refusal> {
        check_host(&invocation.host_id)?;
        self.check_target(&invocation.target)?;
        let verified = self.issuers.verify_envelope(&invocation.claims, &invocation.parts(), SystemTime::now());
        verified.map_err(|error| Refusal::from(&error))
    }

    fn admit_chunked(
        &self,
        mut invocation: Invocation,
        envelope: Envelope,
        message: &Message,
    ) -> Result<Admitted, Refusal> {
        let refused = |error| Refusal::of_chunks(invocation.id.clone(), &error);
        let length = ChunkError::check_length(invocation.content_length, self.largest_payload).map_err(refused)?;
        let object = ObjectName::of_request(&invocation.id).map_err(refused)?;
        invocation.payload = Bytes::new();
        let request = self.request(invocation, message.headers.as_ref());
        Ok(Admitted { request, elsewhere: Some(Elsewhere { object, length, envelope }) })
    }

    fn check_target(&self, target: &Entity) -> Result<(), Refusal> {
        if self.entity.is_same(target) {
            return Ok(());
        }
        let (served, named) = (self.entity.public_key(), target.public_key());
        let error = format!("the invocation is for `{named}`, but `{served}` is served here");
        Err(Refusal::new(RefusalKind::WrongTarget, String::new(), error))
    }

    fn request(&self, invocation: Invocation, headers: Option<&HeaderMap>) -> Request {
        let told = header::time_left(headers);
        let left = told.unwrap_or(self.longest_call).min(self.longest_call);
        let nesting = header::nesting(headers);
        Request {
            origin: invocation.origin,
            operation: invocation.operation,
            payload: invocation.payload,
            id: invocation.id,
            deadline: Instant::now() + left,
            deadline_is_told: told.is_some(),
            depth: nesting.depth,
            back: nesting.back,
            trace: invocation.trace,
            host_id: invocation.host_id,
        }
    }
}

fn verify_payload(envelope: Envelope, request: Request) -> Result<Request, Refusal> {
    match envelope.verify_payload(&request.payload) {
        Ok(_) => Ok(request),
        Err(error) => Err(Refusal { id: request.id, ..Refusal::from(&error) }),
    }
}

fn read(message: &Message) -> Result<Invocation, Refusal> {
    Invocation::decode(&message.payload).map_err(|error: ReadError| {
        let error = format!("the invocation cannot be read: {}", error_chain(&error));
        Refusal::new(RefusalKind::Unreadable, UNKNOWN_ID.to_owned(), error)
    })
}

/// As loose as published receivers are: OTP hosts name their cluster key here.
fn check_host(host: &str) -> Result<(), Refusal> {
    if host.starts_with('N') || host.len() == KEY_TEXT {
        return Ok(());
    }
    let error = "the invocation names no host that it comes from".to_owned();
    Err(Refusal::new(RefusalKind::Unreadable, String::new(), error))
}

/// The refusal of one call too many, under the id of its invocation if that can be read.
pub(super) fn overloaded(message: &Message, error: String) -> Refusal {
    let id = Invocation::decode(&message.payload).map_or(UNKNOWN_ID.to_owned(), |invocation| invocation.id);
    Refusal::new(RefusalKind::Overloaded, id, error)
}
