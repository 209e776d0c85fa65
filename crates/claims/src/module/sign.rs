//! Signing a module.

use std::time::SystemTime;

use lattice_protocol::{ActorKey, CallAlias};

use crate::{
    defaults::{MAX_TOKEN, TOKEN_SECTION},
    error::{ModuleClaimsError, TokenError},
    jwt::{Claims, sign_token},
    module::{
        canonical::{Canonical, push_section, push_size},
        claims::Metadata,
    },
    seed::AccountSeed,
    time::unix_seconds,
    token_id::new_token_id,
};

const CUSTOM_SECTION: u8 = 0;

/// What a module is to claim about itself. Times are in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewModuleClaims {
    /// The module's public key: which actor it is.
    pub subject: ActorKey,
    /// The token's own id. The same id, claims and seed make the same bytes.
    pub id: String,
    /// When it is signed.
    pub issued_at: u64,
    /// The last second of validity.
    pub expires: Option<u64>,
    /// The first second of validity.
    pub not_before: Option<u64>,
    /// The name for people.
    pub name: Option<String>,
    /// Words for sorting and finding.
    pub tags: Vec<String>,
    /// The contracts that the actor may use and be called under.
    pub caps: Vec<String>,
    /// The number that grows with each release.
    pub revision: Option<i32>,
    /// The version for people.
    pub version: Option<String>,
    /// The name under which the actor can be called.
    pub call_alias: Option<CallAlias>,
    /// Whether the module is a capability provider, which nobody publishes any more.
    pub provider: bool,
}

impl NewModuleClaims {
    /// Claims with a new id and without limits, name or capabilities.
    pub fn new(subject: ActorKey, now: SystemTime) -> Self {
        Self {
            subject,
            id: new_token_id(),
            issued_at: unix_seconds(now),
            expires: None,
            not_before: None,
            name: None,
            tags: Vec::new(),
            caps: Vec::new(),
            revision: None,
            version: None,
            call_alias: None,
            provider: false,
        }
    }

    fn to_token(&self, hash: String, issuer: &AccountSeed) -> Claims<Metadata> {
        let metadata = Metadata {
            name: self.name.clone(),
            hash,
            tags: Some(self.tags.clone()),
            caps: Some(self.caps.clone()),
            rev: self.revision,
            ver: self.version.clone(),
            call_alias: self.call_alias.clone().map(String::from),
            prov: Some(self.provider),
        };
        Claims {
            expires: self.expires,
            id: self.id.clone(),
            issued_at: self.issued_at,
            not_before: self.not_before,
            ..Claims::new(issuer.public().into(), self.subject.to_string(), metadata, SystemTime::UNIX_EPOCH)
        }
    }
}

/// The module in its canonical bytes with a token that `issuer` signed at its end. Tokens it had before are gone.
///
/// # Errors
/// If the bytes are not WebAssembly, or the claims make a token that is longer than any that is read.
pub fn sign_module(
    module: &[u8],
    claims: &NewModuleClaims,
    issuer: &AccountSeed,
) -> Result<Vec<u8>, ModuleClaimsError> {
    let canonical = Canonical::of(module)?;
    let token = sign_token(&claims.to_token(canonical.hash(), issuer), issuer.key_pair());
    if token.len() > MAX_TOKEN {
        return Err(TokenError::TooLarge { size: token.len(), max: MAX_TOKEN }.into());
    }
    let mut signed = canonical.into_bytes();
    push_section(&mut signed, CUSTOM_SECTION, &token_section(&token));
    Ok(signed)
}

fn token_section(token: &str) -> Vec<u8> {
    let mut section = Vec::new();
    push_size(&mut section, TOKEN_SECTION.len());
    section.extend_from_slice(TOKEN_SECTION.as_bytes());
    section.extend_from_slice(token.as_bytes());
    section
}
