//! Signing and verifying invocations: who calls whom, for what, with which payload.
//!
//! Source: wasmCloud 0.82 `crates/core/src/lib.rs`; wasmbus-rpc 0.15 `src/rpc_client.rs`. Stricter than those: the hash
//! counts with an empty payload too.

mod delegation;
mod envelope;
mod issuers;
mod signer;

pub use delegation::{Delegates, Delegation, sign_delegation};
pub use envelope::Envelope;
pub use issuers::Issuers;
pub use signer::InvocationSigner;

use data_encoding::HEXUPPER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::jwt::Claims;

const SCHEME: &str = "wasmbus://";

/// An actor or provider as an invocation names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityRef<'a> {
    /// The public key.
    pub public_key: &'a str,
    /// The link name; empty for actors.
    pub link_name: &'a str,
    /// The contract id; empty for actors.
    pub contract_id: &'a str,
}

impl EntityRef<'_> {
    /// The URL that stands for the entity in claims. An actor's is its key alone, whatever its other fields hold.
    pub fn url(&self) -> String {
        let Self { public_key, link_name, contract_id } = self;
        if public_key.starts_with(['M', 'm']) {
            return format!("{SCHEME}{public_key}");
        }
        let contract = contract_id.replace(':', "/").replace(' ', "_").to_lowercase();
        let link = link_name.replace(' ', "_").to_lowercase();
        format!("{SCHEME}{contract}/{link}/{public_key}")
    }
}

/// What an invocation's claims are about.
#[derive(Clone, Copy, Debug)]
pub struct InvocationParts<'a> {
    /// Who calls.
    pub origin: EntityRef<'a>,
    /// Who is called.
    pub target: EntityRef<'a>,
    /// What is called, `Interface.Method`.
    pub operation: &'a str,
    /// The whole payload.
    pub payload: &'a [u8],
}

impl InvocationParts<'_> {
    /// The claims that fit these parts.
    pub fn claims(&self) -> InvocationClaims {
        let (origin_url, target_url) = (self.origin.url(), self.target_url());
        let hash = hash(&origin_url, &target_url, self.operation, self.payload);
        InvocationClaims { target_url, origin_url, hash }
    }

    fn target_url(&self) -> String {
        format!("{}/{}", self.target.url(), self.operation)
    }
}

fn hash(origin_url: &str, target_url: &str, operation: &str, payload: &[u8]) -> String {
    let hash = Sha256::new()
        .chain_update(origin_url)
        .chain_update(target_url)
        .chain_update(operation)
        .chain_update(payload)
        .finalize();
    HEXUPPER.encode(&hash)
}

/// The part of an invocation's token that only invocations have. The order of fields is the order on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvocationClaims {
    /// The target's URL, `/` and the operation.
    pub target_url: String,
    /// The origin's URL.
    pub origin_url: String,
    /// SHA-256 over both URLs, the operation and the payload, in upper case hexadecimal.
    pub hash: String,
}

/// A whole invocation token: issuer is the cluster, subject the invocation's id.
pub type InvocationToken = Claims<InvocationClaims>;

#[cfg(test)]
mod tests;
