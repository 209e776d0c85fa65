//! Where bytes come from. Each scheme is one arm here, so that a new source changes no caller.

mod file;

pub use self::file::FileError;
use crate::{
    artifact::Fetched,
    blocking::blocking,
    digest::Digest,
    error::FetchError,
    reference::{FileReference, Reference, Target},
};

/// Fails for what this version has no source for.
pub(crate) fn check_supported(reference: &Reference) -> Result<(), FetchError> {
    let what = match reference.target() {
        Target::File(_) => return Ok(()),
        Target::Oci(_) => "an artifact in an OCI registry",
        Target::Object(_) => "an artifact in the lattice's own store",
        Target::Bindle(_) => "an artifact on a bindle server",
        Target::Builtin(_) => "a builtin capability provider",
    };
    Err(FetchError::Unsupported { reference: reference.to_string(), what })
}

/// What `reference` names, of at most `max` bytes.
pub(crate) async fn fetch(reference: &Reference, max: u64) -> Result<Fetched, FetchError> {
    match reference.target() {
        Target::File(file) => fetch_file(reference.clone(), file.clone(), max).await,
        _ => Err(check_supported(reference).expect_err("files are the only source")),
    }
}

async fn fetch_file(reference: Reference, file: FileReference, max: u64) -> Result<Fetched, FetchError> {
    blocking(move || match file::read(file.path(), max) {
        Ok(bytes) => Ok(Fetched { digest: Digest::of(&bytes), reference, bytes }),
        Err(source) => Err(FetchError::File { reference: reference.to_string(), source }),
    })
    .await
}
