//! [`Stage`]: a lattice with the provider for the contract, and an actor that is linked with it; that runs nowhere.

use std::{fmt::Debug, sync::Arc};

use lattice_interop::{Lattice, PATIENCE};
use serde::Serialize;
use serde_json::Value;
use wasmbus_rpc::{
    async_nats,
    common::{Context, Message, Transport as _, deserialize, serialize},
    core::WasmCloudEntity,
    error::{RpcError, RpcResult},
    rpc_client::RpcClient,
    wascap::prelude::KeyPair,
};
use wasmcloud_interface_lattice_control::{CtlOperationAck, LatticeControllerSender};

use crate::transport::AsActor;

pub(crate) const CONTRACT: &str = "wasmcloud:latticecontrol";

/// The link name under which the provider serves.
pub(crate) const LINK: &str = "default";

/// All that a link can grant. Tests ask again and again until something is so, for which the usual rate is low.
pub(crate) const ALL: &[&str] = &[
    "operations=read,schedule,manage",
    "lattices=interop,shop",
    "nats_urls=*",
    "registries=registry.example",
    "requests_per_second=1000",
];

/// The lattice, and the way of an actor's calls.
pub(crate) struct Stage {
    pub(crate) lattice: Lattice,
    /// The actor's key.
    pub(crate) actor: String,
    /// The provider's key.
    pub(crate) provider: String,
    pub(crate) nats: async_nats::Client,
    /// What actors have in hand.
    pub(crate) sender: LatticeControllerSender<AsActor>,
    pub(crate) context: Context,
    transport: AsActor,
}

impl Stage {
    /// Everything is granted.
    pub(crate) async fn start() -> Self {
        let lattice = Lattice::start().await;
        let started = lattice.run(&["start", "provider", "builtin://lattice-controller"]).await;
        let provider = started["provider_id"].as_str().expect("starting tells the key").to_owned();
        let actor = KeyPair::new_module().public_key();
        let options = async_nats::ConnectOptions::new().request_timeout(Some(PATIENCE));
        let nats = options.connect(lattice.nats_url()).await.expect("the broker takes clients");
        let transport = transport(&lattice, &nats, &actor, &provider);
        let sender = LatticeControllerSender::via(transport.clone());
        let stage = Self { lattice, actor, provider, nats, sender, context: Context::default(), transport };
        stage.grant(ALL).await;
        stage
    }

    /// Grants the actor this, and nothing else any more.
    pub(crate) async fn grant(&self, values: &[&str]) {
        let mut arguments = vec!["link", "put", &self.actor, &self.provider, CONTRACT];
        values.iter().for_each(|value| arguments.extend(["--value", value]));
        let put = self.lattice.run(&arguments).await;
        assert_eq!(put["deliveries"][0]["state"], "confirmed", "{put}");
    }

    /// That the command is taken on, and that the ack is byte for byte what the published types write.
    #[track_caller]
    pub(crate) fn done(&self, ack: RpcResult<CtlOperationAck>) {
        let ack = ack.expect("an answer");
        assert!(ack.accepted && ack.error.is_empty(), "{ack:?}");
        assert_eq!(serialize(&ack).expect("it can be written"), self.transport.answer());
    }

    /// That the last answer holds what the published types read of it and nothing else, in as many bytes.
    #[track_caller]
    pub(crate) fn read_all(&self, read: &impl Serialize) {
        let (written, sent) = (serialize(read).expect("it can be written"), self.transport.answer());
        assert_eq!(document(&written), document(&sent));
        // Published maps have no order, so that nothing more can be said of the bytes.
        assert_eq!(written.len(), sent.len(), "{:?}", document(&sent));
    }

    /// The last answer, with what the published types pass over.
    pub(crate) fn answer(&self) -> Value {
        document(&self.transport.answer())
    }

    /// Whether the last answer had no bytes.
    pub(crate) fn is_answer_empty(&self) -> bool {
        self.transport.answer().is_empty()
    }

    /// Calls an operation with an argument that the published types of this generation do not have.
    pub(crate) async fn call(&self, operation: &str, argument: &impl Serialize) -> RpcResult<Vec<u8>> {
        let argument = serialize(argument).expect("it can be written");
        let request = Message { method: operation, arg: argument.into() };
        self.transport.send(&self.context, request, None).await
    }

    /// A list that the program shows.
    pub(crate) async fn get(&self, arguments: &[&str], list: &str) -> Vec<Value> {
        let shown = self.lattice.run(&[&["get"], arguments].concat()).await;
        shown[list].as_array().unwrap_or_else(|| panic!("no {list}: {shown}")).clone()
    }
}

/// What the provider says for not doing anything, as the actor hears it.
#[track_caller]
pub(crate) fn refusal<T: Debug>(outcome: RpcResult<T>) -> String {
    match outcome {
        Err(RpcError::Rpc(text)) => text,
        other => panic!("no refusal: {other:?}"),
    }
}

/// Why a host, or who speaks for it, does not take a command on.
#[track_caller]
pub(crate) fn declined(ack: RpcResult<CtlOperationAck>) -> String {
    let ack = ack.expect("an answer");
    assert!(!ack.accepted && !ack.error.is_empty(), "{ack:?}");
    ack.error
}

fn transport(lattice: &Lattice, nats: &async_nats::Client, actor: &str, provider: &str) -> AsActor {
    let key = KeyPair::from_seed(&lattice.cluster_seed()).expect("a seed");
    let rpc = RpcClient::new(nats.clone(), lattice.host().to_owned(), Some(PATIENCE), Arc::new(key));
    let actor = WasmCloudEntity::new_actor(actor).expect("it has a key");
    let target = WasmCloudEntity::new_provider(CONTRACT, LINK).expect("it has a contract and a name");
    AsActor::new(rpc, actor, WasmCloudEntity { public_key: provider.to_owned(), ..target })
}

/// What the bytes hold, whichever type they are read into.
pub(crate) fn document(bytes: &[u8]) -> Value {
    deserialize(bytes).expect("MessagePack with text for keys")
}
