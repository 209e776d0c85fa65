//! Servers that fall silent or die halfway.

use std::sync::atomic::{AtomicUsize, Ordering};

use lattice_protocol::error_chain;

use super::{
    fake::{Asked, Fake, Reply},
    setup::{Client, Stored, pull, refused},
};
use crate::oci::OciError;

/// Where downloads break off.
const HALF: usize = 400_000;

#[tokio::test]
async fn a_server_that_accepts_and_never_answers() {
    let fake = Fake::start(|_| Reply::Silence).await;
    let error = refused(pull(&Client::of([&fake]).hasty().build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::Silent { .. }), "{}", error_chain(&error));
    assert_eq!(fake.asked().len(), 4);
}

#[tokio::test]
async fn a_server_that_falls_silent_within_a_refusal() {
    let fake = Fake::start(|_| Reply::status(404).with("content-length", "7").stuck()).await;
    let error = refused(pull(&Client::of([&fake]).hasty().build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::NoManifest { .. }), "{}", error_chain(&error));
}

#[tokio::test]
async fn a_server_that_dies_halfway() {
    for head in
        ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"]
    {
        let fake = Fake::start(|_| Reply::Raw(head.as_bytes().to_vec())).await;
        let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
        assert!(matches!(error, OciError::BrokenOff { .. }), "{}", error_chain(&error));
        assert_eq!(fake.asked().len(), 4, "{head}");
    }
    let fake = Fake::start(|_| Reply::Raw(b"220 mail.example ESMTP\r\n".to_vec())).await;
    let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::BrokenOff { .. }), "{}", error_chain(&error));
}

/// A server whose first answer with the layer breaks off, and that goes on as it is said.
async fn breaking_off(go_on: impl Fn(&Asked, &Stored) -> Reply + Send + Sync + 'static) -> Fake {
    let (stored, asked_before) = (Stored::new(), AtomicUsize::new(0));
    Fake::start(move |asked| match asked.is_about("/blobs/") {
        true if asked_before.fetch_add(1, Ordering::Relaxed) == 0 => cut(&stored.content),
        true => go_on(asked, &stored),
        false => stored.serve(asked),
    })
    .await
}

fn cut(content: &[u8]) -> Reply {
    Reply::status(200).with("content-length", &content.len().to_string()).body(&content[..HALF])
}

fn part(content: &[u8], start: usize) -> Reply {
    let range = format!("bytes {start}-{}/{}", content.len() - 1, content.len());
    Reply::status(206).with("content-range", &range).body(&content[start..])
}

fn start_of(asked: &Asked) -> Option<usize> {
    asked.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

#[tokio::test]
async fn a_download_goes_on_where_it_broke_off() {
    let fake = breaking_off(|asked, stored| match start_of(asked) {
        Some(start) => part(&stored.content, start),
        None => Reply::status(418),
    })
    .await;
    let bytes = pull(&Client::of([&fake]).build(), &fake.server).await.expect("the rest came");
    assert_eq!(bytes, Stored::new().content);
    let asked = fake.asked();
    let starts: Vec<_> = asked.iter().filter(|asked| asked.is_about("/blobs/")).map(start_of).collect();
    // Of the last bytes, those that no longer reached the reader are asked for again.
    assert!(matches!(starts[..], [None, Some(start)] if start > 0 && start <= HALF), "{starts:?}");
}

#[tokio::test]
async fn a_download_begins_anew_where_the_server_cannot_go_on() {
    let whole = |asked: &Asked, stored: &Stored| match start_of(asked) {
        Some(_) => Reply::status(200).body(stored.content.as_slice()),
        None => Reply::status(418),
    };
    let unsatisfiable = |asked: &Asked, stored: &Stored| match start_of(asked) {
        Some(_) => Reply::status(416),
        None => Reply::status(200).body(stored.content.as_slice()),
    };
    let elsewhere = |asked: &Asked, stored: &Stored| match start_of(asked) {
        Some(start) => part(&stored.content, start + 1),
        None => Reply::status(200).body(stored.content.as_slice()),
    };
    let nowhere = |asked: &Asked, stored: &Stored| match start_of(asked) {
        Some(_) => Reply::status(206).body(stored.content.as_slice()),
        None => Reply::status(200).body(stored.content.as_slice()),
    };
    let mut asked = Vec::new();
    for fake in [
        breaking_off(whole).await,
        breaking_off(unsatisfiable).await,
        breaking_off(elsewhere).await,
        breaking_off(nowhere).await,
    ] {
        let bytes = pull(&Client::of([&fake]).build(), &fake.server).await.expect("it came at last");
        assert_eq!(bytes, Stored::new().content);
        asked.push(fake.count("/blobs/"));
    }
    assert_eq!(asked, [2, 3, 3, 3]);
}

#[tokio::test]
async fn a_download_that_goes_on_with_something_else_is_refused() {
    let fake = breaking_off(|asked, stored| {
        let mut other = stored.content.clone();
        other.reverse();
        part(&other, start_of(asked).expect("the rest is asked for"))
    })
    .await;
    let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::WrongDigest { .. }), "{error}");
}

#[tokio::test]
async fn a_download_that_breaks_off_again_and_again() {
    let fake = breaking_off(|_, stored| cut(&stored.content)).await;
    let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::BrokenOff { .. }), "{}", error_chain(&error));
    assert_eq!(fake.count("/blobs/"), 4);
}

#[tokio::test]
async fn a_download_that_is_complete_needs_no_end() {
    let stored = Stored::new();
    let fake = Fake::start(move |asked| match asked.is_about("/blobs/") {
        true => {
            let head = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n", stored.content.len());
            Reply::Raw([head.as_bytes(), &stored.content, b"\r\n"].concat())
        }
        false => stored.serve(asked),
    })
    .await;
    let bytes = pull(&Client::of([&fake]).build(), &fake.server).await.expect("all of it came");
    assert_eq!((bytes, fake.count("/blobs/")), (Stored::new().content.into(), 1));
}

#[tokio::test]
async fn a_download_that_falls_silent() {
    let fake = breaking_off(|_, stored| cut(&stored.content).stuck()).await;
    let error = refused(pull(&Client::of([&fake]).hasty().build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::Silent { .. }), "{}", error_chain(&error));
    assert_eq!(fake.count("/blobs/"), 4);
}
