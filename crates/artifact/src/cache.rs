//! The cache: files named by the digest of their contents, shared by every process of one user; notes of what references
//! were, and turns to download.
//!
//! An entry is written beside the others and renamed into place, so that it is whole or not there whenever a process
//! dies; what a reader gets has the digest that it asked for, whatever happened to the disk. The time of modification
//! of an entry is the time of its last use, by which the least recently used are removed when the cache is full.

mod directory;
mod notes;
mod shelf;
mod turn;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use bytes::Bytes;
use tempfile::NamedTempFile;

pub use self::directory::StoreError;
pub(crate) use self::{notes::Note, turn::Turn};
use self::{
    notes::Notes,
    shelf::{Shelf, remove},
};
use crate::{defaults::LEFTOVER_AGE, digest::Digest};

/// Its owner reads an artifact.
const ARTIFACT: u32 = 0o600;

/// Its owner runs an executable.
const EXECUTABLE: u32 = 0o700;

/// Why the cache does not keep an artifact.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unkept {
    /// It would drive everything else out, and not fit all the same.
    #[error("it is larger than the cache, which has {capacity} bytes; `--cache-size` sets more")]
    Larger {
        /// The bytes of the whole cache.
        capacity: u64,
    },
    /// The disk is full or read-only.
    #[error("the cache cannot be written; see to the disk")]
    Failed {
        /// What the system said.
        source: io::Error,
    },
}

#[derive(Debug)]
pub(crate) struct Cache {
    artifacts: Shelf,
    executables: Shelf,
    notes: Notes,
    /// Where turns to download are taken.
    turns: PathBuf,
    /// Held shared as long as the cache is in use: who gets it alone knows that nobody is writing.
    _users: File,
}

impl Cache {
    /// The cache in `root`, which keeps that many bytes of artifacts and as many of executables.
    pub(crate) fn open(root: &Path, capacity: u64) -> Result<Self, StoreError> {
        let root = directory::private(root)?;
        let unfinished = directory::private(&root.join("unfinished"))?;
        let shelf = |name, mode| Shelf::open(&root.join(name), &unfinished, mode, capacity);
        let (artifacts, executables) = (shelf("sha256", ARTIFACT)?, shelf("executables", EXECUTABLE)?);
        let notes = Notes::open(&root.join("notes"), &unfinished)?;
        let turns = directory::private(&root.join("turns"))?;
        let broken = |source| StoreError::Unwritable { path: root.clone(), source };
        let users = join_users(&root.join("lock"), &unfinished).map_err(broken)?;
        NamedTempFile::new_in(&unfinished).map_err(broken)?;
        Ok(Self { artifacts, executables, notes, turns, _users: users })
    }

    /// The artifact with that digest, if it is there and undamaged.
    pub(crate) fn get(&self, digest: &Digest) -> io::Result<Option<Bytes>> {
        self.artifacts.get(digest)
    }

    /// Whether there is an artifact with that digest, damaged or not.
    pub(crate) fn has_entry(&self, digest: &Digest) -> bool {
        self.artifacts.entry(digest).exists()
    }

    /// Keeps the artifact `bytes`, whose digest is `digest`.
    pub(crate) fn keep(&self, digest: &Digest, bytes: &[u8]) -> Result<(), Unkept> {
        let capacity = self.artifacts.capacity();
        match bytes.len() as u64 > capacity {
            true => Err(Unkept::Larger { capacity }),
            false => self.artifacts.put(digest, bytes).map_err(|source| Unkept::Failed { source }),
        }
    }

    /// What is noted of a reference or a version.
    pub(crate) fn note(&self, of: &str) -> Option<Note> {
        self.notes.read(of)
    }

    /// Notes what a reference or a version is.
    pub(crate) fn write_note(&self, of: &str, note: Note) -> io::Result<()> {
        self.notes.write(of, note)
    }

    /// Forgets what a reference was. One that cannot be forgotten costs who pulls if it is not present.
    pub(crate) fn forget_note(&self, of: &str) {
        if let Err(error) = self.notes.remove(of) {
            tracing::debug!(of, %error, "what a reference was cannot be forgotten");
        }
    }

    /// Waits until no other process downloads that version.
    pub(crate) async fn turn(&self, version: &Digest) -> io::Result<Turn> {
        Turn::take(&self.turns, &version.to_hex()).await
    }

    /// The file with the executable of that digest, if it is there and sound.
    pub(crate) fn sound_executable(&self, digest: &Digest) -> Option<PathBuf> {
        self.executables.is_sound(digest).then(|| self.executables.entry(digest))
    }

    /// A file with `bytes`, whose digest is `digest`, that can be run: the one that is there if it is sound, or a new one.
    pub(crate) fn executable(&self, digest: &Digest, bytes: &[u8]) -> io::Result<PathBuf> {
        self.executables.put(digest, bytes)?;
        Ok(self.executables.entry(digest))
    }
}

/// Takes a share of the lock, having removed what processes that died left unfinished.
fn join_users(lock: &Path, unfinished: &Path) -> io::Result<File> {
    let users = File::options().create(true).truncate(false).write(true).open(lock)?;
    let now = SystemTime::now();
    let is_leftover: &dyn Fn(SystemTime) -> bool = match users.try_lock() {
        Ok(()) => &|_| true,
        Err(TryLockError::WouldBlock) => &|written| now.duration_since(written).is_ok_and(|age| age > LEFTOVER_AGE),
        Err(TryLockError::Error(error)) => return Err(error),
    };
    for found in fs::read_dir(unfinished)? {
        let found = found?;
        if found.metadata().and_then(|metadata| metadata.modified()).is_ok_and(is_leftover) {
            remove(&found.path())?;
        }
    }
    users.lock_shared()?;
    Ok(users)
}

#[cfg(test)]
mod tests;
