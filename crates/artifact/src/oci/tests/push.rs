//! Pushing: what is sent where, and what servers may not make of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::{
    io::{self, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time,
};

use super::{
    fake::{Asked, Fake, Reply},
    setup::{Client, hello, reference, refused},
};
use crate::{
    digest::Digest,
    kind::Kind,
    oci::{OciError, Push, Registries},
    progress::Progress,
};

const CONTENT: &[u8] = &[7; 300_000];

fn pushed(kind: Kind) -> Push {
    let annotations = BTreeMap::from([("org.opencontainers.image.version".to_owned(), "1.0".to_owned())]);
    Push { bytes: Bytes::from_static(CONTENT), kind, title: "hello.wasm".to_owned(), annotations }
}

async fn push(registries: &Registries, server: &str) -> Result<Digest, OciError> {
    let (registries, reference) = (registries.clone(), hello(server));
    let pushing = async move { registries.push(&reference, &pushed(Kind::Module), &Progress::default()).await };
    tokio::spawn(pushing).await.expect("pushing does not panic")
}

/// A registry that takes everything.
fn takes_all(asked: &Asked) -> Reply {
    match asked.method.as_str() {
        "HEAD" => Reply::status(404),
        "POST" => Reply::status(202).with("location", "/upload?session=1"),
        _ => Reply::status(201),
    }
}

#[tokio::test]
async fn bytes_configuration_and_manifest_are_sent() {
    for (kind, config_type, layer_type) in [
        (
            Kind::Module,
            "application/vnd.wasmcloud.actor.archive.config",
            "application/vnd.module.wasm.content.layer.v1+wasm",
        ),
        (
            Kind::Provider,
            "application/vnd.wasmcloud.provider.archive.config",
            "application/vnd.wasmcloud.provider.archive.layer.v1+par",
        ),
    ] {
        let fake = Fake::start(takes_all).await;
        let heard = Arc::<Mutex<Vec<_>>>::default();
        let hears = Arc::clone(&heard);
        let progress = Progress::new(move |done, total| hears.lock().expect("nobody panics").push((done, total)));
        let registries = Client::of([&fake]).build();
        let digest = registries.push(&hello(&fake.server), &pushed(kind), &progress).await.expect("all is taken");

        let sent: Vec<_> = fake.asked().into_iter().filter(|asked| asked.method == "PUT").collect();
        let [layer, config, manifest] = &sent[..] else { panic!("{sent:?}") };
        let upload = |bytes| format!("/upload?session=1&digest={}", Digest::of(bytes).to_string().replace(':', "%3A"));
        assert_eq!((layer.path.as_str(), layer.body.as_slice()), (upload(CONTENT).as_str(), CONTENT));
        assert_eq!((config.path.as_str(), config.body.as_slice()), (upload(b"{}").as_str(), b"{}".as_slice()));
        assert_eq!(layer.header("content-type"), Some("application/octet-stream"));
        assert_eq!(layer.header("content-length"), Some("300000"));
        assert_eq!(manifest.path, "/v2/acme/hello/manifests/1");
        assert_eq!(manifest.header("content-type"), Some("application/vnd.oci.image.manifest.v1+json"));
        assert_eq!(Digest::of(&manifest.body), digest);
        let expected = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": { "mediaType": config_type, "digest": Digest::of(b"{}"), "size": 2 },
            "layers": [{
                "mediaType": layer_type,
                "digest": Digest::of(CONTENT),
                "size": 300_000,
                "annotations": { "org.opencontainers.image.title": "hello.wasm" },
            }],
            "annotations": { "org.opencontainers.image.version": "1.0" },
        });
        assert_eq!(serde_json::from_slice::<Value>(&manifest.body).expect("it is JSON"), expected);

        let heard = heard.lock().expect("nobody panics");
        assert_eq!(heard.last(), Some(&(300_000, 300_000)));
        assert!(heard.is_sorted() && heard.len() > 3, "{heard:?}");
    }
}

#[tokio::test]
async fn what_is_there_is_not_sent_again() {
    let fake = Fake::start(|asked| match asked.method.as_str() {
        "HEAD" => Reply::status(200).with("content-length", "2"),
        _ => takes_all(asked),
    })
    .await;
    push(&Client::of([&fake]).build(), &fake.server).await.expect("all is taken");
    let methods: Vec<_> = fake.asked().into_iter().map(|asked| asked.method).collect();
    assert_eq!(methods, ["HEAD", "HEAD", "PUT"]);
}

#[tokio::test]
async fn who_does_not_say_what_is_there_gets_all() {
    for status in [405, 307] {
        let fake = Fake::start(move |asked| match asked.method.as_str() {
            "HEAD" => Reply::status(status).with("location", "/elsewhere"),
            _ => takes_all(asked),
        })
        .await;
        push(&Client::of([&fake]).build(), &fake.server).await.expect("all is taken");
        assert_eq!(fake.count("/upload?"), 2);
    }
}

