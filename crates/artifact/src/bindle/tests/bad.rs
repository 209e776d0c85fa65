//! Servers that do not do as they should.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{net::TcpListener, time::Instant};

use super::{
    super::{BindleError, BindleImage, ask::Patience},
    server::{Answer, PATIENCE, Server, answer, client, reference},
};
use crate::{
    credentials::{Credential, Credentials, Layer, Places, RegistryKind},
    digest::Digest,
    kind::Kind,
    progress::Progress,
    web::WebSettings,
};

const HELLO: &str = "bindle://hello/1.0.0";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

fn invoice() -> String {
    invoice_of("hello", MODULE.len() as u64)
}

fn invoice_of(name: &str, size: u64) -> String {
    let digest = Digest::of(MODULE).to_hex();
    format!(
        "bindleVersion = \"1.0.0\"\n[bindle]\nname = \"{name}\"\nversion = \"1.0.0\"\n[[parcel]]\n[parcel.label]\n\
         sha256 = \"{digest}\"\nmediaType = \"application/wasm\"\nname = \"a.wasm\"\nsize = {size}\n"
    )
}

async fn find(server: &Server) -> Result<BindleImage, BindleError> {
    server.client().find(&reference(HELLO), Kind::Module).await
}

async fn refused(answer: Answer) -> BindleError {
    find(&Server::always(answer).await).await.expect_err("it is refused")
}

/// What becomes of a download that is answered so, and how often it was asked for.
async fn download(parcel: Answer) -> (Result<Vec<u8>, BindleError>, usize) {
    let server = Server::start(move |_, head| match head.contains('@') {
        true => parcel.clone(),
        false => answer(200, "", invoice()),
    })
    .await;
    let client = server.client();
    let image = client.find(&reference(HELLO), Kind::Module).await.expect("it is there");
    let bytes = client.download(&reference(HELLO), &image, 1000, &Progress::default()).await;
    (bytes.map(Into::into), server.heads().len() - 1)
}

fn all_of(server: &Server) -> Credentials {
    let credentials = Credentials::default();
    let token = Credential::Token("s3cret".to_owned());
    credentials.replace(
        Layer::Host,
        Places::default().with(RegistryKind::Bindle, server.address.to_string().parse().expect("a place"), token),
    );
    credentials
}

