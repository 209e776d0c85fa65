//! What listens at an address: a usable NATS server, another one, something else, or nothing.
//!
//! Reads the line by which a NATS server introduces itself, so it needs no NATS client and no credentials.

use std::{io, time::Duration};

use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{self, Instant},
};

use crate::{
    Version,
    defaults::{INTRODUCTION_LIMIT, OLDEST_VERSION, PREFERRED_PORT},
};

/// How a NATS server introduced itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerInfo {
    /// Where it was reached, as `host:port`.
    pub address: String,
    /// The server's name; its id if it was given none.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Whether JetStream is on.
    pub jetstream: bool,
    /// The largest message that it takes, in bytes.
    pub max_payload: usize,
    /// Whether it wants credentials.
    pub auth_required: bool,
    /// Whether it wants TLS.
    pub tls_required: bool,
}

/// Why the server at an address cannot carry a lattice.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The address has no form that can be probed.
    #[error("`{0}` is not an address such as nats://127.0.0.1:4222")]
    Address(String),
    /// Nothing accepts connections there.
    #[error("nothing listens at {address}")]
    NothingListens {
        /// Where, as `host:port`.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The host has no address or no route, or the connection broke.
    #[error("{address} cannot be reached")]
    Unreachable {
        /// Where, as `host:port`.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No connection came about in time.
    #[error("{address} did not accept a connection within {timeout:?}")]
    TimedOut {
        /// Where, as `host:port`.
        address: String,
        /// How long it was tried.
        timeout: Duration,
    },
    /// Connections are accepted, but nothing is said. A NATS server that starts with TLS does so too.
    #[error("what listens at {address} said nothing within {timeout:?}, so it is no plain NATS server")]
    Mute {
        /// Where, as `host:port`.
        address: String,
        /// How long it was listened to.
        timeout: Duration,
    },
    /// Something else than a NATS server answered.
    #[error("what listens at {address} is not a NATS server: it said `{said}`")]
    NotNats {
        /// Where, as `host:port`.
        address: String,
        /// The start of what it said, printable.
        said: String,
    },
    /// The server is older than what works.
    #[error(
        "the NATS server at {address} has version {version}, which is too old: {OLDEST_VERSION} or newer is needed"
    )]
    TooOld {
        /// Where, as `host:port`.
        address: String,
        /// Its version.
        version: Version,
    },
    /// The server runs without JetStream.
    #[error("the NATS server at {address} runs without JetStream")]
    WithoutJetStream {
        /// Where, as `host:port`.
        address: String,
    },
}

/// Checks that a NATS server which can carry a lattice listens at `url`: new enough and with JetStream.
///
/// `url` is `nats://host:port`, `tls://host:port` or `host:port`; credentials in it are ignored and a missing port is 4222.
///
/// # Errors
/// One variant for each way in which it cannot: see [`ProbeError`]. To look at a server regardless, use [`read_info`].
pub async fn probe(url: &str, timeout: Duration) -> Result<ServerInfo, ProbeError> {
    let info = read_info(url, timeout).await?;
    info.check()?;
    Ok(info)
}

/// The introduction of whatever NATS server listens at `url`, usable or not. The whole takes at most `timeout`.
///
/// # Errors
/// No NATS server introduced itself in time.
pub async fn read_info(url: &str, timeout: Duration) -> Result<ServerInfo, ProbeError> {
    let deadline = Instant::now() + timeout;
    let target = Target { address: address(url)?, timeout };
    let connection = target.connect(deadline).await?;
    let introduction = target.listen(connection, deadline).await?;
    parse_introduction(&introduction, &target.address)
}

impl ServerInfo {
    /// Whether this server can carry a lattice.
    ///
    /// # Errors
    /// [`ProbeError::TooOld`] or [`ProbeError::WithoutJetStream`].
    pub fn check(&self) -> Result<(), ProbeError> {
        let address = self.address.clone();
        if self.version < OLDEST_VERSION {
            let version = self.version;
            return Err(ProbeError::TooOld { address, version });
        }
        if !self.jetstream {
            return Err(ProbeError::WithoutJetStream { address });
        }
        Ok(())
    }
}

/// One address being probed.
struct Target {
    address: String,
    timeout: Duration,
}

