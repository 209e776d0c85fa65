//! Credentials for registries, and which of them one registry may see.
//!
//! They come in layers: what the lattice was told, what this host was told by its settings, and files that other tools
//! keep. The first layer that has any for a place decides; within a layer it is the one for the longest path.
//!
//! **Matching.** A credential is for a [`Place`]: a server, compared as a whole, and below it everything or what lies under a
//! path, compared segment by segment. The text of the lattice control interface speaks of a "substring comparison" of the
//! registry with the reference (`lattice-control-interface.smithy`, `RegistryCredentialMap`). That would hand the password of
//! `ghcr.io` to `ghcr.io.evil.example`, and is not done here on purpose; no published host does it either: they compare the
//! text before the first slash (wasmCloud 0.82 `crates/host/src/lib.rs`, wasmcloud-otp 0.63 `lib/vhost/virtual_host.ex`).

mod docker;
mod place;
mod sources;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use zeroize::Zeroize;

pub use docker::{DockerConfig, DockerError};
pub use place::{Place, PlaceError};
pub use sources::CredentialSources;

/// What kind of server a credential is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegistryKind {
    /// An OCI registry.
    Oci,
    /// A bindle server.
    Bindle,
}

impl RegistryKind {
    /// As it is called in messages and on command lines.
    pub fn as_str(self) -> &'static str {
        match self {
            RegistryKind::Oci => "oci",
            RegistryKind::Bindle => "bindle",
        }
    }
}

/// How to authenticate. `Debug` shows none of it, and its memory is overwritten when it goes.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A user's name and password.
    Basic {
        /// The name.
        username: String,
        /// The password, which may be a token that is used like one.
        password: String,
    },
    /// A bearer token.
    Token(String),
    /// A token that no registry takes, but that the registry's token service exchanges for one that it does: an OAuth 2
    /// refresh token, as `docker login` keeps it under `identitytoken`.
    Identity(String),
}

impl Drop for Credential {
    fn drop(&mut self) {
        match self {
            Credential::Basic { username, password } => {
                username.zeroize();
                password.zeroize();
            }
            Credential::Token(token) | Credential::Identity(token) => token.zeroize(),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").finish_non_exhaustive()
    }
}

/// Credentials by kind and place. `Debug` shows the places alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Places {
    entries: BTreeMap<(RegistryKind, Place), Credential>,
}

impl Places {
    /// Adds one, in the place of what was known of the same kind and place.
    pub fn insert(&mut self, kind: RegistryKind, place: Place, credential: Credential) {
        self.entries.insert((kind, place), credential);
    }

    /// With one more.
    #[must_use]
    pub fn with(mut self, kind: RegistryKind, place: Place, credential: Credential) -> Self {
        self.insert(kind, place, credential);
        self
    }

    /// Adds those of others that are for places without any here.
    pub(crate) fn add_missing(&mut self, kind: RegistryKind, place: Place, credential: Credential) {
        self.entries.entry((kind, place)).or_insert(credential);
    }

    /// What there is, by kind and place.
    pub fn iter(&self) -> impl Iterator<Item = (RegistryKind, &Place, &Credential)> {
        self.entries.iter().map(|((kind, place), credential)| (*kind, place, credential))
    }

    /// The one for the longest path that holds `path`.
    fn find(&self, kind: RegistryKind, server: &str, path: &str) -> Option<&Credential> {
        let known = self.entries.iter().filter(|((of, place), _)| *of == kind && place.holds(server, path));
        known.max_by_key(|((_, place), _)| place.depth()).map(|(_, credential)| credential)
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.entries.keys()).finish()
    }
}

/// Where credentials that can be replaced come from, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The lattice was told.
    Lattice,
    /// This host was told, by its flags or environment.
    Host,
}

/// The credentials of a host, in layers; clones are the same. `Debug` shows none of them.
///
/// The last layer are files of other tools, which cannot be replaced.
#[derive(Clone, Default)]
pub struct Credentials {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    lattice: RwLock<Places>,
    host: RwLock<Places>,
    files: Vec<DockerConfig>,
}

impl Credentials {
    /// What these sources have; the lattice's layer is empty.
    pub fn new(sources: CredentialSources) -> Self {
        let CredentialSources { host, files } = sources;
        Self { shared: Arc::new(Shared { host: RwLock::new(host), files, ..Shared::default() }) }
    }

    /// Replaces all that a layer has.
    pub fn replace(&self, layer: Layer, places: Places) {
        *self.layer(layer).write().unwrap_or_else(PoisonError::into_inner) = places;
    }

    /// The credential for `path` (a repository or the name of a bindle, without slashes around it) on the server `host[:port]`, if
    /// there is one.
    ///
    /// May run a program that keeps credentials, which gets some seconds for it.
    pub async fn find(&self, kind: RegistryKind, server: &str, path: &str) -> Option<Credential> {
        let server = place::known_server(server);
        let told = |layer| {
            let places = self.layer(layer).read().unwrap_or_else(PoisonError::into_inner);
            places.find(kind, &server, path).cloned()
        };
        if let Some(credential) = told(Layer::Lattice).or_else(|| told(Layer::Host)) {
            return Some(credential);
        }
        match kind {
            RegistryKind::Oci => self.find_in_files(&server, path).await,
            RegistryKind::Bindle => None,
        }
    }

    async fn find_in_files(&self, server: &str, path: &str) -> Option<Credential> {
        for file in &self.shared.files {
            if let Some(credential) = file.find(server, path).await {
                return Some(credential);
            }
        }
        None
    }

    fn layer(&self, layer: Layer) -> &RwLock<Places> {
        match layer {
            Layer::Lattice => &self.shared.lattice,
            Layer::Host => &self.shared.host,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
