//! Why a subject is not taken, and why a message was not sent.

use async_nats::{PublishError, RequestError};
use lattice_protocol::error_chain;
use lattice_provider::HandlerError;

/// Why a subject is not taken.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum SubjectError {
    /// It is no subject.
    #[error("`{subject}` is no subject")]
    Form {
        /// What was given, its beginning if it is long.
        subject: String,
    },
    /// Something is published to one subject, without wildcards.
    #[error("`{subject}` has a wildcard; messages go to one subject")]
    Wildcard {
        /// The subject.
        subject: String,
    },
    /// The lattice or the server uses it itself.
    #[error(
        "`{subject}` is for the lattice and its server, on whose NATS this link is; \
         the link value `allow_lattice_subjects=true` would allow it"
    )]
    Lattice {
        /// The subject.
        subject: String,
    },
}

/// Why a message was not sent, or not answered. No variant repeats a body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SendError {
    /// The subject, or that of the answer, is not taken.
    #[error("the message is not sent")]
    Subject {
        /// Why.
        #[from]
        source: SubjectError,
    },
    /// The message was not handed to the server.
    #[error("the message on `{subject}` was not sent")]
    Publish {
        /// Where it was to go.
        subject: String,
        /// What the client says.
        source: PublishError,
    },
    /// The connection is closed.
    #[error("the message on `{subject}` was not sent: the connection is closed")]
    Closed {
        /// Where it was to go.
        subject: String,
    },
    /// Nobody listens.
    #[error("nobody listens on `{subject}`")]
    NoResponders {
        /// Where the message went.
        subject: String,
    },
    /// No answer in time.
    #[error("no answer on `{subject}` within {waited} ms")]
    TimedOut {
        /// Where the message went.
        subject: String,
        /// Milliseconds.
        waited: u128,
    },
    /// Asking failed otherwise.
    #[error("no answer on `{subject}`")]
    Request {
        /// Where the message went.
        subject: String,
        /// What the client says.
        source: RequestError,
    },
}

impl From<SendError> for HandlerError {
    fn from(error: SendError) -> Self {
        HandlerError::Failed(error_chain(&error))
    }
}
