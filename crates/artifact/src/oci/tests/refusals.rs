//! What becomes of each status that is no success, and of servers that are none.

use lattice_protocol::error_chain;

use super::{
    fake::{Fake, Reply},
    setup::{Client, Stored, pull, refused, serving},
};
use crate::oci::OciError;

const DENIED: &str = r#"{"errors":[{"code":"DENIED","message":"not\nfor you"}]}"#;

/// The error of a server that answers everything so, and how often it was asked.
async fn error_of(reply: Reply) -> (OciError, usize) {
    let fake = Fake::start(move |_| reply.clone()).await;
    let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
    (error, fake.asked().len())
}

#[tokio::test]
async fn statuses_that_do_not_pass() {
    let (error, asked) = error_of(Reply::status(403).body(DENIED)).await;
    assert!(matches!(error, OciError::Forbidden { .. }), "{error}");
    assert!(error.to_string().ends_with("(it says: DENIED not for you)"), "{error}");
    assert_eq!(asked, 1);
    let (error, asked) = error_of(Reply::status(404)).await;
    assert!(matches!(error, OciError::NoManifest { .. }), "{error}");
    assert_eq!(asked, 1);
    for status in [400, 405, 418] {
        let (error, asked) = error_of(Reply::status(status)).await;
        assert!(matches!(error, OciError::Status { status: got, .. } if got == status), "{error}");
        assert_eq!(asked, 1);
    }
    let (error, asked) = error_of(Reply::status(501)).await;
    assert!(matches!(error, OciError::ServerFailed { .. }), "{error}");
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn statuses_that_may_pass_are_tried_four_times() {
    let (error, asked) = error_of(Reply::status(429).with("retry-after", "1")).await;
    assert!(matches!(error, OciError::Busy { after: Some(_), .. }), "{error}");
    assert_eq!(asked, 4);
    for status in [500, 502, 503, 504] {
        let (error, asked) = error_of(Reply::status(status).body("out of order")).await;
        assert!(matches!(error, OciError::ServerFailed { status: got, .. } if got == status), "{error}");
        assert!(error.to_string().contains("(it says: out of order)"), "{error}");
        assert_eq!(asked, 4);
    }
}

#[tokio::test]
async fn what_passes_is_forgotten() {
    let stored = Stored::new();
    let fake = Fake::start({
        let (stored, replies) = (stored.clone(), std::sync::Mutex::new(vec![503, 429, 500, 503, 429, 500]));
        move |asked| match replies.lock().expect("nobody panics").pop() {
            Some(status) if asked.is_about("/manifests/") => Reply::status(status),
            Some(_) | None => stored.serve(asked),
        }
    })
    .await;
    let registries = Client::of([&fake]).build();
    assert!(matches!(pull(&registries, &fake.server).await, Err(OciError::ServerFailed { .. })));
    assert_eq!(pull(&registries, &fake.server).await.expect("it has passed"), stored.content);
    assert_eq!(fake.count("/manifests/"), 4 + 3);
}

#[tokio::test]
async fn a_layer_that_is_not_there() {
    let stored = Stored::new();
    let fake = Fake::start(move |asked| match asked.is_about("/blobs/") {
        true => Reply::status(404),
        false => stored.serve(asked),
    })
    .await;
    let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::NoBlob { .. }), "{error}");
    assert_eq!(fake.count("/blobs/"), 1);
}

#[tokio::test]
async fn what_servers_say_is_shortened_and_made_harmless() {
    let text = format!("<h1>no</h1>\r\n\u{1b}[31m{}", "x".repeat(100_000));
    let (error, _) = error_of(Reply::status(400).body(text)).await;
    let shown = error.to_string();
    assert!(shown.contains("<h1>no</h1>") && shown.len() < 500 && !shown.contains(char::is_control), "{shown}");
    let (error, _) = error_of(Reply::status(400).body([0xff, 0xfe, b'x'])).await;
    assert!(error.to_string().contains('x'), "{error}");
}

#[tokio::test]
async fn servers_that_are_not_there() {
    let fake = Fake::start(|_| Reply::status(200)).await;
    let registries = Client::of([&fake]).build();
    let server = fake.server.clone();
    drop(fake);
    let error = refused(pull(&registries, &server).await, &server);
    assert!(matches!(error, OciError::Refused { .. }), "{}", error_chain(&error));

    let error = refused(pull(&registries, "registry.invalid").await, "registry.invalid");
    assert!(matches!(error, OciError::Unresolved { .. }), "{}", error_chain(&error));
}

#[tokio::test]
async fn servers_without_tls() {
    let fake = serving(Stored::new()).await;
    let error = refused(pull(&Client::default().build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::NotTls { .. }), "{}", error_chain(&error));
    assert!(error.to_string().contains("--insecure-registry"), "{error}");
    assert!(fake.asked().is_empty());
}

#[tokio::test]
async fn certificates() {
    let stored = Stored::new();
    let fake = Fake::start_tls({
        let stored = stored.clone();
        move |asked| stored.serve(asked)
    })
    .await;
    let error = refused(pull(&Client::default().build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::UnknownIssuer { .. }), "{}", error_chain(&error));
    assert!(error.to_string().contains("--registry-ca"), "{error}");

    let authority = fake.authority.clone().expect("it has TLS");
    let registries = Client::default().trusting(&authority).build();
    assert_eq!(pull(&registries, &fake.server).await.expect("its authority is trusted"), stored.content);

    let other = Fake::start_tls_as("other.example", |_| Reply::status(200)).await;
    let registries = Client::default().trusting(other.authority.as_deref().expect("it has TLS")).build();
    let error = refused(pull(&registries, &other.server).await, &other.server);
    assert!(matches!(error, OciError::BadCertificate { .. }), "{}", error_chain(&error));
    assert!(other.asked().is_empty());
}
