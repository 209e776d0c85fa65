//! A lattice for one provider, whose host is the test.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use lattice_claims::{ClusterSeed, HostSeed, InvocationSigner, ModuleSeed, ProviderSeed};
use lattice_protocol::{
    ActorKey, Encoding, Format, HealthCheckResponse, HostData, HostKey, LatticeName, LinkAnswer, LinkDefinition,
    LinkName, ProviderKey, RpcSubjects, Spelling, decode, encode,
};
use lattice_rpc::{Call, CallError, Entity, Invocation, RpcClient};
use lattice_testkit::{NatsServer, eventually};

/// Long beside what any of these tests waits for.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// How links are written on the bus.
pub(crate) const SNAKE: Format = Format { encoding: Encoding::MessagePack, spelling: Spelling::Snake };

pub(crate) const CONTRACT: &str = "example:counter";

/// A nats-server and the keys of a lattice.
pub(crate) struct Lattice {
    pub(crate) nats: NatsServer,
    pub(crate) client: async_nats::Client,
    pub(crate) cluster: ClusterSeed,
    pub(crate) host: HostKey,
    pub(crate) provider: ProviderKey,
}

impl Lattice {
    pub(crate) async fn start() -> Self {
        let nats = NatsServer::start().await;
        let client = nats.client().await;
        Self::of(nats, client)
    }

    pub(crate) fn of(nats: NatsServer, client: async_nats::Client) -> Self {
        Self {
            nats,
            client,
            cluster: ClusterSeed::generate(),
            host: HostSeed::generate().public(),
            provider: ProviderSeed::generate().public(),
        }
    }

    /// What the host says to its provider.
    pub(crate) fn data(&self, links: Vec<LinkDefinition>) -> HostData {
        let (host, provider, seed) = (self.host.clone(), self.provider.clone(), self.cluster.secret_text());
        HostData {
            lattice_rpc_url: self.nats.url(),
            instance_id: "instance 1".to_owned(),
            link_definitions: links,
            cluster_issuers: vec![self.cluster.public()],
            default_rpc_timeout_ms: Some(20_000),
            ..HostData::new(host, LatticeName::default(), provider, seed)
        }
    }

    pub(crate) fn link(&self, actor: &ActorKey, values: &[(&str, &str)]) -> LinkDefinition {
        LinkDefinition {
            actor_id: actor.clone(),
            provider_id: self.provider.clone(),
            link_name: LinkName::default(),
            contract_id: CONTRACT.parse().expect("a contract"),
            values: values.iter().copied().collect(),
        }
    }

    pub(crate) fn subjects(&self) -> RpcSubjects {
        RpcSubjects::new(LatticeName::default())
    }

    pub(crate) fn put_subject(&self) -> String {
        self.subjects().put_link(&self.provider, &LinkName::default())
    }

    pub(crate) fn delete_subject(&self) -> String {
        self.subjects().delete_link(&self.provider, &LinkName::default())
    }

    pub(crate) fn health_subject(&self) -> String {
        self.subjects().health(&self.provider, &LinkName::default())
    }

    pub(crate) fn shutdown_subject(&self) -> String {
        self.subjects().shutdown(&self.provider, &LinkName::default())
    }

    /// Puts a link and returns why it is not taken.
    pub(crate) async fn put(&self, link: &LinkDefinition) -> Option<String> {
        self.answered(self.put_subject(), encode(link, SNAKE).into()).await
    }

    /// Deletes a link as published hosts do, with the whole definition.
    pub(crate) async fn delete(&self, link: &LinkDefinition) -> Option<String> {
        self.answered(self.delete_subject(), encode(link, SNAKE).into()).await
    }

    pub(crate) async fn answered(&self, subject: String, body: Bytes) -> Option<String> {
        let answer = self.client.request(subject, body).await.expect("an answer");
        let answer: LinkAnswer = decode(&answer.payload).expect("readable");
        assert_eq!(answer.instance_id, "instance 1");
        answer.error
    }

    pub(crate) async fn health(&self, body: &'static [u8]) -> HealthCheckResponse {
        let answer = self.client.request(self.health_subject(), Bytes::from_static(body)).await.expect("an answer");
        decode(&answer.payload).expect("readable")
    }

    /// Waits until the provider answers for its health.
    pub(crate) async fn ready(&self) -> HealthCheckResponse {
        eventually("the provider is well", LONG, async || {
            let answer = self.client.request(self.health_subject(), Bytes::new()).await.ok()?;
            decode(&answer.payload).ok()
        })
        .await
    }

    pub(crate) fn target(&self) -> Entity {
        Entity::Provider {
            key: self.provider.clone(),
            link: LinkName::default(),
            contract: CONTRACT.parse().expect("a contract"),
        }
    }

    pub(crate) fn rpc_of(&self, cluster: &ClusterSeed) -> RpcClient {
        let signer = InvocationSigner::new(cluster.clone());
        RpcClient::new(self.client.clone(), LatticeName::default(), self.host.clone(), signer).with_timeout(LONG)
    }

    /// Calls the provider as an actor.
    pub(crate) async fn call(
        &self,
        actor: &ActorKey,
        operation: &str,
        payload: impl Into<Bytes>,
    ) -> Result<Bytes, CallError> {
        let call = Call::new(actor.clone().into(), self.target(), operation, payload);
        self.rpc_of(&self.cluster).call(call).await
    }

    /// A call that would be accepted, as it travels.
    pub(crate) fn genuine(&self, actor: &ActorKey) -> Invocation {
        let mut invocation = Invocation {
            origin: actor.clone().into(),
            target: self.target(),
            operation: "Test.Echo".to_owned(),
            payload: Bytes::from_static(b"payload"),
            id: "01".to_owned(),
            claims: String::new(),
            host_id: self.host.to_string(),
            content_length: 7,
            trace: [].into(),
        };
        let signer = InvocationSigner::new(self.cluster.clone());
        invocation.claims = signer.sign(&invocation.id, &invocation.parts(), SystemTime::now());
        invocation
    }

    /// Asks for a shutdown, and returns the answer.
    pub(crate) async fn shut_down(&self) -> Bytes {
        let body = format!(r#"{{"host_id":"{}"}}"#, self.host);
        self.client.request(self.shutdown_subject(), body.into()).await.expect("an answer").payload
    }
}

pub(crate) fn actor() -> ActorKey {
    ModuleSeed::generate().public()
}
