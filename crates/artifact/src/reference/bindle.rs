//! `bindle://NAME/VERSION[@https://host[:port]/v1/]`: an invoice on a bindle server, and where such a server is.

use std::fmt;

use reqwest::Url;

use super::{
    error::{ReferenceError, shown},
    named::MAX_NAME,
    oci::check_registry,
    part::{Part, is_name},
};

const NAME: Part = Part {
    what: "the bindle's name",
    max: MAX_NAME,
    allowed: "letters and digits, with `.`, `_`, `-` and `/` between them",
    is_allowed: |c| is_name(c) || c == '/',
};
const VERSION: Part = Part {
    what: "the bindle's version",
    max: MAX_NAME,
    allowed: "a semantic version, `1.2.3` for instance",
    is_allowed: |c| is_name(c) || c == '+',
};
const PATH: Part = Part { what: "the path of the bindle server", ..NAME };

/// An invoice on a bindle server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BindleReference {
    name: String,
    version: String,
    server: Option<BindleServer>,
}

impl BindleReference {
    /// The bindle's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bindle's version, a semantic version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The server, if one is given. Which one is meant otherwise is for the puller to say.
    pub fn server(&self) -> Option<&BindleServer> {
        self.server.as_ref()
    }

    /// The form with a server is that of published hosts (wasmCloud 0.80, `crates/host/src/bindle.rs`).
    pub(super) fn parse(rest: &str, whole: &str) -> Result<Self, ReferenceError> {
        let (invoice, server) = match rest.split_once('@') {
            Some((invoice, server)) => (invoice, Some(BindleServer::parse(server, whole)?)),
            None => (rest, None),
        };
        let (name, version) = invoice
            .rsplit_once('/')
            .filter(|(_, version)| is_version(version))
            .ok_or_else(|| ReferenceError::Version { text: shown(whole) })?;
        Ok(Self { name: NAME.check_path(name, whole)?, version: VERSION.check_path(version, whole)?, server })
    }
}

/// Whether three numbers stand where a semantic version has them.
fn is_version(text: &str) -> bool {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    core.split('.').count() == 3 && core.split('.').all(is_number)
}

/// Where a bindle server is, `https://host[:port]/v1/`. It is shown so, whether it was written with the last `/` or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BindleServer {
    is_secure: bool,
    authority: String,
    path: String,
}

impl BindleServer {
    /// The host, with its port if one is given.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether it is reached with TLS.
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The server that `text` names, which is all or the end of `whole`.
    pub(crate) fn parse(text: &str, whole: &str) -> Result<Self, ReferenceError> {
        let nowhere = || ReferenceError::Server { text: without_query(shown(whole)) };
        let (scheme, rest) = text.split_once("://").ok_or_else(nowhere)?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(nowhere()),
        };
        if rest.contains(['@', '?', '#']) {
            return Err(nowhere());
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let server = Self { is_secure, authority: check_registry(authority, whole)?, path: check_path(path, whole)? };
        // Numbers that look like an address and are none.
        Url::parse(&server.to_string()).map_err(|_| nowhere())?;
        Ok(server)
    }
}

/// What stands in a query may be a password, too.
fn without_query(mut text: String) -> String {
    text.truncate(text.find(['?', '#']).unwrap_or(text.len()));
    text
}

fn check_path(path: &str, whole: &str) -> Result<String, ReferenceError> {
    match path.strip_suffix('/').unwrap_or(path) {
        "" => Ok(String::new()),
        path => PATH.check_path(path, whole),
    }
}

impl fmt::Display for BindleServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { is_secure, authority, path } = self;
        let scheme = if *is_secure { "https" } else { "http" };
        let end = if path.is_empty() { "" } else { "/" };
        write!(f, "{scheme}://{authority}/{path}{end}")
    }
}
