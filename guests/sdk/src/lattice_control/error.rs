//! Why an operation failed: a code for programs and a text for people.

use std::fmt;

/// Why an operation on a lattice failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlError {
    /// What kind of failure it is.
    pub code: Code,
    /// What happened, in words.
    pub text: String,
}

impl ControlError {
    /// Reads what the host says of a call that failed. Somewhere in it may stand `[code] ` and what the provider says.
    pub(super) fn told(told: &str) -> Self {
        match find_code(told) {
            Some((code, text)) => Self { code: Code::of(code), text: text.into() },
            None => Self { code: Code::Other, text: told.into() },
        }
    }

    /// The answer came, and is not what the contract says.
    pub(super) fn unreadable(text: String) -> Self {
        Self { code: Code::Unreadable, text }
    }
}

/// `[code] text`, as providers write it: read back by who calls the actor that returns it.
impl fmt::Display for ControlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{}] {}", self.code, self.text)
    }
}

impl std::error::Error for ControlError {}

/// Lets `?` turn the error into the text that a handler returns.
impl From<ControlError> for String {
    // A small module, for it stands behind every `?`.
    #[cold]
    #[inline(never)]
    fn from(error: ControlError) -> Self {
        error.to_string()
    }
}

macro_rules! codes {
    ($($(#[$about:meta])* $name:ident = $text:literal,)+) => {
        /// What kind of failure it is.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$about])* $name,)+
            /// A code that this SDK does not know.
            Unknown(String),
        }

        impl Code {
            /// The code of this name.
            pub(super) fn of(name: &str) -> Self {
                match name {
                    $($text => Self::$name,)+
                    other => Self::Unknown(other.into()),
                }
            }

            /// The code's name, as it stands in texts: `no_such_host`.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)+
                    Self::Unknown(name) => name,
                }
            }
        }
    };
}

codes! {
    /// The argument cannot be read, or says something impossible.
    Invalid = "invalid",
    /// The provider has no such operation.
    UnknownOperation = "unknown_operation",
    /// The actor's link does not allow this.
    NotGranted = "not_granted",
    /// The actor asks more often than its link allows.
    RateLimited = "rate_limited",
    /// The provider has as much to do as it can.
    Overloaded = "overloaded",
    /// Nobody has set credentials for the lattice.
    NoCredentials = "no_credentials",
    /// A JWT came without its seed, or a seed without its JWT.
    CredentialsIncomplete = "credentials_incomplete",
    /// The credentials are no credentials, or do not belong together.
    CredentialsInvalid = "credentials_invalid",
    /// The credentials are good for a time that is over, or still to come.
    CredentialsExpired = "credentials_expired",
    /// The lattice's NATS does not let the credentials in.
    CredentialsRefused = "credentials_refused",
    /// The lattice's NATS cannot be reached.
    Unreachable = "unreachable",
    /// The lattice has no JetStream, where its links and claims would stand.
    NoJetstream = "no_jetstream",
    /// No host of the lattice has answered.
    NoHosts = "no_hosts",
    /// The lattice has no host with this key.
    NoSuchHost = "no_such_host",
    /// No answer came in time. The host may still do what it was told.
    TimedOut = "timed_out",
    /// Nothing was found, and not everybody was heard: there is no list that could say who was not.
    Incomplete = "incomplete",
    /// An answer cannot be read: that of a host, or that of the provider.
    Unreadable = "unreadable",
    /// The argument or the answer is larger than what can be carried.
    TooLarge = "too_large",
    /// The credentials could not be shared among the instances of the provider.
    NotShared = "not_shared",
    /// The actor's link is gone.
    Unlinked = "unlinked",
    /// It failed otherwise.
    Failed = "failed",
    /// The command was refused, and nobody said what kind of refusal it is.
    Refused = "refused",
    /// The host is of another lattice than the command.
    OtherLattice = "other_lattice",
    /// The host has no such command.
    Unsupported = "unsupported",
    /// A policy of the host forbids it.
    NotAllowed = "not_allowed",
    /// What is to be changed does not run on the host.
    NotRunning = "not_running",
    /// Something else stands or runs in its place.
    Conflict = "conflict",
    /// Another provider's link stands there.
    LinkConflict = "link_conflict",
    /// The host's bid holds no longer.
    BidStale = "bid_stale",
    /// The operation's id belongs to another command.
    OperationConflict = "operation_conflict",
    /// The host runs or does as much as it can.
    Full = "full",
    /// The host is stopping.
    Stopping = "stopping",
    /// What the host needs for it does not work.
    Unavailable = "unavailable",
    /// There is no such thing.
    NotFound = "not_found",
    /// There is no code: the text says all that is known.
    Other = "other",
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The first word in brackets that can be a code, and what stands behind it.
fn find_code(told: &str) -> Option<(&str, &str)> {
    let opened = told.char_indices().filter(|(_, character)| *character == '[');
    opened.filter_map(|(at, _)| told.get(at + 1..)).find_map(|rest| {
        let (word, text) = rest.split_at(rest.bytes().take_while(is_of_code).count());
        let text = text.strip_prefix(']')?;
        Some((word, text.trim_start())).filter(|_| word.starts_with(|first: char| first.is_ascii_lowercase()))
    })
}

fn is_of_code(byte: &u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_'
}
