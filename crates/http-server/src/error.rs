//! Why a link is not taken.

use std::{io, net::SocketAddr, path::PathBuf};

use lattice_provider::ActorKey;

/// Why a link's values cannot be used. Values that may be secret are not repeated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SettingsError {
    /// Two keys that differ in upper and lower case alone.
    #[error("the link value `{key}` is there twice, in upper and in lower case")]
    Twice {
        /// The key, in lower case.
        key: String,
    },
    /// Not an address with a port.
    #[error("`{key}` must be an IP address and a port, 0.0.0.0:8080 for instance, and not `{value}`")]
    Address {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
    },
    /// Not a number in the range.
    #[error("`{key}` must be {expected}, and not `{value}`")]
    Number {
        /// The key.
        key: &'static str,
        /// What it may be.
        expected: &'static str,
        /// Its value.
        value: String,
    },
    /// Not a path.
    #[error("`path` must be a path that begins with `/`, without query and empty segments, and not `{0}`")]
    Path(String),
    /// Not a path of the link.
    #[error(
        "`health_path` must be a path that begins with `/` and lies below the link's `{prefix}`, and not `{value}`"
    )]
    HealthPath {
        /// Its value.
        value: String,
        /// The link's own path.
        prefix: String,
    },
    /// No header field can look like this.
    #[error("`{key}` is not a header field that a request can have")]
    Header {
        /// The key.
        key: String,
    },
    /// Not base64.
    #[error("`config_b64` is not base64")]
    Base64,
    /// Not JSON of the form.
    #[error("`{key}` is not JSON of the right form at line {line}, column {column}")]
    Json {
        /// The key.
        key: &'static str,
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// A certificate without a key, or the other way round.
    #[error("TLS needs both `tls.cert_file` and `tls.priv_key_file`")]
    HalfTls,
    /// Settings in a file of the provider's machine.
    #[error("`config_file` is not supported: put what is in the file into `config_json`")]
    File,
}

/// Why a link is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum LinkError {
    /// Its values cannot be used.
    #[error("the link's values cannot be used")]
    Settings {
        /// What is wrong with them.
        source: SettingsError,
    },
    /// A file for TLS cannot be read, or is not what it should be.
    #[error("the file `{}` cannot be used for TLS", path.display())]
    TlsFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// Certificate and key cannot be used together.
    #[error("the certificate in `{}` and its key cannot be used", path.display())]
    Tls {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong with them.
        source: rustls::Error,
    },
    /// Another actor answers there.
    #[error("{address} with the path `{path}` belongs to the actor `{actor}` already")]
    Taken {
        /// The address.
        address: SocketAddr,
        /// The path.
        path: String,
        /// Whose it is.
        actor: ActorKey,
    },
    /// Others that listen there have another certificate, or none.
    #[error("other links listen on {address} with other TLS settings; links that share an address share these")]
    OtherTls {
        /// The address.
        address: SocketAddr,
    },
    /// The system does not let it listen there.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

impl LinkError {
    /// Whether somebody else is in the way, who may be leaving.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            LinkError::Taken { .. } | LinkError::OtherTls { .. } => true,
            LinkError::Bind { source, .. } => source.kind() == io::ErrorKind::AddrInUse,
            _ => false,
        }
    }
}
