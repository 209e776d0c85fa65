//! A change of the credentials, as it was sent and checked: all of it can take effect, or none.

use std::collections::BTreeMap;

use lattice_artifact::{Credential, Place, PlaceError, RegistryKind};
use lattice_protocol::{OperationId, Registries, RegistryCredential};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::defaults::MAX_REGISTRY_SECRET;

/// What kinds of registries there are; published hosts know these.
const KINDS: [RegistryKind; 2] = [RegistryKind::Oci, RegistryKind::Bindle];

/// What is to be known of registries.
pub(crate) struct Change {
    /// The credentials; none where they are to be forgotten.
    pub(super) entries: BTreeMap<Place, Option<Held>>,
    /// Whether what is known of others stays.
    pub(super) is_merge: bool,
}

/// By what hosts know that they were told the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChangeId {
    text: String,
    is_named: bool,
}

/// A credential and what kind of registry it is for.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) kind: RegistryKind,
    pub(super) secret: Secret,
}

/// A credential as it travels, whose memory is overwritten when it goes.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Secret(pub(super) RegistryCredential);

/// Credentials that cannot be kept.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadRegistry {
    /// It has a name that is none.
    #[error(transparent)]
    Name(PlaceError),
    /// Two names are one.
    #[error("registry `{registry}` stands in it twice, under names that mean the same")]
    Twice { registry: Place },
    /// It is of no kind that there is.
    #[error("registry `{registry}` is of the unknown type `{kind}`; there are `oci` and `bindle`")]
    UnknownKind { registry: Place, kind: String },
    /// There is a token, and something else too.
    #[error("registry `{registry}` has a token beside a user's name or a password; it takes the one or the other")]
    Mixed { registry: Place },
    /// There is a user's name alone.
    #[error("registry `{registry}` has a user's name without a password")]
    NoPassword { registry: Place },
    /// There is a password alone.
    #[error("registry `{registry}` has a password without a user's name")]
    NoUser { registry: Place },
    /// Something in it is too long.
    #[error("the {what} of registry `{registry}` has {length} bytes, at most {MAX_REGISTRY_SECRET}")]
    TooLong { registry: Place, what: &'static str, length: usize },
    /// There is nothing.
    #[error("registry `{registry}` has neither a user's name and password nor a token")]
    Nothing { registry: Place },
}

impl Change {
    /// Checks what was sent. In a change that leaves other registries as they are, one without any credential is to be
    /// forgotten.
    ///
    /// # Errors
    /// [`BadRegistry`], which repeats no secret.
    pub(crate) fn check(registries: Registries, is_merge: bool) -> Result<Self, BadRegistry> {
        // All are put away first, so that those that are refused are overwritten too.
        let sent: Vec<_> = registries.0.into_iter().map(|(name, credential)| (name, Secret(credential))).collect();
        let mut entries = BTreeMap::new();
        for (name, secret) in sent {
            let place: Place = name.parse().map_err(BadRegistry::Name)?;
            let held = match is_merge && secret.is_nothing() {
                true => None,
                false => Some(Held::check(&place, secret)?),
            };
            if entries.insert(place.clone(), held).is_some() {
                return Err(BadRegistry::Twice { registry: place });
            }
        }
        Ok(Self { entries, is_merge })
    }
}

impl Change {
    /// This one and then another, as one.
    pub(super) fn then(&self, next: &Self) -> Self {
        let mut entries = if next.is_merge { self.entries.clone() } else { BTreeMap::new() };
        entries.extend(next.entries.iter().map(|(place, held)| (place.clone(), held.clone())));
        Self { entries, is_merge: next.is_merge && self.is_merge }
    }
}

impl ChangeId {
    /// A name that the client gave it.
    pub(crate) fn named(id: &OperationId) -> Self {
        Self { text: id.to_string(), is_named: true }
    }

    /// Of one without a name: what it says. The same may be said again later, and be another change.
    pub(crate) fn of_content(hash: &[u8], is_merge: bool) -> Self {
        let text = hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Self { text: format!("{text}{}", if is_merge { "+" } else { "" }), is_named: false }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn is_named(&self) -> bool {
        self.is_named
    }
}

impl Held {
    pub(super) fn check(registry: &Place, secret: Secret) -> Result<Self, BadRegistry> {
        let kind = kind(registry, &secret.0)?;
        check_lengths(registry, &secret.0)?;
        let registry = || registry.clone();
        let RegistryCredential { username, password, token, .. } = &secret.0;
        match (username.is_some(), password.is_some(), token.is_some()) {
            (true, true, false) | (false, false, true) => Ok(Self { kind, secret }),
            (_, _, true) => Err(BadRegistry::Mixed { registry: registry() }),
            (true, false, false) => Err(BadRegistry::NoPassword { registry: registry() }),
            (false, true, false) => Err(BadRegistry::NoUser { registry: registry() }),
            (false, false, false) => Err(BadRegistry::Nothing { registry: registry() }),
        }
    }

    /// As registries are asked with it.
    pub(super) fn credential(&self) -> Credential {
        let RegistryCredential { username, password, token, .. } = self.secret.0.clone();
        match token {
            Some(token) => Credential::Token(token),
            None => {
                Credential::Basic { username: username.unwrap_or_default(), password: password.unwrap_or_default() }
            }
        }
    }

    /// As it travels and is kept.
    pub(super) fn as_kept(&self) -> Secret {
        let mut secret = self.secret.clone();
        self.kind.as_str().clone_into(&mut secret.0.registry_type);
        secret
    }
}

impl Secret {
    fn is_nothing(&self) -> bool {
        self.0.username.is_none() && self.0.password.is_none() && self.0.token.is_none()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let texts = [&mut self.0.password, &mut self.0.token, &mut self.0.username];
        texts.into_iter().flatten().for_each(Zeroize::zeroize);
    }
}

fn check_lengths(registry: &Place, credential: &RegistryCredential) -> Result<(), BadRegistry> {
    let RegistryCredential { username, password, token, .. } = credential;
    for (what, text) in [("user's name", username), ("password", password), ("token", token)] {
        let length = text.as_ref().map_or(0, String::len);
        if length > MAX_REGISTRY_SECRET {
            return Err(BadRegistry::TooLong { registry: registry.clone(), what, length });
        }
    }
    Ok(())
}

fn kind(registry: &Place, credential: &RegistryCredential) -> Result<RegistryKind, BadRegistry> {
    let told = credential.registry_type.to_ascii_lowercase();
    if told.is_empty() {
        // What the published provider for lattice control always sends.
        tracing::warn!(%registry, "the type of a registry is empty, it is taken for `oci`");
        return Ok(RegistryKind::Oci);
    }
    let known = KINDS.into_iter().find(|kind| kind.as_str() == told);
    known.ok_or_else(|| BadRegistry::UnknownKind { registry: registry.clone(), kind: credential.registry_type.clone() })
}
