//! How web servers are reached: TLS, the exceptions from it, and how long one may be silent.
//!
//! What is asked of them is not known here, nor who may see which credential: no redirect is followed by itself.

use std::{collections::BTreeSet, fmt, io, path::PathBuf, sync::Arc, time::Duration};

use reqwest::{Client, ClientBuilder, Response, header::RETRY_AFTER, redirect};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::time::Instant;

use crate::defaults::{CONNECT_TIMEOUT, SILENCE_TIMEOUT, SLOWEST, USER_AGENT};

/// How web servers are reached. The default is HTTPS alone, with the certificates that this machine trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebSettings {
    /// Servers, `host` or `host:port` in lower case, that are reached without TLS. One is meant only if it is named exactly so.
    pub insecure: BTreeSet<String>,
    /// Files with certificates (PEM) that are trusted besides those of the machine.
    pub extra_roots: Vec<PathBuf>,
}

impl WebSettings {
    /// Names a server that is reached without TLS.
    #[must_use]
    pub fn insecure(mut self, server: &str) -> Self {
        self.insecure.insert(server.to_ascii_lowercase());
        self
    }

    /// Names a file with certificates that are trusted, too.
    #[must_use]
    pub fn extra_root(mut self, file: impl Into<PathBuf>) -> Self {
        self.extra_roots.push(file.into());
        self
    }

    /// The files with certificates that cannot be used; blocks for a few file operations.
    pub(crate) fn problems(&self) -> impl Iterator<Item = WebError> {
        self.extra_roots.iter().filter_map(|path| add(&mut RootCertStore::empty(), path).err())
    }
}

/// Why web servers cannot be reached at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebError {
    /// A file with certificates cannot be read.
    #[error("the certificates in {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file without certificates.
    #[error("{} is no file with certificates (PEM)", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A certificate that is none that can be trusted.
    #[error("a certificate in {} cannot be used", path.display())]
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// The client cannot be made.
    #[error("no client for web servers can be made")]
    Client {
        /// Why not.
        source: reqwest::Error,
    },
}

/// How long web servers may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WebTimes {
    /// To accept a connection.
    pub(crate) connect: Duration,
    /// Between two signs of life while something is owed.
    pub(crate) silence: Duration,
}

impl Default for WebTimes {
    fn default() -> Self {
        Self { connect: CONNECT_TIMEOUT, silence: SILENCE_TIMEOUT }
    }
}

/// The pause that a server asks for in the header `Retry-After`, where it names one in seconds; the date that may stand there instead
/// is for browsers.
pub(crate) fn retry_after(response: &Response) -> Option<Duration> {
    response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// Whether a long transfer is worth waiting for: one that sends a byte now and then is never silent and never ends.
#[derive(Debug)]
pub(crate) struct Pace {
    window: Duration,
    since: Instant,
    arrived: u64,
}

impl Pace {
    /// So many bytes arrived. False if it has been too few for too long.
    pub(crate) fn keeps(&mut self, bytes: usize) -> bool {
        self.arrived += bytes as u64;
        if self.since.elapsed() < self.window {
            return true;
        }
        let kept = self.arrived >= SLOWEST;
        (self.since, self.arrived) = (Instant::now(), 0);
        kept
    }
}

/// Reaches web servers; cheap to clone.
#[derive(Clone)]
pub(crate) struct Web {
    client: Client,
    uploads: Client,
    insecure: Arc<BTreeSet<String>>,
    times: WebTimes,
}

impl Web {
    /// Reads the certificates; blocks for a few file operations.
    pub(crate) fn new(settings: &WebSettings) -> Result<Self, WebError> {
        Self::with_times(settings, WebTimes::default())
    }

    /// As [`Web::new`], with other patience.
    pub(crate) fn with_times(settings: &WebSettings, times: WebTimes) -> Result<Self, WebError> {
        let tls = tls(settings)?;
        let client = build(client_for(tls.clone(), times).read_timeout(times.silence))?;
        let uploads = build(client_for(tls, times))?;
        Ok(Self { client, uploads, insecure: Arc::new(settings.insecure.clone()), times })
    }

    /// Asks servers; neither follows redirects nor knows credentials.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// As [`Web::client`], for requests that may take long to be sent: the other one counts that as silence. Whoever uses it bounds
    /// the silence.
    pub(crate) fn uploads(&self) -> &Client {
        &self.uploads
    }

    /// The pace of a transfer that begins now.
    pub(crate) fn pace(&self) -> Pace {
        Pace { window: 2 * self.times.silence, since: Instant::now(), arrived: 0 }
    }

    /// How long a server may be silent.
    pub(crate) fn silence(&self) -> Duration {
        self.times.silence
    }

    /// `http` for the servers that are named as insecure, `https` for all others. `server` is `host` or `host:port`.
    pub(crate) fn scheme(&self, server: &str) -> &'static str {
        match self.insecure.contains(server) {
            true => "http",
            false => "https",
        }
    }
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web").field("insecure", &self.insecure).finish_non_exhaustive()
    }
}

fn client_for(tls: ClientConfig, times: WebTimes) -> ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(redirect::Policy::none())
        .connect_timeout(times.connect)
        .user_agent(USER_AGENT)
}

fn build(client: ClientBuilder) -> Result<Client, WebError> {
    client.build().map_err(|source| WebError::Client { source })
}

fn tls(settings: &WebSettings) -> Result<ClientConfig, WebError> {
    let mut roots = RootCertStore::empty();
    // Some of them may be too old to be used, which says nothing about the others.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for path in &settings.extra_roots {
        add(&mut roots, path)?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("ring has the ciphers of both versions");
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn add(roots: &mut RootCertStore, path: &PathBuf) -> Result<(), WebError> {
    let pem = std::fs::read(path).map_err(|source| WebError::Unreadable { path: path.clone(), source })?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
    if certificates.is_empty() {
        return Err(WebError::NoCertificate { path: path.clone() });
    }
    for certificate in certificates {
        roots.add(certificate).map_err(|source| WebError::BadCertificate { path: path.clone(), source })?;
    }
    Ok(())
}
