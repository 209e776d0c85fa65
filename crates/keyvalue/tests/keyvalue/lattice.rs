//! A lattice for the provider, whose host is the test.

use std::{process::Stdio, time::Duration};

use async_nats::{
    HeaderMap,
    jetstream::{self, kv},
};
use bytes::Bytes;
use lattice_claims::{ClusterSeed, HostSeed, InvocationSigner, ModuleSeed, ProviderSeed};
use lattice_keyvalue::KeyValue;
use lattice_protocol::{
    ActorKey, Encoding, Format, HostData, HostKey, INSTANCE_HEADER, LatticeName, LinkAnswer, LinkDefinition, LinkName,
    ProviderKey, RpcSubjects, Spelling,
    contract::keyvalue::{
        CONTRACT_ID, GetResponse, IncrementRequest, ListAddRequest, ListDelRequest, ListRangeRequest, SetAddRequest,
        SetDelRequest, SetRequest,
    },
};
use lattice_provider::{Serving, decode, encode, serve};
use lattice_rpc::{Call, CallError, Entity, RpcClient};
use lattice_testkit::{NatsServer, eventually};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
};

/// Long beside what any of these tests waits for.
const LONG: Duration = Duration::from_secs(30);

const SNAKE: Format = Format { encoding: Encoding::MessagePack, spelling: Spelling::Snake };

/// A nats-server, the keys of a lattice, and its providers.
pub(crate) struct Lattice {
    nats: NatsServer,
    pub(crate) client: async_nats::Client,
    cluster: ClusterSeed,
    host: HostKey,
    provider: ProviderKey,
    /// How many there are.
    instances: usize,
    serving: Vec<Serving>,
}

impl Lattice {
    /// A lattice with this provider.
    pub(crate) async fn start() -> Self {
        Self::on(NatsServer::start().await).await
    }

    /// A lattice with this provider on a server.
    pub(crate) async fn on(nats: NatsServer) -> Self {
        let mut lattice = Self::empty(nats).await;
        lattice.add_provider().await;
        lattice
    }

    /// A lattice without a provider.
    pub(crate) async fn empty(nats: NatsServer) -> Self {
        Self {
            client: nats.client().await,
            nats,
            cluster: ClusterSeed::generate(),
            host: HostSeed::generate().public(),
            provider: ProviderSeed::generate().public(),
            instances: 0,
            serving: Vec::new(),
        }
    }

    /// The same provider once more, as another host runs it: they share the calls.
    pub(crate) async fn add_provider(&mut self) {
        let serving = serve(self.data(), |context| async { KeyValue::new(context) }).await;
        self.serving.push(serving.expect("the provider starts"));
        self.instances += 1;
    }

    /// The provider as a program, once it serves.
    pub(crate) async fn add_program(&mut self) -> Child {
        let mut program = Command::new(env!("CARGO_BIN_EXE_lattice-keyvalue"));
        let mut child = program.stdin(Stdio::piped()).kill_on_drop(true).spawn().expect("the program starts");
        let mut input = child.stdin.take().expect("its input is a pipe");
        input.write_all(self.data().to_line().as_bytes()).await.expect("it reads");
        let health = RpcSubjects::new(LatticeName::default()).health(&self.provider, &LinkName::default());
        self.until("it serves", async || self.client.request(health.clone(), Bytes::new()).await.is_ok()).await;
        self.instances += 1;
        child
    }

    /// Waits for a condition.
    pub(crate) async fn until(&self, what: &str, mut look: impl AsyncFnMut() -> bool) {
        eventually(what, LONG, async || look().await.then_some(())).await;
    }

    /// A bucket, as any client sees it.
    pub(crate) async fn bucket(&self, name: &str) -> kv::Store {
        jetstream::new(self.client.clone()).get_key_value(name).await.expect("there is the bucket")
    }

    fn data(&self) -> HostData {
        let (host, provider, seed) = (self.host.clone(), self.provider.clone(), self.cluster.secret_text());
        HostData {
            lattice_rpc_url: self.nats.url(),
            instance_id: format!("instance {}", self.instances),
            cluster_issuers: vec![self.cluster.public()],
            default_rpc_timeout_ms: Some(20_000),
            ..HostData::new(host, LatticeName::default(), provider, seed)
        }
    }

    /// An actor that is linked with these values.
    pub(crate) async fn actor(&self, values: &[(&str, &str)]) -> Actor {
        let key = ModuleSeed::generate().public();
        assert_eq!(self.put(&key, values).await, None);
        self.actor_of(key)
    }

    fn actor_of(&self, key: ActorKey) -> Actor {
        let signer = InvocationSigner::new(self.cluster.clone());
        let rpc = RpcClient::new(self.client.clone(), LatticeName::default(), self.host.clone(), signer);
        let target = Entity::Provider {
            key: self.provider.clone(),
            link: LinkName::default(),
            contract: CONTRACT_ID.parse().expect("a contract"),
        };
        Actor { key, rpc: rpc.with_timeout(LONG), target }
    }

