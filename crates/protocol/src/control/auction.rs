//! Auctions: who would run this?

use serde::{Deserialize, Serialize};

use super::{
    Annotations, Constraints, Count,
    command::link_name,
    lenient::{empty_as_none, nil_as_default},
};
use crate::id::{HostKey, LatticeName, LinkName};

/// The header in which a start names the bid that it follows; a bid that is too old is refused.
pub const BID_HEADER: &str = "Lattice-Bid";

/// Asks which hosts would run an actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorAuction {
    /// The image.
    #[serde(alias = "actorRef")]
    pub actor_ref: String,
    /// The annotations that the instances will have. Of this project.
    #[serde(default, deserialize_with = "nil_as_default", skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// Labels that a host must have.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub constraints: Constraints,
    /// How many instances are to be started; 0 means 1. Of this project.
    #[serde(default, deserialize_with = "nil_as_default", skip_serializing_if = "Count::is_zero")]
    pub count: Count,
    /// Whether a host that does not bid shall say why, instead of being silent. Of this project.
    #[serde(default, deserialize_with = "nil_as_default", skip_serializing_if = "std::ops::Not::not")]
    pub explain: bool,
    /// The lattice, repeated from the subject.
    #[serde(default, alias = "latticeId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub lattice_id: Option<LatticeName>,
}

/// A host's bid in an actor auction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorBid {
    /// The image, repeated from the auction.
    #[serde(alias = "actorRef")]
    pub actor_ref: String,
    /// What choosing needs; only hosts of this project tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bid: Option<Bid>,
    /// The constraints, repeated from the auction.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub constraints: Constraints,
    /// The host that bids.
    #[serde(alias = "hostId")]
    pub host_id: HostKey,
}

/// Asks which hosts would run a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderAuction {
    /// Labels that a host must have.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub constraints: Constraints,
    /// Whether a host that does not bid shall say why, instead of being silent. Of this project.
    #[serde(default, deserialize_with = "nil_as_default", skip_serializing_if = "std::ops::Not::not")]
    pub explain: bool,
    /// The lattice, repeated from the subject.
    #[serde(default, alias = "latticeId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub lattice_id: Option<LatticeName>,
    /// The link name under which the provider shall serve.
    #[serde(default, alias = "linkName", deserialize_with = "link_name")]
    pub link_name: LinkName,
    /// The image.
    #[serde(alias = "providerRef")]
    pub provider_ref: String,
}

/// A host's bid in a provider auction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderBid {
    /// What choosing needs; only hosts of this project tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bid: Option<Bid>,
    /// The constraints, repeated from the auction; the oldest hosts leave them out.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub constraints: Constraints,
    /// The host that bids.
    #[serde(alias = "hostId")]
    pub host_id: HostKey,
    /// The link name, repeated from the auction.
    #[serde(default, alias = "linkName", deserialize_with = "link_name")]
    pub link_name: LinkName,
    /// The image, repeated from the auction.
    #[serde(alias = "providerRef")]
    pub provider_ref: String,
}

/// What a bid tells beside who made it, so that one can be chosen. It reserves nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bid {
    /// Instances of the same actor on the host; none while its key is not known there.
    #[serde(default, alias = "actorInstances", deserialize_with = "nil_as_default")]
    pub actor_instances: u64,
    /// Whether the image is in the host's cache, so that nothing has to be fetched.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub cached: bool,
    /// Bytes of memory that the host's machine could still give.
    #[serde(default, alias = "freeMemory", skip_serializing_if = "Option::is_none")]
    pub free_memory: Option<u64>,
    /// The name people use for the host.
    #[serde(default, alias = "friendlyName", deserialize_with = "nil_as_default")]
    pub friendly_name: String,
    /// Instances of all actors on the host.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub instances: u64,
    /// Names the bid in a start that follows it, see [`BID_HEADER`]: once, for some seconds, while the host is unchanged.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub token: String,
}

/// Why a host does not bid, if the auction asks for it. To those who do not know it, it is a refusal. Of this project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declined {
    /// Always false.
    pub accepted: bool,
    /// The reasons as one text.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub error: String,
    /// The name people use for the host.
    #[serde(default, alias = "friendlyName", deserialize_with = "nil_as_default")]
    pub friendly_name: String,
    /// The host.
    #[serde(alias = "hostId")]
    pub host_id: HostKey,
    /// What speaks against it, each by itself; at least one.
    pub reasons: Vec<String>,
}

impl Declined {
    /// A host's refusal to bid, for these reasons.
    pub fn new(host_id: HostKey, friendly_name: impl Into<String>, reasons: Vec<String>) -> Self {
        Self { accepted: false, error: reasons.join("; "), friendly_name: friendly_name.into(), host_id, reasons }
    }
}
