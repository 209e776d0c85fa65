//! Which invocations are executed: the checks between bytes and a [`Request`].

use std::time::{Duration, SystemTime};

use async_nats::{HeaderMap, Message};
use lattice_claims::Issuers;
use lattice_protocol::error_chain;
use tokio::time::Instant;

use super::{RefusalKind, Request};
use crate::{defaults::UNKNOWN_ID, entity::Entity, error::ReadError, header, invocation::Invocation};

/// Characters of every public key.
const KEY_TEXT: usize = 56;

/// An invocation that is not executed, and what its caller is told.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) kind: RefusalKind,
    pub(super) id: String,
    pub(super) error: String,
}

#[derive(Debug)]
pub(super) struct Admission {
    pub(super) entity: Entity,
    pub(super) issuers: Issuers,
    pub(super) longest_call: Duration,
}

impl Admission {
    /// Reads and verifies an invocation that came just now.
    pub(super) fn admit(&self, message: &Message) -> Result<Request, Refusal> {
        let invocation = read(message)?;
        if let Err((kind, error)) = self.check(&invocation) {
            return Err(Refusal { kind, id: invocation.id, error });
        }
        Ok(self.request(invocation, message.headers.as_ref()))
    }

    fn check(&self, invocation: &Invocation) -> Result<(), (RefusalKind, String)> {
        check_host(&invocation.host_id)?;
        invocation.require_whole().map_err(|error| (RefusalKind::Chunked, error_chain(&error)))?;
        self.check_target(&invocation.target)?;
        let verified = self.issuers.verify(&invocation.claims, &invocation.parts(), SystemTime::now());
        verified.map(drop).map_err(|error| (RefusalKind::of(&error), error_chain(&error)))
    }

    fn check_target(&self, target: &Entity) -> Result<(), (RefusalKind, String)> {
        if self.entity.is_same(target) {
            return Ok(());
        }
        let (served, named) = (self.entity.public_key(), target.public_key());
        Err((RefusalKind::WrongTarget, format!("the invocation is for `{named}`, but `{served}` is served here")))
    }

    fn request(&self, invocation: Invocation, headers: Option<&HeaderMap>) -> Request {
        let left = header::time_left(headers).unwrap_or(self.longest_call).min(self.longest_call);
        Request {
            origin: invocation.origin,
            operation: invocation.operation,
            payload: invocation.payload,
            id: invocation.id,
            deadline: Instant::now() + left,
            depth: header::depth(headers),
            trace: invocation.trace,
            host_id: invocation.host_id,
        }
    }
}

fn read(message: &Message) -> Result<Invocation, Refusal> {
    Invocation::decode(&message.payload).map_err(|error: ReadError| Refusal {
        kind: RefusalKind::Unreadable,
        id: UNKNOWN_ID.to_owned(),
        error: format!("the invocation cannot be read: {}", error_chain(&error)),
    })
}

/// As loose as published receivers are: OTP hosts name their cluster key here.
fn check_host(host: &str) -> Result<(), (RefusalKind, String)> {
    if host.starts_with('N') || host.len() == KEY_TEXT {
        return Ok(());
    }
    Err((RefusalKind::Unreadable, "the invocation names no host that it comes from".to_owned()))
}

/// The refusal of one call too many, under the id of its invocation if that can be read.
pub(super) fn overloaded(message: &Message, error: String) -> Refusal {
    let id = Invocation::decode(&message.payload).map_or(UNKNOWN_ID.to_owned(), |invocation| invocation.id);
    Refusal { kind: RefusalKind::Overloaded, id, error }
}
