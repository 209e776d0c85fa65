//! The file in which `docker login`, `podman login` and others keep credentials, and the programs that it names to keep them.
//!
//! Sources: docker/cli v27 `cli/config/configfile/file.go` (the file), docker/docker-credential-helpers v0.9
//! `credentials/credentials.go` (what is said to the programs), podman's `containers-auth.json(5)` (keys with paths).

mod helper;
mod read;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{Credential, Place, Places, RegistryKind};
use crate::defaults::MAX_DOCKER_CONFIG;
use helper::Helper;

/// The credentials in a file of Docker's format, as they were when it was read. `Debug` shows the file alone.
pub struct DockerConfig {
    path: PathBuf,
    /// What the file itself holds.
    places: Places,
    /// Programs that keep the credentials of some places.
    helpers: Vec<(Place, Helper)>,
    /// The program that keeps those of all others.
    store: Option<Helper>,
}

/// Why the file cannot be used. What it holds is never repeated, but for the names of its keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DockerError {
    /// It cannot be read.
    #[error("the file with credentials {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is larger than any such file.
    #[error("the file with credentials {} has more than {MAX_DOCKER_CONFIG} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It is no JSON.
    #[error("the file with credentials {} is no JSON, see line {line}", path.display())]
    NotJson {
        /// The file.
        path: PathBuf,
        /// Where reading failed, counted from one.
        line: usize,
    },
    /// It is JSON, and something in it is not what it has to be.
    #[error("in the file with credentials {}, {key} {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where in it.
        key: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl DockerConfig {
    /// Reads a file; blocks for that.
    ///
    /// # Errors
    /// [`DockerError`]; also if there is no such file.
    pub fn read(path: &Path) -> Result<Self, DockerError> {
        read::parse(path, &contents(path)?)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The credential for a path on a server: what the program for the longest path says, then what the one for all says, then
    /// what stands in the file.
    pub(super) async fn find(&self, server: &str, path: &str) -> Option<Credential> {
        let own = self.helpers.iter().filter(|(place, _)| place.holds(server, path));
        if let Some((_, helper)) = own.max_by_key(|(place, _)| place.depth()) {
            return helper.get(server).await;
        }
        let kept = match &self.store {
            Some(store) => store.get(server).await,
            None => None,
        };
        kept.or_else(|| self.places.find(RegistryKind::Oci, server, path).cloned())
    }
}

impl fmt::Debug for DockerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerConfig").field("path", &self.path).finish_non_exhaustive()
    }
}

fn contents(path: &Path) -> Result<Zeroizing<Vec<u8>>, DockerError> {
    let unreadable = |source| DockerError::Unreadable { path: path.to_owned(), source };
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_DOCKER_CONFIG {
        return Err(DockerError::TooLarge { path: path.to_owned() });
    }
    fs::read(path).map(Zeroizing::new).map_err(unreadable)
}

#[cfg(test)]
mod tests;
