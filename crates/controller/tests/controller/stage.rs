//! A lattice for the provider: hosts, instances of the provider, actors.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use async_nats::{
    HeaderMap, Subscriber,
    jetstream::{self, kv},
};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use lattice_claims::{
    AccountSeed, ClusterSeed, HostSeed, InvocationSigner, ModuleSeed, NewModuleClaims, ProviderSeed, sign_module,
};
use lattice_client::{Client, ClientSettings};
use lattice_controller::LatticeController;
use lattice_host::{Host, HostConfig, HostDirs, HostIdentity};
use lattice_protocol::{
    ActorKey, Encoding, Format, HostData, HostKey, INSTANCE_HEADER, Labels, LatticeName, LinkAnswer, LinkDefinition,
    LinkName, Member, ProviderKey, RpcSubjects, Spelling,
};
use lattice_provider::{Serving, decode, encode, serve};
use lattice_rpc::{Call, CallError, Entity, RpcClient};
use lattice_runtime::{Runtime, RuntimeConfig};
use lattice_testkit::{NatsServer, NatsUser, eventually, guests};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Long beside what any of these tests waits for.
pub(crate) const LONG: Duration = Duration::from_secs(60);

const SNAKE: Format = Format { encoding: Encoding::MessagePack, spelling: Spelling::Snake };

/// Where a lattice's NATS is, and who connects to it.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) url: String,
    pub(crate) user: Option<NatsUser>,
}

impl Access {
    pub(crate) async fn connect(&self) -> async_nats::Client {
        let options = match &self.user {
            Some(user) => async_nats::ConnectOptions::with_credentials(&user.creds()).expect("credentials"),
            None => async_nats::ConnectOptions::new(),
        };
        options.connect(&self.url).await.expect("the server takes the connection")
    }
}

/// A lattice.
pub(crate) struct Stage {
    pub(crate) access: Access,
    pub(crate) nats: async_nats::Client,
    pub(crate) lattice: LatticeName,
    pub(crate) cluster: ClusterSeed,
    pub(crate) provider: ProviderKey,
    pub(crate) hosts: Vec<Host>,
    /// The host that the test plays, which runs the provider.
    host: HostKey,
    instances: Vec<Instance>,
    engine: Runtime,
    dir: TempDir,
    _server: Option<NatsServer>,
}

struct Instance {
    id: String,
    _serving: Serving,
}

impl Stage {
    /// The lattice `default` on a server of its own, with one host and the provider.
    pub(crate) async fn start() -> Self {
        let server = NatsServer::start().await;
        let mut stage = Self::empty(&Access { url: server.url(), user: None }, "default").await;
        stage._server = Some(server);
        stage.add_host(&[]).await;
        stage.add_provider().await;
        stage
    }

    /// A lattice without host and provider.
    pub(crate) async fn empty(access: &Access, lattice: &str) -> Self {
        Self {
            nats: access.connect().await,
            access: access.clone(),
            lattice: lattice.parse().expect("a name"),
            cluster: ClusterSeed::generate(),
            provider: ProviderSeed::generate().public(),
            hosts: Vec::new(),
            host: HostSeed::generate().public(),
            instances: Vec::new(),
            engine: Runtime::new(RuntimeConfig::default().memory(64 << 20)).expect("an engine"),
            dir: tempfile::tempdir().expect("a temporary directory"),
            _server: None,
        }
    }

    /// Starts a host that says this of itself.
    pub(crate) async fn add_host(&mut self, labels: &[(&str, &str)]) -> HostKey {
        let config = self.host_config(self.hosts.len(), labels).await;
        let host = Host::start(config).await.expect("the host starts");
        let key = host.key().clone();
        self.hosts.push(host);
        key
    }

    /// Starts hosts, many at a time, until there are so many.
    pub(crate) async fn grow_to(&mut self, count: usize) {
        let mut configs = Vec::new();
        for number in self.hosts.len()..count {
            configs.push(self.host_config(number, &[]).await);
        }
        let started: Vec<_> = stream::iter(configs.into_iter().map(Host::start)).buffer_unordered(16).collect().await;
        self.hosts.extend(started.into_iter().map(|host| host.expect("the host starts")));
    }

    async fn host_config(&self, number: usize, labels: &[(&str, &str)]) -> HostConfig {
        let identity = HostIdentity {
            lattice: self.lattice.clone(),
            host_seed: HostSeed::generate(),
            cluster_seed: self.cluster.clone(),
        };
        let dirs =
            HostDirs { state: self.dir.path().join(format!("state-{number}")), cache: self.dir.path().join("cache") };
        let mut config = HostConfig::new(identity, self.access.connect().await, dirs);
        (config.allow_file, config.engine) = (true, Some(self.engine.clone()));
        config.labels = labels.iter().copied().collect::<Labels>();
        config
    }

    /// Starts an instance of the provider.
    pub(crate) async fn add_provider(&mut self) {
        self.add_provider_with(|_| {}).await;
    }

