//! Credentials for registries, as the lattice was told: in memory alone, gone with the host.
//!
//! They are kept for when images come from registries, and are not used for anything yet.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

use lattice_protocol::{Registries, RegistryCredential};

use crate::{
    defaults::MAX_REGISTRIES,
    turns::{Turn, Turns},
};

/// What kinds of registries there are; published hosts know these.
const KINDS: [&str; 2] = ["oci", "bindle"];

/// Credentials by the registry's host and port; cheap to clone. `Debug` does not show them.
#[derive(Clone, Default)]
pub(crate) struct RegistryCredentials {
    entries: Arc<Mutex<BTreeMap<String, Secret>>>,
    turns: Turns,
}

/// Credentials for registries that can be kept.
pub(crate) struct CheckedRegistries(BTreeMap<String, Secret>);

/// A credential whose memory is overwritten when it goes.
struct Secret(RegistryCredential);

/// Credentials that cannot be kept.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadRegistry {
    #[error("a registry has no name")]
    NoName,
    #[error("registry `{registry}` is of the unknown type `{kind}`; there are `oci` and `bindle`")]
    UnknownKind { registry: String, kind: String },
}

/// Credentials for which there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host keeps credentials for {MAX_REGISTRIES} registries at most")]
pub(crate) struct TooManyRegistries;

impl RegistryCredentials {
    /// Lines up for a change: they take place in the order in which this is called.
    pub(crate) fn line_up(&self) -> Turn {
        self.turns.take("")
    }

    /// Replaces what is known of these registries; others stay, as with published hosts.
    ///
    /// # Errors
    /// There would be too many; nothing has changed then.
    pub(crate) fn merge(&self, registries: CheckedRegistries) -> Result<(), TooManyRegistries> {
        let mut entries = self.entries.lock().expect("nothing panics while it holds the credentials");
        let added = registries.0.keys().filter(|registry| !entries.contains_key(*registry)).count();
        if entries.len() + added > MAX_REGISTRIES {
            return Err(TooManyRegistries);
        }
        entries.extend(registries.0);
        tracing::info!(registries = ?entries.keys(), "credentials for registries were set");
        Ok(())
    }
}

impl TryFrom<Registries> for CheckedRegistries {
    type Error = BadRegistry;

    fn try_from(registries: Registries) -> Result<Self, BadRegistry> {
        // All are put away first, so that those that are refused are overwritten too.
        let entries: Vec<_> = registries.0.into_iter().map(|(name, credential)| (name, Secret(credential))).collect();
        let checked = entries.into_iter().map(|(name, mut secret)| {
            let registry = host_of(&name).ok_or(BadRegistry::NoName)?;
            check_kind(&registry, &mut secret.0)?;
            Ok((registry, secret))
        });
        checked.collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Debug for RegistryCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryCredentials").finish_non_exhaustive()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let texts = [&mut self.0.password, &mut self.0.token, &mut self.0.username];
        for text in texts.into_iter().filter_map(Option::take) {
            let mut bytes = text.into_bytes();
            bytes.fill(0);
            // Or the compiler would see that nobody reads the zeros.
            std::hint::black_box(&bytes);
        }
    }
}

