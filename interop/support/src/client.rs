//! What a generation of the client is here: its methods under one name, its answers as JSON.

#![allow(async_fn_in_trait, reason = "the tests call it on one thread, and nothing else does")]

use std::{collections::HashMap, error::Error};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{Actor, Events};

/// What a client gets: an answer, or why there was none that it could read.
pub type Answer<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Annotations, labels, constraints, claims, values.
pub type Map = HashMap<String, String>;

/// What every generation can do.
///
/// An answer is first read by the client, into its own types, and then told as JSON. So it holds what the generation
/// knows and nothing else, and a key that the host did not send is absent if the client has no default for it.
pub trait Client {
    /// What the generation reads of a host, as far as every host has it.
    const HOST: &[&str];
    /// What it reads of an inventory beyond what runs.
    const INVENTORY: &[&str];
    /// What it reads of an instance of an actor.
    const INSTANCE: &[&str];

    /// Every host.
    async fn hosts(&self) -> Answer<Vec<Value>>;
    /// What a host runs.
    async fn inventory(&self, host: &str) -> Answer<Value>;
    /// The claims that the lattice knows.
    async fn claims(&self) -> Answer<Vec<Map>>;
    /// The links that the lattice has.
    async fn links(&self) -> Answer<Vec<Value>>;
    /// Makes a link, or changes its provider or values.
    async fn put_link(&self, link: &Link) -> Answer<Ack>;
    /// Removes a link.
    async fn delete_link(&self, link: &Link) -> Answer<Ack>;
    /// Asks who would run an actor.
    async fn auction_actor(&self, reference: &str, constraints: Map) -> Answer<Vec<Value>>;
    /// Asks who would run a provider.
    async fn auction_provider(&self, reference: &str, link_name: &str, constraints: Map) -> Answer<Vec<Value>>;
    /// Sets how many instances of an actor run.
    async fn scale(&self, host: &str, actor: &Actor, count: u16, annotations: Map) -> Answer<Ack>;
    /// Replaces a running actor by another revision of it.
    async fn update(&self, host: &str, key: &str, reference: &str) -> Answer<Ack>;
    /// Stops all instances of an actor that have these annotations.
    async fn stop_actor(&self, host: &str, key: &str, annotations: Map) -> Answer<Ack>;
    /// Starts a provider.
    async fn start_provider(&self, host: &str, reference: &str) -> Answer<Ack>;
    /// Stops a provider.
    async fn stop_provider(&self, host: &str, link: &Link) -> Answer<Ack>;
    /// Stops a host.
    async fn stop_host(&self, host: &str, timeout_ms: u64) -> Answer<Ack>;
    /// Follows the events of these kinds, and perhaps of others.
    async fn events(&self, kinds: &[&str]) -> Answer<Events>;
}

/// What generations can do that count instances one by one.
pub trait NumberClient: Client {
    /// Starts so many more instances of an actor.
    async fn start_some(&self, host: &str, reference: &str, count: u16) -> Answer<Ack>;
    /// Stops so many instances of an actor.
    async fn stop_some(&self, host: &str, key: &str, count: u16) -> Answer<Ack>;
}

/// What generations can do that know registries.
pub trait RegistryClient: Client {
    /// Gives every host a name and password for a registry; there is no answer.
    async fn put_registry(&self, registry: &str, username: &str, password: &str) -> Answer<()>;
}

/// The answer to a command.
#[derive(Clone, Debug, Deserialize)]
pub struct Ack {
    /// Whether it is carried out.
    pub accepted: bool,
    /// Why not.
    pub error: String,
}

impl Ack {
    /// That the command is carried out.
    #[track_caller]
    pub fn accepted(self) {
        assert!(self.accepted && self.error.is_empty(), "{self:?}");
    }

    /// That it is not, and that there is a reason.
    #[track_caller]
    pub fn refused(self) {
        assert!(!self.accepted && !self.error.is_empty(), "{self:?}");
    }
}

/// A link.
#[derive(Clone, Debug)]
pub struct Link {
    /// The actor's key.
    pub actor: &'static str,
    /// The provider's key.
    pub provider: &'static str,
    /// The contract.
    pub contract: &'static str,
    /// The name.
    pub name: &'static str,
    /// The values.
    pub values: Map,
}

impl Link {
    /// As clients tell it.
    pub fn told(&self) -> Value {
        json!({
            "actor_id": self.actor,
            "provider_id": self.provider,
            "contract_id": self.contract,
            "link_name": self.name,
            "values": self.values,
        })
    }
}

/// A map with these entries.
pub fn map<const N: usize>(entries: [(&str, &str); N]) -> Map {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// A client's own value, told as JSON or as what that holds.
pub fn told<T: DeserializeOwned>(value: impl Serialize) -> T {
    let value = serde_json::to_value(value).expect("clients' types have string keys");
    serde_json::from_value(value).expect("the types here take whatever clients' types hold")
}
