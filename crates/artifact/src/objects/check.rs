//! What may be stored: a module or a provider archive whose claims hold.

use std::{fmt, time::SystemTime};

use bytes::Bytes;
use lattice_claims::{ModuleClaimsError, verify_module};

use crate::{
    archive::{self, ArchiveError},
    artifact::Policy,
    digest::Digest,
    identity::unsigned_key,
    kind::Kind,
    trust::UntrustedIssuer,
};

/// What an artifact says that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct About {
    /// Module or provider archive.
    pub kind: Kind,
    /// The key of its actor or provider.
    pub key: String,
    /// The name in its claims.
    pub name: Option<String>,
}

/// Bytes that were found to be a sound module or a sound provider archive.
#[derive(Clone)]
pub struct Checked {
    bytes: Bytes,
    digest: Digest,
    about: About,
}

/// Why bytes are not stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// They are neither a module nor an archive.
    #[error("it is neither a WebAssembly module nor a provider archive")]
    Unknown,
    /// A module without claims, where only signed ones are allowed.
    #[error("the module is not signed, and unsigned modules are not allowed here")]
    Unsigned,
    /// Whoever signed it is not trusted here.
    #[error("who signed it is not trusted here")]
    Untrusted(#[source] UntrustedIssuer),
    /// A module whose claims are not accepted.
    #[error("the module is not accepted")]
    Module(#[source] ModuleClaimsError),
    /// An archive that is not in order, or whose claims are not accepted.
    #[error("the provider archive is not accepted")]
    Archive(#[source] Box<ArchiveError>),
}

impl Checked {
    /// The bytes, if their claims hold at the time `now`. Takes time in proportion to them, unpacked.
    ///
    /// # Errors
    /// [`CheckError`] tells the first thing that is wrong.
    pub fn new(bytes: Bytes, policy: &Policy, now: SystemTime) -> Result<Self, CheckError> {
        let digest = Digest::of(&bytes);
        let about = match Kind::of(&bytes) {
            Kind::Module => module(&bytes, &digest, policy, now)?,
            _ => provider(&bytes, policy, now)?,
        };
        Ok(Self { bytes, digest, about })
    }

    /// The bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Their digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What they are.
    pub fn about(&self) -> &About {
        &self.about
    }
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, digest, about } = self;
        f.debug_struct("Checked").field("size", &bytes.len()).field("digest", digest).field("about", about).finish()
    }
}

fn module(bytes: &[u8], digest: &Digest, policy: &Policy, now: SystemTime) -> Result<About, CheckError> {
    let kind = Kind::Module;
    match verify_module(bytes, now) {
        Ok(claims) => {
            policy.trust.judge(&claims.issuer).map_err(CheckError::Untrusted)?;
            Ok(About { kind, key: claims.subject.to_string(), name: claims.name })
        }
        Err(ModuleClaimsError::Unsigned) if policy.allow_unsigned => {
            Ok(About { kind, key: unsigned_key(digest).to_string(), name: None })
        }
        Err(ModuleClaimsError::Unsigned) => Err(CheckError::Unsigned),
        Err(error) => Err(CheckError::Module(error)),
    }
}

fn provider(bytes: &[u8], policy: &Policy, now: SystemTime) -> Result<About, CheckError> {
    match archive::verify(bytes, now) {
        Ok(claims) => {
            policy.trust.judge(&claims.issuer).map_err(CheckError::Untrusted)?;
            Ok(About { kind: Kind::Provider, key: claims.subject.to_string(), name: claims.name })
        }
        Err(ArchiveError::NotAnArchive) => Err(CheckError::Unknown),
        Err(error) => Err(CheckError::Archive(Box::new(error))),
    }
}
