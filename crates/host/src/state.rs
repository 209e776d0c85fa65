//! What a host keeps on disk: a lock against a second process, what it is to run again after a restart, and how its labels
//! were changed.

use std::{
    collections::BTreeSet,
    fmt,
    fs::{self, File, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use lattice_artifact::{Digest, Reference};
use lattice_protocol::{ActorKey, Annotations, Labels};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{error::StartError, providers::InstanceKey};

const LOCK_FILE: &str = "lock";
const RUNNING_FILE: &str = "running.json";
const LABELS_FILE: &str = "labels.json";

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
    #[serde(default)]
    pub(crate) providers: Vec<RunningProvider>,
}

/// A capability provider.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunningProvider {
    #[serde(flatten)]
    pub(crate) key: InstanceKey,
    pub(crate) reference: Reference,
    #[serde(default)]
    pub(crate) digest: Option<Digest>,
    #[serde(default)]
    pub(crate) annotations: Annotations,
    /// May hold secrets, as the file is its owner's alone.
    #[serde(default)]
    pub(crate) configuration: Option<String>,
}

impl fmt::Debug for RunningProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningProvider")
            .field("key", &self.key)
            .field("reference", &self.reference)
            .finish_non_exhaustive()
    }
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

/// How the labels of a host differ from those that it is started with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LabelChanges {
    #[serde(default)]
    pub(crate) set: Labels,
    #[serde(default)]
    pub(crate) deleted: BTreeSet<String>,
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
    pub(crate) fn load(&self) -> Running {
        read(&self.running_file(), "what ran before")
    }

    /// Notes what runs.
    pub(crate) fn save(&self, running: &Running) -> io::Result<()> {
        write(&self.running_file(), running)
    }

    /// Where it is noted what runs.
    pub(crate) fn running_file(&self) -> PathBuf {
        self.dir.join(RUNNING_FILE)
    }

    /// How the labels were changed before; not at all if nobody did.
    pub(crate) fn load_labels(&self) -> LabelChanges {
        read(&self.labels_file(), "how the labels were changed")
    }

    /// Notes how the labels were changed.
    pub(crate) fn save_labels(&self, changes: &LabelChanges) -> io::Result<()> {
        write(&self.labels_file(), changes)
    }

    /// Where it is noted how the labels were changed.
    pub(crate) fn labels_file(&self) -> PathBuf {
        self.dir.join(LABELS_FILE)
    }
}

/// What a file holds; the default if it is not there or cannot be read.
///
/// An unreadable file is put aside, not overwritten: it may be the only trace of what it held.
fn read<T: DeserializeOwned + Default>(path: &Path, what: &str) -> T {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return T::default(),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "cannot read {what}, none of it comes back");
            return T::default();
        }
    };
    serde_json::from_slice(&bytes).unwrap_or_else(|error| {
        let kept = fs::rename(path, path.with_extension("unreadable")).is_ok();
        tracing::warn!(path = %path.display(), %error, kept, "{what} is unreadable, none of it comes back");
        T::default()
    })
}

/// Writes a file beside, then renames it, so that a crash leaves the old or the new.
fn write(path: &Path, content: &impl Serialize) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::options().create(true).write(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(&serde_json::to_vec_pretty(content).map_err(io::Error::other)?)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}
