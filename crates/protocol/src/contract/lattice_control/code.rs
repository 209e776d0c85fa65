//! What kind of failure an actor is told.

use std::fmt;

use crate::control::RefusalCode;

/// What kind of failure it is, for programs. Names are for ever; later ones may be added. Of this project.
///
/// A failed call's text holds its name in square brackets before the words: `[not_granted] the link …`. An ack that refuses
/// holds it under the key `code`. What a host refuses has the host's own code, see [`RefusalCode`], and
/// [`Refused`](ErrorCode::Refused) where it told none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The argument cannot be read, or says something impossible.
    Invalid,
    /// The argument or the answer is larger than what is taken.
    TooLarge,
    /// The contract has no such operation.
    UnknownOperation,
    /// The actor's link does not grant it; the text names the link value.
    NotGranted,
    /// More requests than the link grants in this time.
    RateLimited,
    /// More calls of the actor at once than are worked on and wait.
    Overloaded,
    /// The lattice is another than the provider's own, and the actor has set no credentials for it.
    NoCredentials,
    /// A user's JWT without the seed, or the other way round.
    CredentialsIncomplete,
    /// The JWT or the seed is none, or they do not belong together.
    CredentialsInvalid,
    /// The JWT is no longer valid, or not yet.
    CredentialsExpired,
    /// The NATS server refuses the credentials.
    CredentialsRefused,
    /// There is no connection to the NATS server.
    Unreachable,
    /// The NATS server, or the account there, has no JetStream, without which no host runs.
    NoJetStream,
    /// No host of the lattice listens.
    NoHosts,
    /// That host does not listen.
    NoSuchHost,
    /// No answer before the caller's deadline.
    TimedOut,
    /// Nothing was found, and not everybody was heard.
    Incomplete,
    /// An answer that cannot be read.
    Unreadable,
    /// Another instance of the provider does not have the credentials.
    NotShared,
    /// The actor is no longer linked with the provider.
    Unlinked,
    /// What no other code says.
    Failed,
    /// A host refuses and does not say what kind of refusal it is.
    Refused,
    /// A host refuses with this code.
    Host(RefusalCode),
}

impl ErrorCode {
    /// The codes that are not a host's.
    pub const OWN: &[ErrorCode] = &[
        ErrorCode::Invalid,
        ErrorCode::TooLarge,
        ErrorCode::UnknownOperation,
        ErrorCode::NotGranted,
        ErrorCode::RateLimited,
        ErrorCode::Overloaded,
        ErrorCode::NoCredentials,
        ErrorCode::CredentialsIncomplete,
        ErrorCode::CredentialsInvalid,
        ErrorCode::CredentialsExpired,
        ErrorCode::CredentialsRefused,
        ErrorCode::Unreachable,
        ErrorCode::NoJetStream,
        ErrorCode::NoHosts,
        ErrorCode::NoSuchHost,
        ErrorCode::TimedOut,
        ErrorCode::Incomplete,
        ErrorCode::Unreadable,
        ErrorCode::NotShared,
        ErrorCode::Unlinked,
        ErrorCode::Failed,
        ErrorCode::Refused,
    ];

    /// The code's name.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorCode::Invalid => "invalid",
            ErrorCode::TooLarge => "too_large",
            ErrorCode::UnknownOperation => "unknown_operation",
            ErrorCode::NotGranted => "not_granted",
            ErrorCode::RateLimited => "rate_limited",
            ErrorCode::Overloaded => "overloaded",
            ErrorCode::NoCredentials => "no_credentials",
            ErrorCode::CredentialsIncomplete => "credentials_incomplete",
            ErrorCode::CredentialsInvalid => "credentials_invalid",
            ErrorCode::CredentialsExpired => "credentials_expired",
            ErrorCode::CredentialsRefused => "credentials_refused",
            ErrorCode::Unreachable => "unreachable",
            ErrorCode::NoJetStream => "no_jetstream",
            ErrorCode::NoHosts => "no_hosts",
            ErrorCode::NoSuchHost => "no_such_host",
            ErrorCode::TimedOut => "timed_out",
            ErrorCode::Incomplete => "incomplete",
            ErrorCode::Unreadable => "unreadable",
            ErrorCode::NotShared => "not_shared",
            ErrorCode::Unlinked => "unlinked",
            ErrorCode::Failed => "failed",
            ErrorCode::Refused => "refused",
            ErrorCode::Host(code) => code.as_str(),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
