//! Looking at a whole archive: what it says, what it holds, and whether that fits.

use std::time::SystemTime;

use lattice_claims::{ProviderClaims, binary_hash, read_provider, verify_provider};

use super::{
    ArchiveError, check_hash,
    read::{self, Contents, Keep, Limits},
    token,
};

/// What an archive says about itself, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspected {
    /// The claims, nothing of them verified.
    pub claims: ProviderClaims,
    /// The executables, sorted by their targets.
    pub executables: Vec<Listed>,
}

/// An executable in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// What runs it, `x86_64-linux` for instance.
    pub target: String,
    /// Its bytes.
    pub size: usize,
    /// Its [`binary_hash`], whatever the claims say.
    pub hash: String,
    /// Whether the claims say the same hash.
    pub is_as_claimed: bool,
}

/// What an archive says about itself and what it holds, nothing of it verified.
///
/// For showing, never for deciding: use [`verify`] or [`open`](super::open) for that. Holds all executables in memory, and
/// takes time in proportion to them.
///
/// # Errors
/// The archive cannot be read, or has no claims of the right form.
pub fn inspect(archive: &[u8]) -> Result<Inspected, ArchiveError> {
    let contents = read::read(archive, Keep::All, &Limits::default())?;
    let claims = read_provider(token(&contents)?)?;
    let listed = |(target, executable): (&String, &Vec<u8>)| {
        let hash = binary_hash(executable);
        let is_as_claimed = claims.target_hashes.get(target) == Some(&hash);
        Listed { target: target.clone(), size: executable.len(), hash, is_as_claimed }
    };
    let executables = contents.executables.iter().map(listed).collect();
    Ok(Inspected { claims, executables })
}

/// The claims of an archive, if they are valid at `now`, and every executable is there that they name, and no other.
///
/// # Errors
/// [`ArchiveError`] tells the first thing that is wrong.
pub fn verify(archive: &[u8], now: SystemTime) -> Result<ProviderClaims, ArchiveError> {
    verified(&read::read(archive, Keep::All, &Limits::default())?, now)
}

/// The claims of what was read with all executables.
pub(super) fn verified(contents: &Contents, now: SystemTime) -> Result<ProviderClaims, ArchiveError> {
    let claims = verify_provider(token(contents)?, now)?;
    for (target, executable) in &contents.executables {
        check_hash(&claims, target, executable)?;
    }
    match claims.target_hashes.keys().find(|target| !contents.executables.contains_key(*target)) {
        None => Ok(claims),
        Some(target) => Err(ArchiveError::MissingTarget { target: target.clone(), found: contents.targets.clone() }),
    }
}
