//! [`Secret`]: the key that authenticates the entries of one directory.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;

use hmac::{Hmac, Mac};
use sha2::Sha256;
use tempfile::NamedTempFile;

use super::{Key, check_private, open};

/// Name of the file that holds the key.
pub(super) const SECRET_FILE: &str = "key";

/// Bytes of a tag.
pub(super) const TAG_BYTES: usize = 32;

/// Bytes of the key: as many as the hash has.
const SECRET_BYTES: usize = 32;

/// What tags are made for, so that this key's tags are of no use elsewhere. The number is that of the format.
const PURPOSE: &[u8] = b"lattice compiled code 1";

/// The key of one directory.
pub(super) struct Secret([u8; SECRET_BYTES]);

impl Secret {
    /// The key in this directory, made if there is none. One that others could have read is replaced.
    pub(super) fn in_dir(dir: &Path) -> io::Result<Self> {
        let path = dir.join(SECRET_FILE);
        match read(&path) {
            Ok(Some(secret)) => Ok(secret),
            Ok(None) => {
                tracing::warn!(key = %path.display(), "the key of compiled code is damaged or was readable to others, a new one replaces it");
                create(dir, &path, NamedTempFile::persist)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => create_first(dir, &path),
            Err(error) => Err(error),
        }
    }

    pub(super) fn tag(&self, key: &Key, code: &[u8]) -> [u8; TAG_BYTES] {
        self.mac(key, code).finalize().into_bytes().into()
    }

    pub(super) fn verifies(&self, key: &Key, code: &[u8], tag: &[u8; TAG_BYTES]) -> bool {
        self.mac(key, code).verify_slice(tag).is_ok()
    }

    /// The key of the entry is covered too, so that no entry stands in for another.
    fn mac(&self, key: &Key, code: &[u8]) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("keys of any length will do");
        mac.chain_update(PURPOSE).chain_update(key).chain_update(code)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The key in a file, or `None` if it is not fit to be used.
fn read(path: &Path) -> io::Result<Option<Secret>> {
    let mut file = open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() != SECRET_BYTES as u64 || check_private(&metadata).is_err() {
        return Ok(None);
    }
    let mut secret = [0; SECRET_BYTES];
    file.read_exact(&mut secret)?;
    Ok(Some(Secret(secret)))
}

/// Makes the key, unless another process is first: then it is that one.
fn create_first(dir: &Path, path: &Path) -> io::Result<Secret> {
    match create(dir, path, NamedTempFile::persist_noclobber) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read(path)?.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the key of compiled code is damaged"))
        }
        created => created,
    }
}

type Persist<'a> = fn(NamedTempFile, &'a Path) -> Result<std::fs::File, tempfile::PersistError>;

fn create<'a>(dir: &Path, path: &'a Path, persist: Persist<'a>) -> io::Result<Secret> {
    let mut secret = [0; SECRET_BYTES];
    fill_random(&mut secret)?;
    let mut file = NamedTempFile::new_in(dir)?;
    file.write_all(&secret)?;
    file.as_file().sync_all()?;
    persist(file, path)?;
    Ok(Secret(secret))
}

fn fill_random(mut bytes: &mut [u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let filled = rustix::rand::getrandom(&mut *bytes, rustix::rand::GetRandomFlags::empty())?;
        bytes = &mut bytes[filled..];
    }
    Ok(())
}
