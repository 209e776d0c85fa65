//! Who runs in a data directory: the lock that the running `up` holds, and what it wrote down once it was ready.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use lattice_protocol::{ControlPrefix, HostKey, LatticeName};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::settings::{Broker, Credentials, DataDir, write_private};

/// What a running `up` runs, as it is written to `up.json` when everything serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunningUp {
    /// The process.
    pub(crate) pid: u32,
    /// The version of the program.
    pub(crate) version: String,
    /// The lattice.
    pub(crate) lattice: LatticeName,
    /// What control subjects start with.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub(crate) control_prefix: ControlPrefix,
    /// Where the broker is.
    pub(crate) nats_url: String,
    /// The credentials file for it, if it is a broker that asks for some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) creds: Option<PathBuf>,
    /// The broker's version.
    pub(crate) nats_version: String,
    /// Where the broker keeps its streams; none for one that `up` did not start.
    pub(crate) store: Option<PathBuf>,
    /// The host.
    pub(crate) host_id: HostKey,
    /// The host's name for people.
    pub(crate) host_name: String,
    /// The hosts that run, this one first, if it was started with several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) hosts: Vec<UpHost>,
    /// When it was ready, in RFC 3339.
    pub(crate) started: String,
    /// Whether it was told to stop and is at it.
    #[serde(default)]
    pub(crate) stopping: bool,
}

/// A host that an `up` runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UpHost {
    /// Its name for people.
    pub(crate) name: String,
    /// Its key.
    pub(crate) host_id: HostKey,
    /// The process that it runs in.
    pub(crate) pid: u32,
}

impl RunningUp {
    /// The `up` that runs in this data directory and is ready, if there is one.
    pub(crate) fn find(data_dir: &DataDir) -> Option<Self> {
        if !is_locked(data_dir) {
            return None;
        }
        Self::read(data_dir)
    }

    /// What was written last, whether its writer still runs or not.
    pub(super) fn read(data_dir: &DataDir) -> Option<Self> {
        serde_json::from_slice(&fs::read(data_dir.up_state()).ok()?).ok()
    }

    /// Tells everybody who looks into the data directory.
    pub(super) fn write(&self, data_dir: &DataDir) -> io::Result<()> {
        write_private(&data_dir.up_state(), &serde_json::to_vec_pretty(self)?)
    }

    /// Tells them of a change. Best effort: a full disk is no reason to stop, and none not to.
    pub(super) fn rewrite(&self, data_dir: &DataDir) {
        if let Err(error) = self.write(data_dir) {
            tracing::debug!(%error, "a change of what runs could not be noted");
        }
    }

    /// Where its broker is.
    pub(crate) fn broker(&self) -> Broker {
        let credentials = self.creds.clone().map_or(Credentials::None, Credentials::File);
        Broker { url: self.nats_url.clone(), credentials }
    }

    /// The hosts that run beside its own.
    pub(crate) fn others(&self) -> impl Iterator<Item = &UpHost> {
        self.hosts.iter().filter(|host| host.host_id != self.host_id)
    }

    /// As it may be printed: without user and password.
    pub(crate) fn shown(self) -> Self {
        Self { nats_url: self.broker().shown_url(), ..self }
    }

    /// How long it has been running.
    pub(crate) fn uptime(&self) -> Option<Duration> {
        let started = humantime::parse_rfc3339(&self.started).ok()?;
        SystemTime::now().duration_since(started).ok()
    }
}

/// Held as long as this process is the `up` of a data directory. The system lets go of it however the process ends.
#[derive(Debug)]
pub(crate) struct UpLock {
    file: File,
    data_dir: DataDir,
}

impl UpLock {
    /// The lock, or none if another `up` holds it. What an `up` that was killed left written is taken away.
    pub(super) fn take(data_dir: &DataDir) -> io::Result<Option<Self>> {
        let path = data_dir.up_lock();
        let file = File::options().create(true).truncate(false).read(true).write(true).mode(0o600).open(path)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
            Ok(()) => {}
        }
        let mut lock = Self { file, data_dir: data_dir.clone() };
        lock.forget_state()?;
        lock.write_pid(&std::process::id().to_string())?;
        Ok(Some(lock))
    }

    fn forget_state(&self) -> io::Result<()> {
        match fs::remove_file(self.data_dir.up_state()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn write_pid(&mut self, pid: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(pid.as_bytes())
    }
}

impl Drop for UpLock {
    fn drop(&mut self) {
        let _ = self.forget_state();
        let _ = self.write_pid("");
    }
}

/// Whether an `up` runs in this data directory, ready or not.
pub(crate) fn is_locked(data_dir: &DataDir) -> bool {
    let Ok(file) = File::open(data_dir.up_lock()) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// The process that holds the lock, if it has told.
pub(super) fn lock_holder(data_dir: &DataDir) -> Option<u32> {
    let mut text = String::new();
    File::open(data_dir.up_lock()).ok()?.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn as_text<S: Serializer>(prefix: &ControlPrefix, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(prefix.as_str())
}

fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ControlPrefix, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::environment::Environment;

    fn data_dir(path: &Path) -> DataDir {
        DataDir::find(Some(path), &Environment::default()).expect("the path is given")
    }

    fn running() -> RunningUp {
        RunningUp {
            pid: 7,
            version: "0.1.0".to_owned(),
            lattice: LatticeName::default(),
            control_prefix: ControlPrefix::default(),
            nats_url: "nats://127.0.0.1:4222".to_owned(),
            nats_version: "2.11.0".to_owned(),
            creds: None,
            store: Some("/store".into()),
            host_id: "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA".parse().expect("a published key"),
            host_name: "calm-otter-1234".to_owned(),
            hosts: Vec::new(),
            started: "2026-01-01T00:00:00Z".to_owned(),
            stopping: false,
        }
    }

    #[test]
    fn one_up_per_data_directory() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let data_dir = data_dir(directory.path());
        assert!(!is_locked(&data_dir));
        let lock = UpLock::take(&data_dir).expect("the directory can be written").expect("nobody holds it");
        assert!(is_locked(&data_dir));
        assert!(UpLock::take(&data_dir).expect("the directory can be written").is_none());
        assert_eq!(lock_holder(&data_dir), Some(std::process::id()));
        assert_eq!(RunningUp::find(&data_dir), None);
        running().write(&data_dir).expect("the directory can be written");
        assert_eq!(RunningUp::find(&data_dir), Some(running()));
        drop(lock);
        assert_eq!((is_locked(&data_dir), lock_holder(&data_dir)), (false, None));
        assert_eq!(RunningUp::read(&data_dir), None);
    }

    #[test]
    fn what_a_killed_up_left_is_not_believed() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let data_dir = data_dir(directory.path());
        running().write(&data_dir).expect("the directory can be written");
        fs::write(data_dir.up_lock(), "7").expect("the directory can be written");
        assert_eq!(RunningUp::find(&data_dir), None);
        let _lock = UpLock::take(&data_dir).expect("the directory can be written").expect("nobody holds it");
        assert_eq!(RunningUp::find(&data_dir), None);
    }
}
