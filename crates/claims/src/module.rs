//! The claims that a module or component carries about itself, in a custom section.
//!
//! Source: wasmCloud 0.82 `crates/wascap/src/wasm.rs`. Stricter than that: the hash counts whatever the layout's
//! generation, and a section inside a nested module never counts.

mod canonical;
mod claims;
mod sign;

pub use canonical::module_hash;
pub use claims::ModuleClaims;
pub use sign::{NewModuleClaims, sign_module};

use std::time::SystemTime;

use crate::{checks::ModuleChecks, error::ModuleClaimsError, jwt::Token};
use canonical::Canonical;
use claims::Metadata;

/// What the module says about itself, nothing of it verified; `None` if it carries no token.
///
/// For showing, never for deciding: use [`verify_module`] for that.
///
/// # Errors
/// If the bytes are not WebAssembly, or their token is not of the right form.
pub fn read_module(module: &[u8]) -> Result<Option<ModuleClaims>, ModuleClaimsError> {
    let canonical = Canonical::of(module)?;
    canonical.token()?.map(|text| ModuleClaims::from_token(Token::read(text)?.into_claims())).transpose()
}

/// The module's claims, if they were made for this very module and are valid at `now`.
///
/// Any issuer is accepted; whom to trust is the caller's to decide.
///
/// # Errors
/// [`ModuleClaimsError`] tells what is wrong.
pub fn verify_module(module: &[u8], now: SystemTime) -> Result<ModuleClaims, ModuleClaimsError> {
    check_module(module, now)?.verdict()
}

/// What [`verify_module`] looks at, each check by itself, for who tells people of all of them.
///
/// # Errors
/// There is nothing to check: the bytes are not WebAssembly, not signed, or their token is not of the right form.
pub fn check_module(module: &[u8], now: SystemTime) -> Result<ModuleChecks, ModuleClaimsError> {
    let canonical = Canonical::of(module)?;
    let token: Token<Metadata> = Token::read(canonical.token()?.ok_or(ModuleClaimsError::Unsigned)?)?;
    let claims = ModuleClaims::from_token(token.claims().clone())?;
    let (token, hash) = (token.checks(&claims.issuer, now), check_hash(&canonical, &claims.hash));
    Ok(ModuleChecks { claims, token, hash })
}

fn check_hash(module: &Canonical<'_>, claimed: &str) -> Result<(), ModuleClaimsError> {
    match module.has_hash(claimed) {
        true => Ok(()),
        false => Err(ModuleClaimsError::Hash { claimed: claimed.to_owned(), found: module.hash() }),
    }
}

#[cfg(test)]
mod tests;
