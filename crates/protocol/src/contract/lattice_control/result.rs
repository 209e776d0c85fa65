//! What the contract answers: the lattice's replies, without what the published interface does not know.
//!
//! Three keys are of this project: `code` in an ack that refuses, `incomplete` in the first item of a list that is not all there
//! is, and `maxInstances` where an entry stands for more than one instance. Published actors pass over keys that they do not
//! know.
//!
//! Source: `wasmcloud-interface-lattice-control` 0.20 `control.rs`, whose structs, fields and order these are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    control::{self, Annotations, Labels},
    id::{ActorKey, HostKey, LinkName, ProviderKey},
};

/// Whether a command was taken on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CtlOperationAck {
    /// Whether the command was taken on.
    #[serde(default)]
    pub accepted: bool,
    /// Why not; empty when accepted.
    #[serde(default)]
    pub error: String,
    /// What kind of refusal it is, the name of an [`ErrorCode`](super::ErrorCode); none when accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl From<control::Ack> for CtlOperationAck {
    fn from(ack: control::Ack) -> Self {
        let code = ack.code.filter(|_| !ack.accepted).map(|code| code.as_str().to_owned());
        Self { accepted: ack.accepted, error: ack.error, code }
    }
}

/// What is missing in a list: the hosts that belong to the lattice and did not answer, and how many answers could not be
/// read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortfall {
    /// The silent hosts. None, with nothing unreadable, means that nobody could tell which hosts there are.
    #[serde(default)]
    pub missing: Vec<HostKey>,
    /// How many answers could not be read.
    #[serde(default)]
    pub unreadable: u64,
}

/// An item of a list that hosts answer together, whose first item tells whether it is all there is.
pub trait Gathering {
    /// Notes what is missing beside this item.
    fn note(&mut self, shortfall: Shortfall);
}

macro_rules! gathering {
    ($($name:ident),*) => {
        $(impl Gathering for $name {
            fn note(&mut self, shortfall: Shortfall) {
                self.incomplete = Some(shortfall);
            }
        })*
    };
}

gathering!(ActorAuctionAck, ProviderAuctionAck, Host);

/// A host's bid in an actor auction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorAuctionAck {
    /// The image, repeated from the auction.
    #[serde(alias = "actorRef")]
    pub actor_ref: String,
    /// The host that bids.
    #[serde(alias = "hostId")]
    pub host_id: HostKey,
    /// In the first item of a list that is not all there is: what is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<Shortfall>,
}

impl From<control::ActorBid> for ActorAuctionAck {
    fn from(bid: control::ActorBid) -> Self {
        Self { actor_ref: bid.actor_ref, host_id: bid.host_id, incomplete: None }
    }
}

/// A host's bid in a provider auction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderAuctionAck {
    /// The host that bids.
    #[serde(alias = "hostId")]
    pub host_id: HostKey,
    /// The link name, repeated from the auction.
    #[serde(alias = "linkName")]
    pub link_name: LinkName,
    /// The image, repeated from the auction.
    #[serde(alias = "providerRef")]
    pub provider_ref: String,
    /// In the first item of a list that is not all there is: what is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<Shortfall>,
}

impl From<control::ProviderBid> for ProviderAuctionAck {
    fn from(bid: control::ProviderBid) -> Self {
        Self { host_id: bid.host_id, link_name: bid.link_name, provider_ref: bid.provider_ref, incomplete: None }
    }
}

/// The claims known to a lattice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetClaimsResponse {
    /// The claims, in no order; an absent value is empty, for published actors read nothing but text.
    pub claims: Vec<BTreeMap<String, String>>,
}

impl From<control::Claims> for GetClaimsResponse {
    fn from(claims: control::Claims) -> Self {
        let text = |claims: BTreeMap<String, Option<String>>| {
            claims.into_iter().map(|(key, value)| (key, value.unwrap_or_default())).collect()
        };
        Self { claims: claims.claims.into_iter().map(text).collect() }
    }
}

