//! What a host keeps on disk: a lock against a second process, and what it is to run again after a restart.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use lattice_artifact::{Digest, Reference};
use lattice_protocol::{ActorKey, Annotations};
use serde::{Deserialize, Serialize};

use crate::error::StartError;

const LOCK_FILE: &str = "lock";
const RUNNING_FILE: &str = "running.json";

/// A host's directory, locked for this process.
#[derive(Debug)]
pub(crate) struct StateDir {
    dir: PathBuf,
    /// Held for the process's life; the system releases it however the process ends.
    _lock: File,
}

/// What ran on a host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) actors: Vec<RunningActor>,
}

/// Instances of an actor with the same annotations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunningActor {
    pub(crate) actor: ActorKey,
    pub(crate) reference: Reference,
    pub(crate) digest: Digest,
    #[serde(default)]
    pub(crate) annotations: Annotations,
    pub(crate) count: u16,
}

impl StateDir {
    pub(crate) fn open(dir: &Path) -> Result<Self, StartError> {
        let failed = |source| StartError::State { path: dir.to_owned(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        let lock = File::options().create(true).append(true).mode(0o600).open(dir.join(LOCK_FILE)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { dir: dir.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StartError::StateLocked { path: dir.to_owned() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// What ran when the host last noted it; nothing if it never did.
    ///
    /// An unreadable file is put aside, not overwritten: it may be the only trace of what ran.
    pub(crate) fn load(&self) -> Running {
        let path = self.running_file();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Running::default(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot read what ran before, nothing is restored");
                return Running::default();
            }
        };
        serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            let aside = path.with_extension("unreadable");
            let kept = fs::rename(&path, &aside).is_ok();
            tracing::warn!(path = %path.display(), %error, kept, "what ran before is unreadable, nothing is restored");
            Running::default()
        })
    }

    /// Notes what runs: written beside, then renamed, so that a crash leaves the old or the new.
    pub(crate) fn save(&self, running: &Running) -> io::Result<()> {
        let path = self.running_file();
        let beside = path.with_extension("new");
        let mut file = File::options().create(true).write(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(&serde_json::to_vec_pretty(running).map_err(io::Error::other)?)?;
        file.sync_all()?;
        fs::rename(&beside, &path)
    }

    /// Where it is noted what runs.
    pub(crate) fn running_file(&self) -> PathBuf {
        self.dir.join(RUNNING_FILE)
    }
}
