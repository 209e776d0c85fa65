//! Credentials for registries, and changes of labels.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Visitor},
};

use super::lenient::{empty_as_none, nil_as_default};
use crate::id::LatticeName;

/// Credentials by registry host (`host[:port]`). Read in both shapes of [`PutRegistries`], written as the plain map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Registries(pub BTreeMap<String, RegistryCredential>);

impl<'de> Deserialize<'de> for Registries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PutRegistries::deserialize(deserializer).map(|put| put.registries)
    }
}

/// The body of `registries.put`, in either of its shapes: the plain map that published clients send, or, as the interface
/// file has it, that map under `credentials` beside the lattice.
///
/// The one is not taken for the other: a credential is a map of texts and a lattice is a text, so that a registry called
/// `credentials` or `latticeId` would be refused, and no registry's host is called so.
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
        f.write_str("a map of registries to credentials")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PutRegistries, A::Error> {
        let mut lattice = None;
        let mut plain = BTreeMap::new();
        let mut under_key: Option<BTreeMap<String, RegistryCredential>> = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "latticeId" | "lattice_id" => lattice = map.next_value::<NamedLattice>()?.0,
                "credentials" if under_key.is_some() => return Err(A::Error::duplicate_field("credentials")),
                "credentials" => under_key = Some(map.next_value::<Option<_>>()?.unwrap_or_default()),
                _ => {
                    plain.insert(key, map.next_value()?);
                }
            }
        }
        let credentials = match under_key {
            Some(_) if !plain.is_empty() => {
                return Err(A::Error::custom("registries stand both under `credentials` and beside it"));
            }
            Some(credentials) => credentials,
            None => plain,
        };
        Ok(PutRegistries { lattice_id: lattice, registries: Registries(credentials) })
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
struct NamedLattice(#[serde(deserialize_with = "empty_as_none")] Option<LatticeName>);

/// How to authenticate at a registry.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryCredential {
    /// The password that goes with the user name.
    #[serde(default, deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// What kind of registry it is, `oci` unless told. Published JSON writes this key in camelCase too.
    ///
    /// The published provider of `wasmcloud:latticecontrol` always sends it empty.
    #[serde(rename = "registryType", alias = "registry_type", default = "oci", deserialize_with = "empty_as_oci")]
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
        f.debug_struct("RegistryCredential")
            .field("registry_type", &self.registry_type)
            .field("username", &self.username)
            .finish_non_exhaustive()
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

fn empty_as_oci<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(empty_as_none(deserializer)?.unwrap_or_else(oci))
}
