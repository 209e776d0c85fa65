//! Credentials for registries, and changes of labels.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Credentials by registry host (`host[:port]`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Registries(pub BTreeMap<String, RegistryCredential>);

/// How to authenticate at a registry.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryCredential {
    /// The password that goes with the user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// What kind of registry it is, `oci` for instance. Published JSON writes this key in camelCase too.
    #[serde(default, rename = "registryType", alias = "registry_type")]
    pub registry_type: String,
    /// A bearer token, instead of user name and password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
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
    #[serde(default)]
    pub value: String,
}
