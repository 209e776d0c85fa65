//! [`Refusal`]: why an actor does not get what it asks for, with a code.

use std::fmt;

use lattice_claims::NatsUserError;
use lattice_client::{ConnectError, RequestError};
use lattice_protocol::{
    ActorKey,
    contract::lattice_control::{CtlOperationAck, ErrorCode},
    error_chain,
};
use lattice_provider::{HandlerError, NotShared};

/// What is said where no host listens.
pub(crate) const NOBODY: &str = "no host of the lattice listens: there is no such lattice, or nothing of it runs";

/// Why an actor does not get what it asks for. No text repeats a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    text: String,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, text: impl fmt::Display) -> Self {
        Self { code, text: text.to_string() }
    }

    pub(crate) fn invalid(text: impl fmt::Display) -> Self {
        Self::new(ErrorCode::Invalid, text)
    }

    pub(crate) fn unlinked(actor: &ActorKey) -> Self {
        Self::new(ErrorCode::Unlinked, format!("`{actor}` is no longer linked"))
    }

    /// The link does not grant it, and this link value would.
    pub(crate) fn not_granted(what: impl fmt::Display, value: &str) -> Self {
        Self::new(
            ErrorCode::NotGranted,
            format!(
                "the actor's link does not grant {what}; its value `{value}` says what it does, `lattice link put` changes it"
            ),
        )
    }

    /// What asking the lattice came to, where nobody listening means this.
    pub(crate) fn of_request(error: &RequestError, nobody: ErrorCode) -> Self {
        let code = match error {
            RequestError::Refused { code: Some(code), .. } => ErrorCode::Host(*code),
            RequestError::Refused { .. } => ErrorCode::Refused,
            RequestError::NoResponders { .. } => nobody,
            RequestError::TimedOut { .. } => ErrorCode::TimedOut,
            RequestError::Disconnected { .. } | RequestError::Connection { .. } => ErrorCode::Unreachable,
            RequestError::Unreadable { .. } => ErrorCode::Unreadable,
            RequestError::TooLarge { .. } | RequestError::TooMuch { .. } => ErrorCode::TooLarge,
            RequestError::Key { .. } => ErrorCode::Invalid,
            _ => ErrorCode::Failed,
        };
        let text = match error {
            RequestError::Refused { error, .. } => error.clone(),
            RequestError::NoResponders { .. } if nobody == ErrorCode::NoHosts => NOBODY.to_owned(),
            RequestError::NoResponders { .. } if nobody == ErrorCode::NoSuchHost => {
                "the host does not listen: there is none of that id in the lattice".to_owned()
            }
            error => error_chain(error),
        };
        Self::new(code, text)
    }

    /// As the answer to a command.
    pub(crate) fn into_ack(self) -> CtlOperationAck {
        CtlOperationAck { accepted: false, error: self.text, code: Some(self.code.as_str().to_owned()) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.code, self.text)
    }
}

impl From<Refusal> for HandlerError {
    fn from(refusal: Refusal) -> Self {
        HandlerError::Failed(refusal.to_string())
    }
}

impl From<NatsUserError> for Refusal {
    fn from(error: NatsUserError) -> Self {
        let code = match error {
            NatsUserError::Expired { .. } | NatsUserError::NotYetValid { .. } => ErrorCode::CredentialsExpired,
            _ => ErrorCode::CredentialsInvalid,
        };
        Self::new(code, error_chain(&error))
    }
}

impl From<ConnectError> for Refusal {
    fn from(error: ConnectError) -> Self {
        let code = match error {
            ConnectError::Refused { .. } => ErrorCode::CredentialsRefused,
            ConnectError::User | ConnectError::Credentials { .. } => ErrorCode::CredentialsInvalid,
            ConnectError::Url { .. } => ErrorCode::Invalid,
            _ => ErrorCode::Unreachable,
        };
        Self::new(code, error_chain(&error))
    }
}

impl From<NotShared> for Refusal {
    fn from(error: NotShared) -> Self {
        let text = format!(
            "the credentials do not count, for not every instance of the provider has them: {}",
            error_chain(&error)
        );
        Self::new(ErrorCode::NotShared, text)
    }
}
