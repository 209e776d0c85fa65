//! Signing a provider's claims.

use std::{collections::BTreeMap, time::SystemTime};

use lattice_protocol::{ContractId, ProviderKey};
use serde_json::Value;

use crate::{
    jwt::{Claims, sign_token},
    provider::claims::{Metadata, ProviderClaims},
    seed::AccountSeed,
    time::unix_seconds,
    token_id::new_token_id,
};

/// What a provider is to claim about itself. Times are in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProviderClaims {
    /// The provider's public key.
    pub subject: ProviderKey,
    /// The token's own id. The same id, claims and seed make the same token.
    pub id: String,
    /// When it is signed.
    pub issued_at: u64,
    /// The last second of validity.
    pub expires: Option<u64>,
    /// The first second of validity.
    pub not_before: Option<u64>,
    /// The name for people.
    pub name: Option<String>,
    /// The contract that it provides.
    pub contract: ContractId,
    /// Who made it, for people.
    pub vendor: String,
    /// The number that grows with each release.
    pub revision: Option<i32>,
    /// The version for people.
    pub version: Option<String>,
    /// For each target, `x86_64-linux` for instance, the [`binary_hash`](crate::binary_hash) of its executable.
    pub target_hashes: BTreeMap<String, String>,
    /// The JSON schema of the values in its links.
    pub config_schema: Option<Value>,
}

impl NewProviderClaims {
    /// Claims with a new id and without limits, name, vendor or executables.
    pub fn new(subject: ProviderKey, contract: ContractId, now: SystemTime) -> Self {
        Self {
            subject,
            id: new_token_id(),
            issued_at: unix_seconds(now),
            expires: None,
            not_before: None,
            name: None,
            contract,
            vendor: String::new(),
            revision: None,
            version: None,
            target_hashes: BTreeMap::new(),
            config_schema: None,
        }
    }

    /// Claims that say what those do, with a new id, to be signed once more.
    pub fn again(claims: ProviderClaims, now: SystemTime) -> Self {
        Self {
            expires: claims.expires,
            not_before: claims.not_before,
            name: claims.name,
            vendor: claims.vendor,
            revision: claims.revision,
            version: claims.version,
            target_hashes: claims.target_hashes,
            config_schema: claims.config_schema,
            ..Self::new(claims.subject, claims.contract, now)
        }
    }

    fn to_token(&self, issuer: &AccountSeed) -> Claims<Metadata> {
        Claims {
            expires: self.expires,
            id: self.id.clone(),
            issued_at: self.issued_at,
            not_before: self.not_before,
            ..Claims::new(issuer.public().into(), self.subject.to_string(), self.metadata(), SystemTime::UNIX_EPOCH)
        }
    }

    fn metadata(&self) -> Metadata {
        Metadata {
            name: self.name.clone(),
            capid: self.contract.to_string(),
            vendor: Some(self.vendor.clone()),
            rev: self.revision,
            ver: self.version.clone(),
            target_hashes: self.target_hashes.clone(),
            config_schema: self.config_schema.clone(),
        }
    }
}

/// The token of these claims, signed by `issuer`: the text of an archive's `claims.jwt`.
pub fn sign_provider(claims: &NewProviderClaims, issuer: &AccountSeed) -> String {
    sign_token(&claims.to_token(issuer), issuer.key_pair())
}
