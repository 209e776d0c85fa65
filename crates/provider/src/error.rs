//! Why a provider does not start, or does not take a link.

use std::{fmt, io};

use lattice_claims::{SeedError, TokenError};
use lattice_protocol::{HostDataError, error_chain};
use lattice_rpc::{HandlerError, ServeError};

/// Why a provider does not start, or does not take a link, in words.
///
/// Any error becomes one with `?`, its causes in the text. The text reaches the log, the host and whoever put the link: an
/// error that repeats a password does not belong here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// A failure for this reason.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error_chain(&error))
    }
}

/// Why a provider does not start. No variant repeats a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Standard input cannot be read.
    #[error("the line with the host's data cannot be read")]
    Input {
        /// What the system says.
        source: io::Error,
    },
    /// What was read is no host data.
    #[error("what the host says cannot be used")]
    HostData {
        /// What is wrong with it.
        source: HostDataError,
    },
    /// The program cannot run tasks.
    #[error("no threads to run on")]
    Runtime {
        /// What the system says.
        source: io::Error,
    },
    /// The seed for invocations is none.
    #[error("the seed for invocations cannot be used")]
    InvocationSeed {
        /// What is wrong with it.
        source: SeedError,
    },
    /// One of the clusters to trust has no usable key.
    #[error("the clusters to trust cannot be used")]
    Issuers {
        /// What is wrong with it.
        source: TokenError,
    },
    /// A user's JWT without the seed, or neither is what it should be.
    #[error("the credentials for NATS cannot be used: {reason}")]
    Credentials {
        /// What is wrong with them.
        reason: &'static str,
    },
    /// There is no connection to NATS.
    #[error("no connection to NATS at `{url}`")]
    Connect {
        /// Where, without user info.
        url: String,
        /// What the NATS client says.
        source: async_nats::ConnectError,
    },
    /// A subscription was not made.
    #[error("cannot subscribe to `{subject}`")]
    Subscribe {
        /// The subject.
        subject: String,
        /// What the NATS client says.
        source: async_nats::SubscribeError,
    },
    /// Calls cannot be served.
    #[error("calls cannot be served")]
    Serve {
        /// What went wrong.
        source: ServeError,
    },
    /// The provider itself did not start.
    #[error("the provider does not start: {reason}")]
    Provider {
        /// Why, in its words.
        reason: Failure,
    },
}

/// Why a payload is not the value that it was read as.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// It is not MessagePack, or not of the shape.
    #[error("the payload is not what the operation takes")]
    MessagePack {
        /// What the reader says.
        source: rmp_serde::decode::Error,
    },
    /// It is CBOR, which some old programs send after a byte that says so.
    #[error("the payload is CBOR; only MessagePack is understood")]
    Cbor,
}

impl From<PayloadError> for HandlerError {
    fn from(error: PayloadError) -> Self {
        HandlerError::Failed(error_chain(&error))
    }
}
