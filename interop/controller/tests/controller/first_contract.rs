//! Actors of the contract's first years, up to 0.12: it knew one lattice, so that they name none, and spelled keys otherwise.
//!
//! The provider cannot know what they mean, and says so, to every operation that they had.

use std::{fmt::Debug, time::Duration};

use lattice_control_0_7::{
    ActorAuctionRequest, LatticeController as _, LatticeControllerSender, ProviderAuctionRequest,
    RemoveLinkDefinitionRequest, ScaleActorCommand, StartActorCommand, StartProviderCommand, StopActorCommand,
    StopHostCommand, StopProviderCommand, UpdateActorCommand,
};
use lattice_interop::{Actor, LATTICE, PATIENCE, links, map};
use serde_json::json;
use wascap_0_8::prelude::KeyPair;
use wasmbus_rpc_0_7::{
    actor::prelude::async_trait,
    anats,
    common::{Context, Message, SendOpts, Transport},
    core::{LinkDefinition, WasmCloudEntity},
    error::{RpcError, RpcResult},
    rpc_client::RpcClient,
};

use crate::stage::{CONTRACT, LINK, Stage};

/// The same actor, with the client of that time.
struct AsActor {
    rpc: RpcClient,
    actor: WasmCloudEntity,
    provider: WasmCloudEntity,
}

impl AsActor {
    async fn of(stage: &Stage) -> Self {
        let nats = anats::connect(stage.lattice.nats_url()).await.expect("the broker takes clients");
        let key = KeyPair::from_seed(&stage.lattice.cluster_seed()).expect("a seed");
        let rpc = RpcClient::new(nats, LATTICE, key, stage.lattice.host().to_owned(), Some(PATIENCE));
        let actor = WasmCloudEntity::new_actor(&stage.actor).expect("it has a key");
        let target = WasmCloudEntity::new_provider(CONTRACT, LINK).expect("it has a contract and a name");
        Self { rpc, actor, provider: WasmCloudEntity { public_key: stage.provider.clone(), ..target } }
    }
}

#[async_trait]
impl Transport for AsActor {
    async fn send(&self, _: &Context, request: Message<'_>, _: Option<SendOpts>) -> RpcResult<Vec<u8>> {
        self.rpc.send(self.actor.clone(), self.provider.clone(), request).await
    }

    fn set_timeout(&self, _: Duration) {}
}

/// What it sends.
struct FirstActor<'a> {
    stage: &'a Stage,
    sender: LatticeControllerSender<AsActor>,
    context: Context,
}

#[tokio::test]
async fn its_actors_hear_that_they_are_not_understood() {
    let stage = Stage::start().await;
    let old = FirstActor {
        stage: &stage,
        sender: LatticeControllerSender::via(AsActor::of(&stage).await),
        context: Context::default(),
    };
    let actor = stage.lattice.sign(1).await;
    stage.lattice.run(&["start", "actor", &actor.reference]).await;
    stage.lattice.until_running(&actor, 1).await;
    let (inventory, links) = (seen(&stage).await, stage.get(&["links"], "links").await);
    old.asks(&actor).await;
    old.commands_actors(&actor).await;
    old.commands_providers().await;
    old.changes_links().await;
    assert_eq!((seen(&stage).await, stage.get(&["links"], "links").await), (inventory, links), "nothing came of it");
}

impl FirstActor<'_> {
    async fn asks(&self, actor: &Actor) {
        let (sender, context) = (&self.sender, &self.context);
        is_invalid(sender.get_hosts(context).await);
        is_invalid(sender.get_host_inventory(context, self.stage.lattice.host()).await);
        is_invalid(sender.get_claims(context).await);
        is_invalid(sender.get_links(context).await);
        let auction = ActorAuctionRequest { actor_ref: actor.reference.clone(), constraints: map([]) };
        is_invalid(sender.auction_actor(context, &auction).await);
        let auction = ProviderAuctionRequest {
            constraints: map([]),
            link_name: "default".to_owned(),
            provider_ref: "builtin://keyvalue".to_owned(),
        };
        is_invalid(sender.auction_provider(context, &auction).await);
    }

    async fn commands_actors(&self, actor: &Actor) {
        let (sender, context, host) = (&self.sender, &self.context, self.stage.lattice.host().to_owned());
        let start = StartActorCommand {
            actor_ref: actor.reference.clone(),
            annotations: None,
            count: 1,
            host_id: host.clone(),
        };
        is_invalid(sender.start_actor(context, &start).await);
        let scale = ScaleActorCommand {
            actor_id: actor.key.clone(),
            actor_ref: actor.reference.clone(),
            annotations: None,
            count: 5,
            host_id: host.clone(),
        };
        is_invalid(sender.scale_actor(context, &scale).await);
        let update = UpdateActorCommand {
            actor_id: actor.key.clone(),
            annotations: None,
            host_id: host.clone(),
            new_actor_ref: actor.reference.clone(),
        };
        is_invalid(sender.update_actor(context, &update).await);
        let stop = StopActorCommand { actor_ref: actor.key.clone(), annotations: None, count: 0, host_id: host };
        is_invalid(sender.stop_actor(context, &stop).await);
    }

    async fn commands_providers(&self) {
        let (sender, context, host) = (&self.sender, &self.context, self.stage.lattice.host().to_owned());
        let start = StartProviderCommand {
            annotations: None,
            configuration: None,
            host_id: host.clone(),
            link_name: "default".to_owned(),
            provider_ref: "builtin://keyvalue".to_owned(),
        };
        is_invalid(sender.start_provider(context, &start).await);
        let stop = StopProviderCommand {
            annotations: None,
            contract_id: CONTRACT.to_owned(),
            host_id: host.clone(),
            link_name: LINK.to_owned(),
            provider_ref: self.stage.provider.clone(),
        };
        is_invalid(sender.stop_provider(context, &stop).await);
        is_invalid(sender.stop_host(context, &StopHostCommand { host_id: host, timeout: None }).await);
    }

    async fn changes_links(&self) {
        let example = links::example();
        let link = LinkDefinition {
            actor_id: example.actor.to_owned(),
            provider_id: example.provider.to_owned(),
            contract_id: example.contract.to_owned(),
            link_name: example.name.to_owned(),
            values: example.values,
        };
        is_invalid(self.sender.advertise_link(&self.context, &link).await);
        let remove = RemoveLinkDefinitionRequest {
            actor_id: example.actor.to_owned(),
            contract_id: example.contract.to_owned(),
            link_name: example.name.to_owned(),
        };
        is_invalid(self.sender.remove_link(&self.context, &remove).await);
    }
}

#[track_caller]
fn is_invalid<T: Debug>(outcome: RpcResult<T>) {
    match outcome {
        Err(RpcError::Rpc(text)) if text.contains("[invalid]") => {}
        other => panic!("not what is said of an argument that cannot be meant: {other:?}"),
    }
}

/// What runs, without how long.
async fn seen(stage: &Stage) -> serde_json::Value {
    let inventory = stage.lattice.inventory().await;
    json!([inventory["actors"], inventory["providers"]])
}
