//! The request of a call, as it travels.

use std::{borrow::Cow, collections::BTreeMap};

use bytes::Bytes;
use lattice_claims::InvocationParts;
use serde::{Deserialize, Serialize};

use crate::{defaults::MAX_DEPTH, entity::Entity, error::ReadError, lenient};

/// Room for what stands in a message around its texts and bytes: keys, entities and lengths. With a trace it may be more.
const FRAME: usize = 640;

/// W3C trace context: `traceparent` and `tracestate`.
pub type TraceContext = BTreeMap<String, String>;

/// The request of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Who calls.
    pub origin: Entity,
    /// Who is called.
    pub target: Entity,
    /// What is called, `Interface.Method`.
    pub operation: String,
    /// The payload; empty when it comes in chunks.
    pub payload: Bytes,
    /// The invocation's own id.
    pub id: String,
    /// The token that proves the rest.
    pub claims: String,
    /// The host of the caller, in the caller's words.
    pub host_id: String,
    /// Bytes of the whole payload.
    pub content_length: u64,
    /// The trace that the call belongs to.
    pub trace: TraceContext,
}

impl Invocation {
    /// The bytes on the wire.
    pub fn encode(&self) -> Bytes {
        let length = self.payload.len() + self.claims.len() + self.operation.len();
        let message = Outgoing {
            origin: &self.origin,
            target: &self.target,
            operation: &self.operation,
            msg: &self.payload,
            id: &self.id,
            encoded_claims: &self.claims,
            host_id: &self.host_id,
            content_length: self.content_length,
            trace_context: &self.trace,
        };
        encode(&message, length)
    }

    /// Reads an invocation, whose payload then shares the memory of `message`.
    ///
    /// Accepted is whatever any published implementation writes: unknown and missing keys, nil, positional arrays,
    /// bytes written as text or as an array, further bytes behind it.
    ///
    /// # Errors
    /// [`ReadError::MessagePack`].
    pub fn decode(message: &Bytes) -> Result<Self, ReadError> {
        let read: Incoming<'_> = decode(message)?;
        let payload = share(message, read.msg);
        Ok(Self {
            origin: read.origin,
            target: read.target,
            operation: read.operation,
            content_length: read.content_length.unwrap_or(payload.len() as u64),
            payload,
            id: read.id,
            claims: read.encoded_claims,
            host_id: read.host_id,
            trace: read.trace_context,
        })
    }

    /// What the invocation's claims must fit.
    pub fn parts(&self) -> InvocationParts<'_> {
        InvocationParts {
            origin: self.origin.as_claimed(),
            target: self.target.as_claimed(),
            operation: &self.operation,
            payload: &self.payload,
        }
    }

    /// Whether the payload is elsewhere.
    pub(crate) fn is_chunked(&self) -> bool {
        is_elsewhere(self.content_length, &self.payload)
    }
}

/// The order of fields is the order on the wire.
#[derive(Serialize)]
struct Outgoing<'a> {
    origin: &'a Entity,
    target: &'a Entity,
    operation: &'a str,
    #[serde(with = "serde_bytes")]
    msg: &'a [u8],
    id: &'a str,
    encoded_claims: &'a str,
    host_id: &'a str,
    content_length: u64,
    #[serde(rename = "traceContext")]
    trace_context: &'a TraceContext,
}

#[derive(Deserialize)]
struct Incoming<'a> {
    origin: Entity,
    target: Entity,
    #[serde(default, deserialize_with = "lenient::text")]
    operation: String,
    #[serde(borrow, default, deserialize_with = "lenient::bytes")]
    msg: Cow<'a, [u8]>,
    #[serde(default, deserialize_with = "lenient::text")]
    id: String,
    #[serde(default, deserialize_with = "lenient::text")]
    encoded_claims: String,
    #[serde(default, deserialize_with = "lenient::text")]
    host_id: String,
    #[serde(default)]
    content_length: Option<u64>,
    #[serde(default, rename = "traceContext", deserialize_with = "lenient::nil_as_default")]
    trace_context: TraceContext,
}

/// The bytes of a value whose texts and bytes have this length, so that the payload is copied once.
pub(crate) fn encode<T: Serialize>(value: &T, length: usize) -> Bytes {
    let mut bytes = Vec::with_capacity(length + FRAME);
    let mut writer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
    value.serialize(&mut writer).expect("wire types have string keys and memory is written");
    bytes.into()
}

pub(crate) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, ReadError> {
    let mut reader = rmp_serde::Deserializer::from_read_ref(bytes);
    reader.set_max_depth(MAX_DEPTH);
    T::deserialize(&mut reader).map_err(|source| ReadError::MessagePack { source })
}

/// The bytes that were read from `message`, without copying them if they are part of it.
pub(crate) fn share(message: &Bytes, read: Cow<'_, [u8]>) -> Bytes {
    match read {
        Cow::Borrowed(part) => message.slice_ref(part),
        Cow::Owned(bytes) => bytes.into(),
    }
}

/// More is announced than came.
pub(crate) fn is_elsewhere(announced: u64, payload: &Bytes) -> bool {
    announced > payload.len() as u64
}

#[cfg(test)]
mod tests;
