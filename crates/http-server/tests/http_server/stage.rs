//! A lattice with a server, whose host and whose actors are the test.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use lattice_claims::{ClusterSeed, HostSeed, Issuers, ModuleSeed, ProviderSeed};
use lattice_http_server::HttpServer;
use lattice_protocol::{
    ActorKey, Encoding, Format, HealthCheckResponse, HostData, HostKey, LatticeName, LinkAnswer, LinkDefinition,
    LinkName, ProviderKey, RpcSubjects, Spelling,
    contract::http_server::{CONTRACT_ID, HANDLE_REQUEST, HttpRequest, HttpResponse},
    decode, encode,
};
use lattice_provider::{Serving, serve};
use lattice_rpc::{Handler, HandlerError, Request, Server, Service};
use lattice_testkit::{NatsServer, eventually};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Semaphore,
};

/// Long beside what any of these tests waits for.
pub(crate) const LONG: Duration = Duration::from_secs(30);

const SNAKE: Format = Format { encoding: Encoding::MessagePack, spelling: Spelling::Snake };

pub(crate) struct Stage {
    nats: NatsServer,
    client: async_nats::Client,
    cluster: ClusterSeed,
    host: HostKey,
    provider: ProviderKey,
    pub(crate) server: HttpServer,
    pub(crate) serving: Option<Serving>,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        let nats = NatsServer::start().await;
        let client = nats.client().await;
        let (cluster, provider) = (ClusterSeed::generate(), ProviderSeed::generate().public());
        let host = HostSeed::generate().public();
        let data = host_data(&nats, &cluster, &host, &provider);
        let mut made = None;
        let serving = serve(data, |context| {
            let server = HttpServer::new(context);
            made = Some(server.clone());
            async { Ok(server) }
        });
        let serving = Some(serving.await.expect("the provider starts"));
        Self { nats, client, cluster, host, provider, server: made.expect("it was made"), serving }
    }

    /// What another process of the same provider is told.
    pub(crate) fn data(&self, links: Vec<LinkDefinition>) -> HostData {
        let data = host_data(&self.nats, &self.cluster, &self.host, &self.provider);
        HostData { link_definitions: links, ..data }
    }

    /// An actor that runs.
    pub(crate) async fn actor(&self, name: &'static str) -> Actor {
        let key = ModuleSeed::generate().public();
        let guest = Arc::new(Guest { name, begun: AtomicUsize::new(0), gate: Semaphore::new(0) });
        let issuers = Issuers::new([self.cluster.public()]).expect("a sound key");
        let service = Service::new(LatticeName::default(), key.clone().into(), issuers);
        let server = Server::start(self.nats.client().await, service, Arc::clone(&guest)).await;
        Actor { key, guest, _server: server.expect("it starts") }
    }

    pub(crate) fn link_of(&self, actor: &ActorKey, values: &[(&str, &str)]) -> LinkDefinition {
        LinkDefinition {
            actor_id: actor.clone(),
            provider_id: self.provider.clone(),
            link_name: LinkName::default(),
            contract_id: CONTRACT_ID.parse().expect("a contract"),
            values: values.iter().copied().collect(),
        }
    }

    /// Puts a link and returns why it is not taken.
    pub(crate) async fn try_put(&self, actor: &ActorKey, values: &[(&str, &str)]) -> Option<String> {
        let subject = self.subjects().put_link(&self.provider, &LinkName::default());
        self.answered(subject, &self.link_of(actor, values)).await
    }

    /// Puts a link on any port and returns where that is.
    pub(crate) async fn put(&self, actor: &Actor, values: &[(&str, &str)]) -> SocketAddr {
        let values = [&[("port", "0")], values].concat();
        assert_eq!(self.try_put(&actor.key, &values).await, None);
        self.server.address(&actor.key).expect("it is linked")
    }

    pub(crate) async fn delete(&self, actor: &Actor) -> Option<String> {
        let subject = self.subjects().delete_link(&self.provider, &LinkName::default());
        self.answered(subject, &self.link_of(&actor.key, &[])).await
    }

    async fn answered(&self, subject: String, link: &LinkDefinition) -> Option<String> {
        let answer = self.client.request(subject, encode(link, SNAKE).into()).await.expect("an answer");
        decode::<LinkAnswer>(&answer.payload).expect("readable").error
    }

    pub(crate) async fn health(&self) -> HealthCheckResponse {
        let subject = self.subjects().health(&self.provider, &LinkName::default());
        let answer = self.client.request(subject, Bytes::new()).await.expect("an answer");
        decode(&answer.payload).expect("readable")
    }

    pub(crate) async fn shut_down(&self) -> Bytes {
        let subject = self.subjects().shutdown(&self.provider, &LinkName::default());
        let body = format!(r#"{{"host_id":"{}"}}"#, self.host);
        let request = async_nats::Request::new().payload(body.into()).timeout(Some(LONG));
        self.client.send_request(subject, request).await.expect("an answer").payload
    }

    fn subjects(&self) -> RpcSubjects {
        RpcSubjects::new(LatticeName::default())
    }
}

