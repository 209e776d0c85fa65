//! Where the broker is and what it is shown.

use std::{fmt, path::PathBuf};

/// A broker and how to get in.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Broker {
    /// One URL, or several of one cluster with commas between.
    pub(crate) url: String,
    /// What it is shown.
    pub(crate) credentials: Credentials,
}

/// What a broker is shown. `Debug` never prints the secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// Nothing, or what the URL holds.
    #[default]
    None,
    /// A credentials file.
    File(PathBuf),
    /// A user JWT and the seed of its key.
    Jwt {
        /// The JWT.
        jwt: String,
        /// The seed.
        seed: String,
    },
    /// The seed of a key that the server knows.
    Seed(String),
}

impl Broker {
    /// The URL as it may be shown: without user and password.
    pub(crate) fn shown_url(&self) -> String {
        let shown: Vec<String> = self.urls().map(without_user).collect();
        shown.join(",")
    }

    /// Each of its URLs.
    pub(crate) fn urls(&self) -> impl Iterator<Item = &str> {
        self.url.split(',').map(str::trim).filter(|url| !url.is_empty())
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("url", &self.shown_url()).field("credentials", &self.credentials).finish()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credentials::None => f.write_str("None"),
            Credentials::File(path) => f.debug_tuple("File").field(path).finish(),
            Credentials::Jwt { .. } => f.write_str("Jwt"),
            Credentials::Seed(_) => f.write_str("Seed"),
        }
    }
}

fn without_user(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("nats", url));
    let address = rest.rsplit_once('@').map_or(rest, |(_, address)| address);
    format!("{scheme}://{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_holds_no_password() {
        let broker = Broker { url: "nats://ada:secret@a:4222, b".to_owned(), credentials: Credentials::None };
        assert_eq!(broker.shown_url(), "nats://a:4222,nats://b");
        assert!(!format!("{broker:?}").contains("secret"));
    }
}
