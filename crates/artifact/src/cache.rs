//! The cache: files named by the digest of their contents, shared by every process of one user.
//!
//! An entry is written beside the others and renamed into place, so that it is whole or not there whenever a process
//! dies; what a reader gets has the digest that it asked for, whatever happened to the disk. The time of modification
//! of an entry is the time of its last use, by which the least recently used are removed when the cache is full.

mod directory;

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use bytes::Bytes;
use tempfile::NamedTempFile;

pub use self::directory::StoreError;
use crate::{defaults::LEFTOVER_AGE, digest::Digest};

/// Bytes compared at a time.
const CHUNK: usize = 64 << 10;

#[derive(Debug)]
pub(crate) struct Cache {
    entries: PathBuf,
    unfinished: PathBuf,
    /// The most bytes that the entries may have together.
    capacity: u64,
    /// One writer at a time, so that of many who fetch the same only the first writes.
    writing: Mutex<()>,
    /// Held shared as long as the cache is in use: who gets it alone knows that nobody is writing.
    _users: File,
}

struct Entry {
    path: PathBuf,
    size: u64,
    used: SystemTime,
}

impl Cache {
    pub(crate) fn open(root: &Path, capacity: u64) -> Result<Self, StoreError> {
        let root = directory::private(root)?;
        let entries = directory::private(&root.join("sha256"))?;
        let unfinished = directory::private(&root.join("unfinished"))?;
        let broken = |source| StoreError::Unwritable { path: root.clone(), source };
        let users = join_users(&root.join("lock"), &unfinished).map_err(broken)?;
        NamedTempFile::new_in(&unfinished).map_err(broken)?;
        Ok(Self { entries, unfinished, capacity, writing: Mutex::new(()), _users: users })
    }

    /// The bytes of that digest, if they are there and still those. An entry that is damaged is removed.
    pub(crate) fn get(&self, digest: &Digest) -> io::Result<Option<Bytes>> {
        let path = self.entry(digest);
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        if Digest::of(&bytes) != *digest {
            tracing::warn!(%digest, path = %path.display(), "removing a damaged entry of the artifact cache");
            remove(&path)?;
            return Ok(None);
        }
        mark_used(&file);
        Ok(Some(bytes.into()))
    }

    /// Whether there is an entry of that digest, damaged or not.
    pub(crate) fn has_entry(&self, digest: &Digest) -> bool {
        self.entry(digest).exists()
    }

    /// Keeps `bytes`, whose digest is `digest`, and removes what was not used for longest if that makes too much.
    pub(crate) fn put(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() as u64 > self.capacity {
            tracing::debug!(%digest, size = bytes.len(), "larger than the whole artifact cache, not kept");
            return Ok(());
        }
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.holds(digest, bytes) {
            return Ok(());
        }
        self.write(digest, bytes)?;
        self.evict(digest)
    }

    fn entry(&self, digest: &Digest) -> PathBuf {
        self.entries.join(digest.to_hex())
    }

    /// Whether these bytes are there, undamaged; if so, they count as used.
    fn holds(&self, digest: &Digest, bytes: &[u8]) -> bool {
        let Ok(file) = File::open(self.entry(digest)) else {
            return false;
        };
        let same = has_content(&file, bytes).unwrap_or(false);
        if same {
            mark_used(&file);
        }
        same
    }

    fn write(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        let mut file = NamedTempFile::new_in(&self.unfinished)?;
        file.write_all(bytes)?;
        // What the file system sets itself is coarser, and would sort a new entry before one used just now.
        mark_used(file.as_file());
        file.as_file().sync_all()?;
        file.persist(self.entry(digest))?;
        Ok(())
    }

    fn evict(&self, newest: &Digest) -> io::Result<()> {
        let mut entries = self.entries()?;
        let mut total: u64 = entries.iter().map(|entry| entry.size).sum();
        let newest = self.entry(newest);
        entries.retain(|entry| entry.path != newest);
        entries.sort_by_key(|entry| entry.used);
        for entry in entries {
            if total <= self.capacity {
                break;
            }
            remove(&entry.path)?;
            total -= entry.size;
        }
        Ok(())
    }

    fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for found in fs::read_dir(&self.entries)? {
            entries.extend(read_entry(&found?)?);
        }
        Ok(entries)
    }
}

/// What is known of a file among the entries, unless it is none or another process has just removed it.
fn read_entry(found: &fs::DirEntry) -> io::Result<Option<Entry>> {
    if found.file_name().to_str().and_then(Digest::from_hex).is_none() {
        return Ok(None);
    }
    match found.metadata() {
        Ok(metadata) => Ok(Some(Entry { path: found.path(), size: metadata.len(), used: metadata.modified()? })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn has_content(mut file: &File, bytes: &[u8]) -> io::Result<bool> {
    if file.metadata()?.len() != bytes.len() as u64 {
        return Ok(false);
    }
    let mut found = vec![0; CHUNK.min(bytes.len())];
    for expected in bytes.chunks(CHUNK) {
        let found = &mut found[..expected.len()];
        file.read_exact(found)?;
        if found != expected {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A time that cannot be set costs only the order of eviction.
fn mark_used(file: &File) {
    let _ = file.set_modified(SystemTime::now());
}

/// Removes a file that another process may remove at the same time.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
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
