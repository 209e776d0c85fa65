//! Links for tests: made, put, read, and written into the bucket as other programs do.

use lattice_protocol::{Ack, LinkDefinition, Links, ProviderKey, decode, encode};
use serde_json::{Value, json};

use super::{Lattice, accepting};

pub(crate) const ACTOR: &str = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";
pub(crate) const PROVIDER: &str = "VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW";
pub(crate) const OTHER_PROVIDER: &str = "VADSYULWTPAOKCRPKR4Z5Q7IBUZFO7FBY3VRANK2P6SMT3QTHBOYE776";
pub(crate) const CONTRACT: &str = "wasmcloud:keyvalue";

pub(crate) fn link(name: &str, values: &[(&str, &str)]) -> LinkDefinition {
    LinkDefinition {
        actor_id: ACTOR.parse().expect("a published key"),
        provider_id: PROVIDER.parse().expect("a published key"),
        link_name: name.parse().expect("a link name"),
        contract_id: CONTRACT.parse().expect("a contract"),
        values: values.iter().copied().collect(),
    }
}

pub(crate) fn link_of(provider: &ProviderKey, name: &str) -> LinkDefinition {
    LinkDefinition { provider_id: provider.clone(), ..link(name, &[]) }
}

/// A link as the published client writes it.
pub(crate) fn json_of(link: &LinkDefinition) -> Value {
    serde_json::to_value(link).expect("a map")
}

/// The deletion of a link as the published client sends it.
pub(crate) fn deletion_of(link: &LinkDefinition) -> Value {
    json!({
        "actor_id": link.actor_id,
        "provider_id": "",
        "link_name": link.link_name,
        "contract_id": link.contract_id,
        "values": {},
    })
}

impl Lattice {
    pub(crate) async fn put_link(&self, link: &LinkDefinition) -> Ack {
        self.command("linkdefs.put", json_of(link)).await
    }

    pub(crate) async fn delete_link(&self, link: &LinkDefinition) -> Ack {
        self.command("linkdefs.del", deletion_of(link)).await
    }

    /// The links as a host tells, by name.
    pub(crate) async fn links(&self) -> Vec<LinkDefinition> {
        let answer = self.ask_with("get.links", "", accepting("application/json")).await;
        let links: Links = decode(&answer.payload).expect("links");
        assert!(links.links.bad.is_empty(), "{:?}", links.links.bad);
        let mut links = links.links.good;
        links.sort_by(|a, b| a.link_name.cmp(&b.link_name));
        links
    }

    pub(crate) async fn link_names(&self) -> Vec<String> {
        self.links().await.iter().map(|link| link.link_name.to_string()).collect()
    }

    /// Writes a link into the bucket as clients do that know nothing of hosts.
    pub(crate) async fn write_link(&self, link: &LinkDefinition) {
        let bucket = self.bucket("LATTICEDATA").await;
        let entry = encode(link, lattice_protocol::Format::JSON);
        bucket.put(key_of(link), entry.into()).await.expect("stored");
    }
}

/// Where a link stands in the bucket.
pub(crate) fn key_of(link: &LinkDefinition) -> String {
    format!("LINKDEF_{}", link.id())
}
