//! Why a bucket could not be read or written.

use async_nats::jetstream::{
    ErrorCode,
    context::{GetStreamError, GetStreamErrorKind, PublishError, PublishErrorKind},
    stream::{LastRawMessageError, LastRawMessageErrorKind},
};

use super::AnyError;
use crate::defaults::BUCKET_PATIENCE;

/// A bucket could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {attempt} in the key-value bucket `{bucket}`")]
pub(crate) struct BucketError {
    pub(crate) bucket: String,
    /// What was attempted, with the key that it was about.
    pub(crate) attempt: String,
    pub(crate) source: Cause,
}

/// What stood in the way.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cause {
    /// There is no such bucket.
    #[error("there is no such bucket; it was removed, and a host makes it anew within seconds")]
    Missing,
    /// No answer at all.
    #[error("no answer within {BUCKET_PATIENCE:?}: JetStream does not run, or this account may not do that")]
    Silence,
    /// In the words of the server or the connection, which repeat their own causes.
    #[error("{0}")]
    Told(String),
}

impl Cause {
    /// Whether the bucket was looked for and is not there.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Cause::Missing)
    }
}

impl From<LastRawMessageError> for Cause {
    fn from(error: LastRawMessageError) -> Self {
        match error.kind() {
            LastRawMessageErrorKind::JetStream(told) if told.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                Cause::Missing
            }
            _ => Cause::Told(error.to_string()),
        }
    }
}

impl From<PublishError> for Cause {
    fn from(error: PublishError) -> Self {
        match error.kind() {
            PublishErrorKind::StreamNotFound => Cause::Missing,
            PublishErrorKind::TimedOut => Cause::Silence,
            _ => Cause::Told(error.to_string()),
        }
    }
}

impl From<GetStreamError> for Cause {
    fn from(error: GetStreamError) -> Self {
        match error.kind() {
            GetStreamErrorKind::JetStream(told) if told.error_code() == ErrorCode::STREAM_NOT_FOUND => Cause::Missing,
            _ => Cause::Told(error.to_string()),
        }
    }
}

impl From<tokio::time::error::Elapsed> for Cause {
    fn from(_: tokio::time::error::Elapsed) -> Self {
        Cause::Silence
    }
}

impl From<AnyError> for Cause {
    fn from(error: AnyError) -> Self {
        Cause::Told(error.to_string())
    }
}
