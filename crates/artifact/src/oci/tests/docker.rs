//! Against a real registry, Debian's `docker-registry`: pushing and pulling, with and without authentication and TLS.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use lattice_protocol::error_chain;
use lattice_testkit::{Registry, RegistryOptions, RegistryTokens, TokenIssuer};
use tokio::{
    io::{self, AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{
    fake::{Fake, Reply},
    setup::{Client, MAX, hello, pull, pull_as, reference, refused},
};
use crate::{
    digest::Digest,
    kind::Kind,
    oci::{OciError, OciSettings, Push, Registries},
    progress::Progress,
};

fn module() -> Bytes {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guests/built/hello.wasm");
    fs::read(path).expect("the built guests are committed").into()
}

async fn push(registries: &Registries, server: &str, bytes: &Bytes, kind: Kind) -> Result<Digest, OciError> {
    let push = Push { bytes: bytes.clone(), kind, title: "hello.wasm".to_owned(), annotations: [].into() };
    registries.push(&hello(server), &push, &Progress::default()).await
}

#[tokio::test]
async fn what_is_pushed_is_pulled() {
    let registry = Registry::start().await;
    let (registries, server) = (Client::default().insecure(registry.server()).build(), registry.server());
    let missing = refused(pull(&registries, server).await, server);
    assert!(matches!(missing, OciError::NoManifest { .. }), "{missing}");
    let archive = Bytes::from_static(&[7; 700_000]);
    for (kind, bytes) in [(Kind::Module, module()), (Kind::Provider, archive)] {
        let version = push(&registries, server, &bytes, kind).await.expect("the registry takes it");
        assert_eq!(push(&registries, server, &bytes, kind).await.expect("it takes it again"), version);
        assert_eq!(pull_as(&registries, server, kind).await.expect("it is there"), bytes);

        let by_digest = reference(&format!("{server}/acme/hello@{version}"));
        let image = registries.find(&by_digest, kind).await.expect("it is there");
        assert_eq!((image.version(), image.content(), image.size()), (version, Digest::of(&bytes), bytes.len() as u64));
        let pulled = registries.download(&by_digest, &image, MAX, &Progress::default()).await;
        assert_eq!(pulled.expect("it is there"), bytes);
    }
    let other = refused(pull(&registries, server).await, server);
    assert!(matches!(other, OciError::UnknownLayer { .. }), "{other}");
    let absent = reference(&format!("{server}/acme/hello@{}", Digest::of(b"")));
    let missing = refused(registries.find(&absent, Kind::Module).await, server);
    assert!(matches!(missing, OciError::NoManifest { .. }), "{missing}");
}

#[tokio::test]
async fn who_asks_has_a_name_and_a_password() {
    let registry = Registry::start_with(RegistryOptions { login: true, ..Default::default() }).await;
    let server = registry.server();
    let client = || Client::default().insecure(server);
    let known = client().login(server, Registry::USERNAME, Registry::PASSWORD).build();
    push(&known, server, &module(), Kind::Module).await.expect("the tester may push");
    assert_eq!(pull(&known, server).await.expect("the tester may pull"), module());

    let wrong = client().login(server, Registry::USERNAME, "wrong").build();
    for error in [pull(&wrong, server).await.err(), push(&wrong, server, &module(), Kind::Module).await.err()] {
        assert!(matches!(error, Some(OciError::CredentialsRefused { .. })), "{error:?}");
    }
    let nobody = client().build();
    for error in [pull(&nobody, server).await.err(), push(&nobody, server, &module(), Kind::Module).await.err()] {
        assert!(matches!(error, Some(OciError::Unauthorized { .. })), "{error:?}");
    }
}

/// A token server that knows ada, who may push, and everybody else, who may pull.
async fn token_server(issuer: TokenIssuer) -> Fake {
    Fake::start(move |asked| {
        let scope = asked.path.split_once("scope=").map(|(_, scope)| scope.replace("%3A", ":").replace("%2F", "/"));
        let scope = scope.expect("a scope is asked for").replace("%2C", ",");
        match asked.authorization() {
            None if scope.contains("push") => Reply::status(401),
            None | Some("Basic YWRhOnNlY3JldA==") => {
                let answer = serde_json::json!({ "token": issuer.token(&scope), "expires_in": 600 });
                Reply::ok("application/json", answer.to_string())
            }
            Some(_) => Reply::status(401),
        }
    })
    .await
}

#[tokio::test]
async fn tokens_are_asked_for_and_taken() {
    let issuer = TokenIssuer::new();
    let certificate = issuer.certificate();
    let tokens = token_server(issuer).await;
    let realm = format!("http://{}/token", tokens.server);
    let options = RegistryOptions { tokens: Some(RegistryTokens { realm, certificate }), ..Default::default() };
    let registry = Registry::start_with(options).await;
    let server = registry.server();
    let client = || Client::of([&tokens]).insecure(server);
    let named = || client().settings(OciSettings::default().token_server(&tokens.server));

    let ada = named().login(server, "ada", "secret").build();
    push(&ada, server, &module(), Kind::Module).await.expect("ada may push");
    assert_eq!(pull(&ada, server).await.expect("ada may pull"), module());
    // One for pushing, one for pulling.
    assert_eq!(tokens.asked().len(), 2);
    let nobody = client().build();
    assert_eq!(pull(&nobody, server).await.expect("everybody may pull"), module());
    let error = push(&nobody, server, &module(), Kind::Module).await.err();
    assert!(matches!(error, Some(OciError::Unauthorized { .. })), "{error:?}");
    let wrong = named().login(server, "ada", "wrong").build();
    let error = refused(pull(&wrong, server).await, server);
    assert!(matches!(error, OciError::CredentialsRefused { .. }), "{error}");
    // Neither the name nor the settings tell that the token server is the registry's.
    let unnamed = client().login(server, "ada", "secret").build();
    let error = refused(pull(&unnamed, server).await, server);
    assert!(matches!(error, OciError::ForeignRealm { .. }), "{error}");
}

#[tokio::test]
async fn certificates_are_trusted_where_their_authority_is() {
    let registry = Registry::start_with(RegistryOptions { login: true, tls: true, tokens: None }).await;
    let server = registry.server();
    let login = |client: Client| client.login(server, Registry::USERNAME, Registry::PASSWORD).build();
    let authority = fs::read_to_string(registry.authority().expect("it speaks TLS")).expect("it can be read");
    let trusting = login(Client::default().trusting(&authority));
    push(&trusting, server, &module(), Kind::Module).await.expect("the authority is trusted");
    assert_eq!(pull(&trusting, server).await.expect("the authority is trusted"), module());

    let error = refused(pull(&login(Client::default()), server).await, server);
    assert!(matches!(error, OciError::UnknownIssuer { .. }), "{}", error_chain(&error));
    // Over HTTP, the registry says what is wrong, and is not believed to be one.
    let error = refused(pull(&login(Client::default().insecure(server)), server).await, server);
    assert!(matches!(error, OciError::Status { status, .. } if status == 400), "{error}");
    assert!(error.to_string().contains("HTTPS"), "{error}");
}

#[tokio::test]
async fn without_tls_only_where_it_is_said() {
    let registry = Registry::start().await;
    let error = refused(pull(&Client::default().build(), registry.server()).await, registry.server());
    assert!(matches!(error, OciError::NotTls { .. }), "{}", error_chain(&error));
    // Neither does the host without its port name it.
    let error =
        refused(pull(&Client::default().insecure("localhost").build(), registry.server()).await, registry.server());
    assert!(matches!(error, OciError::NotTls { .. }), "{}", error_chain(&error));
}

#[tokio::test]
async fn a_download_goes_on_where_it_broke_off() {
    const BREAKS_AFTER: u64 = 500_000;
    let registry = Registry::start().await;
    let bytes: Bytes = (0..240_000_u32).flat_map(u32::to_le_bytes).collect();
    let direct = Client::default().insecure(registry.server()).build();
    push(&direct, registry.server(), &bytes, Kind::Module).await.expect("the registry takes it");

    let line = BadLine::to(registry.server().replace("localhost", "127.0.0.1"), BREAKS_AFTER).await;
    let registries = Client::default().insecure(&line.server).build();
    assert_eq!(pull(&registries, &line.server).await.expect("it came at last"), bytes);
    let carried = line.carried.load(Ordering::Relaxed);
    let size = bytes.len() as u64;
    assert!(carried > size && carried < size + BREAKS_AFTER, "{carried} of {size} bytes");
}

/// A line to a server, of which the first connection breaks off.
struct BadLine {
    server: String,
    /// Bytes that came from the server and were handed on.
    carried: Arc<AtomicU64>,
    _tasks: JoinSet<()>,
}

impl BadLine {
    async fn to(server: String, breaks_after: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address").to_string();
        let (carried, mut tasks) = (Arc::<AtomicU64>::default(), JoinSet::new());
        let count = Arc::clone(&carried);
        tasks.spawn(async move {
            let (mut limit, mut connections) = (breaks_after, JoinSet::new());
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.expect("the server listens");
                connections.spawn(carry(client, server, limit, Arc::clone(&count)));
                limit = u64::MAX;
            }
        });
        Self { server: address, carried, _tasks: tasks }
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream, limit: u64, carried: Arc<AtomicU64>) {
    let (mut from_client, mut to_client) = client.split();
    let (from_server, mut to_server) = server.split();
    let answers = async {
        let (mut limited, mut chunk) = (from_server.take(limit), vec![0; 16 << 10]);
        while let Ok(read @ 1..) = limited.read(&mut chunk).await {
            carried.fetch_add(read as u64, Ordering::Relaxed);
            if to_client.write_all(&chunk[..read]).await.is_err() {
                break;
            }
        }
    };
    // Whatever ends first ends the connection.
    tokio::select! {
        () = answers => {}
        _ = io::copy(&mut from_client, &mut to_server) => {}
    }
}
