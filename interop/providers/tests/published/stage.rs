//! A lattice on which a provider is packed and an actor runs that calls it.

use std::{
    env::consts::{ARCH, OS},
    fs,
};

use lattice_interop::{Actor, Events, GATHERING, LATTICE, Lattice, Map, PATIENCE, eventually, map};
use lattice_interop_providers::CONTRACT;
use provider_archive::ProviderArchive;
use serde_json::{Value, json};
use wascap::prelude::KeyPair;
use wasmcloud_control_interface::{Client, ClientBuilder, CtlOperationAck};

/// The name of every link here, which is not the one that programs assume.
pub(crate) const LINK: &str = "main";

/// How many calls the actor takes at a time: one that calls a provider and is called back by it is in two.
const INSTANCES: u32 = 4;

/// The lattice, and what is on it.
pub(crate) struct Stage {
    pub(crate) lattice: Lattice,
    pub(crate) client: Client,
    pub(crate) actor: Actor,
    /// The provider's key.
    pub(crate) provider: String,
    /// Where its archive lies.
    pub(crate) reference: String,
    nats: async_nats::Client,
}

impl Stage {
    /// Packs this program and starts an actor, whose claims let it use the contract.
    pub(crate) async fn of(program: &str) -> Self {
        let lattice = Lattice::start().await;
        let nats = async_nats::connect(lattice.nats_url()).await.expect("the broker takes clients");
        let builder = ClientBuilder::new(nats.clone()).lattice(LATTICE);
        let client = builder.timeout(PATIENCE).auction_timeout(GATHERING).build();
        let (provider, reference) = pack(&lattice, program).await;
        let actor = lattice.sign_for(&[CONTRACT], 1).await;
        let ack =
            client.scale_actor(lattice.host(), &actor.reference, INSTANCES, None).await.expect("the host answers");
        accepted(&ack);
        lattice.until_running(&actor, INSTANCES.into()).await;
        Self { lattice, client, actor, provider, reference, nats }
    }

    /// Starts the provider, and waits until it serves.
    pub(crate) async fn start(&self, configuration: Option<&str>) {
        let (host, reference) = (self.lattice.host(), &self.reference);
        let configuration = configuration.map(str::to_owned);
        let ack = self.client.start_provider(host, reference, Some(LINK.to_owned()), None, configuration);
        accepted(&ack.await.expect("the host answers"));
        self.until_process("it serves", |process| process["state"] == "running" && process["healthy"] == true).await;
    }

    pub(crate) async fn stop(&self) {
        let ack = self.client.stop_provider(self.lattice.host(), &self.provider, LINK, CONTRACT, None).await;
        accepted(&ack.expect("the host answers"));
    }

    pub(crate) async fn put_link(&self, values: Map) {
        let ack = self.client.advertise_link(&self.actor.key, &self.provider, CONTRACT, LINK, values).await;
        accepted(&ack.expect("the host answers"));
    }

    pub(crate) async fn delete_link(&self) {
        let ack = self.client.remove_link(&self.actor.key, CONTRACT, LINK).await;
        accepted(&ack.expect("the host answers"));
    }

    /// Links actor and provider, and waits until both know.
    pub(crate) async fn link(&self, value: &str) {
        self.put_link(map([("value", value)])).await;
        self.until_linked(value).await;
    }

    pub(crate) async fn until_linked(&self, value: &str) {
        let what = format!("the provider has the link with the value {value}");
        let expected = json!({"value": value});
        eventually(&what, async || (self.ask("Echo.Values").await.ok()? == expected).then_some(())).await;
    }

    /// Has the actor call the provider with this payload, which may be a text or a number of bytes.
    pub(crate) async fn call(&self, operation: &str, payload: Value) -> Result<Vec<u8>, String> {
        let key = if payload.is_u64() { "size" } else { "payload" };
        let argument = json!({"binding": LINK, "namespace": CONTRACT, "operation": operation, key: payload});
        self.lattice.call(&self.actor, "Fault.HostCall", &argument).await
    }

    /// The same for an operation that needs no payload and answers JSON.
    pub(crate) async fn ask(&self, operation: &str) -> Result<Value, String> {
        let answer = self.call(operation, "".into()).await?;
        serde_json::from_slice(&answer).map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&answer)))
    }

    /// Follows events of these kinds, as the client does.
    pub(crate) async fn events(&self, kinds: &[&str]) -> Events {
        let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let mut heard = self.client.events_receiver(kinds).await.expect("events can be followed");
        let (sender, events) = Events::channel();
        tokio::spawn(async move {
            while let Some(event) = heard.recv().await {
                if sender.send(lattice_interop::told(event)).is_err() {
                    return;
                }
            }
        });
        events
    }

    /// What the inventory says of the provider, if it is there.
    pub(crate) async fn listed(&self) -> Option<Value> {
        let inventory = self.lattice.inventory().await;
        let providers = inventory["providers"].as_array().cloned().unwrap_or_default();
        providers.into_iter().find(|provider| provider["id"] == self.provider.as_str())
    }

    pub(crate) async fn until_gone(&self) {
        eventually("the provider is gone", async || self.listed().await.is_none().then_some(())).await;
    }

    /// Waits until what the inventory says of its process is right.
    pub(crate) async fn until_process(&self, what: &str, is_right: impl Fn(&Value) -> bool) -> Value {
        let look = async || Some(self.listed().await?["process"].clone()).filter(|process| is_right(process));
        eventually(what, look).await
    }

    /// What its processes have printed and its host has said of them, line by line.
    pub(crate) async fn printed(&self) -> Vec<String> {
        let subject = format!("wasmbus.ctl.{LATTICE}.lattice.{}.logs", self.lattice.host());
        let query = json!({"provider_id": self.provider, "link_name": LINK}).to_string();
        let answer = self.nats.request(subject, query.into()).await.expect("the host answers");
        let answer: Value = serde_json::from_slice(&answer.payload).expect("it answers in JSON");
        let lines = answer["lines"].as_array().unwrap_or_else(|| panic!("no lines: {answer}"));
        lines.iter().map(|line| format!("{}: {}", line["stream"], line["text"]).replace('"', "")).collect()
    }
}

#[track_caller]
fn accepted(ack: &CtlOperationAck) {
    assert!(ack.accepted && ack.error.is_empty(), "{ack:?}");
}

/// Packs the program for this machine; returns the provider's key and where the archive lies.
async fn pack(lattice: &Lattice, program: &str) -> (String, String) {
    let (issuer, provider) = (KeyPair::new_account(), KeyPair::new_service());
    let program = fs::read(program).expect("cargo has built it");
    let mut archive = ProviderArchive::new(CONTRACT, "Echo", "interop", Some(7), Some("0.7.0".to_owned()));
    archive.add_library(&format!("{ARCH}-{OS}"), &program).expect("a program can be packed");
    let path = lattice.path("echo.par");
    archive.write(&path, &issuer, &provider, false).await.expect("the test's directory can be written");
    (provider.public_key(), format!("file://{path}"))
}
