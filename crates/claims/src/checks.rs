//! What checking claims finds, each check by itself: for who tells people which of them hold.
//!
//! Deciding is `verify_module`'s and `verify_provider`'s, which are these checks and their verdict.

use crate::{
    error::{ModuleClaimsError, ProviderClaimsError, TokenError},
    module::ModuleClaims,
    provider::ProviderClaims,
};

/// What was found of a token that has the right form.
#[derive(Debug)]
#[non_exhaustive]
pub struct TokenChecks {
    /// Whether its issuer signed it.
    pub signature: Result<(), TokenError>,
    /// Whether it has not expired.
    pub expiry: Result<(), TokenError>,
    /// Whether its validity has begun.
    pub begin: Result<(), TokenError>,
}

impl TokenChecks {
    /// Whether everything holds.
    ///
    /// # Errors
    /// The first check that does not.
    pub fn verdict(self) -> Result<(), TokenError> {
        self.signature.and(self.expiry).and(self.begin)
    }
}

/// What was found of a module whose claims can be read.
#[derive(Debug)]
#[non_exhaustive]
pub struct ModuleChecks {
    /// The claims. Only [`verdict`](Self::verdict) says whether they are to be believed.
    pub claims: ModuleClaims,
    /// What was found of their token.
    pub token: TokenChecks,
    /// Whether they were made for this module.
    pub hash: Result<(), ModuleClaimsError>,
}

impl ModuleChecks {
    /// The claims, if everything holds.
    ///
    /// # Errors
    /// The first check that does not.
    pub fn verdict(self) -> Result<ModuleClaims, ModuleClaimsError> {
        self.token.verdict()?;
        self.hash?;
        Ok(self.claims)
    }
}

/// What was found of a provider's token that can be read.
#[derive(Debug)]
#[non_exhaustive]
pub struct ProviderChecks {
    /// The claims. Only [`verdict`](Self::verdict) says whether they are to be believed.
    pub claims: ProviderClaims,
    /// What was found of their token.
    pub token: TokenChecks,
}

impl ProviderChecks {
    /// The claims, if everything holds.
    ///
    /// # Errors
    /// The first check that does not.
    pub fn verdict(self) -> Result<ProviderClaims, ProviderClaimsError> {
        self.token.verdict()?;
        Ok(self.claims)
    }
}
