//! Files named by the digest of their contents, in one directory, up to a capacity.

use std::{
    fs::{self, File, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use bytes::Bytes;
use rustix::fs::OFlags;
use tempfile::NamedTempFile;

use super::directory::{self, StoreError};
use crate::digest::Digest;

/// Bytes compared at a time.
pub(super) const CHUNK: usize = 64 << 10;

/// The bits of a file's mode that say who may do what.
const PERMISSIONS: u32 = 0o7777;

/// Entries of one kind.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) directory: PathBuf,
    /// Where entries are written before they are moved here; on the same file system.
    pub(super) unfinished: PathBuf,
    /// The permissions of an entry.
    mode: u32,
    /// The most bytes that the entries may have together.
    capacity: u64,
    /// One writer at a time, so that of many who have the same only the first writes.
    writing: Mutex<()>,
}

pub(super) struct Entry {
    pub(super) path: PathBuf,
    pub(super) size: u64,
    used: SystemTime,
}

impl Shelf {
    /// The shelf in `directory`, which is created for its owner alone if it is not there.
    pub(super) fn open(directory: &Path, unfinished: &Path, mode: u32, capacity: u64) -> Result<Self, StoreError> {
        let (directory, unfinished) = (directory::private(directory)?, unfinished.to_owned());
        Ok(Self { directory, unfinished, mode, capacity, writing: Mutex::new(()) })
    }

    pub(super) fn capacity(&self) -> u64 {
        self.capacity
    }

    pub(super) fn entry(&self, digest: &Digest) -> PathBuf {
        self.directory.join(digest.to_hex())
    }

    /// The bytes of that digest, if they are there and still those. An entry that is damaged is removed.
    pub(super) fn get(&self, digest: &Digest) -> io::Result<Option<Bytes>> {
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

    /// Keeps `bytes`, whose digest is `digest`, and removes what was not used for longest if that makes too much. An entry
    /// that is there and is not those bytes, or that others might use, is replaced.
    pub(super) fn put(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.holds(digest, bytes) {
            return Ok(());
        }
        self.write(digest, bytes)?;
        self.evict(digest)
    }

    /// Whether these bytes are there, undamaged and as they were written; if so, they count as used.
    fn holds(&self, digest: &Digest, bytes: &[u8]) -> bool {
        let Ok(file) = open_itself(&self.entry(digest)) else {
            return false;
        };
        let same = self.is_ours(&file).unwrap_or(false) && has_content(&file, bytes).unwrap_or(false);
        if same {
            mark_used(&file);
        }
        same
    }

    /// Whether there is an entry of that digest, undamaged and as it was written; if so, it counts as used.
    pub(super) fn is_sound(&self, digest: &Digest) -> bool {
        let Ok(file) = open_itself(&self.entry(digest)) else {
            return false;
        };
        let sound = self.is_ours(&file).unwrap_or(false) && Digest::of_all(&file).is_ok_and(|found| found == *digest);
        if sound {
            mark_used(&file);
        }
        sound
    }

    fn is_ours(&self, file: &File) -> io::Result<bool> {
        let metadata = file.metadata()?;
        Ok(metadata.is_file() && metadata.permissions().mode() & PERMISSIONS == self.mode)
    }

    /// The file is whole, on disk and closed before it has its name, also in children that other threads start meanwhile.
    fn write(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        let mut file = NamedTempFile::new_in(&self.unfinished)?;
        file.as_file().lock()?;
        file.write_all(bytes)?;
        file.as_file().set_permissions(Permissions::from_mode(self.mode))?;
        // What the file system sets itself is coarser, and would sort a new entry before one used just now.
        mark_used(file.as_file());
        file.as_file().sync_all()?;
        let closed = file.into_temp_path();
        until_nobody_writes(&closed)?;
        closed.persist(self.entry(digest))?;
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

    pub(super) fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for found in fs::read_dir(&self.directory)? {
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

/// Waits until no copy of the file that was locked for writing is open.
///
/// A child begins with copies of all files that its parent has open, and gives them up when it becomes another program.
/// Until then the system refuses to run a file that is among them (`ETXTBSY`). The lock goes with the last copy.
fn until_nobody_writes(closed: &Path) -> io::Result<()> {
    open_itself(closed)?.lock_shared()
}

/// Opens what has that name and not what a link there leads to, without waiting for anybody's writing.
fn open_itself(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    File::options().read(true).custom_flags(flags).open(path)
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
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
