//! A lattice for the provider, whose host is the test.

use std::{
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_nats::{RequestErrorKind, Subscriber};
use bytes::Bytes;
use futures::StreamExt as _;
use lattice_claims::{ClusterSeed, HostSeed, InvocationSigner, Issuers, ModuleSeed, ProviderSeed};
use lattice_messaging::Messaging;
use lattice_protocol::{
    ActorKey, Encoding, Format, HostData, HostKey, LatticeName, LinkAnswer, LinkDefinition, LinkName, ProviderKey,
    RpcSubjects, Spelling,
    contract::messaging::{CONTRACT_ID, HANDLE_MESSAGE, Message, RequestMessage},
};
use lattice_provider::{HandlerError, Serving, decode, encode, serve};
use lattice_rpc::{Call, CallError, Entity, Handler, Request, RpcClient, Server, Service};
use lattice_testkit::{NatsServer, eventually};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
    sync::Semaphore,
};

/// Long beside what any of these tests waits for.
pub(crate) const LONG: Duration = Duration::from_secs(30);

const SNAKE: Format = Format { encoding: Encoding::MessagePack, spelling: Spelling::Snake };

/// A nats-server, the keys of a lattice, and the provider.
pub(crate) struct Lattice {
    pub(crate) client: async_nats::Client,
    nats: NatsServer,
    cluster: ClusterSeed,
    host: HostKey,
    provider: ProviderKey,
    call_timeout: Duration,
    serving: Option<Serving>,
}

impl Lattice {
    pub(crate) async fn start() -> Self {
        Self::empty().await.serving().await
    }

    /// A lattice in which a call waits so long that says nothing itself.
    pub(crate) async fn with_call_timeout(call_timeout: Duration) -> Self {
        let lattice = Self::empty().await;
        Self { call_timeout, ..lattice }.serving().await
    }

    async fn serving(mut self) -> Self {
        let serving = serve(self.data(), |context| async { Messaging::new(context) }).await;
        self.serving = Some(serving.expect("the provider starts"));
        self
    }

    /// A lattice without the provider.
    pub(crate) async fn empty() -> Self {
        let nats = NatsServer::start().await;
        Self {
            client: nats.client().await,
            nats,
            cluster: ClusterSeed::generate(),
            host: HostSeed::generate().public(),
            provider: ProviderSeed::generate().public(),
            call_timeout: Duration::from_secs(20),
            serving: None,
        }
    }

    /// The provider as a program, once it serves.
    pub(crate) async fn program(&self) -> Child {
        let mut program = Command::new(env!("CARGO_BIN_EXE_lattice-messaging"));
        let mut child = program.stdin(Stdio::piped()).kill_on_drop(true).spawn().expect("the program starts");
        let mut input = child.stdin.take().expect("its input is a pipe");
        input.write_all(self.data().to_line().as_bytes()).await.expect("it reads");
        let health = self.subjects().health(&self.provider, &LinkName::default());
        self.until("it serves", async || self.client.request(health.clone(), Bytes::new()).await.is_ok()).await;
        child
    }

    fn data(&self) -> HostData {
        let (host, provider, seed) = (self.host.clone(), self.provider.clone(), self.cluster.secret_text());
        HostData {
            lattice_rpc_url: self.nats.url(),
            instance_id: "instance".to_owned(),
            cluster_issuers: vec![self.cluster.public()],
            default_rpc_timeout_ms: Some(self.call_timeout.as_millis().try_into().expect("not for ever")),
            ..HostData::new(host, LatticeName::default(), provider, seed)
        }
    }

    /// An actor that runs and is not linked.
    pub(crate) async fn actor(&self) -> Actor {
        let key = ModuleSeed::generate().public();
        let seen =
            Arc::new(Seen { messages: Mutex::default(), is_held: AtomicBool::new(false), gate: Semaphore::new(0) });
        let issuers = Issuers::new([self.cluster.public()]).expect("a sound key");
        let service = Service::new(LatticeName::default(), key.clone().into(), issuers);
        let server = Server::start(self.nats.client().await, service, Arc::new(Subscribed(Arc::clone(&seen)))).await;
        let signer = InvocationSigner::new(self.cluster.clone());
        let rpc = RpcClient::new(self.client.clone(), LatticeName::default(), self.host.clone(), signer);
        let target = Entity::Provider {
            key: self.provider.clone(),
            link: LinkName::default(),
            contract: CONTRACT_ID.parse().expect("a contract"),
        };
        Actor { key, rpc: rpc.with_timeout(LONG), target, seen, _server: server.expect("the actor is served") }
    }

    /// An actor that runs and is linked with these values.
    pub(crate) async fn linked(&self, values: &[(&str, &str)]) -> Actor {
        let actor = self.actor().await;
        assert_eq!(self.put(&actor, values).await, None);
        actor
    }

    /// Links an actor; why it is not taken.
    pub(crate) async fn put(&self, actor: &Actor, values: &[(&str, &str)]) -> Option<String> {
        let subject = self.subjects().put_link(&self.provider, &LinkName::default());
        self.change(subject, actor, values).await
    }

    pub(crate) async fn unlink(&self, actor: &Actor) {
        let subject = self.subjects().delete_link(&self.provider, &LinkName::default());
        assert_eq!(self.change(subject, actor, &[]).await, None);
    }

    fn subjects(&self) -> RpcSubjects {
        RpcSubjects::new(LatticeName::default())
    }

