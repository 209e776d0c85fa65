//! What kind of failure an actor is told.

use std::fmt;

use crate::{codes::codes, control::RefusalCode};

codes! {
    /// What kind of failure it is, for programs. Names are for ever; later ones may be added. Of this project.
    ///
    /// A failed call's text holds its name in square brackets before the words: `[not_granted] the link …`. An ack that refuses
    /// holds it under the key `code`. What a host refuses has the host's own code, see [`RefusalCode`], and
    /// [`Refused`](ErrorCode::Refused) where it told none.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum ErrorCode {
        /// The argument cannot be read, or says something impossible.
        Invalid = "invalid",
        /// The argument or the answer is larger than what is taken.
        TooLarge = "too_large",
        /// The contract has no such operation.
        UnknownOperation = "unknown_operation",
        /// The actor's link does not grant it; the text names the link value.
        NotGranted = "not_granted",
        /// More requests than the link grants in this time.
        RateLimited = "rate_limited",
        /// More calls of the actor at once than are worked on and wait.
        Overloaded = "overloaded",
        /// The lattice is another than the provider's own, and the actor has set no credentials for it.
        NoCredentials = "no_credentials",
        /// A user's JWT without the seed, or the other way round.
        CredentialsIncomplete = "credentials_incomplete",
        /// The JWT or the seed is none, or they do not belong together.
        CredentialsInvalid = "credentials_invalid",
        /// The JWT is no longer valid, or not yet.
        CredentialsExpired = "credentials_expired",
        /// The NATS server refuses the credentials.
        CredentialsRefused = "credentials_refused",
        /// There is no connection to the NATS server.
        Unreachable = "unreachable",
        /// The NATS server, or the account there, has no JetStream, without which no host runs.
        NoJetStream = "no_jetstream",
        /// No host of the lattice listens.
        NoHosts = "no_hosts",
        /// That host does not listen.
        NoSuchHost = "no_such_host",
        /// No answer before the caller's deadline.
        TimedOut = "timed_out",
        /// Nothing was found, and not everybody was heard.
        Incomplete = "incomplete",
        /// An answer that cannot be read.
        Unreadable = "unreadable",
        /// Another instance of the provider does not have the credentials.
        NotShared = "not_shared",
        /// The actor is no longer linked with the provider.
        Unlinked = "unlinked",
        /// What no other code says.
        Failed = "failed",
        /// A host refuses and does not say what kind of refusal it is.
        Refused = "refused",
        +
        /// A host refuses with this code.
        Host(RefusalCode),
    }
    /// The codes that are not a host's.
    pub const OWN;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
