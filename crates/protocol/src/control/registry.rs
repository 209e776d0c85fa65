//! Credentials for registries, and changes of labels.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::lenient::{empty_as_none, nil_as_default};

/// Credentials by registry host (`host[:port]`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Registries(pub BTreeMap<String, RegistryCredential>);

/// How to authenticate at a registry.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryCredential {
    /// The password that goes with the user name.
    #[serde(default, deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// What kind of registry it is, `oci` unless told. Published JSON writes this key in camelCase too.
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

impl std::fmt::Debug for RegistryCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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

fn nil_as_oci<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_else(oci))
}
