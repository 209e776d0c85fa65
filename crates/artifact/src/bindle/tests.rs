mod bad;
mod recorded;
mod server;
mod tls;

use std::sync::{Arc, Mutex};

use super::*;
use crate::{
    credentials::{Credential, Layer, Places},
    reference::ReferenceError,
    web::WebSettings,
};
use server::{Answer, Server, client, reference};

const HELLO: &str = "bindle://acme.com/hello/1.0.0";

fn web() -> Web {
    Web::new(&WebSettings::default()).expect("a client")
}

fn bindles(settings: BindleSettings) -> Result<Bindles, BindleError> {
    Bindles::new(web(), Credentials::default(), settings)
}

#[test]
fn no_server() {
    let bindles = bindles(BindleSettings::default()).expect("none is needed");
    let error = bindles.admit(&reference(HELLO)).expect_err("which one is meant?");
    assert!(matches!(error, BindleError::NotConfigured), "{error}");
    bindles.admit(&reference(&format!("{HELLO}@https://bindle.example/v1/"))).expect("it names one");
}

#[test]
fn servers_without_tls() {
    let plain = client(&WebSettings::default(), Credentials::default(), "http://bindle.example:8080/v1/");
    let error = plain.admit(&reference(HELLO)).expect_err("nobody named it");
    assert!(matches!(&error, BindleError::Insecure { server } if server == "bindle.example:8080"), "{error}");
    let named = WebSettings::default().insecure("bindle.example:8080");
    let named = client(&named, Credentials::default(), "http://bindle.example:8080/v1/");
    named.admit(&reference(HELLO)).expect("it is named");
    let other = reference(&format!("{HELLO}@http://bindle.example/v1/"));
    let error = named.admit(&other).expect_err("the port is another");
    assert!(matches!(&error, BindleError::Insecure { server } if server == "bindle.example"), "{error}");
}

#[test]
fn urls_that_are_none() {
    for url in ["", "bindle.example", "ftp://bindle.example/", "https://user:s3cret@bindle.example/v1/"] {
        let settings = BindleSettings::default().url(url);
        assert!(!format!("{settings:?}").contains("s3cret"), "{settings:?}");
        let error = bindles(settings).expect_err("it is no URL of a server");
        let BindleError::Url { source } = error else { panic!("{error}") };
        assert!(matches!(source, ReferenceError::Server { .. }), "{source}");
        assert!(!format!("{source} {source:?}").contains("s3cret"), "{source:?}");
    }
}

#[test]
fn settings_are_shown_without_secrets() {
    let check = |url: &str, expect: &str| {
        assert_eq!(format!("{:?}", BindleSettings::default().url(url)), format!("BindleSettings {{ url: {expect} }}"));
    };
    check("https://bindle.example/v1", "Some(Ok(\"https://bindle.example/v1/\"))");
    check("https://u:p@bindle.example/", "Some(Err(Server { text: \"https://…@bindle.example/\" }))");
}

/// Each server gets its own, and no other.
#[tokio::test]
async fn credentials_are_for_one_server() {
    let invoice = Answer::Bytes(include_bytes!("tests/recorded/invoice.http").to_vec());
    let (one, other) = (Server::always(invoice.clone()).await, Server::always(invoice).await);
    let credentials = Credentials::default();
    let token = Credential::Token("one".to_owned());
    credentials.replace(
        Layer::Host,
        Places::default().with(RegistryKind::Bindle, one.address.to_string().parse().expect("a place"), token),
    );
    let web =
        [&one, &other].iter().fold(WebSettings::default(), |web, server| web.insecure(&server.address.to_string()));
    let client = client(&web, credentials.clone(), &one.url());
    let elsewhere = reference(&format!("{HELLO}@{}", other.url()));
    for reference in [reference(HELLO), elsewhere] {
        client.find(&reference, Kind::Module).await.expect("it is there");
    }
    let has_token = |server: &Server| server.heads()[0].contains("authorization: Bearer one\r\n");
    assert_eq!((has_token(&one), other.heads()[0].contains("authorization")), (true, false));

    credentials.replace(
        Layer::Host,
        Places::default().with(
            RegistryKind::Oci,
            one.address.to_string().parse().expect("a place"),
            Credential::Token("oci".to_owned()),
        ),
    );
    client.find(&reference(HELLO), Kind::Module).await.expect("it is there");
    assert!(!one.heads()[1].contains("authorization"), "those for registries of another kind");
}

#[tokio::test]
async fn tokens_that_cannot_be_sent() {
    let server = Server::always(Answer::Last(Vec::new())).await;
    let credentials = Credentials::default();
    let token = Credential::Token("s3cret\r\nx: y".to_owned());
    credentials.replace(
        Layer::Host,
        Places::default().with(RegistryKind::Bindle, server.address.to_string().parse().expect("a place"), token),
    );
    let error = server.client_with(credentials).find(&reference(HELLO), Kind::Module).await.expect_err("it is refused");
    assert!(matches!(error, BindleError::Credentials { .. }), "{error}");
    assert!(!format!("{error:?}").contains("s3cret") && server.heads().is_empty(), "{error:?}");
}

#[tokio::test]
async fn progress_is_told_over_all_parcels() {
    let server = Server::start(|_, head| {
        Answer::Bytes(match head.split(' ').nth(1).and_then(|path| path.split_once('@')) {
            None => include_bytes!("tests/recorded/provider-invoice.http").to_vec(),
            Some((_, digest)) if digest.starts_with("235") => {
                include_bytes!("tests/recorded/provider-executable.http").to_vec()
            }
            Some(_) => include_bytes!("tests/recorded/provider-claims.http").to_vec(),
        })
    })
    .await;
    let (client, provider) = (server.client(), reference("bindle://acme.com/provider/1.2.3-rc.1+build.5"));
    let machine = Machine { arch: "x86_64", os: "linux" };
    let image = client.find_for(&provider, Kind::Provider, machine).await.expect("it is there");
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    let progress = Progress::new(move |done, total| hears.lock().expect("nobody panics").push((done, total)));
    client.download(&provider, &image, 10_000, &progress).await.expect("it is there");
    let told = told.lock().expect("nobody panics");
    assert!(told.is_sorted() && told.iter().all(|(_, total)| *total == 902), "{told:?}");
    assert_eq!((told.first(), told.last()), (Some(&(0, 902)), Some(&(902, 902))));
}

#[test]
fn fetching_can_be_moved_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    let bindles = bindles(BindleSettings::default()).expect("none is needed");
    let (reference, progress) = (reference(HELLO), Progress::default());
    is_send(&bindles.find(&reference, Kind::Module));
    let image =
        BindleImage { version: Digest::of(b""), parts: Parts::Module(Part { digest: Digest::of(b""), size: 0 }) };
    is_send(&bindles.download(&reference, &image, 0, &progress));
}
