//! Reading an archive: entry by entry, within limits, nothing of it verified.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use flate2::bufread::GzDecoder;
use tar::{Archive, Entry};

use super::{ArchiveError, CLAIMS, entry};
use crate::defaults::{MAX_ENTRIES, MAX_EXECUTABLE, MAX_UNPACKED};

/// What a file that is compressed with gzip begins with (RFC 1952, 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Bytes of an entry's header in a tar file.
const HEADER: u64 = 512;

/// How much an archive may hold.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// Entries, whatever they are.
    pub(super) entries: usize,
    /// Bytes of all entries, when unpacked.
    pub(super) unpacked: u64,
    /// Bytes of the claims' entry.
    pub(super) claims: u64,
    /// Bytes of an executable that is kept.
    pub(super) executable: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let claims = lattice_claims::MAX_TOKEN as u64;
        Self { entries: MAX_ENTRIES, unpacked: MAX_UNPACKED, claims, executable: MAX_EXECUTABLE }
    }
}

/// Which executables are kept; the others are passed over.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keep<'a> {
    /// That of one target.
    Target(&'a str),
    /// All of them.
    All,
}

impl Keep<'_> {
    fn has(self, target: &str) -> bool {
        match self {
            Keep::Target(wanted) => wanted == target,
            Keep::All => true,
        }
    }
}

/// What is in an archive.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// The text of the claims.
    pub(super) token: Option<Vec<u8>>,
    /// The executables that are kept, by their targets.
    pub(super) executables: BTreeMap<String, Vec<u8>>,
    /// The targets that there are executables for, sorted.
    pub(super) targets: Vec<String>,
}

/// Whether the bytes are those of a file compressed with gzip.
pub(super) fn is_compressed(archive: &[u8]) -> bool {
    archive.starts_with(&GZIP)
}

/// What is in the archive, with the executables to keep.
pub(super) fn read(archive: &[u8], keep: Keep<'_>, limits: &Limits) -> Result<Contents, ArchiveError> {
    let reading = Reading { keep, limits, entries: 0, unpacked: 0, contents: Contents::default() };
    match is_compressed(archive) {
        true => reading.read(GzDecoder::new(archive)),
        false => reading.read(archive),
    }
}

struct Reading<'a> {
    keep: Keep<'a>,
    limits: &'a Limits,
    /// Entries begun.
    entries: usize,
    /// Bytes up to the end of the entry begun last.
    unpacked: u64,
    contents: Contents,
}

impl Reading<'_> {
    /// Entries are taken as they stand, each read or skipped by the size in its header, so that what is counted is,
    /// but for padding, all that is ever unpacked.
    fn read(mut self, tar: impl Read) -> Result<Contents, ArchiveError> {
        let mut archive = Archive::new(tar);
        let entries = archive.entries().map_err(|source| self.broken(source))?;
        for entry in entries.raw(true) {
            let mut entry = entry.map_err(|source| self.broken(source))?;
            self.count(entry.size())?;
            self.take(&mut entry)?;
        }
        self.contents.targets.sort();
        Ok(self.contents)
    }

    fn broken(&self, source: io::Error) -> ArchiveError {
        match self.entries {
            // What the reader says then repeats what it read, whatever that is.
            0 => ArchiveError::NotAnArchive,
            _ => ArchiveError::Damaged { source },
        }
    }

    fn count(&mut self, size: u64) -> Result<(), ArchiveError> {
        let Limits { entries, unpacked, .. } = *self.limits;
        self.entries += 1;
        self.unpacked = self.unpacked.saturating_add(HEADER).saturating_add(size);
        match () {
            () if self.entries > entries => Err(ArchiveError::TooManyEntries { max: entries }),
            () if self.unpacked > unpacked => Err(ArchiveError::TooLarge { max: unpacked }),
            () => Ok(()),
        }
    }

    fn take(&mut self, entry: &mut Entry<'_, impl Read>) -> Result<(), ArchiveError> {
        if entry::is_description(entry.header().entry_type()) {
            return Ok(());
        }
        match entry::stem(entry)? {
            stem if stem == CLAIMS => self.take_claims(entry),
            stem if self.contents.targets.contains(&stem) => Err(ArchiveError::Duplicate { entry: stem }),
            stem => self.take_target(entry, stem),
        }
    }

    fn take_claims(&mut self, entry: &mut Entry<'_, impl Read>) -> Result<(), ArchiveError> {
        match self.contents.token.replace(content(entry, self.limits.claims)?) {
            None => Ok(()),
            Some(_) => Err(ArchiveError::Duplicate { entry: CLAIMS.to_owned() }),
        }
    }

    fn take_target(&mut self, entry: &mut Entry<'_, impl Read>, target: String) -> Result<(), ArchiveError> {
        if self.keep.has(&target) {
            self.contents.executables.insert(target.clone(), content(entry, self.limits.executable)?);
        }
        self.contents.targets.push(target);
        Ok(())
    }
}

fn content(entry: &mut Entry<'_, impl Read>, max: u64) -> Result<Vec<u8>, ArchiveError> {
    let (name, size) = (entry::shown(&entry.header().path_bytes()), entry.size());
    if size > max {
        return Err(ArchiveError::EntryTooLarge { entry: name, size, max });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    entry.read_to_end(&mut bytes).map_err(|source| ArchiveError::Damaged { source })?;
    match bytes.len() as u64 == size {
        true => Ok(bytes),
        false => Err(ArchiveError::Truncated { entry: name }),
    }
}
