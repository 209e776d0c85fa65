//! Provider archives: the claims of a capability provider and its executables, one for each target, in one file.
//!
//! An archive is a tar file, compressed with gzip or not. Its entry `claims.jwt` is the token of [`ProviderClaims`], and
//! `x86_64-linux.bin` the executable of the target `x86_64-linux`, whose hash the claims state.
//!
//! Source: wasmCloud 0.82 `crates/provider-archive/src/archive.rs`. Stricter than that: signature and validity of the
//! claims count, entries are nothing but files beside one another, none is there twice, and everything is bounded.
//!
//! ```
//! use std::time::SystemTime;
//!
//! use lattice_artifact::archive::{self, Packing};
//! use lattice_claims::{AccountSeed, NewProviderClaims, ProviderSeed};
//!
//! let (account, provider) = (AccountSeed::generate(), ProviderSeed::generate());
//! let now = SystemTime::now();
//! let claims = NewProviderClaims::new(provider.public(), "acme:greeting".parse()?, now);
//! let binaries = [("x86_64-linux", &b"#!/bin/sh"[..]), ("aarch64-linux", b"#!/bin/bash")];
//! let packed = archive::pack(claims, &account, &binaries, Packing::TarGz)?;
//!
//! let opened = archive::open(&packed, "x86_64-linux", now)?;
//! assert_eq!(opened.claims.subject, provider.public());
//! assert_eq!(opened.executable.bytes(), "#!/bin/sh");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod entry;
mod error;
mod insert;
mod inspect;
mod pack;
mod program;
mod read;

use std::{env::consts, fmt, str, time::SystemTime};

use bytes::Bytes;
use lattice_claims::{ProviderClaims, ProviderClaimsError, TokenError, binary_hash, verify_provider};

pub(crate) use self::pack::pack_signed;
pub use self::{
    error::ArchiveError,
    insert::insert,
    inspect::{Checked, Inspected, Listed, check, inspect, verify},
    pack::{Packing, pack},
    program::{ProgramError, check_program},
};
use crate::digest::Digest;
use read::{Contents, Keep, Limits};

/// The name of the entry that holds the claims, without what follows its last dot.
const CLAIMS: &str = "claims";

/// The target that this machine runs, `x86_64-linux` for instance: architecture and system as Rust names them.
pub fn this_target() -> String {
    format!("{}-{}", consts::ARCH, consts::OS)
}

/// What was taken out of an archive and found in order.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Opened {
    /// The verified claims.
    pub claims: ProviderClaims,
    /// The executable of the target that was asked for.
    pub executable: Executable,
}

/// A program and the digest by which it is named.
#[derive(Clone)]
pub struct Executable {
    digest: Digest,
    bytes: Bytes,
}

impl Executable {
    fn new(bytes: Bytes) -> Self {
        Self { digest: Digest::of(&bytes), bytes }
    }

    /// The digest of the program itself, which is not that of the archive it was in.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The program.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl fmt::Debug for Executable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executable").field("digest", &self.digest).field("size", &self.bytes.len()).finish()
    }
}

/// The executable for `target` out of a provider archive, if the archive's claims are valid at `now` and name it.
///
/// The executables of other targets are passed over. Takes time in proportion to the unpacked size.
///
/// # Errors
/// [`ArchiveError`] tells what is wrong with the archive, or which targets it has if not this.
pub fn open(archive: &[u8], target: &str, now: SystemTime) -> Result<Opened, ArchiveError> {
    open_within(archive, target, now, &Limits::default())
}

fn open_within(archive: &[u8], target: &str, now: SystemTime, limits: &Limits) -> Result<Opened, ArchiveError> {
    let mut contents = read::read(archive, Keep::Target(target), limits)?;
    let claims = verify_provider(token(&contents)?, now)?;
    let Some(bytes) = contents.executables.remove(target) else {
        return Err(missing_target(target, &contents));
    };
    check_hash(&claims, target, &bytes)?;
    Ok(Opened { claims, executable: Executable::new(bytes.into()) })
}

/// White space around the token is ignored, for files that people write end in a line feed.
fn token(contents: &Contents) -> Result<&str, ArchiveError> {
    let bytes = contents.token.as_deref().ok_or(ArchiveError::MissingClaims)?;
    match str::from_utf8(bytes) {
        Ok(text) => Ok(text.trim()),
        Err(_) => Err(ProviderClaimsError::from(TokenError::Malformed { reason: "it is not text" }).into()),
    }
}

fn missing_target(target: &str, contents: &Contents) -> ArchiveError {
    ArchiveError::MissingTarget { target: target.to_owned(), found: contents.targets.clone() }
}

fn check_hash(claims: &ProviderClaims, target: &str, executable: &[u8]) -> Result<(), ArchiveError> {
    let target = || target.to_owned();
    let Some(claimed) = claims.target_hashes.get(&target()) else {
        return Err(ArchiveError::MissingHash { target: target() });
    };
    match binary_hash(executable) {
        found if found == *claimed => Ok(()),
        found => Err(ArchiveError::Hash { target: target(), claimed: claimed.clone(), found }),
    }
}

#[cfg(test)]
mod tests;
