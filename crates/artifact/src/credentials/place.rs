//! The place that a credential is for: a server, or a part of it.

use std::{fmt, str::FromStr};

use crate::{docker_hub, shown::shortened};

/// What ends a URL of a registry's interface, and is no part of it.
const INTERFACES: [&str; 2] = ["v1", "v2"];

/// Characters of a name that are shown when it cannot be read.
const SHOWN: usize = 100;

/// A server `host[:port]` in lower case, with a path behind it if it is for a part of the server alone.
///
/// It is read from what people and programs write: a scheme goes, so do slashes at the end, and user info is dropped and never
/// kept. `docker.io`, `index.docker.io` and `registry-1.docker.io` are one server. A port counts as it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    server: String,
    /// Without slashes around it; empty for the whole server.
    path: String,
}

/// A text that is no [`Place`]. What may hold a password is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// Nothing is left of it.
    #[error("a registry has no name")]
    NoName,
    /// The part in front of the path is no server.
    #[error("the name of a registry, {name}, does not begin with a host or host:port")]
    Server {
        /// The name, if it can be shown.
        name: String,
    },
    /// The path is none.
    #[error("the name of a registry, {name}, has a path that no repository can lie under")]
    Path {
        /// The name, if it can be shown.
        name: String,
    },
}

impl Place {
    /// The server, `host[:port]` in lower case.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// What it is for on that server, without slashes around it; empty if that is everything.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The whole server.
    #[must_use]
    pub fn whole_server(&self) -> Self {
        Self { server: self.server.clone(), path: String::new() }
    }

    /// Whether something on a server lies in it. The server is to be one of [`known_server`].
    pub(super) fn holds(&self, server: &str, path: &str) -> bool {
        self.server == server && is_below(&self.path, path)
    }

    /// How narrow it is.
    pub(super) fn depth(&self) -> usize {
        self.path.len()
    }
}

/// The name under which a server is compared.
pub(super) fn known_server(server: &str) -> String {
    let server = server.to_ascii_lowercase();
    match docker_hub::is(&server) {
        true => docker_hub::NAME.to_owned(),
        false => server,
    }
}

/// Whether a path is another or lies below it, by whole segments.
fn is_below(prefix: &str, path: &str) -> bool {
    match path.strip_prefix(prefix) {
        Some(rest) => prefix.is_empty() || rest.is_empty() || rest.starts_with('/'),
        None => false,
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let text = text.trim();
        let (has_scheme, bare) = match text.split_once("://") {
            Some((_, rest)) => (true, rest),
            None => (false, text),
        };
        let (authority, path) = bare.split_once('/').unwrap_or((bare, ""));
        let server = authority.rsplit('@').next().unwrap_or_default();
        if server.is_empty() {
            return Err(PlaceError::NoName);
        }
        if !is_server(server) {
            return Err(PlaceError::Server { name: shown(text) });
        }
        let path = path.trim_end_matches('/');
        if !is_path(path) {
            return Err(PlaceError::Path { name: shown(text) });
        }
        let path = if has_scheme && INTERFACES.contains(&path) { "" } else { path };
        Ok(Self { server: known_server(server), path: path.to_owned() })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.server),
            path => write!(f, "{}/{path}", self.server),
        }
    }
}

fn is_server(server: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (server, None),
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let is_host = !host.is_empty() && (host.chars().all(is_name) || is_address(host));
    is_host && port.is_none_or(is_port)
}

/// Whether it is an IPv6 address in brackets.
fn is_address(host: &str) -> bool {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    inner.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
}

/// What repositories and bindles can lie under. No `@`: before one may stand a password with a slash in it.
fn is_path(path: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.chars().all(is_part);
    path.is_empty() || path.split('/').all(is_segment)
}

