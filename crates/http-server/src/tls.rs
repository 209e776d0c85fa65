//! [`Tls`]: certificates from files.

use std::{path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
};
use tokio_rustls::TlsAcceptor;

use crate::{error::LinkError, settings::TlsFiles};

/// The protocols that a client may choose, the better first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// A certificate that is ready for use, and where it comes from.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) files: TlsFiles,
    pub(crate) acceptor: TlsAcceptor,
}

impl Tls {
    /// Reads the files, on a thread for that.
    pub(crate) async fn load(files: TlsFiles) -> Result<Self, LinkError> {
        let reading = tokio::task::spawn_blocking(move || Self::read(files));
        reading.await.expect("reading files does not panic, and nobody aborts it")
    }

    fn read(files: TlsFiles) -> Result<Self, LinkError> {
        let chain = certificates(&files.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|source| unusable(&files.key, source))?;
        let refused = |source| LinkError::Tls { path: files.certificate.clone(), source };
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(refused)?.with_no_client_auth();
        let mut config = builder.with_single_cert(chain, key).map_err(refused)?;
        config.alpn_protocols = PROTOCOLS.map(Vec::from).into();
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), files })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, LinkError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read.map_err(|source| unusable(path, source))? {
        none if none.is_empty() => Err(unusable(path, pem::Error::NoItemsFound)),
        chain => Ok(chain),
    }
}

fn unusable(path: &Path, source: pem::Error) -> LinkError {
    LinkError::TlsFile { path: path.to_owned(), source }
}
