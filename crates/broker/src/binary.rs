//! Finding a nats-server binary that works, in the places where one may lie.

use std::{
    env,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::Arc,
};

use tokio::{process::Command, time};

use crate::{
    Progress, Report, Version, VersionError,
    defaults::{
        BUSY_PAUSE, BUSY_RETRIES, NATS_SERVER_VARIABLE, OLDEST_VERSION, VERSION_DEADLINE, WELL_KNOWN_DIRECTORIES,
    },
};

/// The file name of the server, wherever it lies.
const FILE_NAME: &str = "nats-server";

/// A nats-server that was run and is new enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary {
    path: PathBuf,
    version: Version,
}

/// Where to look for a nats-server. [`Search::from_env`] is what a program wants; tests set the fields.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Search {
    /// The binary named by the user. If set, no other place is tried.
    pub explicit: Option<PathBuf>,
    /// The directories of the user's `PATH`, searched in order.
    pub path: Vec<PathBuf>,
    /// Directories searched after those, usually [`WELL_KNOWN_DIRECTORIES`].
    pub well_known: Vec<PathBuf>,
    /// The data directory: its `bin` is searched last and is where one is provisioned.
    pub data_dir: PathBuf,
}

/// A binary that cannot be used, and why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("nats-server at {} cannot be used", path.display())]
pub struct Rejected {
    /// The binary.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub reason: RejectedReason,
}

/// What is wrong with a binary.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RejectedReason {
    /// It could not be started.
    #[error("it does not start")]
    Start(#[source] Arc<io::Error>),
    /// It did not print its version in time.
    #[error("it did not tell its version within {VERSION_DEADLINE:?}")]
    Mute,
    /// It printed something else than a version.
    #[error("it does not tell its version")]
    Unreadable(#[source] VersionError),
    /// It is older than what works.
    #[error("nats-server {0} is too old: {OLDEST_VERSION} or newer is needed")]
    TooOld(Version),
}

impl Binary {
    /// Runs `path --version` and accepts the binary if it works and is new enough.
    ///
    /// # Errors
    /// The binary does not start, does not answer, is no nats-server, or is too old.
    pub async fn check(path: impl Into<PathBuf>) -> Result<Self, Rejected> {
        let path = path.into();
        match version_of(&path).await {
            Ok(version) => Ok(Self { path, version }),
            Err(reason) => Err(Rejected { path, reason }),
        }
    }

    /// Where the binary lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The version that it told.
    pub fn version(&self) -> Version {
        self.version
    }
}

impl Search {
    /// The search that the environment asks for, with `data_dir` as the last place.
    pub fn from_env(data_dir: impl Into<PathBuf>) -> Self {
        let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
        Self {
            explicit: variable(NATS_SERVER_VARIABLE).map(PathBuf::from),
            path: variable("PATH").map(directories).unwrap_or_default(),
            well_known: WELL_KNOWN_DIRECTORIES.iter().map(PathBuf::from).collect(),
            data_dir: data_dir.into(),
        }
    }

    /// A search in `data_dir` alone.
    pub fn in_data_dir(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), ..Self::default() }
    }

    /// The first usable nats-server, or none. Unusable ones on the way are reported and passed over.
    ///
    /// # Errors
    /// The binary that the user named cannot be used.
    pub async fn find(&self, report: Report<'_>) -> Result<Option<Binary>, Rejected> {
        report(Progress::Looking);
        let found = match &self.explicit {
            Some(path) => Some(Binary::check(path).await?),
            None => self.first_usable(report).await,
        };
        if let Some(binary) = &found {
            report(Progress::Ready { path: binary.path.clone(), version: binary.version });
        }
        Ok(found)
    }

    async fn first_usable(&self, report: Report<'_>) -> Option<Binary> {
        for candidate in self.candidates().filter(|path| path.is_file()) {
            match Binary::check(candidate).await {
                Ok(binary) => return Some(binary),
                Err(rejected) => report(Progress::Skipped(rejected)),
            }
        }
        None
    }

    fn candidates(&self) -> impl Iterator<Item = PathBuf> {
        let directories = self.path.iter().chain(&self.well_known);
        directories.map(|directory| directory.join(FILE_NAME)).chain([self.provisioned()])
    }

    /// Where a provisioned binary lies or would lie.
    pub fn provisioned(&self) -> PathBuf {
        self.data_dir.join("bin").join(FILE_NAME)
    }
}