impl Target {
    async fn connect(&self, deadline: Instant) -> Result<TcpStream, ProbeError> {
        match time::timeout_at(deadline, TcpStream::connect(&self.address)).await {
            Ok(connected) => connected.map_err(|source| self.refused(source)),
            Err(_) => Err(ProbeError::TimedOut { address: self.address.clone(), timeout: self.timeout }),
        }
    }

    fn refused(&self, source: io::Error) -> ProbeError {
        let address = self.address.clone();
        match source.kind() {
            io::ErrorKind::ConnectionRefused => ProbeError::NothingListens { address, source },
            _ => ProbeError::Unreachable { address, source },
        }
    }

    /// The first line said. What waits to be spoken to, as an HTTP server does, is spoken to after a while, so that it
    /// shows what it is; a NATS server never waits.
    async fn listen(&self, mut connection: TcpStream, deadline: Instant) -> Result<Vec<u8>, ProbeError> {
        let mut said = Vec::new();
        let patience = Instant::now() + self.timeout / 4;
        if !self.read_line(&mut connection, &mut said, patience).await? && said.is_empty() {
            let _ = connection.write_all(b"PING\r\n").await;
        }
        self.read_line(&mut connection, &mut said, deadline).await?;
        if said.is_empty() {
            return Err(ProbeError::Mute { address: self.address.clone(), timeout: self.timeout });
        }
        Ok(said)
    }

    /// Appends to `said` until it holds a whole line, the other side closes, or the time is up; tells if it is complete.
    async fn read_line(
        &self,
        connection: &mut TcpStream,
        said: &mut Vec<u8>,
        until: Instant,
    ) -> Result<bool, ProbeError> {
        while !said.contains(&b'\n') && said.len() < INTRODUCTION_LIMIT {
            match time::timeout_at(until, connection.read_buf(said)).await {
                Err(_) => return Ok(false),
                Ok(Ok(0)) => return Ok(true),
                Ok(Ok(_)) => {}
                Ok(Err(error)) if said.is_empty() => return Err(self.refused(error)),
                Ok(Err(_)) => return Ok(true),
            }
        }
        Ok(true)
    }
}

/// The `host:port` that a NATS URL names.
fn address(url: &str) -> Result<String, ProbeError> {
    let unreadable = || ProbeError::Address(without_credentials(url));
    let rest = match url.split_once("://") {
        Some(("nats" | "tls", rest)) => rest,
        Some(_) => return Err(unreadable()),
        None => url,
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
    let (host, port) = split_port(address).ok_or_else(unreadable)?;
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err(unreadable());
    }
    Ok(format!("{host}:{port}"))
}

fn split_port(address: &str) -> Option<(&str, u16)> {
    let bracketed = address.starts_with('[');
    match address.rsplit_once(':') {
        Some((host, port)) if !bracketed || host.ends_with(']') => {
            let plain = bracketed || !host.contains(':');
            plain.then_some(())?;
            Some((host, port.parse().ok()?))
        }
        _ => Some((address, PREFERRED_PORT)),
    }
}

fn without_credentials(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((credentials, address)) => match credentials.split_once("://") {
            Some((scheme, _)) => format!("{scheme}://{address}"),
            None => address.to_owned(),
        },
        None => url.to_owned(),
    }
}

#[derive(Deserialize)]
struct Introduction {
    server_id: String,
    #[serde(default)]
    server_name: String,
    version: String,
    #[serde(default)]
    jetstream: bool,
    max_payload: usize,
    #[serde(default)]
    auth_required: bool,
    #[serde(default)]
    tls_required: bool,
}

fn parse_introduction(said: &[u8], address: &str) -> Result<ServerInfo, ProbeError> {
    let not_nats = || ProbeError::NotNats { address: address.to_owned(), said: excerpt(said) };
    let line = said.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let body = line.strip_prefix(b"INFO ").ok_or_else(not_nats)?;
    let read: Introduction = serde_json::from_slice(body).map_err(|_| not_nats())?;
    let version = read.version.parse().map_err(|_| not_nats())?;
    let named = !read.server_name.is_empty();
    Ok(ServerInfo {
        address: address.to_owned(),
        name: if named { read.server_name } else { read.server_id },
        version,
        jetstream: read.jetstream,
        max_payload: read.max_payload,
        auth_required: read.auth_required,
        tls_required: read.tls_required,
    })
}

