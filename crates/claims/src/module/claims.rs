//! What a module's claims say.

use std::time::SystemTime;

use lattice_protocol::{AccountKey, ActorKey, CallAlias, ContractId};
use serde::{Deserialize, Serialize};

use crate::{
    error::{ModuleClaimsError, TokenError},
    jwt::Claims,
    time::{begin_text, expiry_text},
};

/// The part of a module's token that only modules have. The order of fields is the order on the wire.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Metadata {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    pub(super) hash: String,
    #[serde(default)]
    pub(super) tags: Option<Vec<String>>,
    #[serde(default)]
    pub(super) caps: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rev: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ver: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) call_alias: Option<String>,
    #[serde(default)]
    pub(super) prov: Option<bool>,
}

/// What a module claims about itself. Times are in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModuleClaims {
    /// The module's public key: which actor it is.
    pub subject: ActorKey,
    /// The account that signed.
    pub issuer: AccountKey,
    /// The token's own id.
    pub id: String,
    /// When it was signed.
    pub issued_at: u64,
    /// The last second of validity.
    pub expires: Option<u64>,
    /// The first second of validity.
    pub not_before: Option<u64>,
    /// The name for people.
    pub name: Option<String>,
    /// The hash of the module that was signed: [`module_hash`](crate::module_hash), in old claims that of its bytes as
    /// they stood.
    pub hash: String,
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
    /// Set in modules that are capability providers, which nobody publishes any more.
    pub provider: bool,
    /// The generation of the claims layout.
    pub layout: Option<i32>,
}

impl ModuleClaims {
    pub(super) fn from_token(token: Claims<Metadata>) -> Result<Self, ModuleClaimsError> {
        let Metadata { name, hash, tags, caps, rev, ver, call_alias, prov } = token.metadata;
        Ok(Self {
            subject: token.subject.try_into().map_err(|source| TokenError::Subject { source })?,
            issuer: token.issuer.try_into().map_err(|source| TokenError::Issuer { source })?,
            id: token.id,
            issued_at: token.issued_at,
            expires: token.expires,
            not_before: token.not_before,
            name,
            hash,
            tags: tags.unwrap_or_default(),
            caps: caps.unwrap_or_default(),
            revision: rev,
            version: ver,
            call_alias: read_alias(call_alias)?,
            provider: prov.unwrap_or_default(),
            layout: token.layout,
        })
    }

    /// Whether the claims name this contract.
    pub fn has_capability(&self, contract: &ContractId) -> bool {
        self.caps.iter().any(|cap| cap == contract.as_str())
    }

    /// The expiry for people: `never`, `in 3days 2h`, `expired 5m ago`.
    pub fn expires_human(&self, now: SystemTime) -> String {
        expiry_text(self.expires, now)
    }

    /// The begin of validity for people: `immediately`, `in 2h`.
    pub fn not_before_human(&self, now: SystemTime) -> String {
        begin_text(self.not_before, now)
    }
}

/// Published tools write no alias as an empty one.
fn read_alias(text: Option<String>) -> Result<Option<CallAlias>, ModuleClaimsError> {
    let text = text.filter(|text| !text.is_empty());
    text.map(CallAlias::try_from).transpose().map_err(|source| ModuleClaimsError::CallAlias { source })
}
