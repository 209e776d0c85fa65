//! The turn to download something: of all processes that want the same, one downloads and the others wait for it.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::shelf::remove;
use crate::defaults::TURN_LOOK;

/// The turn, held until it is dropped; the system takes it back however the process ends.
#[derive(Debug)]
pub(crate) struct Turn {
    path: PathBuf,
    _lock: File,
}

impl Turn {
    /// Waits until nobody else has the turn of that name in `directory`. Dropping the future gives up the wait.
    pub(super) async fn take(directory: &Path, name: &str) -> io::Result<Self> {
        let path = directory.join(name);
        loop {
            match Self::try_take(&path)? {
                Some(turn) => return Ok(turn),
                None => tokio::time::sleep(TURN_LOOK).await,
            }
        }
    }

    fn try_take(path: &Path) -> io::Result<Option<Self>> {
        let lock = File::options().create(true).append(true).mode(0o600).open(path)?;
        match lock.try_lock() {
            // Who had it may have removed the file in between, and somebody else made it anew.
            Ok(()) => Ok(is_at(&lock, path)?.then(|| Self { path: path.to_owned(), _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Before the lock goes, so that whoever gets it sees that. A file that stays is in nobody's way.
        let _ = remove(&self.path);
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(found.ino() == file.metadata()?.ino()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn one_at_a_time_and_nothing_left() {
        let dir = tempfile::tempdir().expect("a directory");
        let inside = AtomicUsize::new(0);
        let visits = (0..8).map(|_| async {
            for _ in 0..20 {
                let turn = Turn::take(dir.path(), "a").await.expect("it can be taken");
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                tokio::task::yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                drop(turn);
            }
        });
        futures::future::join_all(visits).await;
        assert_eq!(fs::read_dir(dir.path()).expect("the directory").count(), 0);
    }

    #[tokio::test]
    async fn other_names_do_not_wait() {
        let dir = tempfile::tempdir().expect("a directory");
        let _a = Turn::take(dir.path(), "a").await.expect("it is free");
        Turn::take(dir.path(), "b").await.expect("it is free");
        assert!(Turn::try_take(&dir.path().join("a")).expect("it can be tried").is_none());
    }
}
