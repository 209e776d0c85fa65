//! TLS, and HTTP/2 with it and without.

use std::{net::SocketAddr, path::Path, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, client::conn::http2::SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::stage::{LONG, Stage, assert_status, exchange, free_address, get};

/// A certificate for `localhost` in files.
struct Certificate {
    directory: TempDir,
    der: CertificateDer<'static>,
}

impl Certificate {
    fn new() -> Self {
        let mut certificate = Self { directory: tempfile::tempdir().expect("a directory"), der: Vec::new().into() };
        certificate.renew();
        certificate
    }

    fn renew(&mut self) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        std::fs::write(self.directory.path().join("c.pem"), made.cert.pem()).expect("the directory can be written");
        std::fs::write(self.directory.path().join("k.pem"), made.signing_key.serialize_pem()).expect("likewise");
        self.der = made.cert.der().clone();
    }

    fn settings(&self) -> String {
        let path = |name: &str| self.directory.path().join(name).display().to_string();
        format!(r#"{{"port":0,"tls":{{"cert_file":"{}","priv_key_file":"{}"}}}}"#, path("c.pem"), path("k.pem"))
    }

    async fn connect(&self, address: SocketAddr, protocol: &[u8]) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).expect("a root");
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("versions");
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = TcpStream::connect(address).await?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

async fn http2<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S) -> SendRequest<Full<Bytes>> {
    let opened = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (sender, connection) = opened.expect("HTTP/2 is spoken");
    tokio::spawn(connection);
    sender
}

async fn ask(sender: &mut SendRequest<Full<Bytes>>, path: &str, body: &str) -> (u16, String) {
    let request = Request::post(format!("http://host.test{path}")).body(Full::from(body.to_owned()));
    let response = sender.send_request(request.expect("a request")).await.expect("a response");
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

#[tokio::test]
async fn http2_is_spoken_without_tls_by_those_who_know() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let address = stage.put(&actor, &[("max_requests", "100")]).await;
    let mut sender = http2(TcpStream::connect(address).await.expect("it listens")).await;
    let (status, text) = ask(&mut sender, "/a?b", "hello").await;
    assert_eq!(status, 200);
    assert_eq!(text, "POST /a [b]\ncontent-length=5\nhost=host.test\n5 bytes: hello");
    // Many at once on one connection.
    let asked = (0..50).map(|number| {
        let mut sender = sender.clone();
        async move { ask(&mut sender, &format!("/{number}"), "").await.1 }
    });
    for (number, text) in futures::future::join_all(asked).await.into_iter().enumerate() {
        assert!(text.starts_with(&format!("POST /{number} ")), "{text}");
    }
    assert_eq!(ask(&mut sender, "/fail", "").await.0, 500);
}

#[tokio::test]
async fn an_http2_client_that_leaves_takes_its_calls_with_it() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let address = stage.put(&actor, &[("max_requests", "1")]).await;
    let stream = TcpStream::connect(address).await.expect("it listens");
    let opened = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = opened.expect("HTTP/2 is spoken");
    let connection = tokio::spawn(connection);
    let request = Request::get("http://host.test/never").body(Full::<Bytes>::default()).expect("a request");
    let asking = tokio::spawn(sender.send_request(request));
    actor.guest.begun(1).await;
    assert_status(&get(address, "/").await, 503);
    connection.abort();
    asking.abort();
    lattice_testkit::eventually("the place is free", LONG, async || {
        get(address, "/").await.starts_with("HTTP/1.1 200").then_some(())
    })
    .await;
}

#[tokio::test]
async fn both_protocols_are_spoken_over_tls() {
    let stage = Stage::start().await;
    let actor = stage.actor("one").await;
    let certificate = Certificate::new();
    assert_eq!(stage.try_put(&actor.key, &[("config_json", &certificate.settings())]).await, None);
    let address = stage.server.address(&actor.key).expect("it is linked");
    let stream = certificate.connect(address, b"h2").await.expect("TLS");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    assert_eq!(ask(&mut http2(stream).await, "/x", "").await.0, 200);

    let mut stream = certificate.connect(address, b"http/1.1").await.expect("TLS");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it closes in order");
    assert_status(&answer, 200);

    // Who does not speak TLS gets nothing, and nobody is the worse for it.
    let plain = exchange(address, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(!plain.contains("HTTP/1.1"), "{plain}");
    assert!(certificate.connect(address, b"h2").await.is_ok());
}

#[tokio::test]
async fn a_certificate_can_be_renewed_and_others_cannot_differ() {
    let stage = Stage::start().await;
    let (actor, other) = (stage.actor("one").await, stage.actor("other").await);
    let mut certificate = Certificate::new();
    let address = free_address();
    let json = certificate.settings().replace(r#""port":0,"#, "");
    let put = async |key, path: &str, json: &str| {
        stage.try_put(key, &[("address", &address.to_string()), ("path", path), ("config_json", json)]).await
    };
    assert_eq!(put(&actor.key, "/", &json).await, None);
    certificate.connect(address, b"h2").await.expect("TLS");
    let error = put(&other.key, "/other", "{}").await.expect("refused");
    assert!(error.contains("with other TLS settings"), "{error}");
    certificate.renew();
    assert!(certificate.connect(address, b"h2").await.is_err(), "the old one is still used");
    assert_eq!(put(&other.key, "/other", &json).await, None);
    certificate.connect(address, b"h2").await.expect("the new one is used");

    std::fs::write(certificate.directory.path().join("c.pem"), "nonsense").expect("the file can be written");
    let error = put(&other.key, "/else", &json).await.expect("refused");
    let file = Path::new("c.pem");
    assert!(error.contains(&file.display().to_string()) && error.contains("cannot be used for TLS"), "{error}");
    certificate.connect(address, b"h2").await.expect("what was there goes on");
}
