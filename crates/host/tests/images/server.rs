//! A registry of one's own making: it counts what it is asked, and answers as a test says.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use lattice_artifact::Digest;
use lattice_testkit::eventually;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use crate::support::DEADLINE;

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const MODULE: &str = "application/wasm";

/// What a server does with a question.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// Answers so once it is let.
    Held(watch::Receiver<bool>, Box<Reply>),
    /// Sends that many bytes of what it would say, and hangs up.
    Torn(usize, Box<Reply>),
    /// Sends that many bytes of what it would say, and then nothing, and keeps the connection.
    Stuck(usize, Box<Reply>),
}

impl Reply {
    pub(crate) fn ok(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        Self::Answer { status: 200, headers, body: body.into() }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name, value.into()));
        }
        self
    }

    pub(crate) fn held_by(self, gate: &watch::Sender<bool>) -> Self {
        Self::Held(gate.subscribe(), Box::new(self))
    }

    pub(crate) fn stuck(self, at: usize) -> Self {
        Self::Stuck(at, Box::new(self))
    }

    pub(crate) fn torn(self, at: usize) -> Self {
        Self::Torn(at, Box::new(self))
    }
}

/// A module as registries keep it, under one name.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) manifest: String,
    pub(crate) bytes: Vec<u8>,
}

impl Stored {
    pub(crate) fn module(bytes: &[u8]) -> Self {
        let layer = json!({"mediaType": MODULE, "digest": Digest::of(bytes).to_string(), "size": bytes.len()});
        let config = json!({
            "mediaType": "application/vnd.wasmcloud.actor.archive.config",
            "digest": Digest::of(b"").to_string(),
            "size": 0,
        });
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]});
        Self { manifest: manifest.to_string(), bytes: bytes.to_vec() }
    }

    /// How bytes are named.
    pub(crate) fn digest(bytes: &[u8]) -> String {
        Digest::of(bytes).to_string()
    }

    pub(crate) fn manifest(&self) -> Reply {
        Reply::ok(MANIFEST, self.manifest.clone())
    }

    pub(crate) fn layer(&self) -> Reply {
        Reply::ok("application/octet-stream", self.bytes.clone())
    }

    /// What a sound registry answers.
    pub(crate) fn answer(&self, path: &str) -> Reply {
        match is_layer(path) {
            true => self.layer(),
            false if path.contains("/manifests/") => self.manifest(),
            false => Reply::status(404),
        }
    }
}

pub(crate) fn is_layer(path: &str) -> bool {
    path.contains("/blobs/")
}

type Answerer = dyn Fn(&str) -> Reply + Send + Sync;

/// A server on a port of its own, gone when dropped.
pub(crate) struct Fake {
    /// `127.0.0.1:port`.
    pub(crate) server: String,
    asked: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Fake {
    /// A server that answers by path.
    pub(crate) async fn start(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let server = listener.local_addr().expect("a listener has an address").to_string();
        let asked = Arc::<Mutex<Vec<_>>>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::new(answer), Arc::clone(&asked)));
        Self { server, asked, _tasks: tasks }
    }

    /// One that has this under every name.
    pub(crate) async fn with(stored: Stored) -> Self {
        Self::start(move |path| stored.answer(path)).await
    }

    pub(crate) fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.server)
    }

    /// How many questions were about paths with that part; all of them have a slash.
    pub(crate) fn count(&self, part: &str) -> usize {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(|path| path.contains(part)).count()
    }

    pub(crate) async fn until_asked(&self, part: &str, times: usize) {
        eventually("the server is asked", DEADLINE, async || (self.count(part) >= times).then_some(())).await;
    }
}

async fn accept(listener: TcpListener, answer: Arc<Answerer>, asked: Arc<Mutex<Vec<String>>>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.expect("connections are accepted");
        let (answer, asked) = (Arc::clone(&answer), Arc::clone(&asked));
        connections.spawn(async move {
            // Who goes away in the middle is part of some tests.
            let _ = converse(stream, &*answer, &asked).await;
        });
    }
}

async fn converse(stream: TcpStream, answer: &Answerer, asked: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let path = read(&mut stream).await?;
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
    let mut reply = answer(&path);
    if let Reply::Held(mut gate, then) = reply {
        // A gate that is gone stays shut.
        if gate.wait_for(|open| *open).await.is_err() {
            std::future::pending::<()>().await;
        }
        reply = *then;
    }
    stream.write_all(&bytes(&reply)).await?;
    match reply {
        Reply::Stuck(..) => std::future::pending().await,
        _ => stream.shutdown().await,
    }
}

/// The path that is asked for. Nobody sends a body here.
async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut first = String::new();
    stream.read_line(&mut first).await?;
    let mut line = first.clone();
    while !line.trim().is_empty() {
        line.clear();
        stream.read_line(&mut line).await?;
    }
    let path = first.split(' ').nth(1).ok_or_else(|| io::Error::other("no question"))?;
    Ok(path.to_owned())
}

/// What goes over the wire.
fn bytes(reply: &Reply) -> Vec<u8> {
    match reply {
        Reply::Answer { status, headers, body } => {
            let mut head = format!("HTTP/1.1 {status} Said\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
            headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
            [head.as_bytes(), b"\r\n", body].concat()
        }
        Reply::Held(_, then) => bytes(then),
        Reply::Stuck(at, whole) | Reply::Torn(at, whole) => {
            let mut bytes = bytes(whole);
            bytes.truncate(*at);
            bytes
        }
    }
}
