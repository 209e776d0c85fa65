//! Files with seeds.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
    str::FromStr,
};

use lattice_claims::SeedError;

use crate::{
    fault::{Code, Fault},
    settings,
};

/// More than any file with a seed has, comments included.
const LARGEST: u64 = 16 * 1024;
/// The mode bits by which others than the owner may read or write.
const OTHERS: u32 = 0o077;

/// The seed in a file.
///
/// # Errors
/// The file cannot be read, can be read by others, or holds no seed of this kind.
pub(crate) fn read<T: FromStr<Err = SeedError>>(path: &Path) -> Result<T, Fault> {
    is_private(path)?;
    text(path)?.parse().map_err(|error: SeedError| {
        Fault::new(Code::Configuration, format!("the key {} cannot be used", path.display())).caused_by(error)
    })
}

/// Whether only its owner can read or write the file.
///
/// # Errors
/// Others can, or nothing can be told of it.
pub(super) fn is_private(path: &Path) -> Result<(), Fault> {
    let shown = path.display();
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, error))?;
    if metadata.mode() & OTHERS == 0 {
        return Ok(());
    }
    Err(Fault::new(Code::Configuration, format!("the key {shown} can be read by others"))
        .hint(format!("make it yours alone: chmod 600 {shown}")))
}

/// The text of a file with a seed, which may be anything.
///
/// # Errors
/// It cannot be read, or is no such file.
pub(super) fn text(path: &Path) -> Result<String, Fault> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, error))?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(Fault::new(Code::Configuration, format!("{} is not a file with a seed", path.display())));
    }
    fs::read_to_string(path).map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, error: io::Error) -> Fault {
    Fault::new(Code::Configuration, format!("the key {} cannot be read", path.display())).caused_by(error)
}

/// Writes a seed to a new file that only its owner can read, and makes the directory if need be.
///
/// # Errors
/// The file exists or cannot be written. A file that was written in part is taken away.
pub(crate) fn create(path: &Path, seed: &str) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        settings::create_private_dir(directory)?;
    }
    // Linked into place when complete: another process that makes the same key reads a whole one.
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = write_new(&temporary, seed).and_then(|()| fs::hard_link(&temporary, path));
    let _ = fs::remove_file(&temporary);
    written
}

fn write_new(path: &Path, seed: &str) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{seed}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use lattice_claims::{AccountSeed, ClusterSeed};

    use super::*;

    #[test]
    fn a_key_is_its_owners_alone() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let path = directory.path().join("keys/cluster.nk");
        let seed = ClusterSeed::generate();
        create(&path, &seed.secret_text()).expect("the file can be written");
        let mode = |path: &Path| fs::metadata(path).expect("it is there").mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().expect("it has one"))), (0o600, 0o700));
        assert_eq!(read::<ClusterSeed>(&path).expect("a seed").public(), seed.public());
        let again = create(&path, "other").expect_err("it exists");
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_mend() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let path = directory.path().join("account.nk");
        create(&path, &AccountSeed::generate().secret_text()).expect("the file can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("it is ours");
        let fault = read::<AccountSeed>(&path).expect_err("others can read it");
        assert_eq!(fault.code, Code::Configuration);
        assert_eq!(fault.hint, Some(format!("make it yours alone: chmod 600 {}", path.display())));
    }

    #[test]
    fn a_key_of_another_kind_is_refused() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let path = directory.path().join("account.nk");
        create(&path, &AccountSeed::generate().secret_text()).expect("the file can be written");
        assert!(read::<ClusterSeed>(&path).is_err());
    }
}
