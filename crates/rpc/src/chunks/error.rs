//! [`ChunkError`]: why a payload that is too large for one message did not travel.

use std::error::Error;

use async_nats::jetstream::{
    ErrorCode,
    context::{
        CreateObjectStoreError, CreateStreamError, CreateStreamErrorKind, GetStreamError, GetStreamErrorKind,
        RequestError, RequestErrorKind,
    },
};

/// Why a payload that is too large for one message could not be put into the object store of the lattice, or be taken
/// from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkError {
    /// The NATS server runs no JetStream, or not for this account.
    #[error(
        "there is no JetStream here, in whose object store bucket `{bucket}` payloads travel that are too large for one message"
    )]
    NoJetStream {
        /// The bucket.
        bucket: String,
    },
    /// JetStream knows no such bucket. Whoever sends a large payload makes it.
    #[error("there is no object store bucket `{bucket}`, in which the payload was to be found")]
    NoBucket {
        /// The bucket.
        bucket: String,
    },
    /// No answer in the time of the call. JetStream does not answer either who may not ask.
    #[error("cannot {attempt} the object store bucket `{bucket}`: no answer in time, or this account may not do that")]
    NoAnswer {
        /// The bucket.
        bucket: String,
        /// What was attempted with it.
        attempt: &'static str,
    },
    /// JetStream or the connection says no.
    #[error("cannot {attempt} the object store bucket `{bucket}`")]
    Failed {
        /// The bucket.
        bucket: String,
        /// What was attempted with it.
        attempt: &'static str,
        /// In their words.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The payload was announced, and nothing of its name is in the bucket.
    #[error("the object `{object}` is not in the object store bucket `{bucket}`")]
    Missing {
        /// The bucket.
        bucket: String,
        /// The object.
        object: String,
    },
    /// The payload is not as long as was announced.
    #[error(
        "the object `{object}` in the object store bucket `{bucket}` has {found} bytes, {announced} were announced"
    )]
    Length {
        /// The bucket.
        bucket: String,
        /// The object.
        object: String,
        /// Bytes that were announced.
        announced: usize,
        /// Bytes that it has by its own account.
        found: usize,
    },
    /// What is stored is not what was put there.
    #[error("the object `{object}` in the object store bucket `{bucket}` is damaged: {reason}")]
    Damaged {
        /// The bucket.
        bucket: String,
        /// The object.
        object: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// More is announced than is taken here; nothing was fetched.
    #[error("{announced} bytes are announced, at most {limit} are taken")]
    TooLarge {
        /// Bytes that were announced.
        announced: u64,
        /// Bytes that are taken.
        limit: usize,
    },
    /// The id of the invocation is none that an object can be named by.
    #[error("no object can be named by an id of {length} characters")]
    Name {
        /// Bytes of the id.
        length: usize,
    },
}

impl ChunkError {
    /// The announced length, if so much is taken.
    pub(crate) fn check_length(announced: u64, limit: usize) -> Result<usize, Self> {
        let too_large = Self::TooLarge { announced, limit };
        usize::try_from(announced).ok().filter(|length| *length <= limit).ok_or(too_large)
    }

    pub(super) fn failed(bucket: &str, attempt: &'static str, error: impl Error) -> Self {
        // The errors of the NATS client repeat their causes in their own text.
        Self::Failed { bucket: bucket.to_owned(), attempt, source: error.to_string().into() }
    }

    pub(super) fn no_answer(bucket: &str, attempt: &'static str) -> Self {
        Self::NoAnswer { bucket: bucket.to_owned(), attempt }
    }

    pub(super) fn opening(bucket: &str, error: &GetStreamError) -> Self {
        match (error.kind(), requested(error)) {
            (GetStreamErrorKind::JetStream(told), _) => match told.error_code() {
                ErrorCode::STREAM_NOT_FOUND => Self::NoBucket { bucket: bucket.to_owned() },
                ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => {
                    Self::NoJetStream { bucket: bucket.to_owned() }
                }
                _ => Self::failed(bucket, "open", error),
            },
            (_, Some(RequestErrorKind::NoResponders)) => Self::NoJetStream { bucket: bucket.to_owned() },
            (_, Some(RequestErrorKind::TimedOut)) => Self::no_answer(bucket, "open"),
            _ => Self::failed(bucket, "open", error),
        }
    }

    pub(super) fn creating(bucket: &str, error: &CreateObjectStoreError) -> Self {
        let cause = error.source().and_then(|source| source.downcast_ref::<CreateStreamError>());
        match cause.map(CreateStreamError::kind) {
            Some(CreateStreamErrorKind::TimedOut) => Self::no_answer(bucket, "create"),
            _ => Self::failed(bucket, "create", error),
        }
    }
}

fn requested(error: &GetStreamError) -> Option<RequestErrorKind> {
    error.source()?.downcast_ref::<RequestError>().map(RequestError::kind)
}