#[tokio::test]
async fn statuses() {
    let check = async |status: u16, is_meant: fn(&BindleError) -> bool, is_meant_known: fn(&BindleError) -> bool| {
        let server = Server::always(answer(status, "", "")).await;
        for (client, is_meant) in [(server.client(), is_meant), (server.client_with(all_of(&server)), is_meant_known)] {
            let error = client.find(&reference(HELLO), Kind::Module).await.expect_err("it is refused");
            assert!(is_meant(&error), "{status}: {error:?}");
            assert!(error.to_string().contains(&server.address.to_string()), "{error}");
        }
    };
    let status: fn(&BindleError) -> bool = |error| matches!(error, BindleError::Status { .. });
    for other in [204, 206, 400, 410, 418] {
        check(other, status, status).await;
    }
    check(
        401,
        |error| matches!(error, BindleError::CredentialsNeeded { .. }),
        |error| matches!(error, BindleError::CredentialsRefused { .. }),
    )
    .await;
    check(
        403,
        |error| matches!(error, BindleError::AnonymousDenied { .. }),
        |error| matches!(error, BindleError::Denied { .. }),
    )
    .await;
    let check = async |status, is_meant| check(status, is_meant, is_meant).await;
    check(404, |error| matches!(error, BindleError::NotFound { .. })).await;
    check(429, |error| matches!(error, BindleError::TooManyRequests { .. })).await;
    check(500, |error| matches!(error, BindleError::Failing { status: 500, .. })).await;
    check(503, |error| matches!(error, BindleError::Failing { status: 503, .. })).await;
    check(301, |error| matches!(error, BindleError::Redirect { target: None, .. })).await;
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let broken = || Answer::Last(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nbindleVersion".to_vec());
    let passing = [answer(500, "", ""), answer(429, "retry-after: 0\r\n", ""), broken(), Answer::Last(Vec::new())];
    for failing in passing {
        let server = Server::start(move |number, _| match number {
            0 | 1 => failing.clone(),
            _ => answer(200, "", invoice()),
        })
        .await;
        find(&server).await.expect("the third time it is there");
        assert_eq!(server.heads().len(), 3);
    }
}

#[tokio::test]
async fn trying_again_ends() {
    let often = PATIENCE.attempts as usize;
    let check = async |failing: Answer, often: usize, is_meant: fn(&BindleError) -> bool| {
        let server = Server::always(failing).await;
        let error = find(&server).await.expect_err("it never works");
        assert!(is_meant(&error), "{error:?}");
        assert_eq!(server.heads().len(), often, "{error}");
    };
    check(answer(502, "", ""), often, |error| matches!(error, BindleError::Failing { status: 502, .. })).await;
    check(answer(429, "", ""), often, |error| matches!(error, BindleError::TooManyRequests { retry_after: None, .. }))
        .await;
    check(answer(404, "", ""), 1, |error| matches!(error, BindleError::NotFound { .. })).await;
    let broken = Answer::Last(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nbindleVersion".to_vec());
    check(broken, often, |error| matches!(error, BindleError::Broken { .. })).await;
    check(Answer::Last(b"SSH-2.0-server\r\n".to_vec()), often, |error| matches!(error, BindleError::Broken { .. }))
        .await;
}

/// Who would wait that long is told instead.
#[tokio::test]
async fn a_server_that_wants_to_be_left_alone() {
    let server = Server::always(answer(429, "retry-after: 3600\r\n", "")).await;
    let error = find(&server).await.expect_err("it is refused");
    let expect = format!("the bindle server `{}` is asked too often; it may be asked again in 3600 s", server.address);
    assert_eq!((error.to_string(), server.heads().len()), (expect, 1));
    let date = answer(503, "retry-after: Wed, 21 Oct 2026 07:28:00 GMT\r\n", "");
    assert!(matches!(refused(date).await, BindleError::Failing { retry_after: None, .. }));
}

/// In paused time, which passes as it is waited for and not otherwise.
#[tokio::test(start_paused = true)]
async fn pauses_become_longer() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let times = Arc::clone(&heard);
    let server = Server::start(move |number, _| {
        times.lock().expect("nobody panics").push(Instant::now());
        answer(429, if number == 2 { "retry-after: 1\r\n" } else { "" }, "")
    })
    .await;
    let mut client = server.client();
    let (pause, longest) = (Duration::from_millis(20), Duration::from_secs(1));
    client.patience = Patience { attempts: 5, pause, longest };
    client.find(&reference(HELLO), Kind::Module).await.expect_err("it never works");
    let heard = heard.lock().expect("nobody panics");
    let waited: Vec<_> = heard.windows(2).map(|two| (two[1] - two[0]).as_millis() / 10).collect();
    assert_eq!(waited, [2, 4, 100, 16]);
}

#[tokio::test]
async fn what_is_no_invoice() {
    let html = "<!DOCTYPE html><html><body>Welcome</body></html>";
    let error = refused(answer(200, "content-type: text/html\r\n", html)).await;
    assert!(matches!(error, BindleError::NotToml { .. }), "{error}");
    let error = refused(answer(200, "", [0xff, 0xfe])).await;
    assert!(matches!(error, BindleError::NotToml { .. }), "{error}");
    for toml in ["", "a = 1", "[bindle]\nname = 1\nversion = \"1.0.0\"", "parcel = 7"] {
        let error = refused(answer(200, "", toml)).await;
        assert!(matches!(error, BindleError::NotAnInvoice { .. }), "{toml}: {error}");
    }
    let error = refused(answer(200, "", invoice_of("other", 8))).await;
    assert!(matches!(&error, BindleError::OtherBindle { found, .. } if found == "other/1.0.0"), "{error}");
    let upper = invoice().replace(&Digest::of(MODULE).to_hex(), &Digest::of(MODULE).to_hex().to_uppercase());
    let error = refused(answer(200, "", upper)).await;
    assert!(matches!(&error, BindleError::ParcelDigest { parcel } if parcel == "a.wasm"), "{error}");
}

/// No error repeats control characters, which would forge lines of a log, or pages of text.
#[tokio::test]
async fn errors_repeat_little() {
    let long = invoice().replace("hello", &format!("\\n\\u001b{}", "x".repeat(100_000)));
    let error = refused(answer(200, "", long)).await.to_string();
    assert!(!error.contains(char::is_control) && error.len() < 600, "{error}");
    let error = refused(answer(200, "", format!("a = {}", "x\r\n".repeat(10_000)))).await.to_string();
    assert!(!error.contains(char::is_control) && error.len() < 600, "{error}");
}

#[tokio::test]
async fn invoices_without_end() {
    let announced = Answer::Last(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\na".to_vec());
    let chunk = [&b"10000\r\n"[..], &[b'#'; 0x1_0000], b"\r\n"].concat();
    let chunked = [&b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"[..], &chunk.repeat(20)].concat();
    for endless in [announced, Answer::Silence(chunked)] {
        let error = refused(endless).await;
        assert!(matches!(error, BindleError::InvoiceTooLarge { max: 1_048_576, .. }), "{error}");
    }
}

#[tokio::test]
async fn parcels_that_are_others() {
    let chunked = |size: usize| {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        Answer::Bytes(format!("{head}{size:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(size)).into_bytes())
    };
    let check = async |parcel: Answer, is_meant: fn(&BindleError) -> bool| {
        let (result, often) = download(parcel).await;
        let error = result.expect_err("it is another");
        assert!(is_meant(&error), "{error:?}");
        assert_eq!(often, 1, "{error}");
    };
    check(answer(200, "", b"\0asm\x02\0\0\0"), |error| matches!(error, BindleError::WrongDigest { .. })).await;
    let short: fn(&BindleError) -> bool = |error| matches!(error, BindleError::WrongSize { found: Some(7), .. });
    check(answer(200, "", b"\0asm\x01\0\0"), short).await;
    check(chunked(7), short).await;
    let long: fn(&BindleError) -> bool = |error| matches!(error, BindleError::WrongSize { found: None, .. });
    check(answer(200, "", b"\0asm\x01\0\0\0\0"), long).await;
    check(chunked(9), long).await;
    check(answer(404, "", ""), |error| matches!(error, BindleError::ParcelNotFound { .. })).await;
}

#[tokio::test]
async fn parcels_that_break_off() {
    let (result, often) = download(Answer::Last(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n\0asm".to_vec())).await;
    let error = result.expect_err("it never comes whole");
    assert!(matches!(error, BindleError::Broken { .. }), "{error}");
    assert_eq!(often, PATIENCE.attempts as usize);
}

#[tokio::test]
async fn bindles_that_are_too_large_are_not_asked_for() {
    let server = Server::always(answer(200, "", invoice_of("hello", i64::MAX.cast_unsigned()))).await;
    let client = server.client();
    let image = client.find(&reference(HELLO), Kind::Module).await.expect("it is there");
    let error = client.download(&reference(HELLO), &image, 1000, &Progress::default()).await.expect_err("too large");
    assert!(matches!(error, BindleError::TooLarge { max: 1000, .. }), "{error}");
    assert_eq!(server.heads().len(), 1);
}

/// Neither followed nor told what only this server may know.
#[tokio::test]
async fn redirects() {
    let other = Server::always(answer(200, "", invoice())).await;
    let line = format!("location: http://user:s3cret@{}/v1/?token=s3cret\r\n", other.address);
    let server = Server::always(answer(302, &line, "")).await;
    let error = server.client_with(all_of(&server)).find(&reference(HELLO), Kind::Module).await;
    let error = error.expect_err("it leads elsewhere");
    assert!(matches!(&error, BindleError::Redirect { target: Some(to), .. } if to == "127.0.0.1"), "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    assert_eq!((server.heads().len(), other.heads().len()), (1, 0));
}

#[tokio::test]
async fn nobody_there() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("it is bound");
    let web = WebSettings::default().insecure(&free.to_string());
    let client = client(&web, Credentials::default(), &format!("http://{free}/v1/"));
    let error = client.find(&reference(HELLO), Kind::Module).await.expect_err("nobody is there");
    assert!(matches!(error, BindleError::Unreachable { .. }), "{error}");
}

/// The 30 s are over as soon as nobody does anything.
#[tokio::test(start_paused = true)]
async fn silence() {
    let half = Answer::Silence(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nbindleVersion".to_vec());
    for silent in [Answer::Silence(Vec::new()), half] {
        let server = Server::always(silent).await;
        let error = find(&server).await.expect_err("it says nothing");
        assert!(matches!(error, BindleError::Silent { .. }), "{error:?}");
        assert_eq!(server.heads().len(), 1, "it is not asked to be silent again");
    }
}
