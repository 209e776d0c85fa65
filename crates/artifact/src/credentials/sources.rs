//! What a host was told of credentials before it started.

use super::{Credential, DockerConfig, Place, Places, RegistryKind};

/// Credentials that a host has by its settings, and files of other tools that it may look into. `Debug` shows places alone.
#[derive(Debug, Default)]
pub struct CredentialSources {
    pub(super) host: Places,
    pub(super) files: Vec<DockerConfig>,
}

impl CredentialSources {
    /// Adds a credential, unless there is one of the same kind for the same place already.
    pub fn add(&mut self, kind: RegistryKind, place: Place, credential: Credential) {
        self.host.add_missing(kind, place, credential);
    }

    /// Adds a file, which is looked into after those that are there.
    pub fn add_file(&mut self, file: DockerConfig) {
        self.files.push(file);
    }

    /// What the host was told itself, without the files.
    pub fn places(&self) -> &Places {
        &self.host
    }

    /// The files, in the order in which they are looked into.
    pub fn files(&self) -> &[DockerConfig] {
        &self.files
    }
}