fn host_data(nats: &NatsServer, cluster: &ClusterSeed, host: &HostKey, provider: &ProviderKey) -> HostData {
    let seed = cluster.secret_text();
    HostData {
        lattice_rpc_url: nats.url(),
        instance_id: "1".to_owned(),
        cluster_issuers: vec![cluster.public()],
        default_rpc_timeout_ms: Some(20_000),
        ..HostData::new(host.clone(), LatticeName::default(), provider.clone(), seed)
    }
}

pub(crate) struct Actor {
    pub(crate) key: ActorKey,
    pub(crate) guest: Arc<Guest>,
    _server: Server,
}

/// Does what the path of a request says.
pub(crate) struct Guest {
    name: &'static str,
    begun: AtomicUsize,
    /// Lets requests for `/wait` go on.
    pub(crate) gate: Semaphore,
}

impl Guest {
    pub(crate) async fn begun(&self, requests: usize) {
        let begun = async || (self.begun.load(Ordering::SeqCst) >= requests).then_some(());
        eventually("requests reach the actor", LONG, begun).await;
    }

    pub(crate) fn count(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}

impl Handler for Guest {
    async fn handle(&self, request: Request) -> Result<Bytes, HandlerError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        assert_eq!(request.operation, HANDLE_REQUEST);
        let http: HttpRequest<'_> = lattice_provider::decode(&request.payload).expect("a request");
        let respond = |status_code, fields: &[(&str, &[&str])], body: &str| {
            let values = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
            let header = fields.iter().map(|(name, all)| ((*name).to_owned(), values(all))).collect();
            let body = body.as_bytes().to_vec().into();
            Ok(lattice_provider::encode(&HttpResponse { status_code, header, body }))
        };
        match http.path.rsplit('/').next().unwrap_or_default() {
            "wait" => {
                self.gate.acquire().await.expect("the gate is never closed").forget();
                respond(200, &[], "waited")
            }
            "never" => std::future::pending().await,
            "fail" => Err(HandlerError::Failed("a secret reason".to_owned())),
            "full" => Err(HandlerError::Overloaded("no room".to_owned())),
            "nonsense" => Ok(Bytes::from_static(b"\xa2hi")),
            "status" => respond(http.query_string.parse().expect("a number"), &[], ""),
            "split" => respond(200, &[("a", &["x\r\nInjected: y"])], ""),
            "cookies" => respond(404, &[("set-cookie", &["a=1", "b=2"]), ("content-length", &["9"])], "none"),
            "big" => respond(200, &[], &"x".repeat(4 << 20)),
            "trace" => respond(200, &[], &format!("{:?}", request.trace)),
            _ => respond(200, &[("x-actor", &[self.name])], &told(&http)),
        }
    }
}

/// A request as a text.
fn told(http: &HttpRequest<'_>) -> String {
    let mut text = format!("{} {} [{}]\n", http.method, http.path, http.query_string);
    for (name, values) in &http.header {
        text += &format!("{name}={}\n", values.join("|"));
    }
    let shown = String::from_utf8_lossy(&http.body[..http.body.len().min(100)]);
    text + &format!("{} bytes: {shown}", http.body.len())
}

/// Sends these bytes and returns all that comes until the server closes.
pub(crate) async fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(bytes.as_ref()).await.expect("it reads");
    to_end(&mut stream).await
}

pub(crate) async fn to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A server that gives up on a client may reset the connection behind its answer.
    let _ = tokio::time::timeout(LONG, stream.read_to_end(&mut answer)).await.expect("it closes");
    String::from_utf8_lossy(&answer).into_owned()
}

/// A GET whose connection closes behind it.
pub(crate) async fn get(address: SocketAddr, path: &str) -> String {
    exchange(address, format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")).await
}

#[track_caller]
pub(crate) fn assert_status(answer: &str, status: u16) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
}

/// What stands behind the head.
pub(crate) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// An address that was free a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port is free")
}
