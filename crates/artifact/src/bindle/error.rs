//! Why a bindle is not to be had.

use std::time::Duration;

use crate::{digest::Digest, reference::ReferenceError};

/// Targets that an error lists.
const SHOWN: usize = 10;

/// Why a bindle was not fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindleError {
    /// The reference names no server, and neither do the settings.
    #[error(
        "no bindle server is configured; name one with `--bindle-url` or `BINDLE_URL`, or in the reference, \
         `bindle://name/1.2.3@https://bindle.example/v1/`"
    )]
    NotConfigured,
    /// The server in the settings is none.
    #[error("the bindle server that is configured cannot be used")]
    Url {
        /// What is wrong with its URL.
        source: ReferenceError,
    },
    /// A server without TLS that is not named as one.
    #[error(
        "the bindle server `{server}` would be reached without TLS; write `https://`, or name it as insecure with \
         `--insecure-registry {server}`"
    )]
    Insecure {
        /// The server.
        server: String,
    },
    /// Credentials that no request can carry.
    #[error("the credentials for the bindle server `{server}` have characters that cannot be sent")]
    Credentials {
        /// The server.
        server: String,
    },
    /// Nobody is there, or not on the network.
    #[error("the bindle server `{server}` cannot be reached")]
    Unreachable {
        /// The server.
        server: String,
        /// What the client says.
        source: reqwest::Error,
    },
    /// No secure connection: most likely a certificate that is not trusted.
    #[error(
        "there is no secure connection to the bindle server `{server}`: its certificate must be one that is trusted here"
    )]
    Tls {
        /// The server.
        server: String,
        /// What the client says.
        source: reqwest::Error,
    },
    /// The server accepts and says nothing, or stops in the middle.
    #[error("the bindle server `{server}` does not answer in time")]
    Silent {
        /// The server.
        server: String,
        /// What the client says.
        source: reqwest::Error,
    },
    /// The server sends next to nothing.
    #[error("the bindle server `{server}` sends too slowly to be waited for")]
    TooSlow {
        /// The server.
        server: String,
    },
    /// The answer ended too early, or is none of HTTP.
    #[error("the answer of the bindle server `{server}` breaks off or cannot be read")]
    Broken {
        /// The server.
        server: String,
        /// What the client says.
        source: reqwest::Error,
    },
    /// Status 401, and there are no credentials.
    #[error("the bindle server `{server}` wants credentials, and none are set for it")]
    CredentialsNeeded {
        /// The server.
        server: String,
    },
    /// Status 401 in spite of credentials.
    #[error("the bindle server `{server}` does not accept the credentials that are set for it")]
    CredentialsRefused {
        /// The server.
        server: String,
    },
    /// Status 403, and there are no credentials: servers of the published crate answer so to whom they do not know.
    #[error("the bindle server `{server}` does not give this to everybody, and no credentials are set for it")]
    AnonymousDenied {
        /// The server.
        server: String,
    },
    /// Status 403 in spite of credentials.
    #[error("the bindle server `{server}` does not give this to whom the credentials are that are set for it")]
    Denied {
        /// The server.
        server: String,
    },
    /// The server does not have the bindle.
    #[error("the bindle server `{server}` has no `{bindle}`")]
    NotFound {
        /// The server.
        server: String,
        /// Name and version.
        bindle: String,
    },
    /// The server has the invoice without what it is about: not all was pushed, or something was removed.
    #[error("the bindle server `{server}` has the invoice of `{bindle}` and not its parcel {parcel}; push it again")]
    ParcelNotFound {
        /// The server.
        server: String,
        /// Name and version.
        bindle: String,
        /// The parcel.
        parcel: Digest,
    },
    /// The bindle was withdrawn.
    #[error("`{bindle}` was yanked on the bindle server `{server}`; use another version")]
    Yanked {
        /// The server.
        server: String,
        /// Name and version.
        bindle: String,
    },
    /// Status 429, more than once.
    #[error("the bindle server `{server}` is asked too often{}", wait(*.retry_after))]
    TooManyRequests {
        /// The server.
        server: String,
        /// When it may be asked again, if it says so.
        retry_after: Option<Duration>,
    },
    /// A status from 500 on, more than once.
    #[error("the bindle server `{server}` fails with status {status}{}", wait(*.retry_after))]
    Failing {
        /// The server.
        server: String,
        /// The status.
        status: u16,
        /// When it may be asked again, if it says so.
        retry_after: Option<Duration>,
    },
    /// A redirect, which is not followed: credentials and trust are for this server.
    #[error(
        "the bindle server `{server}` redirects{}, which is not followed; use the URL of the server itself",
        to(target)
    )]
    Redirect {
        /// The server.
        server: String,
        /// The host to which it does, if it can be told.
        target: Option<String>,
    },
    /// Any other status.
    #[error("the bindle server `{server}` answers with status {status}")]
    Status {
        /// The server.
        server: String,
        /// The status.
        status: u16,
    },
    /// HTML, or something else that is no TOML: most likely no bindle server at all.
    #[error(
        "what `{server}` sent is no TOML ({reason}); the URL of a bindle server ends where its interface begins, in \
         `/v1/` for instance"
    )]
    NotToml {
        /// The server.
        server: String,
        /// What the reader says.
        reason: String,
    },
    /// TOML that is not an invoice.
    #[error("what the bindle server `{server}` sent is no invoice: {reason}")]
    NotAnInvoice {
        /// The server.
        server: String,
        /// What the reader says.
        reason: String,
    },
    /// The invoice of another bindle than was asked for.
    #[error("the bindle server `{server}` sent the invoice of `{found}` instead")]
    OtherBindle {
        /// The server.
        server: String,
        /// Name and version in the invoice.
        found: String,
    },
    /// An invoice that is longer than any is.
    #[error("the invoice on the bindle server `{server}` has more than {max} bytes")]
    InvoiceTooLarge {
        /// The server.
        server: String,
        /// The bytes accepted.
        max: u64,
    },
    /// Parcels that have more bytes than are fetched.
    #[error("the bindle has {size} bytes, at most {max} are fetched")]
    TooLarge {
        /// The bytes of its parcels.
        size: u64,
        /// The bytes allowed.
        max: u64,
    },
    /// A parcel without a digest by which it could be known.
    #[error("the invoice gives no SHA-256 digest, 64 digits in lower case, for its parcel `{parcel}`")]
    ParcelDigest {
        /// The parcel's name.
        parcel: String,
    },
    /// An actor's bindle with none or several parcels.
    #[error("the bindle has {found} parcels; that of an actor has one, the module")]
    ModuleParcels {
        /// How many there are.
        found: usize,
    },
    /// A provider's bindle without claims.
    #[error("the bindle has no claims: there is no parcel `claims.jwt` for this machine in it; is it a provider's?")]
    MissingClaims,
    /// A provider's bindle with nothing for this machine.
    #[error("the bindle has no executable for `{target}`; it has {}", list(found))]
    MissingTarget {
        /// The target of this machine.
        target: String,
        /// The targets that there are executables for.
        found: Vec<String>,
    },
    /// A provider's bindle with more than is meant.
    #[error(
        "the bindle has {found} parcels for `{target}`; that of a provider has two, `claims.jwt` and the executable"
    )]
    ProviderParcels {
        /// The target of this machine.
        target: String,
        /// How many are for it.
        found: usize,
    },
    /// A parcel of another size than its invoice says.
    #[error("the bindle server `{server}` sent {} bytes as the parcel {parcel}, which has {size}", count(*.found, *.size))]
    WrongSize {
        /// The server.
        server: String,
        /// The parcel.
        parcel: Digest,
        /// Its size in the invoice.
        size: u64,
        /// The bytes that came; none if there were more than that.
        found: Option<u64>,
    },
    /// A parcel with other bytes than its invoice says.
    #[error("the bindle server `{server}` sent something else as the parcel {parcel}: its digest is {found}")]
    WrongDigest {
        /// The server.
        server: String,
        /// The parcel.
        parcel: Digest,
        /// The digest of what came.
        found: Digest,
    },
}

