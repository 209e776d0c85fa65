//! Servers with TLS.

use std::sync::{Arc, Mutex};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, net::TcpListener, task::JoinSet};
use tokio_rustls::TlsAcceptor;

use super::{
    super::BindleError,
    server::{Answer, client, reference, serve},
};
use crate::{credentials::Credentials, kind::Kind, web::WebSettings};

const HELLO: &str = "bindle://acme.com/hello/1.0.0";

struct Secure {
    authority: String,
    directory: TempDir,
    _tasks: JoinSet<()>,
}

impl Secure {
    async fn start() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("they belong together");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let authority = format!("localhost:{}", listener.local_addr().expect("it is bound").port());
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("ca.pem"), cert.pem()).expect("it can be written");
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, TlsAcceptor::from(Arc::new(config))));
        Self { authority, directory, _tasks: tasks }
    }

    fn url(&self) -> String {
        format!("https://{}/v1/", self.authority)
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor) {
    let invoice = Answer::Bytes(include_bytes!("recorded/invoice.http").to_vec());
    while let Ok((stream, _)) = listener.accept().await {
        if let Ok(stream) = acceptor.accept(stream).await {
            let invoice = invoice.clone();
            serve(stream, &Mutex::default(), &move |_, _| invoice.clone()).await;
        }
    }
}

#[tokio::test]
async fn a_certificate_that_is_trusted() {
    let server = Secure::start().await;
    let web = WebSettings::default().extra_root(server.directory.path().join("ca.pem"));
    let client = client(&web, Credentials::default(), &server.url());
    client.find(&reference(HELLO), Kind::Module).await.expect("it is trusted");
}

#[tokio::test]
async fn a_certificate_that_is_not() {
    let server = Secure::start().await;
    let client = client(&WebSettings::default(), Credentials::default(), &server.url());
    let error = client.find(&reference(HELLO), Kind::Module).await.expect_err("it is not trusted");
    assert!(matches!(error, BindleError::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_without_tls_where_some_is_expected() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let authority = listener.local_addr().expect("it is bound");
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    let client = client(&WebSettings::default(), Credentials::default(), &format!("https://{authority}/v1/"));
    let error = client.find(&reference(HELLO), Kind::Module).await.expect_err("it speaks something else");
    assert!(matches!(error, BindleError::Tls { .. }), "{error:?}");
}
