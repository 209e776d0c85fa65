//! Why a registry did not give, or not take, an artifact: one variant per cause that asks for another remedy.

use std::time::Duration;

use reqwest::StatusCode;

use super::{place::OciPlace, told::OciTold};
use crate::digest::Digest;

/// Why an artifact was not found in, fetched from or pushed to an OCI registry. Each names the reference and whom was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OciError {
    /// The tag `latest`, where it is not allowed.
    #[error(
        "{place} is refused: what `latest` is changes; name another tag or a digest, or allow it with `--allow-latest`"
    )]
    Latest {
        /// What was asked for.
        place: OciPlace,
    },
    /// Neither tag nor digest, which means `latest`, where that is not allowed.
    #[error(
        "{place} is refused: without a tag it means `latest`, and what that is changes; name a tag or a digest, or allow it with \
         `--allow-latest`"
    )]
    Untagged {
        /// What was asked for.
        place: OciPlace,
    },
    /// A mirror or registry whose name makes no URL.
    #[error("{place}: `{name}` is no server; it is written `host[:port]`, and for a mirror `host[:port][/prefix]`")]
    BadServer {
        /// What was asked for.
        place: OciPlace,
        /// The name as it is set.
        name: String,
    },

    /// A name that stands for no machine.
    #[error("{place}: the server's name is not known; check it, and that this machine resolves names")]
    Unresolved {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// What the resolver said.
        source: reqwest::Error,
    },
    /// Nothing listens there.
    #[error("{place}: the connection is refused; check the port, and whether the server runs")]
    Refused {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// What the system said.
        source: reqwest::Error,
    },
    /// No connection for another reason.
    #[error("{place}: the server cannot be reached; check its name, the network, and whether it speaks TLS")]
    Unreachable {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// What the system said.
        source: reqwest::Error,
    },
    /// A certificate of an authority that this machine does not know.
    #[error(
        "{place}: nobody whom this machine trusts vouches for the server's certificate; name its authority with `--registry-ca`"
    )]
    UnknownIssuer {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// What TLS said.
        source: reqwest::Error,
    },
    /// A certificate that does not hold: another name, another time.
    #[error("{place}: the server's certificate is not valid for it; ask who runs it")]
    BadCertificate {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// What TLS said.
        source: reqwest::Error,
    },
    /// A server that does not speak TLS.
    #[error("{place}: the server does not speak TLS; if that is as it should be, name it with `--insecure-registry`")]
    NotTls {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// What TLS said.
        source: reqwest::Error,
    },
    /// TLS that fails for another reason.
    #[error("{place}: there is no secure connection to the server; ask who runs it which versions of TLS it speaks")]
    Tls {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// What TLS said.
        source: reqwest::Error,
    },
    /// A server that takes the connection, and then is silent.
    #[error("{place}: the server sends nothing for {silence:?}; try again later")]
    Silent {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// How long it was silent.
        silence: Duration,
    },
    /// An answer that ends before its end, or is none.
    #[error("{place}: the answer broke off; try again later")]
    BrokenOff {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// What became of the connection.
        source: reqwest::Error,
    },

    /// Authentication is asked for, and there are no credentials.
    #[error(
        "{place}: the server wants to know who asks, and there are no credentials for it; give them with `lattice registry set`, or \
         check the name: what does not exist is refused like this, too{told}"
    )]
    Unauthorized {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// What it said.
        told: OciTold,
    },
    /// The credentials that there are do not help.
    #[error(
        "{place}: the server does not accept the credentials that are set for it; set others with `lattice registry set`{told}"
    )]
    CredentialsRefused {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// What it said.
        told: OciTold,
    },
    /// What was asked for is forbidden.
    #[error(
        "{place}: the server forbids it; the credentials must have the right to it, and the name must be true: what does not exist \
         is forbidden by some, too{told}"
    )]
    Forbidden {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// What it said.
        told: OciTold,
    },
    /// Authentication is asked for without a word of how.
    #[error(
        "{place}: the server wants to know who asks, and does not say how (no `WWW-Authenticate`); is it a registry?"
    )]
    NoChallenge {
        /// What was asked for, and of whom.
        place: OciPlace,
    },
    /// Authentication is asked for in a way that is not known here.
    #[error("{place}: the server asks for authentication by {schemes}; `Basic` and `Bearer` are known here")]
    UnknownChallenge {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// The ways.
        schemes: String,
    },
    /// A challenge that cannot be read.
    #[error("{place}: how the server asks for authentication cannot be understood: `{challenge}`; ask who runs it")]
    MalformedChallenge {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// The challenge, shortened.
        challenge: String,
    },
    /// Tokens are to be had over HTTP, where that is not allowed.
    #[error(
        "{place}: the server sends to {realm} for a token, which is not secure; if that is as it should be, name it with \
         `--insecure-registry`"
    )]
    InsecureRealm {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// The token server.
        realm: String,
    },
    /// Tokens are to be had from a server that is not known to belong to the registry.
    #[error(
        "{place}: the server sends to {realm} for a token, which is not shown its credentials, as the names do not tell that the two \
         belong together; if they do, say so with `--token-server {realm}`"
    )]
    ForeignRealm {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// The token server.
        realm: String,
    },
    /// An answer without a token.
    #[error("{place}: the token server's answer is no JSON with a `token`; ask who runs it")]
    MalformedToken {
        /// What was asked for; the server is that for tokens.
        place: OciPlace,
    },
    /// A token that no header can carry.
    #[error(
        "{place}: the token server's answer has a token that is empty or has characters that none can have; ask who runs it"
    )]
    BadToken {
        /// What was asked for; the server is that for tokens.
        place: OciPlace,
    },
    /// Credentials that no header can carry.
    #[error("{place}: the credentials that are set for the server have characters that cannot be sent; set others")]
    BadCredentials {
        /// What was asked for, and of whom.
        place: OciPlace,
    },

    /// No such repository, or no such tag or digest in it.
    #[error("{place} does not exist: the server has no such repository, or nothing of that tag or digest in it{told}")]
    NoManifest {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// What it said.
        told: OciTold,
    },
    /// The manifest is there, what it names is not.
    #[error("{place} is incomplete: the server has its manifest and not its layer {digest}; push it again")]
    NoBlob {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// What is missing.
        digest: Digest,
    },
    /// The server asks to be left alone for a while, and goes on to.
    #[error("{place}: the server has been asked too often; try again later, or with credentials{told}")]
    Busy {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// How long it wants to be left alone.
        after: Option<Duration>,
        /// What it said.
        told: OciTold,
    },
    /// The server fails.
    #[error("{place}: the server failed with {status}; try again later{told}")]
    ServerFailed {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// How it failed.
        status: StatusCode,
        /// How long it wants to be left alone.
        after: Option<Duration>,
        /// What it said.
        told: OciTold,
    },
    /// Any other refusal.
    #[error("{place}: the server answered with {status}, which is not expected; is it a registry?{told}")]
    Status {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// What it answered.
        status: StatusCode,
        /// What it said.
        told: OciTold,
    },

    /// A redirect that leaves TLS.
    #[error("{place}: the server sends on to {to}, which is not secure; ask who runs it")]
    RedirectToHttp {
        /// What was asked for, and who sent on.
        place: OciPlace,
        /// The server it sends to.
        to: String,
    },
    /// A redirect to where one came from.
    #[error("{place}: the server sends on in a circle; ask who runs it")]
    RedirectLoop {
        /// What was asked for, and who sent on.
        place: OciPlace,
    },
    /// One redirect after the other.
    #[error("{place}: the server sends on again and again, more than {max} times; ask who runs it")]
    TooManyRedirects {
        /// What was asked for, and who sent on.
        place: OciPlace,
        /// How many are followed.
        max: usize,
    },
    /// A redirect, or a place for an upload, without a place.
    #[error(
        "{place}: the server sends on without saying where to (no `Location`, or none that can be read); ask who runs it"
    )]
    NoLocation {
        /// What was asked for, and who sent on.
        place: OciPlace,
    },
    /// A redirect to another server, where credentials or what is pushed would go along.
    #[error("{place}: {what} is to be sent on to {to}, which is not done; ask who runs the server")]
    RedirectElsewhere {
        /// What was asked for, and who sent on.
        place: OciPlace,
        /// What is not sent on.
        what: &'static str,
        /// The server it sends to.
        to: String,
    },

    /// Something else than a manifest, a page for people for instance.
    #[error("{place}: what the server has there is `{content_type}` and no manifest; is it a registry?")]
    NotAManifest {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// What it says it is.
        content_type: String,
    },
    /// A manifest of the first schema, which names no layer types.
    #[error(
        "{place} is a Docker image of schema 1, which is no longer in use and cannot hold an artifact; push it again with a newer tool"
    )]
    Schema1 {
        /// What was asked for, and of whom.
        place: OciPlace,
    },
    /// A manifest that cannot be read.
    #[error("{place}: the manifest is none: {what}; push it again")]
    MalformedManifest {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// What is wrong with it, shortened.
        what: String,
    },
    /// A manifest that could be taken for two things.
    #[error("{place}: the manifest can be read in two ways, {what}; push it again")]
    AmbiguousManifest {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// Which.
        what: &'static str,
    },
    /// An index in an index.
    #[error("{place} is an index that names another index for this machine; name the inner one, {digest}")]
    NestedIndex {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// The inner one.
        digest: Digest,
    },
    /// An index without this machine's platform.
    #[error("{place} has nothing for {wanted}; there is: {there}")]
    NoPlatform {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// This machine.
        wanted: String,
        /// The platforms that there are.
        there: String,
    },
    /// A manifest without layers.
    #[error("{place} has no layer, and so no content; push it again")]
    NoLayer {
        /// What was asked for, and of whom.
        place: OciPlace,
    },
    /// More than the one layer that an artifact has.
    #[error("{place} has {count} layers where one is allowed; is it a container image?")]
    ManyLayers {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// How many.
        count: usize,
    },
    /// A layer of another type.
    #[error("{place} is `{media_type}`; {wanted} is {accepted}")]
    UnknownLayer {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// What the layer is.
        media_type: String,
        /// What it is to be.
        wanted: &'static str,
        /// What is accepted.
        accepted: String,
    },
    /// A digest of another algorithm, or none.
    #[error("{place} names `{digest}` as a digest; `sha256:` and 64 hexadecimal digits are known here")]
    UnknownDigest {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// The digest, shortened.
        digest: String,
    },
    /// An artifact that is larger than allowed.
    #[error("{place} has {size} bytes, and {max} are allowed")]
    TooLarge {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// Its size.
        size: u64,
        /// What is allowed.
        max: u64,
    },
    /// An answer that is larger than any that makes sense.
    #[error("{place}: {what} has more than {max} bytes; ask who runs the server")]
    TooLong {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// Which answer.
        what: &'static str,
        /// What is read.
        max: usize,
    },
    /// Content of another size than its description has.
    #[error("{place}: {what} has {size} bytes and should have {expected}; the server's copy is damaged, push it again")]
    WrongSize {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// Of what.
        what: &'static str,
        /// What there is, or what was there when there was too much.
        size: u64,
        /// What should be.
        expected: u64,
    },
    /// Content of another digest than it is named by.
    #[error(
        "{place}: {what} is {digest} and should be {expected}; the server's copy is damaged or forged, and not used"
    )]
    WrongDigest {
        /// What was asked for, and of whom.
        place: OciPlace,
        /// Of what.
        what: &'static str,
        /// What there is.
        digest: Digest,
        /// What should be.
        expected: Digest,
    },

    /// A push by something else than a tag.
    #[error("{place} cannot be pushed: name a tag and no digest")]
    NoTag {
        /// What was to be pushed.
        place: OciPlace,
    },
}

impl OciError {
    /// Whether the same may succeed in a moment, and how long the server wants to be left alone until then, if it says so.
    pub(super) fn passes(&self) -> Option<Option<Duration>> {
        match self {
            Self::Busy { after, .. } => Some(*after),
            Self::ServerFailed { status, after, .. } if matches!(status.as_u16(), 500 | 502 | 503 | 504) => {
                Some(*after)
            }
            Self::Unresolved { .. }
            | Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::Silent { .. }
            | Self::BrokenOff { .. } => Some(None),
            _ => None,
        }
    }
}
