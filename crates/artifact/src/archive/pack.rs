//! Making an archive.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use flate2::{Compression, write::GzEncoder};
use lattice_claims::{AccountSeed, MAX_TOKEN, NewProviderClaims, binary_hash, sign_provider};
use tar::{Builder, Header};

use super::{ArchiveError, CLAIMS, entry};

/// Whether an archive is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// A tar file as it is.
    Tar,
    /// A tar file compressed with gzip, as most are published.
    TarGz,
}

/// An archive of executables, one for each target, with claims that `issuer` signs.
///
/// The hashes of the executables are put into the claims, in place of those that are there. The same claims, seed and
/// executables make the same bytes, in whatever order they are given.
///
/// # Errors
/// [`ArchiveError::Name`] or [`ArchiveError::Path`] for a target that no entry can be named by, and
/// [`ArchiveError::Duplicate`] for one that is there twice, or is `claims`; [`ArchiveError::ClaimsTooLarge`] for claims that
/// nobody would read.
pub fn pack(
    mut claims: NewProviderClaims,
    issuer: &AccountSeed,
    binaries: &[(&str, &[u8])],
    packing: Packing,
) -> Result<Vec<u8>, ArchiveError> {
    let binaries = by_target(binaries)?;
    claims.target_hashes = binaries.iter().map(|(target, binary)| (target.to_string(), binary_hash(binary))).collect();
    let token = sign_provider(&claims, issuer);
    if token.len() > MAX_TOKEN {
        return Err(ArchiveError::ClaimsTooLarge { size: token.len(), max: MAX_TOKEN });
    }
    Ok(written(&token, &binaries, packing).expect("names are checked and memory is written"))
}

/// An archive, not compressed, of one executable and the claims that were signed for it, whatever they are: who opens it
/// finds out whether they are for one another.
pub(crate) fn pack_signed(claims: &[u8], target: &str, executable: &[u8]) -> Vec<u8> {
    let binaries = BTreeMap::from([(target, executable)]);
    write(claims, &binaries, Vec::new()).expect("the name is short and memory is written")
}

fn by_target<'a>(binaries: &[(&'a str, &'a [u8])]) -> Result<BTreeMap<&'a str, &'a [u8]>, ArchiveError> {
    let mut sorted = BTreeMap::new();
    for (target, binary) in binaries {
        entry::stem_of(file_name(target).as_bytes())?;
        if *target == CLAIMS || sorted.insert(*target, *binary).is_some() {
            return Err(ArchiveError::Duplicate { entry: target.to_string() });
        }
    }
    Ok(sorted)
}

fn file_name(target: &str) -> String {
    format!("{target}.bin")
}

pub(super) fn written(token: &str, binaries: &BTreeMap<&str, &[u8]>, packing: Packing) -> io::Result<Vec<u8>> {
    match packing {
        Packing::Tar => write(token.as_bytes(), binaries, Vec::new()),
        Packing::TarGz => {
            write(token.as_bytes(), binaries, GzEncoder::new(Vec::new(), Compression::default()))?.finish()
        }
    }
}

fn write<W: Write>(claims: &[u8], binaries: &BTreeMap<&str, &[u8]>, target: W) -> io::Result<W> {
    let mut builder = Builder::new(target);
    append(&mut builder, &format!("{CLAIMS}.jwt"), 0o644, claims)?;
    for (target, binary) in binaries {
        append(&mut builder, &file_name(target), 0o755, binary)?;
    }
    builder.into_inner()
}

/// Owner and time stay zero, so that they make no difference.
fn append<W: Write>(builder: &mut Builder<W>, name: &str, mode: u32, content: &[u8]) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    builder.append_data(&mut header, name, content)
}
