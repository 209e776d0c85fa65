//! Where bytes come from. Each scheme is one arm here, so that a new source changes no caller.

mod file;

use std::sync::Arc;

pub use self::file::FileError;
use crate::{
    artifact::{Fetched, Policy},
    blocking::blocking,
    cache::Cache,
    digest::Digest,
    error::FetchError,
    pull::Pull,
    reference::{FileReference, Reference, Target},
};

/// The sources of artifacts.
#[derive(Clone, Debug)]
pub(crate) struct Sources {}

impl Sources {
    /// What `reference` names, of at most `max` bytes.
    pub(crate) async fn fetch(
        &self,
        _cache: &Arc<Cache>,
        reference: &Reference,
        _pull: &Pull,
        _max: u64,
    ) -> Result<Fetched, FetchError> {
        Err(self.admit(reference, &Policy::default()).expect_err("files are the only source"))
    }

    /// Whether a reference may be fetched at all, which can be told without fetching it.
    pub(crate) fn admit(&self, reference: &Reference, policy: &Policy) -> Result<(), FetchError> {
        let what = match reference.target() {
            Target::File(_) if policy.allow_file => return Ok(()),
            Target::File(_) => return Err(FetchError::FileNotAllowed { reference: reference.to_string() }),
            Target::Oci(_) => "an artifact in an OCI registry",
            Target::Object(_) => "an artifact in the lattice's own store",
            Target::Bindle(_) => "an artifact on a bindle server",
            Target::Builtin(_) => "a builtin capability provider",
        };
        Err(FetchError::Unsupported { reference: reference.to_string(), what })
    }
}

/// The file at that place, of at most `max` bytes.
pub(crate) async fn read_file(reference: Reference, file: FileReference, max: u64) -> Result<Fetched, FetchError> {
    blocking(move || match file::read(file.path(), max) {
        Ok(bytes) => Ok(Fetched { digest: Digest::of(&bytes), reference, bytes, version: None, moved_from: None }),
        Err(source) => Err(FetchError::File { reference: reference.to_string(), source }),
    })
    .await
}
