//! What the published server answers, replayed.

use std::time::SystemTime;

use super::{
    super::{BindleError, BindleImage, Bindles, invoice::Machine},
    server::{Answer, Server, reference},
};
use crate::{
    archive,
    credentials::{Credential, Credentials, Layer, Places, RegistryKind},
    digest::Digest,
    kind::Kind,
    progress::Progress,
};

macro_rules! recorded {
    ($name:literal) => {
        include_bytes!(concat!("recorded/", $name, ".http")).to_vec()
    };
}

const MODULE: &[u8] = b"\0asm\x01\0\0\0";
const HELLO: &str = "bindle://acme.com/hello/1.0.0";
const PROVIDER: &str = "bindle://acme.com/provider/1.2.3-rc.1+build.5";
const LINUX: Machine = Machine { arch: "x86_64", os: "linux" };

async fn server_of(answers: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Server {
    Server::start(move |_, head| Answer::Bytes(answers(head.split(' ').nth(1).expect("a path")))).await
}

async fn download(client: &Bindles, text: &str, image: &BindleImage) -> Result<Vec<u8>, BindleError> {
    client.download(&reference(text), image, 10_000, &Progress::default()).await.map(Into::into)
}

fn body(recorded: &[u8]) -> &[u8] {
    let end = recorded.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    &recorded[end + 4..]
}

#[tokio::test]
async fn a_module() {
    let path = format!("/v1/_i/acme.com/hello/1.0.0@{}", Digest::of(MODULE).to_hex());
    let parcel = path.clone();
    let server = server_of(move |asked| if asked == path { recorded!("module") } else { recorded!("invoice") }).await;
    let client = server.client();
    let image = client.find(&reference(HELLO), Kind::Module).await.expect("it is there");
    assert_eq!(image.version(), Digest::of(body(&recorded!("invoice"))));
    assert_eq!((image.content(), image.size()), (Some(Digest::of(MODULE)), 8));
    assert_eq!(download(&client, HELLO, &image).await.expect("it is there"), MODULE);

    let heads = server.heads();
    assert_eq!(heads.len(), 2);
    assert!(heads[0].starts_with("GET /v1/_i/acme.com/hello/1.0.0 HTTP/1.1\r\n"), "{heads:?}");
    assert!(heads[0].contains("accept: application/toml\r\n"), "{heads:?}");
    assert!(heads[1].starts_with(&format!("GET {parcel} HTTP/1.1\r\n")), "{heads:?}");
    assert!(heads.iter().all(|head| !head.contains("authorization")), "{heads:?}");
}

/// Claims that published tools signed, and the executable of one of three machines.
#[tokio::test]
async fn a_provider() {
    let server = server_of(|asked| match asked.rsplit_once('@') {
        None => recorded!("provider-invoice"),
        Some((_, digest)) if digest.starts_with("235") => recorded!("provider-executable"),
        Some(_) => recorded!("provider-claims"),
    })
    .await;
    let client = server.client();
    let image = client.find_for(&reference(PROVIDER), Kind::Provider, LINUX).await.expect("it is there");
    assert_eq!((image.content(), image.size()), (None, 874 + 28));
    let packed = download(&client, PROVIDER, &image).await.expect("it is there");
    let opened = archive::open(&packed, "x86_64-linux", SystemTime::now()).expect("the claims are for this");
    assert_eq!(opened.executable.bytes(), "#!/bin/sh\necho x86_64-linux\n");
    assert_eq!((opened.claims.contract.as_str(), opened.claims.revision), ("acme:greeting", Some(7)));
    assert_eq!(download(&client, PROVIDER, &image).await.expect("it is there"), packed, "always the same archive");
    assert!(server.heads()[0].starts_with("GET /v1/_i/acme.com/provider/1.2.3-rc.1+build.5 HTTP/1.1\r\n"));

    let elsewhere = Machine { arch: "riscv64", os: "linux" };
    let error = client.find_for(&reference(PROVIDER), Kind::Provider, elsewhere).await.expect_err("nothing for it");
    assert_eq!(
        error.to_string(),
        "the bindle has no executable for `riscv64-linux`; it has some for `aarch64-linux`, `aarch64-macos`, \
         `x86_64-linux`"
    );
    let error = client.find(&reference(PROVIDER), Kind::Module).await.expect_err("no actor");
    assert!(matches!(error, BindleError::ModuleParcels { found: 4 }), "{error}");
}

#[tokio::test]
async fn what_is_not_there() {
    let server = server_of(|_| recorded!("no-invoice")).await;
    let error = server.client().find(&reference(HELLO), Kind::Module).await.expect_err("it is not there");
    assert_eq!(error.to_string(), format!("the bindle server `{}` has no `acme.com/hello/1.0.0`", server.address));
    assert_eq!(server.heads().len(), 1);
}

#[tokio::test]
async fn an_invoice_whose_parcel_was_not_pushed() {
    const PARTIAL: &str = "bindle://acme.com/partial/1.0.0";
    let server = server_of(|asked| match asked.contains('@') {
        false => recorded!("partial-invoice"),
        true => recorded!("partial-parcel"),
    })
    .await;
    let client = server.client();
    let image = client.find(&reference(PARTIAL), Kind::Module).await.expect("the invoice is there");
    let error = download(&client, PARTIAL, &image).await.expect_err("the parcel is not");
    assert!(matches!(error, BindleError::ParcelNotFound { .. }), "{error}");
}

/// Which the server answers with *bad request*.
#[tokio::test]
async fn a_parcel_that_is_of_no_bindle() {
    let server = server_of(|asked| match asked.contains('@') {
        false => recorded!("invoice"),
        true => recorded!("no-parcel"),
    })
    .await;
    let client = server.client();
    let image = client.find(&reference(HELLO), Kind::Module).await.expect("the invoice is there");
    let error = download(&client, HELLO, &image).await.expect_err("the parcel is not");
    assert!(matches!(error, BindleError::Status { status: 400, .. }), "{error}");
}

/// Which the server answers with *forbidden*, as if it were about credentials.
#[tokio::test]
async fn a_yanked_bindle() {
    let server = server_of(|asked| match asked.ends_with("?yanked=true") {
        false => recorded!("yanked"),
        true => recorded!("yanked-invoice"),
    })
    .await;
    for credentials in [Credentials::default(), basic(&server)] {
        let client = server.client_with(credentials);
        let error = client.find(&reference("bindle://acme.com/yanked/1.0.0"), Kind::Module).await.expect_err("yanked");
        assert!(matches!(&error, BindleError::Yanked { bindle, .. } if bindle == "acme.com/yanked/1.0.0"), "{error}");
    }
    let server = server_of(|_| recorded!("yanked-invoice")).await;
    let yanked = reference("bindle://acme.com/yanked/1.0.0");
    let error = server.client().find(&yanked, Kind::Module).await.expect_err("it says so itself");
    assert!(matches!(error, BindleError::Yanked { .. }), "{error}");
}

fn of(server: &Server, credential: Credential) -> Credentials {
    let credentials = Credentials::default();
    credentials.replace(
        Layer::Host,
        Places::default().with(RegistryKind::Bindle, server.address.to_string().parse().expect("a place"), credential),
    );
    credentials
}

fn basic(server: &Server) -> Credentials {
    of(server, Credential::Basic { username: "alice".to_owned(), password: "correct horse".to_owned() })
}

/// Who has no credentials is forbidden, and who has wrong ones unauthorized.
#[tokio::test]
async fn passwords_and_tokens() {
    let password = server_of(|_| recorded!("password-none")).await;
    let token = server_of(|_| recorded!("token-none")).await;
    for server in [password, token] {
        let error = server.client().find(&reference(HELLO), Kind::Module).await.expect_err("it is not for all");
        assert!(matches!(error, BindleError::AnonymousDenied { .. }), "{error}");
    }

    let right = "authorization: Basic YWxpY2U6Y29ycmVjdCBob3JzZQ==\r\n";
    let server = Server::start(move |_, head| {
        Answer::Bytes(if head.contains(right) { recorded!("password-right") } else { recorded!("password-wrong") })
    })
    .await;
    server.client_with(basic(&server)).find(&reference(HELLO), Kind::Module).await.expect("the password is right");
    let wrong = Credential::Basic { username: "alice".to_owned(), password: "s3cret".to_owned() };
    refused(&server, wrong).await;

    let server = Server::start(|_, head| {
        let is_right = head.contains("authorization: Bearer opensesame\r\n");
        Answer::Bytes(if is_right { recorded!("token-right") } else { recorded!("token-wrong") })
    })
    .await;
    let right = of(&server, Credential::Token("opensesame".to_owned()));
    server.client_with(right).find(&reference(HELLO), Kind::Module).await.expect("the token is right");
    refused(&server, Credential::Token("s3cret".to_owned())).await;
}

async fn refused(server: &Server, wrong: Credential) {
    let error = server.client_with(of(server, wrong)).find(&reference(HELLO), Kind::Module).await;
    let error = error.expect_err("it is wrong");
    assert!(matches!(error, BindleError::CredentialsRefused { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
}
