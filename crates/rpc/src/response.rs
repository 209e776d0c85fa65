//! The answer to a call, as it travels.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    error::ReadError,
    invocation::{TraceContext, decode, encode, is_elsewhere, share},
    lenient,
};

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvocationResponse {
    /// The result; to be ignored if there is an error, and empty when it comes in chunks.
    pub payload: Bytes,
    /// The id of the invocation that this answers.
    pub invocation_id: String,
    /// Why the call failed.
    pub error: Option<String>,
    /// Bytes of the whole payload.
    pub content_length: u64,
    /// The trace that the call belongs to.
    pub trace: TraceContext,
}

impl InvocationResponse {
    /// The answer of a call that succeeded.
    pub fn success(invocation_id: String, payload: Bytes) -> Self {
        let content_length = payload.len() as u64;
        Self { payload, invocation_id, error: None, content_length, trace: TraceContext::new() }
    }

    /// The answer of a call that succeeded and whose result of so many bytes is elsewhere.
    pub(crate) fn announcing(invocation_id: String, length: usize) -> Self {
        Self { content_length: length as u64, ..Self::success(invocation_id, Bytes::new()) }
    }

    /// The answer of a call that failed.
    pub fn failure(invocation_id: String, error: String) -> Self {
        Self { error: Some(error), ..Self::success(invocation_id, Bytes::new()) }
    }

    /// The bytes on the wire.
    pub fn encode(&self) -> Bytes {
        let length = self.payload.len() + self.error.as_ref().map_or(0, String::len);
        let message = Outgoing {
            msg: &self.payload,
            invocation_id: &self.invocation_id,
            error: self.error.as_deref(),
            content_length: self.content_length,
            trace_context: &self.trace,
        };
        encode(&message, length)
    }

    /// Reads an answer, as leniently as [`Invocation::decode`](crate::Invocation::decode).
    ///
    /// # Errors
    /// [`ReadError::MessagePack`].
    pub fn decode(message: &Bytes) -> Result<Self, ReadError> {
        let read: Incoming<'_> = decode(message)?;
        let payload = share(message, read.msg);
        Ok(Self {
            invocation_id: read.invocation_id,
            error: read.error,
            content_length: read.content_length.unwrap_or(payload.len() as u64),
            payload,
            trace: read.trace_context,
        })
    }

    /// Whether the result is elsewhere.
    pub(crate) fn is_chunked(&self) -> bool {
        is_elsewhere(self.content_length, &self.payload)
    }

    /// Whether this answers the invocation `id`. Some implementations leave the id out, which is accepted.
    pub(crate) fn check_id(&self, id: &str) -> Result<(), ReadError> {
        if self.invocation_id.is_empty() || self.invocation_id == id {
            return Ok(());
        }
        Err(ReadError::OtherInvocation { found: self.invocation_id.clone() })
    }
}

/// The order of fields is the order on the wire.
#[derive(Serialize)]
struct Outgoing<'a> {
    #[serde(with = "serde_bytes")]
    msg: &'a [u8],
    invocation_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    content_length: u64,
    #[serde(rename = "traceContext")]
    trace_context: &'a TraceContext,
}

/// Without a single key it is an answer all the same: an empty success.
#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(borrow, default, deserialize_with = "lenient::bytes")]
    msg: Cow<'a, [u8]>,
    #[serde(default, deserialize_with = "lenient::text")]
    invocation_id: String,
    #[serde(default, deserialize_with = "lenient::optional_text")]
    error: Option<String>,
    #[serde(default)]
    content_length: Option<u64>,
    #[serde(default, rename = "traceContext", deserialize_with = "lenient::nil_as_default")]
    trace_context: TraceContext,
}

#[cfg(test)]
mod tests;
