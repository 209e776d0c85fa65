//! Auctions: who would run this?

use serde::{Deserialize, Serialize};

use super::{
    Constraints,
    command::link_name,
    lenient::{empty_as_none, nil_as_default},
};
use crate::id::{HostKey, LatticeName, LinkName};

/// Asks which hosts would run an actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorAuction {
    /// The image.
    #[serde(alias = "actorRef")]
    pub actor_ref: String,
    /// Labels that a host must have.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub constraints: Constraints,
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