    async fn change(&self, subject: String, actor: &Actor, values: &[(&str, &str)]) -> Option<String> {
        let link = LinkDefinition {
            actor_id: actor.key.clone(),
            provider_id: self.provider.clone(),
            link_name: LinkName::default(),
            contract_id: CONTRACT_ID.parse().expect("a contract"),
            values: values.iter().copied().collect(),
        };
        let answer = self.client.request(subject, lattice_protocol::encode(&link, SNAKE).into()).await;
        let answer: LinkAnswer = lattice_protocol::decode(&answer.expect("an answer").payload).expect("readable");
        answer.error
    }

    pub(crate) async fn listen(&self, subject: &str) -> Subscriber {
        let subscriber = self.client.subscribe(subject.to_owned()).await.expect("a subscription");
        self.client.flush().await.expect("connected");
        subscriber
    }

    pub(crate) async fn publish(&self, subject: &str, body: &str) {
        self.client.publish(subject.to_owned(), body.to_owned().into()).await.expect("sent");
    }

    pub(crate) async fn nobody_listens(&self, subject: &str) -> bool {
        // Whoever still listens does not answer; that nobody does is said at once.
        let request = async_nats::Request::new().payload("lost".into()).timeout(Some(Duration::from_millis(200)));
        let answer = self.client.send_request(subject.to_owned(), request).await;
        answer.is_err_and(|error| error.kind() == RequestErrorKind::NoResponders)
    }

    pub(crate) async fn until(&self, what: &str, mut look: impl AsyncFnMut() -> bool) {
        eventually(what, LONG, async || look().await.then_some(())).await;
    }

    /// Ends the provider in order; whoever waits for it.
    pub(crate) fn shutdown(&mut self) -> impl Future<Output = lattice_provider::Ended> + use<> {
        self.serving.take().expect("it serves").shutdown()
    }
}

/// The next message of a subscription.
pub(crate) async fn next(subscriber: &mut Subscriber) -> async_nats::Message {
    tokio::time::timeout(LONG, subscriber.next()).await.expect("a message comes").expect("connected")
}

/// What an actor was handed.
struct Seen {
    messages: Mutex<Vec<Message>>,
    /// Whether it keeps what it is handed until the gate lets it go.
    is_held: AtomicBool,
    gate: Semaphore,
}

struct Subscribed(Arc<Seen>);

impl Handler for Subscribed {
    async fn handle(&self, request: Request) -> Result<Bytes, HandlerError> {
        assert_eq!(request.operation, HANDLE_MESSAGE);
        let message: Message = decode(&request.payload)?;
        let fails = message.body == b"fail";
        self.0.messages.lock().expect("not poisoned").push(message);
        if self.0.is_held.load(Ordering::SeqCst) {
            self.0.gate.acquire().await.expect("the gate is never closed").forget();
        }
        if fails { Err(HandlerError::Failed("as told".to_owned())) } else { Ok(Bytes::new()) }
    }
}

/// An actor.
pub(crate) struct Actor {
    key: ActorKey,
    rpc: RpcClient,
    target: Entity,
    seen: Arc<Seen>,
    _server: Server,
}

impl Actor {
    fn to(&self, operation: &str, argument: Bytes) -> Call {
        Call::new(self.key.clone().into(), self.target.clone(), format!("Messaging.{operation}"), argument)
    }

    pub(crate) async fn send(&self, call: Call) -> Result<Bytes, CallError> {
        self.rpc.call(call).await
    }

    /// Publishes, or tells why not.
    pub(crate) async fn publish(&self, subject: &str, reply_to: Option<&str>, body: &str) -> Result<(), String> {
        let reply_to = reply_to.map(str::to_owned);
        let message = Message { subject: subject.to_owned(), reply_to, body: body.into() };
        let result = self.rpc.call(self.to("Publish", encode(&message))).await.map_err(failed)?;
        assert_eq!(result, "", "a result that is none is no bytes");
        Ok(())
    }

    pub(crate) fn asking(&self, subject: &str, timeout_ms: u32) -> Call {
        let message = RequestMessage { subject: subject.to_owned(), body: b"question".to_vec(), timeout_ms };
        self.to("Request", encode(&message))
    }

    /// Asks, or tells why there is no answer.
    pub(crate) async fn request(&self, subject: &str, timeout_ms: u32) -> Result<Message, String> {
        let result = self.rpc.call(self.asking(subject, timeout_ms)).await.map_err(failed)?;
        Ok(decode(&result).expect("a message"))
    }

    /// What it was handed, in the order in which that came.
    pub(crate) fn messages(&self) -> Vec<Message> {
        self.seen.messages.lock().expect("not poisoned").clone()
    }

    /// The bodies of what it was handed.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.messages().into_iter().map(|message| String::from_utf8(message.body).expect("text")).collect()
    }

    /// Keeps what it is handed from now on.
    pub(crate) fn hold(&self) {
        self.seen.is_held.store(true, Ordering::SeqCst);
    }

    /// Lets all of it go.
    pub(crate) fn release(&self) {
        self.seen.is_held.store(false, Ordering::SeqCst);
        self.seen.gate.add_permits(1000);
    }
}

pub(crate) fn failed(error: CallError) -> String {
    match error {
        CallError::Failed { error } => error,
        other => panic!("{other:?}"),
    }
}
