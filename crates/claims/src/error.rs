//! Why claims are not accepted.

use lattice_protocol::IdError;

use crate::time::date;

/// Why a token is not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Longer than any token is read.
    #[error("the token has {size} bytes, at most {max} are read")]
    TooLarge {
        /// Bytes found.
        size: usize,
        /// Bytes accepted.
        max: usize,
    },
    /// Not three base64url parts with a JSON object in each of the first two.
    #[error("the text is not a token: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The header or the claims are not the JSON that belongs there.
    #[error("the token's {part} cannot be read")]
    Json {
        /// `header` or `claims`.
        part: &'static str,
        /// What the reader says.
        source: serde_json::Error,
    },
    /// Signed with something else than Ed25519.
    #[error("the token's algorithm is {found:?}, only \"Ed25519\" is accepted")]
    Algorithm {
        /// The algorithm that the header names.
        found: String,
    },
    /// No issuer, so no key to verify with.
    #[error("the token names no issuer")]
    MissingIssuer,
    /// No subject, so nothing that it claims anything of.
    #[error("the token names no subject")]
    MissingSubject,
    /// The issuer is not the kind of key that may issue this.
    #[error("the token's issuer is not usable")]
    Issuer {
        /// What is wrong with it.
        source: IdError,
    },
    /// The subject is not the kind of key that this is claimed of.
    #[error("the token's subject is not usable")]
    Subject {
        /// What is wrong with it.
        source: IdError,
    },
    /// The issuer's key is no point of the curve, so it verifies nothing, or one of the few that verify whatever anybody
    /// makes up.
    #[error("the issuer `{issuer}` is no Ed25519 key that can sign")]
    IssuerKey {
        /// The issuer.
        issuer: String,
    },
    /// The issuer did not sign this text.
    #[error("the token's signature does not match its text and issuer")]
    Signature,
    /// Valid once.
    #[error("the token expired at {}", date(*at))]
    Expired {
        /// Its last valid second, since 1970.
        at: u64,
    },
    /// Valid later.
    #[error("the token is not valid before {}", date(*from))]
    NotYetValid {
        /// Its first valid second, since 1970.
        from: u64,
    },
}

/// Why a module's claims are not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleClaimsError {
    /// The bytes do not begin as WebAssembly does.
    #[error("not a WebAssembly module or component: its first bytes are not `\\0asm`")]
    NotWasm,
    /// WebAssembly that ends inside a section.
    #[error("the WebAssembly module is truncated: the section at byte {offset} is longer than the rest")]
    Truncated {
        /// Where the section begins.
        offset: usize,
    },
    /// WebAssembly that ends early or whose sections do not fit together.
    #[error("the WebAssembly module is truncated or damaged at byte {offset}")]
    Damaged {
        /// Where the reader stopped.
        offset: usize,
        /// What the reader says.
        source: wasmparser::BinaryReaderError,
    },
    /// Components in components beyond all use.
    #[error("components lie in one another more than {max} deep")]
    TooDeep {
        /// The levels accepted.
        max: usize,
    },
    /// No token in it.
    #[error("the module is not signed")]
    Unsigned,
    /// The token in it is not accepted.
    #[error("the module's claims are not accepted")]
    Token {
        /// Why.
        #[from]
        source: TokenError,
    },
    /// The token was made for other code.
    #[error("the module is not the one that was signed: its hash is {found}, the claims say {claimed:?}")]
    Hash {
        /// The hash in the token.
        claimed: String,
        /// The hash of the module.
        found: String,
    },
    /// The call alias in the token cannot be one.
    #[error("the call alias in the module's claims is not usable")]
    CallAlias {
        /// What is wrong with it.
        source: IdError,
    },
}

/// Why a provider's claims are not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderClaimsError {
    /// The token is not accepted.
    #[error("the provider's claims are not accepted")]
    Token {
        /// Why.
        #[from]
        source: TokenError,
    },
    /// The contract in the token cannot be one.
    #[error("the contract in the provider's claims is not usable")]
    Contract {
        /// What is wrong with it.
        source: IdError,
    },
}

/// Why an invocation is not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvocationError {
    /// Its token is not accepted.
    #[error("the invocation's claims are not accepted")]
    Token {
        /// Why.
        #[from]
        source: TokenError,
    },
    /// Signed by a cluster that is not trusted here.
    #[error("the invocation's issuer `{issuer}` is not trusted")]
    UntrustedIssuer {
        /// The issuer.
        issuer: String,
    },
    /// Signed with a key that its provider may use in its own name only: for its own key, link name and contract.
    #[error(
        "the invocation in the name of `{origin}` is signed with a key that provider `{provider}` may use for its own calls"
    )]
    ForeignName {
        /// To whom the key was lent.
        provider: String,
        /// The origin in the invocation.
        origin: String,
    },
    /// Operation or payload are not those that were signed.
    #[error("the invocation is not the one that was signed: its hash differs")]
    Hash,
    /// It comes from another entity than its token says.
    #[error("the invocation comes from `{found}`, its claims say {claimed:?}")]
    Origin {
        /// The origin in the token.
        claimed: String,
        /// The origin in the invocation.
        found: String,
    },
    /// It goes to another entity or operation than its token says.
    #[error("the invocation is for `{found}`, its claims say {claimed:?}")]
    Target {
        /// The target in the token.
        claimed: String,
        /// The target in the invocation.
        found: String,
    },
}
