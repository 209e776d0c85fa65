//! Which links have arrived at the providers that run; of this project.

use serde::{Deserialize, Serialize};

use super::{Items, command::link_name, lenient::empty_as_none};
use crate::id::{ActorKey, ContractId, HostKey, LinkName, ProviderKey};

/// How one running provider stands to one link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkDelivery {
    /// The actor.
    #[serde(alias = "actorId")]
    pub actor_id: ActorKey,
    /// The contract.
    #[serde(alias = "contractId")]
    pub contract_id: ContractId,
    /// Why the provider does not have the link.
    #[serde(default, deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The host on which the provider runs.
    #[serde(alias = "hostId")]
    pub host_id: HostKey,
    /// The link's id, see [`LinkDefinition::id`](super::LinkDefinition::id).
    pub id: String,
    /// The link's name.
    #[serde(default, alias = "linkName", deserialize_with = "link_name")]
    pub link_name: LinkName,
    /// The provider.
    #[serde(alias = "providerId")]
    pub provider_id: ProviderKey,
    /// The revision of the lattice's bucket at which the link stands as this is about it; none if it stands no more, or the
    /// host does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// How far the link got.
    pub state: DeliveryState,
}

/// How far a link got on its way to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeliveryState {
    /// It is on its way.
    Pending,
    /// It was sent. Providers of published SDKs do not say more.
    Delivered,
    /// The provider has said that it took it.
    Confirmed,
    /// The provider refused it, or did not answer.
    Failed,
    /// A state of later hosts.
    #[serde(other)]
    Other,
}

impl DeliveryState {
    /// The state in words.
    pub fn as_str(self) -> &'static str {
        match self {
            DeliveryState::Pending => "pending",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Confirmed => "confirmed",
            DeliveryState::Failed => "failed",
            DeliveryState::Other => "unknown",
        }
    }
}

/// What one host says of the links of its providers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkDeliveries {
    /// The links that providers of the host have got, or are to get, in no order.
    pub deliveries: Items<LinkDelivery>,
    /// The host.
    #[serde(alias = "hostId")]
    pub host_id: HostKey,
}
