//! What a provider's claims say.

use std::{collections::BTreeMap, time::SystemTime};

use lattice_protocol::{AccountKey, ContractId, ProviderKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    error::{ProviderClaimsError, TokenError},
    jwt::Claims,
    time::{begin_text, expiry_text},
};

/// The part of a provider's token that only providers have. The order of fields is the order on the wire, where a name
/// that is not there is written as null.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Metadata {
    #[serde(default)]
    pub(super) name: Option<String>,
    pub(super) capid: String,
    #[serde(default)]
    pub(super) vendor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rev: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ver: Option<String>,
    pub(super) target_hashes: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) config_schema: Option<Value>,
}

/// What a provider claims about itself. Times are in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderClaims {
    /// The provider's public key.
    pub subject: ProviderKey,
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
    /// The contract that it provides.
    pub contract: ContractId,
    /// Who made it, for people; may be empty.
    pub vendor: String,
    /// The number that grows with each release.
    pub revision: Option<i32>,
    /// The version for people.
    pub version: Option<String>,
    /// For each target, `x86_64-linux` for instance, the [`binary_hash`](crate::binary_hash) of its executable.
    pub target_hashes: BTreeMap<String, String>,
    /// The JSON schema of the values in its links.
    pub config_schema: Option<Value>,
    /// The generation of the claims layout.
    pub layout: Option<i32>,
}

impl ProviderClaims {
    pub(super) fn from_token(token: Claims<Metadata>) -> Result<Self, ProviderClaimsError> {
        let Metadata { name, capid, vendor, rev, ver, target_hashes, config_schema } = token.metadata;
        Ok(Self {
            subject: token.subject.try_into().map_err(|source| TokenError::Subject { source })?,
            issuer: token.issuer.try_into().map_err(|source| TokenError::Issuer { source })?,
            id: token.id,
            issued_at: token.issued_at,
            expires: token.expires,
            not_before: token.not_before,
            name,
            contract: capid.try_into().map_err(|source| ProviderClaimsError::Contract { source })?,
            vendor: vendor.unwrap_or_default(),
            revision: rev,
            version: ver,
            target_hashes,
            config_schema,
            layout: token.layout,
        })
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