    pub(crate) async fn add_provider_with(&mut self, change: impl FnOnce(&mut HostData)) {
        let id = format!("instance-{}", self.instances.len());
        let seed = self.cluster.secret_text();
        let mut data = HostData {
            lattice_rpc_url: self.access.url.clone(),
            instance_id: id.clone(),
            cluster_issuers: vec![self.cluster.public()],
            ..HostData::new(self.host.clone(), self.lattice.clone(), self.provider.clone(), seed)
        };
        if let Some(user) = &self.access.user {
            (data.lattice_rpc_user_jwt, data.lattice_rpc_user_seed) = (user.jwt.clone(), user.seed.clone());
        }
        change(&mut data);
        let serving = serve(data, LatticeController::new).await.expect("the provider starts");
        self.instances.push(Instance { id, _serving: serving });
    }

    /// Ends the first instance of the provider, as if its process was killed.
    pub(crate) fn kill_provider(&mut self) {
        self.instances.remove(0);
    }

    /// A separate client of the lattice, by which effects are seen.
    pub(crate) async fn control(&self) -> Client {
        let settings = ClientSettings { lattice: self.lattice.clone(), ..ClientSettings::default() };
        Client::new(self.access.connect().await, settings)
    }

    /// An actor that is linked with these values.
    pub(crate) async fn actor(&self, values: &[(&str, &str)]) -> Actor {
        let actor = self.unlinked();
        assert_eq!(self.link(&actor.key, values).await, None);
        actor
    }

    /// An actor without a link.
    pub(crate) fn unlinked(&self) -> Actor {
        let signer = InvocationSigner::new(self.cluster.clone());
        let rpc = RpcClient::new(self.nats.clone(), self.lattice.clone(), self.host.clone(), signer);
        let contract = "wasmcloud:latticecontrol".parse().expect("a contract");
        let target = Entity::Provider { key: self.provider.clone(), link: LinkName::default(), contract };
        let lattice = self.lattice.to_string();
        Actor { key: ModuleSeed::generate().public(), rpc: rpc.with_timeout(Duration::from_secs(10)), target, lattice }
    }

    /// Links an actor with every instance of the provider; returns why one does not take that.
    pub(crate) async fn link(&self, actor: &ActorKey, values: &[(&str, &str)]) -> Option<String> {
        let subject = self.subjects().put_link(&self.provider, &LinkName::default());
        self.tell(subject, &self.link_definition(actor, values)).await
    }

    pub(crate) async fn unlink(&self, actor: &ActorKey) {
        let subject = self.subjects().delete_link(&self.provider, &LinkName::default());
        assert_eq!(self.tell(subject, &self.link_definition(actor, &[])).await, None);
    }

    fn subjects(&self) -> RpcSubjects {
        RpcSubjects::new(self.lattice.clone())
    }

    fn link_definition(&self, actor: &ActorKey, values: &[(&str, &str)]) -> LinkDefinition {
        LinkDefinition {
            actor_id: actor.clone(),
            provider_id: self.provider.clone(),
            link_name: LinkName::default(),
            contract_id: "wasmcloud:latticecontrol".parse().expect("a contract"),
            values: values.iter().copied().collect(),
        }
    }

    async fn tell(&self, subject: String, link: &LinkDefinition) -> Option<String> {
        let mut errors = Vec::new();
        for instance in &self.instances {
            let mut headers = HeaderMap::new();
            headers.insert(INSTANCE_HEADER, instance.id.as_str());
            let body = lattice_protocol::encode(link, SNAKE).into();
            let answer = self.nats.request_with_headers(subject.clone(), headers, body).await.expect("an answer");
            let answer: LinkAnswer = lattice_protocol::decode(&answer.payload).expect("readable");
            errors.extend(answer.error);
        }
        errors.pop()
    }

    /// A signed module in a file, and its key.
    pub(crate) fn module(&self, name: &str) -> (String, ActorKey) {
        let seed = ModuleSeed::generate();
        let path = self.revision(name, &seed, 1);
        (format!("file://{}", path.display()), seed.public())
    }

    /// A revision of a module, in a file.
    pub(crate) fn revision(&self, name: &str, seed: &ModuleSeed, revision: i32) -> PathBuf {
        let mut claims = NewModuleClaims::new(seed.public(), SystemTime::now());
        (claims.name, claims.revision) = (Some(name.to_owned()), Some(revision));
        let signed = sign_module(&guests::say(name), &claims, &AccountSeed::generate()).expect("it can be signed");
        let path = self.dir.path().join(format!("{name}-{revision}.wasm"));
        std::fs::write(&path, signed).expect("the directory can be written");
        path
    }

    /// A member of the lattice that listens and says nothing.
    pub(crate) async fn add_mute(&self) -> Mute {
        let host = HostSeed::generate().public();
        let prefix = format!("wasmbus.ctl.{}", self.lattice);
        let mut deaf = Vec::new();
        for subject in [format!("{prefix}.get.{host}.inv"), format!("{prefix}.*.{host}.>")] {
            deaf.push(self.nats.subscribe(subject).await.expect("it listens"));
        }
        let member = Member {
            age: None,
            foreign: false,
            friendly_name: "mute".to_owned(),
            host_id: host.clone(),
            incarnation: None,
            interval: 60_000,
            version: "1".to_owned(),
        };
        let note = serde_json::to_vec(&member).expect("a member");
        self.members().await.put(host.as_str(), note.into()).await.expect("it is noted");
        Mute { host, _deaf: deaf }
    }