fn directories(path: OsString) -> Vec<PathBuf> {
    env::split_paths(&path).filter(|directory| directory.is_absolute()).collect()
}

async fn version_of(path: &Path) -> Result<Version, RejectedReason> {
    let output = time::timeout(VERSION_DEADLINE, ask_version(path))
        .await
        .map_err(|_| RejectedReason::Mute)?
        .map_err(|error| RejectedReason::Start(Arc::new(error)))?;
    let banner = String::from_utf8_lossy(&output.stdout);
    let version = Version::from_banner(&banner).map_err(RejectedReason::Unreadable)?;
    if version < OLDEST_VERSION {
        return Err(RejectedReason::TooOld(version));
    }
    Ok(version)
}

/// A freshly written binary is busy while any process, even one just being forked elsewhere, has it open for writing.
async fn ask_version(path: &Path) -> io::Result<Output> {
    for _ in 0..BUSY_RETRIES {
        match run_version(path).await {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => time::sleep(BUSY_PAUSE).await,
            result => return result,
        }
    }
    run_version(path).await
}

async fn run_version(path: &Path) -> io::Result<Output> {
    Command::new(path).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).output().await
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _, sync::Mutex};

    use super::*;

    fn server(directory: &Path, script: &str) -> PathBuf {
        fs::create_dir_all(directory).unwrap();
        let path = directory.join(FILE_NAME);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn of_version(directory: &Path, version: &str) -> PathBuf {
        server(directory, &format!("echo 'nats-server: v{version}'"))
    }

    /// A search over `path`, `sbin` and `data` below a directory.
    fn search(root: &Path) -> Search {
        Search {
            explicit: None,
            path: vec![root.join("path")],
            well_known: vec![root.join("sbin")],
            data_dir: root.join("data"),
        }
    }

    async fn find(search: &Search) -> (Option<PathBuf>, Vec<String>) {
        let skipped = Mutex::new(Vec::new());
        let report = |progress| {
            if let Progress::Skipped(rejected) = progress {
                skipped.lock().unwrap().push(rejected.reason.to_string());
            }
        };
        let found = search.find(&report).await.unwrap();
        (found.map(|binary| binary.path), skipped.into_inner().unwrap())
    }

    #[tokio::test]
    async fn searches_in_the_documented_order() {
        let root = tempfile::tempdir().unwrap();
        let mut search = search(root.path());
        assert_eq!(find(&search).await, (None, vec![]));
        for place in ["data/bin", "sbin", "path", "explicit"] {
            let binary = of_version(&root.path().join(place), "2.10.0");
            if place == "explicit" {
                search.explicit = Some(binary.clone());
            }
            assert_eq!(find(&search).await, (Some(binary), vec![]), "{place}");
        }
    }

    #[tokio::test]
    async fn passes_over_what_does_not_work_and_says_so() {
        let root = tempfile::tempdir().unwrap();
        of_version(&root.path().join("path"), "2.9.10");
        server(&root.path().join("sbin"), "echo hello");
        let good = of_version(&root.path().join("data/bin"), "2.15.1");
        let (found, skipped) = find(&search(root.path())).await;
        assert_eq!(found, Some(good));
        let reasons = ["nats-server 2.9.10 is too old: 2.10.0 or newer is needed", "it does not tell its version"];
        assert_eq!(skipped, reasons);
    }

    #[tokio::test]
    async fn a_named_binary_must_work() {
        let root = tempfile::tempdir().unwrap();
        of_version(&root.path().join("path"), "2.15.1");
        let mut search = search(root.path());
        search.explicit = Some(of_version(&root.path().join("old"), "2.9.10"));
        let rejected = search.find(&|_| {}).await.unwrap_err();
        assert!(matches!(rejected.reason, RejectedReason::TooOld(version) if version == Version::new(2, 9, 10)));
        search.explicit = Some(root.path().join("nowhere"));
        let rejected = search.find(&|_| {}).await.unwrap_err();
        assert!(matches!(rejected.reason, RejectedReason::Start(_)), "{rejected:?}");
    }

    #[test]
    fn relative_directories_of_the_path_are_not_searched() {
        assert_eq!(directories("/usr/bin::.:bin:/bin".into()), [PathBuf::from("/usr/bin"), PathBuf::from("/bin")]);
    }
}
