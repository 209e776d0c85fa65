//! A web server that answers as a test says, down to the bytes, and remembers what it was asked.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, rustls};

/// A question as it came.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) method: String,
    /// With the query.
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn authorization(&self) -> Option<&str> {
        self.header("authorization")
    }

    /// The server, as the asker names it.
    pub(super) fn host(&self) -> &str {
        self.header("host").expect("every question names the server")
    }

    pub(super) fn is_about(&self, part: &str) -> bool {
        self.path.contains(part)
    }
}

/// What a server does with a question.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// Answers. Without a length among the headers, the body has the one that it has.
    Answer { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    /// Says nothing, and keeps the connection.
    Silence,
    /// Sends these bytes and closes the connection.
    Raw(Vec<u8>),
    /// Sends these bytes, and then nothing.
    Stuck(Vec<u8>),
}

impl Reply {
    pub(super) fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(super) fn ok(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::status(200).with("content-type", content_type).body(body)
    }

    pub(super) fn redirect(to: &str) -> Self {
        Self::status(307).with("location", to)
    }

    /// A question back: who asks?
    pub(super) fn who(challenge: &str) -> Self {
        Self::status(401).with("www-authenticate", challenge)
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    pub(super) fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        if let Self::Answer { body, .. } = &mut self {
            *body = bytes.into();
        }
        self
    }

    /// This answer, of which the end never comes.
    pub(super) fn stuck(self) -> Self {
        Self::Stuck(self.to_bytes(false))
    }

    fn to_bytes(&self, is_head: bool) -> Vec<u8> {
        let (status, headers, body) = match self {
            Self::Silence => return Vec::new(),
            Self::Raw(bytes) | Self::Stuck(bytes) => return bytes.clone(),
            Self::Answer { status, headers, body } => (status, headers, body),
        };
        let mut head = format!("HTTP/1.1 {status} Said\r\nconnection: close\r\n");
        let has_length = headers.iter().any(|(name, _)| name == "content-length" || name == "transfer-encoding");
        if !has_length {
            head += &format!("content-length: {}\r\n", body.len());
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        let mut bytes = (head + "\r\n").into_bytes();
        if !is_head {
            bytes.extend_from_slice(body);
        }
        bytes
    }
}

type Answerer = dyn Fn(&Asked) -> Reply + Send + Sync;

/// A server on a port of its own, gone when dropped.
pub(super) struct Fake {
    /// `127.0.0.1:port`, or `localhost:port` with TLS.
    pub(super) server: String,
    /// The authority of its certificate.
    pub(super) authority: Option<String>,
    asked: Arc<Mutex<Vec<Asked>>>,
    _tasks: JoinSet<()>,
}

impl Fake {
    pub(super) async fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::serve(None, Arc::new(answer)).await
    }

    /// With TLS and a certificate for `localhost` that nobody knows.
    pub(super) async fn start_tls(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_tls_as("localhost", answer).await
    }

    /// With TLS and a certificate for that name.
    pub(super) async fn start_tls_as(name: &str, answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let certified = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate can be made");
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has the ciphers")
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key.into())
            .expect("the certificate is sound");
        let mut fake = Self::serve(Some(TlsAcceptor::from(Arc::new(config))), Arc::new(answer)).await;
        fake.server = fake.server.replace("127.0.0.1", "localhost");
        fake.authority = Some(certified.cert.pem());
        fake
    }

    async fn serve(tls: Option<TlsAcceptor>, answer: Arc<Answerer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let server = listener.local_addr().expect("a listener has an address").to_string();
        let asked = Arc::<Mutex<Vec<_>>>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, tls, answer, Arc::clone(&asked)));
        Self { server, authority: None, asked, _tasks: tasks }
    }

    /// Everything that it was asked so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many questions were about paths with that part.
    pub(super) fn count(&self, part: &str) -> usize {
        self.asked().iter().filter(|asked| asked.is_about(part)).count()
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, answer: Arc<Answerer>, asked: Arc<Mutex<Vec<Asked>>>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.expect("connections are accepted");
        let (tls, answer, asked) = (tls.clone(), Arc::clone(&answer), Arc::clone(&asked));
        connections.spawn(async move {
            // Who goes away in the middle is part of some tests.
            let _ = match tls {
                None => converse(stream, &*answer, &asked).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => converse(stream, &*answer, &asked).await,
                    Err(error) => Err(error),
                },
            };
        });
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &Answerer,
    asked: &Mutex<Vec<Asked>>,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let Ok(question) = read(&mut stream).await else {
        return stream.write_all(&Reply::status(400).to_bytes(false)).await;
    };
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(question.clone());
    let reply = answer(&question);
    stream.write_all(&reply.to_bytes(question.method == "HEAD")).await?;
    stream.flush().await?;
    match reply {
        Reply::Silence | Reply::Stuck(_) => std::future::pending().await,
        Reply::Answer { .. } | Reply::Raw(_) => stream.shutdown().await,
    }
}

async fn read(stream: &mut (impl AsyncBufReadExt + Unpin)) -> io::Result<Asked> {
    let mut asked = Asked::default();
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let mut words = line.split(' ').map(str::to_owned);
    asked.method = words.next().unwrap_or_default();
    asked.path = words.next().unwrap_or_default();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        asked.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    asked.body = vec![0; length];
    stream.read_exact(&mut asked.body).await?;
    Ok(asked)
}
