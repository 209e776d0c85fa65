//! Whose module it is: the key from its claims, or for an unsigned one a key made from its bytes.

use std::time::SystemTime;

use lattice_claims::{ModuleClaims, ModuleClaimsError, verify_module};
use lattice_protocol::ActorKey;
use nkeys::{KeyPair, KeyPairType};
use sha2::{Digest as _, Sha256};

use crate::{
    artifact::{Fetched, Policy},
    digest::Digest,
    error::FetchError,
};

/// Keeps the keys of unsigned modules apart from everything else that is made from a digest. It must never change:
/// links and inventories name the keys.
const UNSIGNED: &[u8] = b"lattice unsigned module\0";

/// The key of a module and, if it is signed, what its claims say.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Identity {
    /// The actor's key: the subject of its claims, or [`unsigned_key`] if it has none.
    pub key: ActorKey,
    /// The verified claims; none for an unsigned module.
    pub claims: Option<ModuleClaims>,
}

/// The key of an unsigned module with that digest: the same bytes have the same key on every host and in every version.
///
/// It is the public key of the Ed25519 seed SHA-256(`"lattice unsigned module\0"` ‖ the digest's 32 bytes). Anyone can
/// compute that seed, so the key names the bytes and proves nothing about who made them.
pub fn unsigned_key(digest: &Digest) -> ActorKey {
    let seed = Sha256::new().chain_update(UNSIGNED).chain_update(digest.as_bytes()).finalize();
    let pair = KeyPair::new_from_raw(KeyPairType::Module, seed.into()).expect("any 32 bytes are an Ed25519 seed");
    pair.public_key().parse().expect("the pair was made as a module's")
}

/// Checks the claims. Takes time in proportion to the size, for the module is hashed.
pub(crate) fn identify(fetched: &Fetched, policy: &Policy, now: SystemTime) -> Result<Identity, FetchError> {
    let reference = || fetched.reference.to_string();
    match verify_module(&fetched.bytes, now) {
        Ok(claims) => {
            policy.trust.admit(&fetched.reference, &claims.issuer)?;
            Ok(Identity { key: claims.subject.clone(), claims: Some(claims) })
        }
        Err(ModuleClaimsError::Unsigned) if policy.allow_unsigned => {
            Ok(Identity { key: unsigned_key(&fetched.digest), claims: None })
        }
        Err(ModuleClaimsError::Unsigned) => Err(FetchError::Unsigned { reference: reference() }),
        Err(source) => Err(FetchError::Module { reference: reference(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed once with another implementation (Python: hashlib, and Ed25519 of the `cryptography` package).
    #[test]
    fn keys_of_unsigned_modules_never_change() {
        let key = unsigned_key(&Digest::of(b"\0asm\x01\0\0\0"));
        assert_eq!(key.as_str(), "MCONQ4VLCFJHIZZ6TD66VMCEOYNLVTWKDO63IRMHNYS5PS72TJLLVYKJ");
    }
}
