//! What was fetched, before and after its claims are checked.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use lattice_claims::ProviderClaims;

use crate::{
    archive::Executable, cache::Unkept, digest::Digest, identity::Identity, kind::Kind, reference::Reference,
    trust::Trust,
};

/// What may be fetched. The default is the strict one: no files, nothing unsigned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whether files of this machine may be fetched.
    pub allow_file: bool,
    /// Whether modules without claims are accepted. Claims that are there must be sound in any case.
    pub allow_unsigned: bool,
    /// Whose signatures count.
    pub trust: Trust,
}

/// Bytes that were fetched and that nobody has checked yet: [`Store::verify`](crate::Store::verify) does for a module,
/// [`Store::verify_provider`](crate::Store::verify_provider) for a provider.
#[derive(Clone)]
pub struct Fetched {
    pub(crate) reference: Reference,
    pub(crate) digest: Digest,
    pub(crate) bytes: Bytes,
    pub(crate) version: Option<Digest>,
    pub(crate) moved_from: Option<Digest>,
    /// Whether they come from the cache, or were put there on their way.
    pub(crate) is_cached: bool,
    pub(crate) unkept: Option<Arc<Unkept>>,
    /// Under what it is noted what the reference is, if it is.
    pub(crate) place: Option<String>,
}

impl Fetched {
    /// Where the bytes come from.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// The digest of the bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What its source calls this very version, where it has such a name: the digest of the manifest that a tag names, for
    /// instance.
    pub fn version(&self) -> Option<Digest> {
        self.version
    }

    /// The version that the reference named when it was last fetched on this machine, if that was another: its tag was moved.
    pub fn moved_from(&self) -> Option<Digest> {
        self.moved_from
    }

    /// Why the cache does not keep what came from elsewhere, should it not: the next fetch transfers it again.
    pub fn unkept(&self) -> Option<&Unkept> {
        self.unkept.as_deref()
    }

    /// What the bytes are by how they begin: a module, or what can only be a provider archive.
    pub fn kind(&self) -> Kind {
        Kind::of(&self.bytes)
    }

    /// The bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How many bytes there are.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// A module that may run.
#[derive(Clone)]
#[non_exhaustive]
pub struct Artifact {
    /// Where it comes from.
    pub reference: Reference,
    /// The digest of its bytes, claims included.
    pub digest: Digest,
    /// The module.
    pub bytes: Bytes,
    /// Whose module it is.
    pub identity: Identity,
}

/// A capability provider that may run on this machine.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProviderArtifact {
    /// Where it comes from.
    pub reference: Reference,
    /// The digest of its archive, by which the cache keeps it.
    pub digest: Digest,
    /// Its verified claims.
    pub claims: ProviderClaims,
    /// Its executable for this machine.
    pub executable: Executable,
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched")
            .field("reference", &self.reference)
            .field("digest", &self.digest)
            .field("size", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Artifact")
            .field("reference", &self.reference)
            .field("digest", &self.digest)
            .field("size", &self.bytes.len())
            .field("identity", &self.identity)
            .finish()
    }
}
