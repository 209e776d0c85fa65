//! Why a host cannot start.

use std::path::PathBuf;

use lattice_protocol::{HostKey, LatticeName};

/// Why a host cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another host with the same identity answers in the lattice.
    #[error("host {host} is running in lattice `{lattice}` already; stop it first, or give this host a key of its own")]
    IdentityInUse {
        /// The identity.
        host: HostKey,
        /// The lattice.
        lattice: LatticeName,
    },
    /// Another process uses the state directory.
    #[error(
        "another host process uses the state directory {path}; stop it first, or give this host a directory of its own"
    )]
    StateLocked {
        /// The directory.
        path: PathBuf,
    },
    /// The state directory cannot be used.
    #[error("cannot use the state directory {path}")]
    State {
        /// The directory.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The server answers, but without JetStream, which keeps the lattice's claims and links.
    #[error("the NATS server has no JetStream for this account; start it with JetStream enabled (`nats-server -js`)")]
    NoJetStream {
        /// What the server said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The bucket with the lattice's claims and links cannot be used.
    #[error("cannot open the key-value bucket `{bucket}`")]
    Bucket {
        /// The bucket's name.
        bucket: String,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The connection failed.
    #[error("cannot {attempt} over the NATS connection")]
    Connection {
        /// What was attempted.
        attempt: &'static str,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The heartbeat interval is zero.
    #[error("a host cannot say all the time that it is alive; the heartbeat interval must be more than zero")]
    Heartbeat,
    /// The WebAssembly engine cannot start.
    #[error("cannot start the WebAssembly engine")]
    Engine {
        /// What went wrong.
        source: lattice_runtime::EngineError,
    },
    /// One of the trusted cluster keys is no key that can verify anything.
    #[error("a trusted cluster key cannot be used")]
    ClusterIssuer {
        /// What is wrong with it.
        source: lattice_claims::TokenError,
    },
    /// The store of modules cannot be used.
    #[error("cannot open the module store")]
    Store {
        /// What went wrong.
        source: lattice_artifact::StoreError,
    },
}