/// A host of a lattice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Keys whose invocations the host accepts, joined by commas.
    #[serde(default, alias = "clusterIssuers", skip_serializing_if = "Option::is_none")]
    pub cluster_issuers: Option<String>,
    /// Where the host's control connection goes.
    #[serde(default, alias = "ctlHost", skip_serializing_if = "Option::is_none")]
    pub ctl_host: Option<String>,
    /// The host.
    pub id: HostKey,
    /// The JetStream domain.
    #[serde(default, alias = "jsDomain", skip_serializing_if = "Option::is_none")]
    pub js_domain: Option<String>,
    /// What the host says of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
    /// The lattice.
    #[serde(default, alias = "latticePrefix", skip_serializing_if = "Option::is_none")]
    pub lattice_prefix: Option<String>,
    /// Where invocations of providers go.
    #[serde(default, alias = "provRpcHost", skip_serializing_if = "Option::is_none")]
    pub prov_rpc_host: Option<String>,
    /// Where the host's RPC connection goes.
    #[serde(default, alias = "rpcHost", skip_serializing_if = "Option::is_none")]
    pub rpc_host: Option<String>,
    /// How long the host has run, in words.
    #[serde(default, alias = "uptimeHuman", skip_serializing_if = "Option::is_none")]
    pub uptime_human: Option<String>,
    /// How long the host has run, in seconds.
    #[serde(default, alias = "uptimeSeconds")]
    pub uptime_seconds: u64,
    /// The host's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// In the first item of a list that is not all there is: what is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<Shortfall>,
}

impl From<control::Host> for Host {
    fn from(host: control::Host) -> Self {
        Self {
            cluster_issuers: host.cluster_issuers,
            ctl_host: host.ctl_host,
            id: host.id,
            js_domain: host.js_domain,
            labels: Some(host.labels),
            lattice_prefix: host.lattice_prefix.or(host.lattice),
            prov_rpc_host: host.prov_rpc_host,
            rpc_host: host.rpc_host,
            uptime_human: host.uptime_human,
            uptime_seconds: host.uptime_seconds,
            version: host.version,
            incomplete: None,
        }
    }
}

/// What runs on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostInventory {
    /// The actors that run.
    pub actors: Vec<ActorDescription>,
    /// The host.
    #[serde(alias = "hostId")]
    pub host_id: HostKey,
    /// What the host says of itself.
    pub labels: Labels,
    /// The providers that run.
    pub providers: Vec<ProviderDescription>,
}

impl From<control::HostInventory> for HostInventory {
    fn from(inventory: control::HostInventory) -> Self {
        Self {
            actors: inventory.actors.into_iter().map(Into::into).collect(),
            host_id: inventory.host_id,
            labels: inventory.labels,
            providers: inventory.providers.into_iter().map(Into::into).collect(),
        }
    }
}

/// An actor that runs on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorDescription {
    /// The actor.
    pub id: ActorKey,
    /// The image.
    #[serde(default, alias = "imageRef", skip_serializing_if = "Option::is_none")]
    pub image_ref: Option<String>,
    /// What runs.
    pub instances: Vec<ActorInstance>,
    /// The name in the claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl From<control::ActorDescription> for ActorDescription {
    fn from(actor: control::ActorDescription) -> Self {
        Self {
            id: actor.id,
            image_ref: actor.image_ref,
            instances: actor.instances.into_iter().map(Into::into).collect(),
            name: actor.name,
        }
    }
}

/// Instances of an actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorInstance {
    /// What was noted on the instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// The instance, a UUID.
    #[serde(default, alias = "instanceId")]
    pub instance_id: String,
    /// How many instances the entry stands for, where that is more than one: hosts do not list hundreds one by one.
    #[serde(default = "one", alias = "maxInstances", skip_serializing_if = "is_one")]
    pub max_instances: u16,
    /// The revision in the claims, 0 without one.
    #[serde(default)]
    pub revision: i32,
}

impl From<control::ActorInstance> for ActorInstance {
    fn from(instance: control::ActorInstance) -> Self {
        Self {
            annotations: Some(instance.annotations),
            instance_id: instance.instance_id,
            max_instances: instance.max_instances,
            revision: instance.revision,
        }
    }
}

fn one() -> u16 {
    1
}

/// None at all is what hosts of other projects say that leave it out.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "that is how it is asked")]
fn is_one(count: &u16) -> bool {
    *count <= 1
}

/// A capability provider that runs on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderDescription {
    /// What was noted on the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// The provider.
    pub id: ProviderKey,
    /// The image.
    #[serde(default, alias = "imageRef", skip_serializing_if = "Option::is_none")]
    pub image_ref: Option<String>,
    /// The link name under which it serves.
    #[serde(alias = "linkName")]
    pub link_name: LinkName,
    /// The name in the claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The revision in the claims, 0 without one.
    #[serde(default)]
    pub revision: i32,
}

impl From<control::ProviderDescription> for ProviderDescription {
    fn from(provider: control::ProviderDescription) -> Self {
        Self {
            annotations: Some(provider.annotations),
            id: provider.id,
            image_ref: provider.image_ref,
            link_name: provider.link_name,
            name: provider.name,
            revision: provider.revision,
        }
    }
}
