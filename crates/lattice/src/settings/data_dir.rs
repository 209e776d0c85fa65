//! The data directory: where it is and what lies in it.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use lattice_protocol::HostKey;

use crate::{
    environment::{self, Environment},
    fault::{Code, Fault},
};

/// Where state and keys lie, of one user on one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DataDir {
    root: PathBuf,
    is_default: bool,
}

impl DataDir {
    /// The directory of the flag, of the environment, or the platform's. It need not exist.
    pub(crate) fn find(flag: Option<&Path>, environment: &Environment) -> Result<Self, Fault> {
        let chosen = flag.map(Path::to_owned).or_else(|| environment.path(environment::DATA_DIR));
        let (root, is_default) = match chosen {
            Some(path) => (path, false),
            None => (platform_default(environment)?, true),
        };
        let root = std::path::absolute(&root).map_err(|error| unusable(&root, error))?;
        Ok(Self { root, is_default })
    }

    /// Makes it, readable by its owner alone, and makes sure that it can be written.
    pub(crate) fn create(&self) -> Result<(), Fault> {
        create_private_dir(&self.root).map_err(|error| unusable(&self.root, error))?;
        let probe = self.root.join(format!(".write-{}", std::process::id()));
        fs::write(&probe, b"x").and_then(|()| fs::remove_file(&probe)).map_err(|error| unusable(&self.root, error))
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.root
    }

    /// Whether nobody chose it, so that commands find it without being told.
    pub(crate) fn is_default(&self) -> bool {
        self.is_default
    }

    /// Development keys and the identity of hosts.
    pub(crate) fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// Held by the running `up`; holds its process id.
    pub(crate) fn up_lock(&self) -> PathBuf {
        self.root.join("up.lock")
    }

    /// What the running `up` runs.
    pub(crate) fn up_state(&self) -> PathBuf {
        self.root.join("up.json")
    }

    /// What a host prints that `up` runs in a data directory of its own.
    pub(crate) fn host_log(&self) -> PathBuf {
        self.root.join("host.log")
    }

    /// What an `up` in the background prints.
    pub(crate) fn up_log(&self) -> PathBuf {
        self.root.join("up.log")
    }

    /// The signed example actors.
    pub(crate) fn demo(&self) -> PathBuf {
        self.root.join("demo")
    }

    /// The data directory of a host that an example runs beside the one of `up`.
    pub(crate) fn of_demo_host(&self, name: &str) -> Self {
        Self { root: self.demo().join("hosts").join(name), is_default: false }
    }

    /// Modules that `start actor` has signed.
    pub(crate) fn signed(&self) -> PathBuf {
        self.root.join("signed")
    }

    /// Modules of `bench`, while it runs.
    pub(crate) fn bench(&self) -> PathBuf {
        self.root.join("bench")
    }

    /// The state of one host.
    pub(crate) fn host(&self, key: &HostKey) -> PathBuf {
        self.root.join("hosts").join(key.as_str())
    }

    /// Modules and compiled code.
    pub(crate) fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }
}

/// Makes a directory and its parents; those that it makes are its owner's alone.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    if fs::metadata(path)?.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

/// Writes a file that others read complete or not at all, readable by its owner alone.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_complete(path, bytes, 0o600)
}

/// Writes a file that others read complete or not at all, with the rights that files of this user have.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_complete(path, bytes, 0o666)
}

fn write_complete(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let file = File::options().write(true).create(true).truncate(true).mode(mode).open(&temporary);
    let written = file.and_then(|mut file| file.write_all(bytes)).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn platform_default(environment: &Environment) -> Result<PathBuf, Fault> {
    if let Some(home) = absolute(environment.path("XDG_DATA_HOME")) {
        return Ok(home.join("lattice"));
    }
    let home = absolute(environment.path("HOME")).ok_or_else(homeless)?;
    let data = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/share" };
    Ok(home.join(data).join("lattice"))
}

/// The directory with the contexts, if there can be one.
pub(super) fn config_dir(environment: &Environment) -> Option<PathBuf> {
    let own = absolute(environment.path("XDG_CONFIG_HOME"));
    let data = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".config" };
    let config = own.or_else(|| Some(absolute(environment.path("HOME"))?.join(data)))?;
    Some(config.join("lattice"))
}

/// The base directory convention has relative paths ignored.
fn absolute(path: Option<PathBuf>) -> Option<PathBuf> {
    path.filter(|path| path.is_absolute())
}

fn homeless() -> Fault {
    Fault::new(Code::Configuration, "there is no data directory: neither HOME nor XDG_DATA_HOME is set")
        .hint(format!("name one with --data-dir or {}", environment::DATA_DIR))
}

fn unusable(path: &Path, error: io::Error) -> Fault {
    Fault::new(Code::Configuration, format!("the data directory {} cannot be used", path.display()))
        .hint(format!("name another with --data-dir or {}", environment::DATA_DIR))
        .caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(flag: Option<&str>, variables: &[(&str, &str)], expect: Result<&str, Code>) {
        let environment = variables.iter().copied().collect();
        let found = DataDir::find(flag.map(Path::new), &environment);
        let found = found.map(|found| found.root.display().to_string()).map_err(|fault| fault.code);
        assert_eq!(found, expect.map(str::to_owned));
    }

    #[test]
    fn the_flag_wins_over_the_environment_over_the_platform() {
        check(Some("/a"), &[("LATTICE_DATA_DIR", "/b"), ("HOME", "/h")], Ok("/a"));
        check(None, &[("LATTICE_DATA_DIR", "/b"), ("HOME", "/h")], Ok("/b"));
        check(None, &[("XDG_DATA_HOME", "/x"), ("HOME", "/h")], Ok("/x/lattice"));
        check(None, &[], Err(Code::Configuration));
        check(None, &[("HOME", "relative")], Err(Code::Configuration));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_keeps_data_in_the_home_directory() {
        check(None, &[("XDG_DATA_HOME", "relative"), ("HOME", "/h")], Ok("/h/.local/share/lattice"));
    }

    #[test]
    fn a_file_in_its_place_is_a_configuration_error() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        let data_dir = DataDir::find(Some(file.path()), &Environment::default()).expect("the path is given");
        let fault = data_dir.create().expect_err("a file is no directory");
        assert_eq!(fault.code, Code::Configuration);
        assert!(fault.message.contains(&file.path().display().to_string()), "{}", fault.message);
    }
}
