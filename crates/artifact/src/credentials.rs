//! Credentials for registries, and which of them one registry may see.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

/// What kind of server a credential is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegistryKind {
    /// An OCI registry.
    Oci,
    /// A bindle server.
    Bindle,
}

/// How to authenticate. `Debug` shows none of it.
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
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").finish_non_exhaustive()
    }
}

/// Credentials by kind and place; clones are the same. `Debug` shows none of them.
///
/// A place is `host[:port]`, with a path behind it if it is for a part of a registry alone.
#[derive(Clone, Default)]
pub struct Credentials {
    places: Arc<RwLock<BTreeMap<(RegistryKind, String), Credential>>>,
}

impl Credentials {
    /// Replaces all that are known.
    pub fn replace(&self, places: BTreeMap<(RegistryKind, String), Credential>) {
        *self.places.write().unwrap_or_else(PoisonError::into_inner) = places;
    }

    /// The credential for `path` (a repository or the name of a bindle, without slashes around it) on the server `host[:port]`, if
    /// there is one.
    pub(crate) fn find(&self, kind: RegistryKind, server: &str, path: &str) -> Option<Credential> {
        let _ = path;
        self.places.read().unwrap_or_else(PoisonError::into_inner).get(&(kind, server.to_owned())).cloned()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}
