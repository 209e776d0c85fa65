//! Directories that belong to one user alone.

use std::{
    fs::{self, DirBuilder, Metadata},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{self, Path, PathBuf},
};

use crate::error::SourceError;

/// The permissions of others, none of which may be given.
const OTHERS: u32 = 0o077;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The directory is not there and cannot be made, or cannot be looked at.
    #[error("the artifact cache's directory {} cannot be created or looked at", path.display())]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something else is where the directory should be.
    #[error("{} is not a directory and cannot hold the artifact cache", path.display())]
    NotADirectory {
        /// What is there.
        path: PathBuf,
    },
    /// The directory belongs to another user.
    #[error("{} belongs to another user (uid {owner}) and cannot hold the artifact cache; name another directory", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// The id of its owner.
        owner: u32,
    },
    /// Other users can read or change what is in the directory.
    #[error(
        "{} is open to other users (mode {mode:03o}) and cannot hold the artifact cache; `chmod 700` it or name another \
         directory",
        path.display()
    )]
    Open {
        /// The directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// What it is to fetch from cannot be used as it is set.
    #[error("the sources of artifacts cannot be used as they are set")]
    Sources {
        /// What is wrong.
        #[from]
        source: SourceError,
    },
    /// The directory is there but cannot be written: it or its disk is read-only, or the disk is full.
    #[error("the artifact cache's directory {} cannot be written", path.display())]
    Unwritable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The directory `path`, created if need be, that only its owner, who is us, can use.
pub(super) fn private(path: &Path) -> Result<PathBuf, StoreError> {
    let unusable = |source| StoreError::Unusable { path: path.to_owned(), source };
    let path = path::absolute(path).map_err(unusable)?;
    match fs::metadata(&path) {
        Ok(metadata) => check(&metadata, path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o777 & !OTHERS).create(&path).map_err(unusable)?;
            Ok(path)
        }
        Err(error) => Err(unusable(error)),
    }
}

fn check(metadata: &Metadata, path: PathBuf) -> Result<PathBuf, StoreError> {
    if !metadata.is_dir() {
        return Err(StoreError::NotADirectory { path });
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(StoreError::Foreign { path, owner: metadata.uid() });
    }
    match metadata.mode() & 0o777 {
        mode if mode & OTHERS != 0 => Err(StoreError::Open { path, mode }),
        _ => Ok(path),
    }
}
