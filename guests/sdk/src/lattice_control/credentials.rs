//! Credentials: those with which a lattice is steered, and those that its hosts have for registries.

use std::fmt;

use super::argument::{argument, present, text, text_if_any};
use crate::msgpack::Value;

argument! {
    /// Sets where a lattice is and with which credentials it is steered, for this actor.
    SetLatticeCredentials {
        /// The JetStream domain.
        js_domain: Option<&'a str> = None => text_if_any("jsDomain"),
        /// The lattice.
        lattice_id: &'a str = "default" => text("latticeId"),
        /// Where its NATS is.
        nats_url: Option<&'a str> = None => text_if_any("natsUrl"),
        /// The user's JWT, which needs the seed.
        user_jwt: Option<&'a str> = None => text_if_any("userJwt"),
        /// The user's seed, secret, which needs the JWT.
        user_seed: Option<&'a str> = None => text_if_any("userSeed"),
    }
}

/// Only of which lattice.
impl fmt::Debug for SetLatticeCredentials<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SetLatticeCredentials").field("lattice_id", &self.lattice_id).finish_non_exhaustive()
    }
}

/// Sets the credentials that the hosts of a lattice have for registries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetRegistryCredentials<'a> {
    /// Credentials by registry, `host` or `host:port`.
    pub credentials: Option<&'a [(&'a str, RegistryCredential<'a>)]>,
    /// The lattice.
    pub lattice_id: &'a str,
}

impl Default for SetRegistryCredentials<'_> {
    fn default() -> Self {
        Self { credentials: None, lattice_id: "default" }
    }
}

impl<'a> SetRegistryCredentials<'a> {
    pub(super) fn value(&self) -> Value<'a> {
        let credentials = self.credentials.map(|registries| {
            Value::Map(registries.iter().map(|(name, credential)| (Value::Str(name), credential.value())).collect())
        });
        present(vec![("credentials", credentials), ("latticeId", text(self.lattice_id))])
    }
}

argument! {
    /// What a registry lets in: a user's name and password, or a token.
    RegistryCredential {
        /// The password, secret.
        password: Option<&'a str> = None => text_if_any("password"),
        /// What kind of registry it is.
        registry_type: &'a str = "oci" => text("registryType"),
        /// The token, secret.
        token: Option<&'a str> = None => text_if_any("token"),
        /// The user's name.
        username: Option<&'a str> = None => text_if_any("username"),
    }
}

/// Without what is secret.
impl fmt::Debug for RegistryCredential<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RegistryCredential")
            .field("registry_type", &self.registry_type)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}
