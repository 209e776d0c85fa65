//! Making an archive with one executable more.

use std::time::SystemTime;

use lattice_claims::{AccountSeed, NewProviderClaims};

use super::{
    ArchiveError, Packing,
    inspect::checked,
    pack,
    read::{self, Keep, Limits},
};

/// The archive with an executable for one more target, its claims signed once more by their issuer.
///
/// It is compressed if it was. Nothing that the claims say changes but the hashes, their id and when they were signed.
///
/// # Errors
/// What [`verify`](super::verify) says of the archive as it is, unless it is good later; [`ArchiveError::OtherIssuer`] if somebody else signed it,
/// [`ArchiveError::TargetTaken`], and what [`pack`] says of the target.
pub fn insert(
    archive: &[u8],
    (target, executable): (&str, &[u8]),
    issuer: &AccountSeed,
    now: SystemTime,
) -> Result<Vec<u8>, ArchiveError> {
    let contents = read::read(archive, Keep::All, &Limits::default())?;
    let mut checked = checked(&contents, now)?;
    // What is good from tomorrow on is made today.
    checked.token.begin = Ok(());
    let claims = checked.verdict()?;
    if claims.issuer != issuer.public() {
        return Err(ArchiveError::OtherIssuer {
            issuer: claims.issuer.to_string(),
            found: issuer.public().to_string(),
        });
    }
    if contents.executables.contains_key(target) {
        return Err(ArchiveError::TargetTaken { target: target.to_owned() });
    }
    let packing = if read::is_compressed(archive) { Packing::TarGz } else { Packing::Tar };
    let present = contents.executables.iter().map(|(target, executable)| (target.as_str(), executable.as_slice()));
    let all: Vec<_> = present.chain([(target, executable)]).collect();
    pack(NewProviderClaims::again(claims, now), issuer, &all, packing)
}