#[tokio::test]
async fn a_token_for_pushing_is_asked_for() {
    let fake = Fake::start(|asked| match asked.authorization() {
        _ if asked.is_about("/token") => Reply::ok("application/json", r#"{"token":"t0ken","expires_in":300}"#),
        Some("Bearer t0ken") => takes_all(asked),
        _ => Reply::who(&format!(r#"Bearer realm="http://{}/token""#, asked.host())),
    })
    .await;
    push(&Client::of([&fake]).build(), &fake.server).await.expect("all is taken");
    let asked: Vec<_> =
        fake.asked().into_iter().filter(|asked| asked.is_about("/token")).map(|asked| asked.path).collect();
    assert_eq!(asked, ["/token?scope=repository%3Aacme%2Fhello%3Apull%2Cpush"]);
}

#[tokio::test]
async fn pushes_need_a_tag() {
    let digest = Digest::of(b"");
    for text in ["localhost:1/acme/hello".to_owned(), format!("localhost:1/acme/hello:1@{digest}")] {
        let registries = Client::default().build();
        let result = registries.push(&reference(&text), &pushed(Kind::Module), &Progress::default()).await;
        assert!(matches!(result, Err(OciError::NoTag { .. })), "{result:?}");
    }
}

#[tokio::test]
async fn uploads_stay_on_their_server() {
    let elsewhere = Fake::start(takes_all).await;
    let to = format!("http://{}/upload", elsewhere.server);
    let fakes = [
        Fake::start({
            let to = to.clone();
            move |asked| match asked.method.as_str() {
                "POST" => Reply::status(202).with("location", &to),
                _ => takes_all(asked),
            }
        })
        .await,
        Fake::start({
            let to = to.clone();
            move |asked| match asked.method.as_str() {
                "POST" => Reply::redirect(&to),
                _ => takes_all(asked),
            }
        })
        .await,
        Fake::start(move |asked| match asked.method.as_str() {
            "PUT" => Reply::redirect(&to),
            _ => takes_all(asked),
        })
        .await,
    ];
    for fake in fakes {
        let registries = Client::of([&fake, &elsewhere]).build();
        let error = refused(push(&registries, &fake.server).await, &fake.server);
        assert!(matches!(&error, OciError::RedirectElsewhere { to, .. } if *to == elsewhere.server), "{error}");
    }
    assert!(elsewhere.asked().is_empty());

    let nowhere = Fake::start(|asked| match asked.method.as_str() {
        "POST" => Reply::status(202),
        _ => takes_all(asked),
    })
    .await;
    let error = refused(push(&Client::of([&nowhere]).build(), &nowhere.server).await, &nowhere.server);
    assert!(matches!(error, OciError::NoLocation { .. }), "{error}");
}

#[tokio::test]
async fn pushes_that_fail() {
    for (status, puts) in [(403, 1), (413, 1), (503, 4), (500, 4)] {
        let fake = Fake::start(move |asked| match asked.method.as_str() {
            "PUT" => Reply::status(status),
            _ => takes_all(asked),
        })
        .await;
        let error = refused(push(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
        let expected = match status {
            403 => matches!(error, OciError::Forbidden { .. }),
            413 => matches!(error, OciError::Status { .. }),
            _ => matches!(error, OciError::ServerFailed { .. }),
        };
        assert!(expected, "{error}");
        assert_eq!(fake.count("/upload?"), puts);
    }
    let silent = Fake::start(|asked| match asked.method.as_str() {
        "PUT" => Reply::Silence,
        _ => takes_all(asked),
    })
    .await;
    let error = refused(push(&Client::of([&silent]).hasty().build(), &silent.server).await, &silent.server);
    assert!(matches!(error, OciError::Silent { .. }), "{error}");
    assert_eq!(silent.count("/upload?"), 4);
}

/// Bytes that no socket takes without its reader.
const LONG: usize = 48 << 20;
/// Pauses of a slow reader, in sum longer than a server may be silent, each by far shorter.
const PAUSES: usize = 8;

#[tokio::test]
async fn a_slow_upload_is_no_silence() {
    let slow = slow_reader().await;
    let bytes = Bytes::from(vec![7; LONG]);
    let push = Push { bytes, ..pushed(Kind::Module) };
    let registries = Client::default().insecure(&slow.server).silent_for(Duration::from_millis(600)).build();
    registries.push(&hello(&slow.server), &push, &Progress::default()).await.expect("it goes on all the time");
}

struct Slow {
    server: String,
    _tasks: JoinSet<()>,
}

/// A registry that takes everything, the longer the body the slower.
async fn slow_reader() -> Slow {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let server = listener.local_addr().expect("a listener has an address").to_string();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(async move {
                // Who gives up is seen by who pushed.
                let _ = read_slowly(stream).await;
            });
        }
    });
    Slow { server, _tasks: tasks }
}

async fn read_slowly(stream: TcpStream) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut head, mut line) = (String::new(), "\n".to_owned());
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).await?;
        head += &line.to_ascii_lowercase();
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    let mut part = vec![0; length.unwrap_or_default() / PAUSES];
    for _ in 0..PAUSES {
        stream.read_exact(&mut part).await?;
        if part.len() > LONG / PAUSES / 2 {
            time::sleep(Duration::from_millis(150)).await;
        }
    }
    stream.read_exact(&mut vec![0; length.unwrap_or_default() % PAUSES]).await?;
    let status = match head.split(' ').next() {
        Some("head") => "404 Not Found",
        Some("post") => "202 Accepted\r\nlocation: /upload",
        _ => "201 Created",
    };
    stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes()).await?;
    stream.shutdown().await
}