impl BindleError {
    /// How long to wait before it is worth asking again, if it is; zero leaves that to who asks.
    pub(super) fn passes_after(&self) -> Option<Duration> {
        match self {
            Self::Unreachable { source, .. } if source.is_timeout() => None,
            Self::Unreachable { .. } | Self::Broken { .. } => Some(Duration::ZERO),
            Self::TooManyRequests { retry_after, .. } | Self::Failing { retry_after, .. } => {
                Some(retry_after.unwrap_or_default())
            }
            _ => None,
        }
    }
}

fn wait(retry_after: Option<Duration>) -> String {
    retry_after.map(|wait| format!("; it may be asked again in {} s", wait.as_secs())).unwrap_or_default()
}

fn to(target: &Option<String>) -> String {
    target.as_ref().map(|target| format!(" to `{target}`")).unwrap_or_default()
}

fn count(found: Option<u64>, size: u64) -> String {
    found.map_or_else(|| format!("more than {size}"), |found| found.to_string())
}

fn list(targets: &[String]) -> String {
    let shown: Vec<_> = targets.iter().take(SHOWN).map(|target| format!("`{target}`")).collect();
    match targets.len() {
        0 => "none that is for a target".to_owned(),
        1..=SHOWN => format!("some for {}", shown.join(", ")),
        all => format!("some for {} and {} more", shown.join(", "), all - SHOWN),
    }
}
