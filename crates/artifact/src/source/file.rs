//! Reading a file as an artifact.

use std::{
    fs::{File, Metadata},
    io::{self, ErrorKind, Read},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use bytes::Bytes;
use rustix::fs::OFlags;

/// Why a file is not an artifact.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Nothing has that path on the machine that fetches.
    #[error("there is no such file on this machine")]
    Missing,
    /// The file, or a directory above it, may not be read.
    #[error("this process has no permission to read the file")]
    Denied(#[source] io::Error),
    /// The path is a directory's.
    #[error("it is a directory")]
    Directory,
    /// A pipe, a socket or a device.
    #[error("it is not a regular file")]
    Special,
    /// A file without bytes.
    #[error("the file is empty")]
    Empty,
    /// More bytes than are fetched.
    #[error("the file has {size} bytes, at most {max} are fetched")]
    TooLarge {
        /// The file's size in bytes.
        size: u64,
        /// The bytes allowed.
        max: u64,
    },
    /// The file became longer or shorter, as it does while a build writes it.
    #[error("the file was being written while it was read")]
    Changed,
    /// Anything else that the system reports.
    #[error("the file cannot be read")]
    Unreadable(#[source] io::Error),
}

pub(super) fn read(path: &Path, max: u64) -> Result<Bytes, FileError> {
    // Opening a pipe would otherwise wait for somebody to write to it.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path).map_err(open_error)?;
    let size = check(&file.metadata().map_err(FileError::Unreadable)?, max)?;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.take(size + 1).read_to_end(&mut bytes).map_err(FileError::Unreadable)?;
    match bytes.len() as u64 == size {
        true => Ok(bytes.into()),
        false => Err(FileError::Changed),
    }
}

/// The size of a file that can be fetched.
fn check(metadata: &Metadata, max: u64) -> Result<u64, FileError> {
    match metadata.len() {
        _ if metadata.is_dir() => Err(FileError::Directory),
        _ if !metadata.is_file() => Err(FileError::Special),
        0 => Err(FileError::Empty),
        size if size > max => Err(FileError::TooLarge { size, max }),
        size => Ok(size),
    }
}

fn open_error(error: io::Error) -> FileError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => FileError::Missing,
        ErrorKind::PermissionDenied => FileError::Denied(error),
        // A socket cannot be opened at all.
        _ if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => FileError::Special,
        _ => FileError::Unreadable(error),
    }
}

#[cfg(test)]
mod tests;
