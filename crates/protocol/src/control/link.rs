//! Links between actors and capability providers.

use serde::{Deserialize, Serialize};

use super::{
    Items, LinkValues,
    command::link_name,
    lenient::{empty_as_none, nil_as_default},
};
use crate::id::{ActorKey, ContractId, LatticeName, LinkName, ProviderKey};

/// A link: under this name and for this contract, the actor's calls go to the provider.
///
/// Its keys are snake_case in every encoding, also inside camelCase messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkDefinition {
    /// The actor.
    #[serde(alias = "actorId")]
    pub actor_id: ActorKey,
    /// The provider.
    #[serde(alias = "providerId")]
    pub provider_id: ProviderKey,
    /// The link's name.
    #[serde(default, alias = "linkName", deserialize_with = "link_name")]
    pub link_name: LinkName,
    /// The contract.
    #[serde(alias = "contractId")]
    pub contract_id: ContractId,
    /// Settings for the provider; may hold secrets.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub values: LinkValues,
}

/// Removes a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteLink {
    /// The actor.
    #[serde(alias = "actorId")]
    pub actor_id: ActorKey,
    /// The contract.
    #[serde(alias = "contractId")]
    pub contract_id: ContractId,
    /// The lattice, repeated from the subject.
    #[serde(default, alias = "latticeId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub lattice_id: Option<LatticeName>,
    /// The link's name.
    #[serde(default, alias = "linkName", deserialize_with = "link_name")]
    pub link_name: LinkName,
}

/// The links known to the lattice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// The links, in no order.
    #[serde(default)]
    pub links: Items<LinkDefinition>,
}
