//! Connecting to NATS, with errors that tell what is wrong at the other end.

use std::{
    error::Error,
    fmt,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::Duration,
};

use async_nats::{ConnectErrorKind, ConnectOptions, ServerAddr, ServerError};
use lattice_protocol::without_user_info;
use tokio::time;
use zeroize::Zeroizing;

use crate::defaults::CONNECT_TIMEOUT;

/// The cause of an error, as the transport tells it.
pub(crate) type Cause = Box<dyn Error + Send + Sync>;

/// Where and how to connect. Its `Debug` shows no secret.
#[derive(Clone)]
pub struct ConnectSettings {
    url: Zeroizing<String>,
    credentials: Option<Login>,
    name: String,
    timeout: Duration,
    reconnects: Option<usize>,
    gossip: bool,
}

impl ConnectSettings {
    /// To connect to `url`: `nats://host:port`, `tls://host:port`, `host:port`, or several joined by commas.
    ///
    /// A user name and password in the URL are used and never shown; a user name alone is a token.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: Zeroizing::new(url.into()),
            credentials: None,
            name: "lattice".to_owned(),
            timeout: CONNECT_TIMEOUT,
            reconnects: None,
            gossip: true,
        }
    }

    /// With a NATS credentials file (`.creds`), which takes precedence over what the URL holds.
    #[must_use]
    pub fn credentials(mut self, file: impl Into<PathBuf>) -> Self {
        self.credentials = Some(Login::File(file.into()));
        self
    }

    /// With a NATS user's JWT and seed, which take precedence over what the URL holds.
    #[must_use]
    pub fn user(mut self, jwt: impl Into<String>, seed: impl Into<String>) -> Self {
        self.credentials = Some(Login::Jwt { jwt: Zeroizing::new(jwt.into()), seed: Zeroizing::new(seed.into()) });
        self
    }

    /// With a name by which the server's monitoring shows the connection; `lattice` otherwise.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// With a limit on how often all servers are tried once the connection breaks, after which it is closed; they are tried for
    /// ever otherwise.
    #[must_use]
    pub fn reconnects(mut self, tries: usize) -> Self {
        self.reconnects = Some(tries);
        self
    }

    /// Without the servers that the server names as others of its cluster: where the URL says, and nowhere else.
    #[must_use]
    pub fn there_alone(mut self) -> Self {
        self.gossip = false;
        self
    }

    /// With another limit on the time until the connection stands; 5 s otherwise.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl fmt::Debug for ConnectSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectSettings")
            .field("url", &without_user_info(&self.url))
            .field("credentials", &self.credentials)
            .field("name", &self.name)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// Why no connection came about. No variant shows user names, passwords or tokens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The text is no NATS URL.
    #[error("`{url}` is not a NATS URL such as nats://127.0.0.1:4222")]
    Url {
        /// The text, without user info.
        url: String,
        /// What is wrong with it.
        source: io::Error,
    },
    /// The credentials file cannot be read or holds no credentials.
    #[error("the credentials file `{}` cannot be used", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// The host name has no address.
    #[error("the host of `{url}` has no address")]
    Unresolved {
        /// Where, without user info.
        url: String,
        /// What the resolver says.
        source: Cause,
    },
    /// The JWT and the seed are none, or not of one user.
    #[error("the NATS user's JWT and seed cannot be used")]
    User,
    /// Nothing accepts connections there.
    #[error("nothing listens at `{url}`")]
    NothingListens {
        /// Where, without user info.
        url: String,
        /// What the system says.
        source: Cause,
    },
    /// Something accepts connections, but no NATS handshake came about.
    #[error("what listens at `{url}` does not answer as a NATS server")]
    Handshake {
        /// Where, without user info.
        url: String,
        /// What went wrong.
        source: Cause,
    },
    /// TLS could not be set up.
    #[error("no TLS connection to `{url}`")]
    Tls {
        /// Where, without user info.
        url: String,
        /// What went wrong.
        source: Cause,
    },
    /// The server refuses these credentials, or any connection without some.
    #[error("the NATS server at `{url}` refuses the connection")]
    Refused {
        /// Where, without user info.
        url: String,
        /// What the server says.
        source: Cause,
    },
    /// No connection in time: packets are lost on the way, or what listens there says nothing.
    #[error("no connection to `{url}` within {timeout:?}")]
    TimedOut {
        /// Where, without user info.
        url: String,
        /// How long was waited.
        timeout: Duration,
    },
}

/// Connects to a NATS server. Once it stands, the connection is restored whenever it breaks.
///
/// ```no_run
/// # async fn example() -> Result<(), lattice_client::ConnectError> {
/// use lattice_client::{ConnectSettings, connect};
///
/// let nats = connect(ConnectSettings::new("nats://127.0.0.1:4222").name("inventory page")).await?;
/// println!("{}", nats.server_info().version);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// One variant of [`ConnectError`] for each thing that a person would have to mend.
pub async fn connect(settings: ConnectSettings) -> Result<async_nats::Client, ConnectError> {
    let (servers, of_url) = servers(&settings.url)?;
    let login = settings.credentials.clone().unwrap_or(of_url);
    // An equal share for each, or the first that says nothing would use up the time of the others.
    let share = settings.timeout / u32::try_from(servers.len()).unwrap_or(u32::MAX);
    let options =
        bounds(options(login).await?.name(&settings.name), &settings, servers.len()).connection_timeout(share);
    let url = without_user_info(&settings.url);
    match time::timeout(settings.timeout, options.connect(servers)).await {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => Err(explain(error, url, settings.timeout)),
        Err(_) => Err(ConnectError::TimedOut { url, timeout: settings.timeout }),
    }
}

