//! Credentials for registries, and changes of labels.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Visitor},
};

use super::{
    Items,
    lenient::{empty_as_none, nil_as_default},
};
use crate::id::LatticeName;

/// The header with which `registries.put` changes the registries that it names and leaves the others as they are, when it is
/// `true`; one that is named without a credential is forgotten then. Without it the map that is sent replaces the one that is
/// known. Of this project.
pub const MERGE_HEADER: &str = "Lattice-Merge";

/// Credentials by registry host (`host[:port]`). Read in both shapes of [`PutRegistries`], written as the plain map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Registries(pub BTreeMap<String, RegistryCredential>);

impl<'de> Deserialize<'de> for Registries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PutRegistries::deserialize(deserializer).map(|put| put.registries)
    }
}

/// What is said of a body without a map of registries.
const NO_MAP: &str = "it has no map of registries; one that is empty, and no other, forgets all";

/// The body of `registries.put`, in either of its shapes: the plain map that published clients send, or, as the interface
/// file has it, that map under `credentials` beside the lattice.
///
/// The one is not taken for the other: a credential is a map of texts and a lattice is a text, so that a registry called
/// `credentials` or `latticeId` would be refused, and no registry's host is called so.
///
/// An empty map is one, and means that none is known any more; a body without a map is refused, for who forgot it did not mean
/// that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutRegistries {
    /// The lattice that the body names, if it names one.
    pub lattice_id: Option<LatticeName>,
    /// The credentials.
    pub registries: Registries,
}

impl<'de> Deserialize<'de> for PutRegistries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PutVisitor)
    }
}

struct PutVisitor;

impl<'de> Visitor<'de> for PutVisitor {
    type Value = PutRegistries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of registries to credentials; an empty one forgets all")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PutRegistries, A::Error> {
        let mut lattice = None;
        let mut plain = BTreeMap::new();
        let mut under_key: Option<Option<Entries>> = None;
        let mut is_empty = true;
        while let Some(key) = map.next_key::<String>()? {
            is_empty = false;
            match key.as_str() {
                "latticeId" | "lattice_id" => lattice = map.next_value::<NamedLattice>()?.0,
                "credentials" if under_key.is_some() => return Err(A::Error::duplicate_field("credentials")),
                "credentials" => under_key = Some(map.next_value()?),
                _ => insert(&mut plain, key, map.next_value()?)?,
            }
        }
        let registries = match under_key {
            Some(_) if !plain.is_empty() => {
                return Err(A::Error::custom("registries stand both under `credentials` and beside it"));
            }
            Some(Some(Entries(credentials))) => credentials,
            None if is_empty || !plain.is_empty() => plain,
            Some(None) | None => return Err(A::Error::custom(NO_MAP)),
        };
        Ok(PutRegistries { lattice_id: lattice, registries: Registries(registries) })
    }
}

/// A map in which nothing stands twice.
struct Entries(BTreeMap<String, RegistryCredential>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        PutVisitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some((registry, credential)) = map.next_entry()? {
            insert(&mut entries, registry, credential)?;
        }
        Ok(Entries(entries))
    }
}

/// The name is not repeated in the error, for it may be a URL with a password in it.
fn insert<E: Error>(
    entries: &mut BTreeMap<String, RegistryCredential>,
    registry: String,
    credential: RegistryCredential,
) -> Result<(), E> {
    match entries.insert(registry, credential) {
        None => Ok(()),
        Some(_) => Err(E::custom("a registry stands in it twice")),
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
struct NamedLattice(#[serde(deserialize_with = "empty_as_none")] Option<LatticeName>);

/// How to authenticate at a registry. `Debug` shows the registry's type alone: a user's name counts as a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryCredential {
    /// The password that goes with the user name.
    #[serde(default, deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// What kind of registry it is, `oci` unless told. Published JSON writes this key in camelCase too.
    ///
    /// The published provider of `wasmcloud:latticecontrol` always sends it empty, which is kept here.
    #[serde(rename = "registryType", alias = "registry_type", default = "oci", deserialize_with = "nil_as_oci")]
    pub registry_type: String,
    /// A bearer token, instead of user name and password.
    #[serde(default, deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The user's name.
    #[serde(default, deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

impl Default for RegistryCredential {
    fn default() -> Self {
        Self { password: None, registry_type: oci(), token: None, username: None }
    }
}

impl fmt::Debug for RegistryCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryCredential").field("registry_type", &self.registry_type).finish_non_exhaustive()
    }
}

/// The registries for which the lattice was given credentials, as one of its hosts knows them; never the credentials. Of this
/// project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownRegistries {
    /// The registries, by name. Must be there, or a refusal would read as none.
    pub registries: Items<KnownRegistry>,
    /// Whether they are stored in the lattice, so that hosts have them that join later or start again.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub stored: bool,
}

/// A registry for which there is a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownRegistry {
    /// What kind of credential it is.
    pub credential: CredentialKind,
    /// What kind of registry it is: `oci` or `bindle`.
    pub kind: String,
    /// `host[:port]`, with a path behind it if the credential is for a part of the registry.
    pub registry: String,
}

/// What kind of credential there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CredentialKind {
    /// A user's name with a password.
    Password,
    /// A token.
    Token,
    /// A kind of later hosts.
    #[serde(other)]
    Other,
}

impl CredentialKind {
    /// The kind in a word.
    pub fn as_str(self) -> &'static str {
        match self {
            CredentialKind::Password => "password",
            CredentialKind::Token => "token",
            CredentialKind::Other => "other",
        }
    }
}

/// Sets or removes a host's label; removing needs no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelChange {
    /// The label's name.
    pub key: String,
    /// Its value. Published hosts want one for removing too.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub value: String,
}

fn oci() -> String {
    "oci".to_owned()
}

fn nil_as_oci<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_else(oci))
}