fn excerpt(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let line = text.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(60).collect()
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncWriteExt as _, net::TcpListener, task::JoinHandle};

    use super::*;

    const SHORT: Duration = Duration::from_millis(200);
    const LONG: Duration = Duration::from_secs(30);

    fn info_line(version: &str, jetstream: bool) -> String {
        format!(
            r#"INFO {{"server_id":"NA","server_name":"n1","version":"{version}","max_payload":1048576,"jetstream":{jetstream}}}"#
        ) + " \r\n"
    }

    /// Something that says `greeting` to whoever connects, and `answer` to whoever speaks.
    async fn listener(greeting: String, answer: &'static str) -> (String, JoinHandle<()>) {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let task = tokio::spawn(async move {
            let (mut connection, _) = socket.accept().await.unwrap();
            connection.write_all(greeting.as_bytes()).await.unwrap();
            let mut heard = [0; 64];
            while connection.read(&mut heard).await.is_ok_and(|read| read > 0) {
                let _ = connection.write_all(answer.as_bytes()).await;
            }
        });
        (address, task)
    }

    #[test]
    fn reads_the_address_in_a_url() {
        let read = |url| address(url).ok();
        assert_eq!(read("nats://10.0.0.1:4333").as_deref(), Some("10.0.0.1:4333"));
        assert_eq!(read("nats://user:p@ss@example.test").as_deref(), Some("example.test:4222"));
        assert_eq!(read("localhost:4222/").as_deref(), Some("localhost:4222"));
        assert_eq!(read("tls://[::1]:4444").as_deref(), Some("[::1]:4444"));
        assert_eq!(read("[::1]").as_deref(), Some("[::1]:4222"));
        for bad in ["", "http://x:1", "nats://", "a b:1", "host:port", "host:70000", "::1"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_unreadable_address_is_shown_without_its_password() {
        let error = address("nats://user:secret@host:port").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[tokio::test]
    async fn accepts_a_usable_server() {
        let (address, task) = listener(info_line("2.10.3", true), "").await;
        let info = probe(&address, LONG).await.unwrap();
        assert_eq!((info.name.as_str(), info.max_payload), ("n1", 1_048_576));
        assert_eq!(info.version, Version::new(2, 10, 3));
        task.abort();
    }

    #[tokio::test]
    async fn names_an_old_server_and_one_without_jetstream() {
        let (address, old) = listener(info_line("2.9.10", true), "").await;
        let error = probe(&address, LONG).await.unwrap_err();
        assert!(matches!(error, ProbeError::TooOld { version, .. } if version == Version::new(2, 9, 10)));
        let (address, plain) = listener(info_line("2.15.1", false), "").await;
        let error = probe(&address, LONG).await.unwrap_err();
        assert!(matches!(error, ProbeError::WithoutJetStream { .. }));
        old.abort();
        plain.abort();
    }

    #[tokio::test]
    async fn tells_nothing_something_else_and_silence_apart() {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let error = probe(&address, SHORT).await.unwrap_err();
        assert!(matches!(error, ProbeError::Mute { .. }), "{error}");
        drop(socket);
        let error = probe(&address, LONG).await.unwrap_err();
        assert!(matches!(error, ProbeError::NothingListens { .. }), "{error}");

        let (address, ssh) = listener("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), "").await;
        let error = probe(&address, LONG).await.unwrap_err();
        assert!(matches!(error, ProbeError::NotNats { ref said, .. } if said == "SSH-2.0-OpenSSH_9.2"));
        let (address, http) = listener(String::new(), "HTTP/1.1 400 Bad Request\r\n").await;
        let error = probe(&address, Duration::from_secs(2)).await.unwrap_err();
        assert!(matches!(error, ProbeError::NotNats { ref said, .. } if said == "HTTP/1.1 400 Bad Request"));
        ssh.abort();
        http.abort();
    }

    #[tokio::test]
    async fn an_endless_or_damaged_introduction_is_refused() {
        let (address, endless) = listener("x".repeat(2 * INTRODUCTION_LIMIT), "").await;
        let error = probe(&address, LONG).await.unwrap_err();
        assert!(matches!(error, ProbeError::NotNats { .. }), "{error}");
        for damaged in ["INFO {\r\n", "INFO []\r\n", "INFO {\"version\":7}\r\n"] {
            let error = parse_introduction(damaged.as_bytes(), "here").unwrap_err();
            assert!(matches!(error, ProbeError::NotNats { .. }), "{error}");
        }
        endless.abort();
    }
}