fn shown(text: &str) -> String {
    match text.contains('@') {
        true => "not shown here because it may hold a password".to_owned(),
        false => format!("`{}`", shortened(text, SHOWN)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<&str, &str>) {
        let read = text.parse::<Place>().map(|place| place.to_string()).map_err(|error| error.to_string());
        assert_eq!(read.as_deref().map_err(String::as_str), expect, "{text}");
    }

    #[test]
    fn places_are_servers_and_paths() {
        check("ghcr.io", Ok("ghcr.io"));
        check("https://GHCR.io:443/acme/x/", Ok("ghcr.io:443/acme/x"));
        check("ghcr.io/acme", Ok("ghcr.io/acme"));
        check(" localhost:5000\n", Ok("localhost:5000"));
        check("[::1]:5000/a", Ok("[::1]:5000/a"));
        check("[::1]", Ok("[::1]"));
        check("https://", Err("a registry has no name"));
        check("", Err("a registry has no name"));
        check("/acme", Err("a registry has no name"));
        let server = |name: &str| format!("the name of a registry, `{name}`, does not begin with a host or host:port");
        for text in ["*.example", "a b", "r:many", "r:", "r:70000", "r:+1", ":5000", "::1", "[::x]:1", "a\u{1}b"] {
            check(text, Err(&server(&text.replace('\u{1}', "\u{fffd}"))));
        }
        let path =
            |name: &str| format!("the name of a registry, `{name}`, has a path that no repository can lie under");
        for text in ["ghcr.io/a//b", "ghcr.io/../b", "ghcr.io/a:1", "ghcr.io/a?b=c", "ghcr.io/*"] {
            check(text, Err(&path(text)));
        }
    }

    #[test]
    fn docker_hub_has_several_names() {
        for name in ["docker.io", "https://index.docker.io/v1/", "https://index.docker.io/v2", "registry-1.docker.io"] {
            check(name, Ok("docker.io"));
        }
        check("docker.io/acme", Ok("docker.io/acme"));
        check("https://r.example/v2/", Ok("r.example"));
        // Without a scheme it is a part of the registry: nobody writes the interface so.
        check("r.example/v2", Ok("r.example/v2"));
    }

    /// The password of a registry that was named by a URL stood in the log and in the refusal.
    #[test]
    fn regression_the_name_of_a_registry_holds_no_password() {
        check("https://me:secret@ghcr.io/acme", Ok("ghcr.io/acme"));
        check("me:s@cret@ghcr.io:443", Ok("ghcr.io:443"));
        check("https://me:secret@", Err("a registry has no name"));
        for text in ["https://me:sec/ret@ghcr.io", "me:12/34@ghcr.io", "me:secret@gh cr.io"] {
            let error = text.parse::<Place>().expect_err("it is no place").to_string();
            assert!(
                error.contains("may hold a password") && !error.contains("sec") && !error.contains("12"),
                "{error}"
            );
        }
    }

    #[test]
    fn what_lies_in_a_place_is_told_by_whole_names() {
        let check = |place: &str, server: &str, path: &str, expect: bool| {
            let place: Place = place.parse().expect("a place");
            assert_eq!(place.holds(&known_server(server), path), expect, "{place}: {server}/{path}");
        };
        check("ghcr.io", "ghcr.io", "acme/x", true);
        check("ghcr.io", "GHCR.io", "acme/x", true);
        check("ghcr.io", "ghcr.io.evil.example", "acme/x", false);
        check("ghcr.io", "evilghcr.io", "acme/x", false);
        check("ghcr.io", "ghcr.io:443", "acme/x", false);
        check("ghcr.io/acme", "ghcr.io", "acme/x", true);
        check("ghcr.io/acme", "ghcr.io", "acme", true);
        check("ghcr.io/acme", "ghcr.io", "acmeevil/x", false);
        check("ghcr.io/acme", "ghcr.io", "x/acme", false);
        check("ghcr.io/acme/x", "ghcr.io", "acme", false);
        check("index.docker.io", "registry-1.docker.io", "library/nginx", true);
    }
}
