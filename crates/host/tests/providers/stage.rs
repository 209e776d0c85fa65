//! A lattice with these tests' providers, and an actor that passes its calls on to one of them.

use bytes::Bytes;
use lattice_claims::{HostSeed, InvocationSigner};
use lattice_host::Builtin;
use lattice_protocol::{
    ActorKey, DeliveryState, LatticeName, LinkDefinition, LinkDeliveries, LinkDelivery, LogLine, LogLines,
    OperationRecord, ProviderDescription, ProviderKey, ProviderProcess, ProviderState, decode,
};
use lattice_rpc::{Call, CallError, Entity, RpcClient};
use lattice_testkit::{eventually, guests};
use serde_json::json;

use crate::{
    programs::{CONTRACT, key, obedient},
    support::{DEADLINE, Lattice, TestActor},
};

pub(crate) struct Stage {
    pub(crate) lattice: Lattice,
    pub(crate) actor: TestActor,
    rpc: RpcClient,
}

impl Stage {
    /// A host that knows the obedient provider and these, and an actor that passes every call on to what it is linked to.
    pub(crate) async fn with(others: Vec<Builtin>) -> Self {
        let builtins = [vec![obedient()], others].concat();
        Self::of(Lattice::start_with(|config| config.providers.builtins = builtins).await).await
    }

    pub(crate) async fn of(lattice: Lattice) -> Self {
        let wasm = guests::host_call("default", CONTRACT);
        let actor = lattice.actor_with("relay", &wasm, &lattice_claims::ModuleSeed::generate(), |claims| {
            claims.caps = vec![CONTRACT.to_owned()];
        });
        let signer = InvocationSigner::new(lattice.seeds.cluster.clone());
        let host = HostSeed::generate().public();
        let rpc = RpcClient::new(lattice.client.clone(), LatticeName::default(), host, signer).with_timeout(DEADLINE);
        let stage = Self { lattice, actor, rpc };
        stage.start_actor().await;
        stage
    }

    pub(crate) async fn start_actor(&self) {
        let record =
            self.lattice.carry_out("cmd.{host}.la", json!({"actor_ref": self.actor.reference(), "count": 4})).await;
        assert_eq!(record.causes, [""; 0]);
    }

    /// Starts a provider of the host's own.
    pub(crate) async fn start(&self, name: &str) -> OperationRecord {
        self.lattice.carry_out("cmd.{host}.lp", start(name, "default")).await
    }

    /// The same, which must go well.
    pub(crate) async fn start_well(&self, name: &str) {
        assert_eq!(self.start(name).await.causes, [""; 0]);
    }

    pub(crate) async fn stop(&self, name: &str) -> OperationRecord {
        self.lattice.carry_out("cmd.{host}.sp", json!({"provider_ref": key(name), "link_name": "default"})).await
    }

    pub(crate) fn link_to(&self, name: &str, values: &[(&str, &str)]) -> LinkDefinition {
        link(&self.actor.key, &key(name), values)
    }

    /// Links the actor with a provider and waits until the provider has it.
    pub(crate) async fn link(&self, name: &str, values: &[(&str, &str)]) {
        let link = self.link_to(name, values);
        let ack = self.lattice.put_link(&link).await;
        assert!(ack.accepted, "{}", ack.error);
        self.delivered(&link, DeliveryState::Confirmed).await;
    }

    /// Waits until a link has got so far.
    pub(crate) async fn delivered(&self, link: &LinkDefinition, state: DeliveryState) -> LinkDelivery {
        eventually("the link gets so far", DEADLINE, async || {
            let mut found = self.deliveries().await.into_iter().filter(|delivery| delivery.id == link.id());
            found.find(|delivery| delivery.state == state)
        })
        .await
    }

    pub(crate) async fn deliveries(&self) -> Vec<LinkDelivery> {
        let answer = self.lattice.ask("lattice.deliveries", "").await;
        let deliveries: LinkDeliveries = decode(&answer.payload).expect("deliveries");
        deliveries.deliveries.good
    }

    /// Has the actor call what it is linked to.
    pub(crate) async fn call(&self, operation: &str, payload: impl Into<Bytes>) -> Result<Bytes, CallError> {
        self.call_actor(&self.actor.key, operation, payload).await
    }

    pub(crate) async fn call_actor(
        &self,
        actor: &ActorKey,
        operation: &str,
        payload: impl Into<Bytes>,
    ) -> Result<Bytes, CallError> {
        let caller = Entity::Actor(actor.clone());
        self.rpc.call(Call::new(caller.clone(), caller, format!("Test.{operation}"), payload)).await
    }

    /// The text that a call answers.
    pub(crate) async fn text(&self, operation: &str) -> String {
        let answer = self.call(operation, "").await.unwrap_or_else(|error| panic!("{operation}: {error}"));
        rmp_serde::from_slice(&answer).expect("a text")
    }

    pub(crate) async fn provider(&self, name: &str) -> Option<ProviderDescription> {
        let inventory = self.lattice.inventory().await;
        inventory.providers.iter().find(|provider| provider.id == key(name)).cloned()
    }

    /// What a provider printed last, and what its host said in between.
    pub(crate) async fn lines(&self, name: &str) -> Vec<LogLine> {
        let query = json!({"provider_id": key(name), "link_name": "default", "limit": 500});
        let answer = self.lattice.ask("lattice.{host}.logs", query.to_string()).await;
        let lines: LogLines = decode(&answer.payload).expect("lines");
        assert!(lines.lines.bad.is_empty(), "{:?}", lines.lines.bad);
        lines.lines.good
    }

    /// Waits until a provider is in a state.
    pub(crate) async fn until(&self, name: &str, state: ProviderState) -> ProviderProcess {
        eventually("the provider is in the state", DEADLINE, async || {
            self.provider(name).await?.process.filter(|process| process.state == state)
        })
        .await
    }
}

/// The command that starts a provider of the host's own.
pub(crate) fn start(name: &str, link: &str) -> serde_json::Value {
    json!({"provider_ref": format!("builtin://{name}"), "link_name": link})
}

pub(crate) fn link(actor: &ActorKey, provider: &ProviderKey, values: &[(&str, &str)]) -> LinkDefinition {
    LinkDefinition {
        actor_id: actor.clone(),
        provider_id: provider.clone(),
        link_name: Default::default(),
        contract_id: CONTRACT.parse().expect("a contract"),
        values: values.iter().copied().collect(),
    }
}