/// Who connects.
#[derive(Clone, PartialEq)]
enum Login {
    Nobody,
    Token(Zeroizing<String>),
    User { name: String, password: Zeroizing<String> },
    File(PathBuf),
    Jwt { jwt: Zeroizing<String>, seed: Zeroizing<String> },
}

/// What it is, without secrets.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Login::Nobody => f.write_str("nobody"),
            Login::Token(_) => f.write_str("a token"),
            Login::User { .. } => f.write_str("a user"),
            Login::File(file) => write!(f, "{}", file.display()),
            Login::Jwt { .. } => f.write_str("a JWT"),
        }
    }
}

async fn options(login: Login) -> Result<ConnectOptions, ConnectError> {
    match login {
        Login::Nobody => Ok(ConnectOptions::new()),
        Login::Token(token) => Ok(ConnectOptions::with_token(token.to_string())),
        Login::User { name, password } => Ok(ConnectOptions::with_user_and_password(name, password.to_string())),
        Login::File(file) => credentials(&file).await,
        Login::Jwt { jwt, seed } => with_jwt(&jwt, &seed),
    }
}

/// The transport counts each server that it tries, anew after each connection.
fn bounds(options: ConnectOptions, settings: &ConnectSettings, servers: usize) -> ConnectOptions {
    let options = options.max_reconnects(settings.reconnects.map(|tries| tries.max(1) * servers));
    if settings.gossip { options } else { options.ignore_discovered_servers() }
}

/// As a file of credentials, for that is what the transport takes both from at once.
fn with_jwt(jwt: &str, seed: &str) -> Result<ConnectOptions, ConnectError> {
    let text = Zeroizing::new(format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    ));
    // What the transport says could repeat the text.
    ConnectOptions::with_credentials(&text).map_err(|_| ConnectError::User)
}

async fn credentials(file: &Path) -> Result<ConnectOptions, ConnectError> {
    let unusable = |source| ConnectError::Credentials { path: file.to_owned(), source };
    let text = tokio::fs::read_to_string(file).await.map_err(unusable)?;
    ConnectOptions::with_credentials(&text).map_err(unusable)
}

/// The addresses in a URL, stripped of user info because the transport logs them, and the first user info found.
fn servers(urls: &str) -> Result<(Vec<ServerAddr>, Login), ConnectError> {
    let mut login = Login::Nobody;
    let mut servers = Vec::new();
    for url in urls.split(',').map(str::trim) {
        let refused = |source| ConnectError::Url { url: without_user_info(url), source };
        let server: ServerAddr = url.parse().map_err(refused)?;
        if server.host().is_empty() {
            return Err(refused(io::Error::new(ErrorKind::InvalidInput, "it names no host")));
        }
        if login == Login::Nobody {
            login = login_of(&server);
        }
        servers.push(anonymous(server).map_err(refused)?);
    }
    Ok((servers, login))
}

fn login_of(server: &ServerAddr) -> Login {
    match (server.username(), server.password()) {
        (None, _) => Login::Nobody,
        (Some(token), None) => Login::Token(percent_decoded(token).into()),
        (Some(name), Some(password)) => {
            Login::User { name: percent_decoded(name), password: percent_decoded(password).into() }
        }
    }
}

fn anonymous(server: ServerAddr) -> io::Result<ServerAddr> {
    let mut url = server.into_inner();
    // Setting fails only for URLs without a host, which cannot hold user info either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    ServerAddr::from_url(url)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let (byte, after) = match escaped(rest) {
            Some(byte) => (byte, &rest[3..]),
            None => (*first, tail),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The byte that a text starting with `%` and two hexadecimal digits stands for.
fn escaped(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

fn explain(error: async_nats::ConnectError, url: String, timeout: Duration) -> ConnectError {
    let kind = error.kind();
    match kind {
        ConnectErrorKind::ServerParse => {
            ConnectError::Url { url, source: io::Error::new(ErrorKind::InvalidInput, cause(&error)) }
        }
        ConnectErrorKind::Dns => ConnectError::Unresolved { url, source: cause(&error) },
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            ConnectError::Refused { url, source: cause(&error) }
        }
        ConnectErrorKind::TimedOut => ConnectError::TimedOut { url, timeout },
        ConnectErrorKind::Tls => ConnectError::Tls { url, source: cause(&error) },
        ConnectErrorKind::Io | ConnectErrorKind::MaxReconnects => explain_io(error, url),
    }
}

fn explain_io(error: async_nats::ConnectError, url: String) -> ConnectError {
    let source = error.source();
    let io_kind = source.and_then(|source| source.downcast_ref::<io::Error>()).map(io::Error::kind);
    let refused = source.is_some_and(|source| source.is::<ServerError>());
    match io_kind {
        _ if refused => ConnectError::Refused { url, source: cause(&error) },
        Some(
            ErrorKind::ConnectionRefused
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::AddrNotAvailable,
        ) => ConnectError::NothingListens { url, source: cause(&error) },
        _ => ConnectError::Handshake { url, source: cause(&error) },
    }
}

/// The transport's own cause, or its error if it names none: its errors repeat their causes in their texts.
pub(crate) fn cause(error: &dyn Error) -> Cause {
    error.source().map_or_else(|| error.to_string(), ToString::to_string).into()
}

#[cfg(test)]
mod tests;
