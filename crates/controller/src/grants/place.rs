//! [`Place`]: where a NATS server is, as far as it decides whether it is granted.

use std::fmt;

use async_nats::ServerAddr;

/// A server's scheme, name and port. User info is no part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Whether TLS is asked for.
    tls: bool,
    host: String,
    port: u16,
}

impl Place {
    /// Reads a URL or `host:port`; port 4222 goes without saying.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let address: ServerAddr = text.parse().ok()?;
        let tls = match address.scheme() {
            "nats" => false,
            "tls" => true,
            _ => return None,
        };
        let host = address.host().to_ascii_lowercase();
        (!host.is_empty()).then(|| Self { tls, host, port: address.port() })
    }

    /// Whether who may go here may go there: to the same server, with TLS where this asks for it.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        (self.host.as_str(), self.port) == (other.host.as_str(), other.port) && (other.tls || !self.tls)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}
