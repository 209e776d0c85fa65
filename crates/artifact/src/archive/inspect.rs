//! Looking at a whole archive: what it says, what it holds, and whether that fits.

use std::time::SystemTime;

use lattice_claims::{
    ProviderChecks, ProviderClaims, ProviderClaimsError, TokenChecks, binary_hash, check_provider, read_provider,
};

use super::{
    ArchiveError, check_hash, missing_target,
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

/// What was found of an archive, each check by itself: for who tells people of all of them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Checked {
    /// The claims. Only [`verdict`](Self::verdict) says whether they are to be believed.
    pub claims: ProviderClaims,
    /// What was found of their token.
    pub token: TokenChecks,
    /// For each target with an executable, and then for each that the claims name without that there is one, whether it is
    /// the one that was signed.
    pub executables: Vec<(String, Result<(), ArchiveError>)>,
}

impl Checked {
    /// The claims, if everything holds.
    ///
    /// # Errors
    /// The first check that does not.
    pub fn verdict(self) -> Result<ProviderClaims, ArchiveError> {
        self.token.verdict().map_err(ProviderClaimsError::from)?;
        if self.executables.is_empty() {
            return Err(ArchiveError::Empty);
        }
        self.executables.into_iter().try_for_each(|(_, found)| found)?;
        Ok(self.claims)
    }
}

/// What [`verify`] looks at, each check by itself.
///
/// # Errors
/// There is nothing to check: the archive cannot be read, or has no claims of the right form.
pub fn check(archive: &[u8], now: SystemTime) -> Result<Checked, ArchiveError> {
    checked(&read::read(archive, Keep::All, &Limits::default())?, now)
}

/// The claims of an archive, if they are valid at `now`, and every executable is there that they name, at least one, and no
/// other.
///
/// # Errors
/// [`ArchiveError`] tells the first thing that is wrong.
pub fn verify(archive: &[u8], now: SystemTime) -> Result<ProviderClaims, ArchiveError> {
    check(archive, now)?.verdict()
}

/// The checks of what was read with all executables.
pub(super) fn checked(contents: &Contents, now: SystemTime) -> Result<Checked, ArchiveError> {
    let ProviderChecks { claims, token, .. } = check_provider(token(contents)?, now)?;
    let there = contents.executables.iter();
    let there = there.map(|(target, executable)| (target.clone(), check_hash(&claims, target, executable)));
    let missing = claims.target_hashes.keys().filter(|target| !contents.executables.contains_key(*target));
    let missing = missing.map(|target| (target.clone(), Err(missing_target(target, contents))));
    let executables = there.chain(missing).collect();
    Ok(Checked { claims, token, executables })
}
