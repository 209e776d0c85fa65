//! The claims that a capability provider's archive carries, as a token of its own.
//!
//! Source: wasmCloud 0.82 `crates/wascap/src/jwt.rs`, `crates/provider-archive/src/archive.rs`. Stricter than those:
//! published hosts only decode the token, and here signature and validity count.

mod claims;
mod sign;

pub use claims::ProviderClaims;
pub use sign::{NewProviderClaims, sign_provider};

use std::time::SystemTime;

use data_encoding::HEXUPPER;
use sha2::{Digest, Sha256};

use crate::{checks::ProviderChecks, error::ProviderClaimsError, jwt::Token};
use claims::Metadata;

/// The hash by which claims name the executable of one target: SHA-256 in upper case hexadecimal.
pub fn binary_hash(binary: &[u8]) -> String {
    HEXUPPER.encode(&Sha256::digest(binary))
}

/// What the token says about a provider, nothing of it verified.
///
/// For showing, never for deciding: use [`verify_provider`] for that.
///
/// # Errors
/// If the text is not a token of the right form.
pub fn read_provider(token: &str) -> Result<ProviderClaims, ProviderClaimsError> {
    ProviderClaims::from_token(Token::read(token)?.into_claims())
}

/// The claims in a provider's token, if its issuer signed them and they are valid at `now`.
///
/// Any issuer is accepted; whom to trust is the caller's to decide. Whether an executable is the one that is meant is too:
/// [`ProviderClaims::target_hashes`] says which.
///
/// # Errors
/// [`ProviderClaimsError`] tells what is wrong.
pub fn verify_provider(token: &str, now: SystemTime) -> Result<ProviderClaims, ProviderClaimsError> {
    check_provider(token, now)?.verdict()
}

/// What [`verify_provider`] looks at, each check by itself, for who tells people of all of them.
///
/// # Errors
/// There is nothing to check: the text is not a token of the right form.
pub fn check_provider(token: &str, now: SystemTime) -> Result<ProviderChecks, ProviderClaimsError> {
    let token: Token<Metadata> = Token::read(token)?;
    let claims = ProviderClaims::from_token(token.claims().clone())?;
    let token = token.checks(&claims.issuer, now);
    Ok(ProviderChecks { claims, token })
}

#[cfg(test)]
mod tests;
