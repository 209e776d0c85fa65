//! A server that answers as a test says, and a client for it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
};

use super::super::{BindleSettings, Bindles, ask::Patience};
use crate::{
    credentials::Credentials,
    reference::{BindleReference, Reference, Target},
    web::{Web, WebSettings},
};

/// What is done with a request.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// These bytes, and then the next request.
    Bytes(Vec<u8>),
    /// These bytes, and then the connection is closed.
    Last(Vec<u8>),
    /// These bytes, and then nothing for ever.
    Silence(Vec<u8>),
}

/// What is answered to the request of that number, from zero on, with this head.
pub(super) type Answers = dyn Fn(usize, &str) -> Answer + Send + Sync;

/// A server, gone when it is dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(super) async fn start(answers: impl Fn(usize, &str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (address, heads) = (listener.local_addr().expect("it is bound"), Arc::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&heads), Arc::new(answers)));
        Self { address, heads, _tasks: tasks }
    }

    /// One that answers everything so.
    pub(super) async fn always(answer: Answer) -> Self {
        Self::start(move |_, _| answer.clone()).await
    }

    /// The heads of the requests that came.
    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no test panics while it looks").clone()
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/v1/", self.address)
    }

    /// A client that has this server configured, and may reach it without TLS.
    pub(super) fn client(&self) -> Bindles {
        self.client_with(Credentials::default())
    }

    pub(super) fn client_with(&self, credentials: Credentials) -> Bindles {
        let web = WebSettings::default().insecure(&self.address.to_string());
        client(&web, credentials, &self.url())
    }
}

/// Impatient, so that no test waits.
pub(super) const PATIENCE: Patience =
    Patience { attempts: 3, pause: Duration::from_millis(1), longest: Duration::from_secs(1) };

pub(super) fn client(web: &WebSettings, credentials: Credentials, url: &str) -> Bindles {
    let web = Web::new(web).expect("a client");
    let bindles = Bindles::new(web, credentials, BindleSettings::default().url(url)).expect("a URL");
    Bindles { patience: PATIENCE, ..bindles }
}

pub(super) fn reference(text: &str) -> BindleReference {
    match text.parse::<Reference>().expect("a reference").target() {
        Target::Bindle(bindle) => bindle.clone(),
        other => panic!("{other:?}"),
    }
}

/// An answer with this status and body, and these lines in its head.
pub(super) fn answer(status: u16, lines: &str, body: impl AsRef<[u8]>) -> Answer {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status} Status\r\ncontent-length: {}\r\n{lines}\r\n", body.len());
    Answer::Bytes([head.as_bytes(), body].concat())
}

async fn accept(listener: TcpListener, heads: Arc<Mutex<Vec<String>>>, answers: Arc<Answers>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (heads, answers) = (Arc::clone(&heads), Arc::clone(&answers));
        connections.spawn(async move { serve(stream, &heads, &*answers).await });
    }
}

/// Serves one connection until somebody closes it.
pub(super) async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    heads: &Mutex<Vec<String>>,
    answers: &Answers,
) {
    while let Some(head) = read_head(&mut stream).await {
        let number = {
            let mut heads = heads.lock().expect("no test panics while it looks");
            heads.push(head.clone());
            heads.len() - 1
        };
        let (bytes, is_last) = match answers(number, &head) {
            Answer::Bytes(bytes) => (bytes, false),
            Answer::Last(bytes) => (bytes, true),
            Answer::Silence(bytes) => {
                stream.write_all(&bytes).await.expect("the client reads");
                return std::future::pending().await;
            }
        };
        // A client that has read enough may close before it has read all.
        if stream.write_all(&bytes).await.is_err() || is_last {
            return;
        }
    }
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).expect("heads are text"))
}
