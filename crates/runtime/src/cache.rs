//! [`CodeCache`]: compiled code on disk.
//!
//! Compiled code is native code, and running it is as good as running a program: whoever can write it can do what this
//! process can. So the directory is its owner's alone, and each entry carries a code of authentication under a random key
//! that lies beside it and never leaves the machine. What does not verify is compiled again and replaced.

mod secret;

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use wasmtime::Engine;

use self::secret::{SECRET_FILE, Secret, TAG_BYTES};
use crate::error::EngineError;

/// Permissions of those who are not the owner.
const OTHERS: u32 = 0o077;

/// Compiled code on disk, found by the digest of its module and the settings of the engine.
#[derive(Debug)]
pub(crate) struct CodeCache {
    dir: PathBuf,
    secret: Secret,
    compatibility: [u8; 32],
    limit: u64,
}

/// What an entry is found by and authenticated with.
type Key = [u8; 32];

/// Why a directory is not used.
enum Unusable {
    /// It does not work, which costs the caching.
    Broken(io::Error),
    /// It works for others too, which must be put right first.
    Unsafe(&'static str),
}

impl CodeCache {
    /// The cache in this directory, or none if the disk does not have it.
    pub(crate) fn open(dir: &Path, limit: u64, engine: &Engine) -> Result<Option<Self>, EngineError> {
        let secret = match prepare(dir) {
            Ok(secret) => secret,
            Err(Unusable::Unsafe(problem)) => return Err(EngineError::UnsafeDirectory { path: dir.into(), problem }),
            Err(Unusable::Broken(error)) => {
                tracing::warn!(dir = %dir.display(), %error, "compiled code is not kept");
                return Ok(None);
            }
        };
        Ok(Some(Self { dir: dir.into(), secret, compatibility: compatibility(engine), limit }))
    }

    /// The code compiled for the module with this digest, if it is there and nobody changed it.
    pub(crate) fn load(&self, digest: &str) -> Option<Vec<u8>> {
        let key = self.key(digest);
        let path = self.path(&key);
        match self.read(&path, &key) {
            Ok(code) => Some(code),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(entry = %path.display(), %error, "compiled code in the cache is ignored");
                None
            }
        }
    }

    /// Keeps code. If it cannot be kept, that costs compiling it again.
    pub(crate) fn store(&self, digest: &str, code: &[u8]) {
        let stored = self.write(&self.key(digest), code).and_then(|()| self.prune());
        if let Err(error) = stored {
            tracing::warn!(dir = %self.dir.display(), %error, "compiled code could not be kept");
        }
    }

    fn key(&self, digest: &str) -> Key {
        let hash = Sha256::new().chain_update(self.compatibility).chain_update(digest);
        hash.finalize().into()
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.dir.join(HEXLOWER.encode(key))
    }

    fn read(&self, path: &Path, key: &Key) -> io::Result<Vec<u8>> {
        let mut file = open(path)?;
        let metadata = file.metadata()?;
        check_entry(&metadata, self.limit)?;
        let mut tag = [0; TAG_BYTES];
        file.read_exact(&mut tag)?;
        let mut code = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
        (&mut file).take(self.limit).read_to_end(&mut code)?;
        if !self.secret.verifies(key, &code, &tag) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it was not written by this user's engine"));
        }
        // When it was last of use decides what goes first; if that cannot be noted, age decides.
        let _ = file.set_modified(SystemTime::now());
        Ok(code)
    }

    fn write(&self, key: &Key, code: &[u8]) -> io::Result<()> {
        let mut file = NamedTempFile::new_in(&self.dir)?;
        file.write_all(&self.secret.tag(key, code))?;
        file.write_all(code)?;
        file.persist(self.path(key))?;
        Ok(())
    }

    /// Removes what was not of use for longest, until the rest is within the limit.
    fn prune(&self) -> io::Result<()> {
        let mut entries = entries(&self.dir)?;
        entries.sort_by_key(|entry| entry.used);
        let mut total: u64 = entries.iter().map(|entry| entry.bytes).sum();
        for entry in entries {
            if total <= self.limit {
                break;
            }
            remove(&entry.path)?;
            total -= entry.bytes;
        }
        Ok(())
    }
}

struct Entry {
    path: PathBuf,
    used: SystemTime,
    bytes: u64,
}

/// All that is in the directory but the key.
fn entries(dir: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        // What is gone meanwhile was removed by another process with the same cache.
        if let Ok(metadata) = path.symlink_metadata()
            && metadata.is_file()
            && !path.ends_with(SECRET_FILE)
        {
            entries.push(Entry { used: metadata.modified()?, bytes: metadata.len(), path });
        }
    }
    Ok(entries)
}

/// Removes a file; one that another process removed first is as good.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn prepare(dir: &Path) -> Result<Secret, Unusable> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let metadata = fs::symlink_metadata(dir)?;
    if !metadata.is_dir() {
        return Err(Unusable::Unsafe("is a link and not a directory"));
    }
    check_private(&metadata).map_err(Unusable::Unsafe)?;
    Ok(Secret::in_dir(dir)?)
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

fn check_private(metadata: &Metadata) -> Result<(), &'static str> {
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err("belongs to somebody else");
    }
    if metadata.mode() & OTHERS != 0 {
        return Err("is accessible to others than its owner");
    }
    Ok(())
}

fn check_entry(metadata: &Metadata, limit: u64) -> io::Result<()> {
    if !metadata.is_file() || metadata.len() > limit {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no file or too large"));
    }
    check_private(metadata).map_err(|problem| io::Error::new(io::ErrorKind::PermissionDenied, problem))
}

/// Opens a file that is not a link. Should it be a pipe, opening it does not wait for a writer.
fn open(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// What code must have in common with an engine to run in it.
fn compatibility(engine: &Engine) -> [u8; 32] {
    let mut hasher = Sha256Hasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().into()
}

/// Collects what is hashed in a hash that nobody can find collisions of.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        u64::from_le_bytes(digest[..8].try_into().expect("the digest has 32 bytes"))
    }
}
