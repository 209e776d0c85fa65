//! A lattice of one nats-server and one actor, and invocations of it, genuine or not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use lattice_claims::{ClusterSeed, HostSeed, InvocationSigner, Issuers, ModuleSeed};
use lattice_protocol::LatticeName;
use lattice_rpc::{
    Call, CallError, Entity, Handler, HandlerError, Invocation, InvocationResponse, RefusalKind, Request, RpcClient,
    Server, Service,
};
use lattice_testkit::{NatsOptions, NatsServer, eventually};
use tokio::{sync::Semaphore, time::Instant};

/// Long beside what any of these tests waits for.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// Does what the operation says.
pub(crate) struct Guest {
    /// How many calls have begun.
    pub(crate) begun: AtomicUsize,
    /// Lets calls of `Test.Wait` go on.
    pub(crate) gate: Semaphore,
}

impl Guest {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { begun: AtomicUsize::new(0), gate: Semaphore::new(0) })
    }

    pub(crate) async fn begun(&self, calls: usize) {
        eventually("calls begin", LONG, async || (self.begun.load(Ordering::SeqCst) >= calls).then_some(())).await;
    }
}

impl Handler for Guest {
    async fn handle(&self, request: Request) -> Result<Bytes, HandlerError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        match request.operation.as_str() {
            "Test.Echo" => Ok(request.payload),
            "Test.Wait" => {
                self.gate.acquire().await.expect("the gate is never closed").forget();
                Ok(request.payload)
            }
            "Test.Never" => std::future::pending().await,
            "Test.Big" => Ok(pattern(text(&request.payload).parse().expect("a length"))),
            "Test.Panic" => panic!("as told"),
            "Test.Unlinked" => Err(HandlerError::Unlinked("no link".to_owned())),
            "Test.Full" => Err(HandlerError::Overloaded("no room".to_owned())),
            "Test.Origin" => Ok(format!("{:?}", request.origin).into()),
            "Test.Told" => {
                let left = request.deadline.saturating_duration_since(Instant::now()).as_secs();
                Ok(format!("{} {} {left} {}", request.origin.public_key(), request.depth, request.trace.len()).into())
            }
            other => Err(HandlerError::Failed(format!("no operation {other}"))),
        }
    }
}

/// So many bytes of which no two parts are alike.
pub(crate) fn pattern(length: usize) -> Bytes {
    (0..length).map(|at| (at * 31 + at / 251 + at / 65_537) as u8).collect::<Vec<_>>().into()
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

/// A nats-server, a cluster, and one actor to be called.
pub(crate) struct Lattice {
    pub(crate) nats: NatsServer,
    pub(crate) client: async_nats::Client,
    pub(crate) cluster: ClusterSeed,
    pub(crate) actor: Entity,
    pub(crate) guest: Arc<Guest>,
}

impl Lattice {
    pub(crate) async fn start() -> Self {
        let options = NatsOptions { jetstream: false, max_payload: 256 * 1024, ..NatsOptions::default() };
        Self::start_with(options).await
    }

    pub(crate) async fn start_with(options: NatsOptions) -> Self {
        let nats = NatsServer::start_with(options).await;
        Self {
            client: nats.client().await,
            nats,
            cluster: ClusterSeed::generate(),
            actor: ModuleSeed::generate().public().into(),
            guest: Guest::new(),
        }
    }

    pub(crate) fn service(&self) -> Service {
        let issuers = Issuers::new([self.cluster.public()]).expect("a sound key");
        Service::new(LatticeName::default(), self.actor.clone(), issuers)
    }

    pub(crate) async fn serve(&self) -> Server {
        self.serve_as(self.service()).await
    }

    pub(crate) async fn serve_as(&self, service: Service) -> Server {
        let client = self.nats.client().await;
        Server::start(client, service, self.guest.clone()).await.expect("the service starts")
    }

    pub(crate) fn signer(&self) -> InvocationSigner {
        InvocationSigner::new(self.cluster.clone())
    }

    pub(crate) fn rpc(&self) -> RpcClient {
        let host = HostSeed::generate().public();
        RpcClient::new(self.client.clone(), LatticeName::default(), host, self.signer()).with_timeout(LONG)
    }

    pub(crate) fn call_of(&self, operation: &str) -> Call {
        Call::new(ModuleSeed::generate().public().into(), self.actor.clone(), operation, "payload")
    }

    pub(crate) async fn call(&self, operation: &str) -> Result<Bytes, CallError> {
        self.rpc().call(self.call_of(operation)).await
    }

    pub(crate) fn subject(&self) -> String {
        format!("wasmbus.rpc.default.{}", self.actor.public_key())
    }

    /// An invocation of the echo that would be accepted.
    pub(crate) fn genuine(&self, payload: impl Into<Bytes>) -> Invocation {
        let payload = payload.into();
        let mut invocation = Invocation {
            origin: ModuleSeed::generate().public().into(),
            target: self.actor.clone(),
            operation: "Test.Echo".to_owned(),
            content_length: payload.len() as u64,
            payload,
            id: "01".to_owned(),
            claims: String::new(),
            host_id: HostSeed::generate().public().to_string(),
            trace: [].into(),
        };
        self.sign(&mut invocation, &self.signer());
        invocation
    }

    pub(crate) fn sign(&self, invocation: &mut Invocation, signer: &InvocationSigner) {
        invocation.claims = signer.sign(&invocation.id, &invocation.parts(), SystemTime::now());
    }

    pub(crate) async fn send(&self, body: Bytes) -> InvocationResponse {
        let answer = self.client.request(self.subject(), body).await.expect("an answer");
        InvocationResponse::decode(&answer.payload).expect("readable")
    }

    /// Sends an invocation that must not reach the guest, and returns what its sender is told.
    pub(crate) async fn refused(&self, server: &Server, invocation: &Invocation, kind: RefusalKind) -> String {
        let (begun, count) = (self.guest.begun.load(Ordering::SeqCst), server.refusals().count(kind));
        let answer = self.send(invocation.encode()).await;
        assert_eq!(server.refusals().count(kind), count + 1, "{kind}: {answer:?}");
        assert_eq!(self.guest.begun.load(Ordering::SeqCst), begun, "{kind} reached the guest");
        assert_eq!((answer.invocation_id.as_str(), answer.payload.len(), answer.content_length), ("01", 0, 0));
        answer.error.expect("a refusal has an error")
    }
}