    async fn members(&self) -> kv::Store {
        let bucket = format!("LATTICEHOSTS_{}", self.lattice);
        jetstream::new(self.nats.clone()).get_key_value(bucket).await.expect("the members")
    }

    /// Takes a member off the list.
    pub(crate) async fn forget(&self, host: &HostKey) {
        self.members().await.purge(host.as_str()).await.expect("it is forgotten");
    }

    /// Waits until this many hosts are known and answer.
    pub(crate) async fn all_known(&self, count: usize) {
        let client = self.control().await;
        eventually("the hosts know each other", LONG, async || {
            let members = client.members().await.ok()?;
            (members.members.good.len() == count).then_some(())
        })
        .await;
    }
}

pub(crate) struct Mute {
    pub(crate) host: HostKey,
    _deaf: Vec<Subscriber>,
}

/// An actor, as the provider knows it.
#[derive(Clone)]
pub(crate) struct Actor {
    pub(crate) key: ActorKey,
    rpc: RpcClient,
    target: Entity,
    lattice: String,
}

impl Actor {
    /// Calls the operation with these bytes.
    pub(crate) async fn raw(&self, operation: &str, argument: Bytes) -> Result<Bytes, String> {
        let operation = format!("LatticeController.{operation}");
        let call = Call::new(self.key.clone().into(), self.target.clone(), operation, argument);
        self.rpc.call(call).await.map_err(|error| match error {
            CallError::Failed { error } | CallError::Refused { error, .. } => error,
            unanswered @ (CallError::TimedOut { .. } | CallError::NoResponders { .. }) => {
                format!("[unanswered] {unanswered}")
            }
            other => panic!("{other:?}"),
        })
    }

    /// Calls the operation with a map, the lattice filled in, and reads its answer.
    pub(crate) async fn call(&self, operation: &str, mut argument: Value) -> Result<Value, String> {
        if let Some(map) = argument.as_object_mut().filter(|map| !map.contains_key("latticeId")) {
            map.insert("latticeId".to_owned(), self.lattice.clone().into());
        }
        let answer = self.raw(operation, encode(&argument)).await?;
        Ok(if answer.is_empty() { Value::Null } else { decode(&answer).expect("an answer as the contract has it") })
    }

    /// The answer of a query about its own lattice, of those that take a bare name.
    pub(crate) async fn ask(&self, operation: &str) -> Result<Value, String> {
        let lattice = self.lattice.clone();
        self.ask_of(operation, &lattice).await
    }

    pub(crate) async fn ask_of(&self, operation: &str, lattice: &str) -> Result<Value, String> {
        self.call(operation, json!(lattice)).await
    }

    /// That a command is taken on.
    pub(crate) async fn done(&self, operation: &str, argument: Value) {
        let answer = self.call(operation, argument).await;
        assert_eq!(answer, Ok(json!({ "accepted": true, "error": "" })), "{operation}");
    }

    /// The code with which something is refused, in an error or an ack.
    pub(crate) async fn refused(&self, operation: &str, argument: Value) -> String {
        code(&self.call(operation, argument).await)
    }

    /// The same actor, whose calls wait this long.
    pub(crate) fn waiting(&self, timeout: Duration) -> Self {
        Self { rpc: self.rpc.clone().with_timeout(timeout), ..self.clone() }
    }

    /// Sets credentials for a lattice; returns the code if they are not accepted.
    pub(crate) async fn set_credentials(&self, lattice: &str, access: &Access) -> Result<(), String> {
        let mut argument = json!({ "latticeId": lattice, "natsUrl": access.url });
        if let Some(user) = &access.user {
            argument["userJwt"] = user.jwt.clone().into();
            argument["userSeed"] = user.seed.clone().into();
        }
        let answer = self.call("SetLatticeCredentials", argument).await;
        match &answer {
            Ok(ack) if ack["accepted"] == true => Ok(()),
            _ => Err(code(&answer)),
        }
    }
}

/// The code in an error or in an ack that refuses.
pub(crate) fn code(answer: &Result<Value, String>) -> String {
    match answer {
        Ok(ack) => {
            assert_eq!(ack["accepted"], false, "{ack}");
            assert_ne!(ack["error"], "", "{ack}");
            ack["code"].as_str().unwrap_or_else(|| panic!("no code: {ack}")).to_owned()
        }
        Err(error) => {
            let code = error.strip_prefix('[').and_then(|rest| rest.split_once("] ")).map(|(code, _)| code);
            code.unwrap_or_else(|| panic!("no code: {error}")).to_owned()
        }
    }
}

/// The ids in a list of hosts or bids.
pub(crate) fn ids(list: &Value, key: &str) -> Vec<String> {
    let items = list.as_array().expect("a list").iter();
    let mut ids: Vec<String> = items.map(|item| item[key].as_str().expect("an id").to_owned()).collect();
    ids.sort();
    ids
}
