//! What an operator decides about OCI registries.

use std::collections::{BTreeMap, BTreeSet};

/// What holds for all OCI registries. The default: no `latest`, no mirrors, credentials for nobody but the registries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OciSettings {
    /// Whether references may name the tag `latest`, by name or by naming neither tag nor digest.
    pub allow_latest: bool,
    /// By registry (`host` or `host:port`), the mirrors that are asked before it, in order: `host[:port][/prefix]`. They see their own
    /// credentials, never those of the registry. Where a reference names a tag, what a mirror says is believed.
    pub mirrors: BTreeMap<String, Vec<String>>,
    /// Token servers, `host` or `host:port`, that may be shown a registry's credentials although their name does not tell that they
    /// belong to it.
    pub token_servers: BTreeSet<String>,
}

impl OciSettings {
    /// Lets references name the tag `latest`.
    #[must_use]
    pub fn allow_latest(mut self, allowed: bool) -> Self {
        self.allow_latest = allowed;
        self
    }

    /// Adds a mirror, `host[:port][/prefix]`, behind those that the registry has.
    #[must_use]
    pub fn mirror(mut self, registry: &str, mirror: &str) -> Self {
        self.mirrors.entry(registry.to_ascii_lowercase()).or_default().push(mirror.to_owned());
        self
    }

    /// Names a server, `host` or `host:port`, that may be shown the credentials of registries that send there for tokens.
    #[must_use]
    pub fn token_server(mut self, server: &str) -> Self {
        self.token_servers.insert(server.to_ascii_lowercase());
        self
    }
}