/// Host and port of a registry: published clients send them bare, with a scheme or with a path. User info goes: the name is
/// logged.
fn host_of(name: &str) -> Option<String> {
    let bare = name.split_once("://").map_or(name, |(_, rest)| rest);
    let authority = bare.split('/').next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default().trim();
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

fn check_kind(registry: &str, credential: &mut RegistryCredential) -> Result<(), BadRegistry> {
    let kind = credential.registry_type.to_ascii_lowercase();
    match kind.as_str() {
        "" => {
            // What the published provider for lattice control always sends.
            tracing::warn!(registry, "the type of a registry is empty, it is taken for `oci`");
            credential.registry_type = KINDS[0].to_owned();
            Ok(())
        }
        kind if KINDS.contains(&kind) => Ok(()),
        _ => Err(BadRegistry::UnknownKind { registry: registry.to_owned(), kind: credential.registry_type.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(kind: &str) -> RegistryCredential {
        RegistryCredential {
            password: Some("secret".to_owned()),
            registry_type: kind.to_owned(),
            username: Some("me".to_owned()),
            ..RegistryCredential::default()
        }
    }

    fn checked(entries: &[(&str, &str)]) -> Result<CheckedRegistries, BadRegistry> {
        let entries = entries.iter().map(|(name, kind)| ((*name).to_owned(), credential(kind)));
        Registries(entries.collect()).try_into()
    }

    fn check(entries: &[(&str, &str)], expect: Result<&[(&str, &str)], &str>) {
        let got = checked(entries).map_err(|error| error.to_string());
        let got = got.map(|checked| {
            checked.0.iter().map(|(name, secret)| (name.clone(), secret.0.registry_type.clone())).collect::<Vec<_>>()
        });
        let expect = expect.map_err(str::to_owned);
        let owned = |entries: &[(&str, &str)]| {
            entries.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(got, expect.map(owned));
    }

    #[test]
    fn registries_are_known_by_host_and_port() {
        check(&[("ghcr.io", "oci")], Ok(&[("ghcr.io", "oci")]));
        check(&[("https://GHCR.io:443/acme/x", "")], Ok(&[("ghcr.io:443", "oci")]));
        check(&[("b.example", "bindle")], Ok(&[("b.example", "bindle")]));
        check(&[("https://", "oci")], Err("a registry has no name"));
        check(
            &[("ghcr.io", "floppy")],
            Err("registry `ghcr.io` is of the unknown type `floppy`; there are `oci` and `bindle`"),
        );
    }

    /// The password of a registry that was named by a URL stood in the log and in the refusal.
    #[test]
    fn regression_the_name_of_a_registry_holds_no_password() {
        check(&[("https://me:secret@ghcr.io/acme", "oci")], Ok(&[("ghcr.io", "oci")]));
        check(&[("me:s@cret@ghcr.io:443", "oci")], Ok(&[("ghcr.io:443", "oci")]));
        check(&[("https://me:secret@", "oci")], Err("a registry has no name"));
        let unknown = "registry `ghcr.io` is of the unknown type `floppy`; there are `oci` and `bindle`";
        check(&[("me:secret@ghcr.io", "floppy")], Err(unknown));
    }

    /// Whoever may set credentials could have a host keep ever more of them.
    #[test]
    fn regression_no_more_registries_are_kept_than_there_is_room_for() {
        let credentials = RegistryCredentials::default();
        let many = |range: std::ops::Range<usize>| {
            let names = range.map(|n| (format!("r{n}"), credential("oci")));
            CheckedRegistries::try_from(Registries(names.collect())).expect("good")
        };
        credentials.merge(many(0..MAX_REGISTRIES)).expect("there is room");
        credentials.merge(many(0..3)).expect("they are known");
        assert_eq!(credentials.merge(many(MAX_REGISTRIES..MAX_REGISTRIES + 1)), Err(TooManyRegistries));
        assert_eq!(credentials.entries.lock().expect("not poisoned").len(), MAX_REGISTRIES);
    }

    #[test]
    fn others_stay_when_some_are_set() {
        let credentials = RegistryCredentials::default();
        credentials.merge(checked(&[("a", "oci"), ("b", "oci")]).expect("good")).expect("there is room");
        credentials.merge(checked(&[("b", "bindle"), ("c", "oci")]).expect("good")).expect("there is room");
        let entries = credentials.entries.lock().expect("not poisoned");
        let known: Vec<_> =
            entries.iter().map(|(name, secret)| (name.as_str(), secret.0.registry_type.as_str())).collect();
        assert_eq!(known, [("a", "oci"), ("b", "bindle"), ("c", "oci")]);
    }

    #[test]
    fn debug_shows_no_credential() {
        let credentials = RegistryCredentials::default();
        credentials.merge(checked(&[("a", "oci")]).expect("good")).expect("there is room");
        assert!(!format!("{credentials:?}").contains("secret"));
    }
}
