//! Why calls and servers fail.

use std::time::Duration;

use crate::{chunks::ChunkError, server::RefusalKind};

/// Why bytes are no invocation, or no answer to one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Not MessagePack, or not of the shape.
    #[error("not the MessagePack that belongs here")]
    MessagePack {
        /// What the reader says.
        source: rmp_serde::decode::Error,
    },
    /// The payload is in the object store, and could not be taken from there.
    #[error("its payload, which it says is in the object store, cannot be had")]
    Chunked {
        /// Why.
        source: ChunkError,
    },
    /// An answer to something else.
    #[error("it answers the invocation `{found}`, not this one")]
    OtherInvocation {
        /// The id in the answer.
        found: String,
    },
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// Nobody listens: the actor or provider runs nowhere in the lattice.
    #[error("nobody there: nothing listens on `{subject}`")]
    NoResponders {
        /// Where the invocation was sent.
        subject: String,
    },
    /// No answer in time. The call may still be worked on.
    #[error("no answer on `{subject}` within {waited:?}")]
    TimedOut {
        /// Where the invocation was sent.
        subject: String,
        /// How long the caller waited.
        waited: Duration,
    },
    /// An answer that cannot be read.
    #[error("the answer on `{subject}` cannot be read")]
    Unreadable {
        /// Where the invocation was sent.
        subject: String,
        /// What is wrong with the answer.
        source: ReadError,
    },
    /// The receiver did not accept the invocation; nothing was executed.
    #[error("refused: {error}")]
    Refused {
        /// Why, for programs.
        kind: RefusalKind,
        /// Why, in the receiver's words.
        error: String,
    },
    /// What was called failed.
    #[error("the call failed: {error}")]
    Failed {
        /// Why, in the receiver's words.
        error: String,
    },
    /// The payload is too large for one message and could not be put into the object store; nothing was sent.
    #[error("the payload of {size} bytes could not be put into the object store")]
    NotStored {
        /// Bytes of the payload.
        size: usize,
        /// Why.
        source: ChunkError,
    },
    /// A larger payload than this client sends; nothing was sent.
    #[error("the payload has {size} bytes, at most {limit} are sent")]
    PayloadTooLarge {
        /// Bytes of the payload.
        size: usize,
        /// Bytes that are sent.
        limit: usize,
    },
    /// More than the NATS server takes in one message, though without the payload.
    #[error("the invocation has {size} bytes, the NATS server takes at most {limit}")]
    TooLarge {
        /// Bytes of the whole message.
        size: usize,
        /// Bytes that the server takes.
        limit: usize,
    },
    /// The invocation could not be sent.
    #[error("the invocation could not be sent to `{subject}`")]
    Connection {
        /// Where it was to be sent.
        subject: String,
        /// What the NATS client says.
        source: async_nats::RequestError,
    },
}

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The subscription was not made.
    #[error("cannot subscribe to `{subject}`")]
    Subscribe {
        /// The subject.
        subject: String,
        /// What the NATS client says.
        source: async_nats::SubscribeError,
    },
}