    /// Why a link with these values is not taken.
    pub(crate) async fn refused(&self, values: &[(&str, &str)]) -> String {
        self.put(&ModuleSeed::generate().public(), values).await.expect("the link is refused")
    }

    /// Why a link with these values is not taken, if it is not.
    pub(crate) async fn try_link(&self, values: &[(&str, &str)]) -> Option<String> {
        self.put(&ModuleSeed::generate().public(), values).await
    }

    /// Puts a link with every provider there is.
    async fn put(&self, actor: &ActorKey, values: &[(&str, &str)]) -> Option<String> {
        let link = LinkDefinition {
            actor_id: actor.clone(),
            provider_id: self.provider.clone(),
            link_name: LinkName::default(),
            contract_id: CONTRACT_ID.parse().expect("a contract"),
            values: values.iter().copied().collect(),
        };
        let subject = RpcSubjects::new(LatticeName::default()).put_link(&self.provider, &LinkName::default());
        let mut errors = Vec::new();
        for instance in 0..self.instances {
            let mut headers = HeaderMap::new();
            headers.insert(INSTANCE_HEADER, format!("instance {instance}"));
            let body = lattice_protocol::encode(&link, SNAKE).into();
            let answer = self.client.request_with_headers(subject.clone(), headers, body).await.expect("an answer");
            let answer: LinkAnswer = lattice_protocol::decode(&answer.payload).expect("readable");
            errors.extend(answer.error);
        }
        errors.pop()
    }
}

/// An actor, and what it asks of the provider.
#[derive(Clone)]
pub(crate) struct Actor {
    key: ActorKey,
    rpc: RpcClient,
    target: Entity,
}

impl Actor {
    /// Calls the operation with these bytes.
    pub(crate) async fn raw(&self, operation: &str, argument: Bytes) -> Result<Bytes, String> {
        let operation = format!("KeyValue.{operation}");
        let call = Call::new(self.key.clone().into(), self.target.clone(), operation, argument);
        self.rpc.call(call).await.map_err(|error| match error {
            CallError::Failed { error } => error,
            other => panic!("{other:?}"),
        })
    }

    async fn call<R: DeserializeOwned>(&self, operation: &str, argument: &impl Serialize) -> Result<R, String> {
        let result = self.raw(operation, encode(argument)).await?;
        Ok(decode(&result).expect("a result as the contract has it"))
    }

    /// The text under a key.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<String>, String> {
        let GetResponse { value, exists } = self.call("Get", &key).await?;
        assert!(exists || value.is_empty());
        Ok(exists.then_some(value))
    }

    pub(crate) async fn set(&self, key: &str, value: &str, expires: u32) -> Result<(), String> {
        let argument = SetRequest { key: key.to_owned(), value: value.to_owned(), expires };
        let result = self.raw("Set", encode(&argument)).await?;
        assert_eq!(result, "", "a result that is none is no bytes");
        Ok(())
    }

    /// `Contains`, `Del`, `ListClear` or `SetClear`.
    pub(crate) async fn whether(&self, operation: &str, key: &str) -> Result<bool, String> {
        self.call(operation, &key).await
    }

    pub(crate) async fn increment(&self, key: &str, value: i32) -> Result<i32, String> {
        self.call("Increment", &IncrementRequest { key: key.to_owned(), value }).await
    }

    pub(crate) async fn push(&self, list: &str, value: &str) -> Result<u32, String> {
        self.call("ListAdd", &ListAddRequest { list_name: list.to_owned(), value: value.to_owned() }).await
    }

    pub(crate) async fn remove_item(&self, list: &str, value: &str) -> Result<bool, String> {
        self.call("ListDel", &ListDelRequest { list_name: list.to_owned(), value: value.to_owned() }).await
    }

    pub(crate) async fn range(&self, list: &str, start: i32, stop: i32) -> Result<Vec<String>, String> {
        self.call("ListRange", &ListRangeRequest { list_name: list.to_owned(), start, stop }).await
    }

    pub(crate) async fn add(&self, set: &str, value: &str) -> Result<u32, String> {
        self.call("SetAdd", &SetAddRequest { set_name: set.to_owned(), value: value.to_owned() }).await
    }

    pub(crate) async fn remove_member(&self, set: &str, value: &str) -> Result<u32, String> {
        self.call("SetDel", &SetDelRequest { set_name: set.to_owned(), value: value.to_owned() }).await
    }

    /// What a set holds, sorted.
    pub(crate) async fn members(&self, set: &str) -> Result<Vec<String>, String> {
        self.call("SetQuery", &set).await.map(sorted)
    }

    /// `SetUnion` or `SetIntersection`, sorted.
    pub(crate) async fn combined(&self, operation: &str, sets: &[&str]) -> Result<Vec<String>, String> {
        self.call(operation, &sets).await.map(sorted)
    }
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}
