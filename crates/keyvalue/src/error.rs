//! Why an operation fails, and why a place to keep things cannot be used.

use std::time::Duration;

use async_nats::jetstream::{
    context::{CreateStreamError, KeyValueError, PublishError},
    stream::{DirectGetError, LastRawMessageError},
};
use lattice_protocol::error_chain;
use lattice_provider::{HandlerError, PayloadError};

use crate::{defaults::SHOWN_KEY, storage::Kind};

/// An operation that failed, and on what.
#[derive(Debug, thiserror::Error)]
#[error("{operation} of `{key}` failed")]
pub(crate) struct Failed {
    /// The operation, without its interface.
    pub(crate) operation: &'static str,
    /// The key, or the beginning of a long one.
    pub(crate) key: String,
    /// What went wrong.
    pub(crate) source: Trouble,
}

impl Failed {
    pub(crate) fn new(operation: &'static str, key: &str, source: Trouble) -> Self {
        Self { operation, key: key.chars().take(SHOWN_KEY).collect(), source }
    }
}

impl From<Failed> for HandlerError {
    fn from(failed: Failed) -> Self {
        HandlerError::Failed(error_chain(&failed))
    }
}

/// What went wrong with an operation. No variant repeats a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Trouble {
    /// The argument is not what the operation takes.
    #[error("its argument is unusable")]
    Argument {
        /// What is wrong with it.
        source: PayloadError,
    },
    /// There is something of another kind under the key.
    #[error("it holds a {holds}, and the operation is for a {wanted} (WRONGTYPE)")]
    WrongType {
        /// What is there.
        holds: Kind,
        /// What the operation works on.
        wanted: Kind,
    },
    /// What is to be added to is no number.
    #[error("it is no number")]
    NotANumber,
    /// The sum is none that the result can hold.
    #[error("the sum is out of the range of 32 bits")]
    OutOfRange,
    /// The value does not fit in an entry.
    #[error("the {kind} is full: it would take {size} bytes, and an entry holds {limit}")]
    Full {
        /// What it is.
        kind: Kind,
        /// Bytes that it would take.
        size: usize,
        /// Bytes that an entry holds.
        limit: usize,
    },
    /// The key is too long for a subject.
    #[error("the key takes {size} bytes, more than {limit}")]
    KeyTooLong {
        /// Bytes that it takes as it is written.
        size: usize,
        /// Bytes that it may take.
        limit: usize,
    },
    /// Others wrote the same key all the time.
    #[error("others changed it at the same time, {attempts} times; nothing was done")]
    Contended {
        /// How often it was begun anew.
        attempts: u32,
    },
    /// JetStream did not answer a read.
    #[error("JetStream cannot read it")]
    ReadDirect {
        /// What the client says.
        source: DirectGetError,
    },
    /// JetStream did not answer a read.
    #[error("JetStream cannot read it")]
    Read {
        /// What the client says.
        source: LastRawMessageError,
    },
    /// What Redis holds is no UTF-8.
    #[error("what is stored there is no text")]
    NoText,
    /// Redis added, and the sum is none that the result can hold.
    #[error("the sum is out of the range of 32 bits, and stays")]
    SumStays,
    /// Redis refuses.
    #[error("Redis refuses: {reason}")]
    Refused {
        /// What it says, its code first, without the arguments.
        reason: String,
    },
    /// Redis did not answer. It may have done what it was asked for.
    #[error("Redis did not answer")]
    Unanswered {
        /// What the client says.
        source: redis::RedisError,
    },
    /// JetStream did not confirm a write. It may have been done.
    #[error("JetStream did not confirm the write")]
    Write {
        /// What the client says.
        source: PublishError,
    },
}

/// Why a place to keep things cannot be used. No variant repeats a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum OpenError {
    /// It took too long.
    #[error("{place} did not answer within {limit:?}: it is unreachable, or these credentials may not use it")]
    TimedOut {
        /// The bucket or the server.
        place: String,
        /// How long it had.
        limit: Duration,
    },
    /// There is no such bucket that could be opened, and none is to be made.
    #[error("the bucket `{bucket}` cannot be opened, and the link says not to make it")]
    NotMade {
        /// The bucket.
        bucket: String,
        /// What the client says.
        source: KeyValueError,
    },
    /// The bucket is not there and cannot be made.
    #[error("the bucket `{bucket}` cannot be made")]
    Make {
        /// The bucket.
        bucket: String,
        /// What the client says.
        source: CreateStreamError,
    },
    /// The URL is none.
    #[error("the link value `url` is no URL of a Redis server")]
    RedisUrl,
    /// Redis is not there, or does not let this provider in.
    #[error("no connection to Redis at `{place}`")]
    Redis {
        /// Where, without user info.
        place: String,
        /// What the client says.
        source: redis::RedisError,
    },
    /// The bucket was made and cannot be opened.
    #[error("the bucket `{bucket}` cannot be opened")]
    Open {
        /// The bucket.
        bucket: String,
        /// What the client says.
        source: KeyValueError,
    },
}
