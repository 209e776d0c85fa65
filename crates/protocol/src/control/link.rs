//! Links between actors and capability providers.

use data_encoding::HEXUPPER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

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

impl LinkDefinition {
    /// The id under which the lattice keeps the link: actor, contract and link name, hashed.
    pub fn id(&self) -> String {
        link_id(self.actor_id.as_str(), self.contract_id.as_str(), self.link_name.as_str())
    }
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

impl DeleteLink {
    /// The id of the link that is meant, see [`LinkDefinition::id`].
    pub fn id(&self) -> String {
        link_id(self.actor_id.as_str(), self.contract_id.as_str(), self.link_name.as_str())
    }
}

/// Upper-case hexadecimal SHA-256 of the three texts, one after the other without separators.
///
/// Source: wasmCloud 0.82 `crates/host/src/wasmbus/mod.rs` (`linkdef_hash`), wasmcloud-otp 0.63 `jetstream/client.ex`.
fn link_id(actor: &str, contract: &str, link: &str) -> String {
    let hash = Sha256::new().chain_update(actor).chain_update(contract).chain_update(link);
    HEXUPPER.encode(&hash.finalize())
}

/// The links known to the lattice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// The links, in no order.
    #[serde(default)]
    pub links: Items<LinkDefinition>,
}

#[cfg(test)]
mod tests {
    use super::link_id;

    #[test]
    fn the_id_is_that_of_published_hosts() {
        let id = link_id("Mbob", "wasmcloud:testy", "default");
        assert_eq!(id, "B40411AD09B70A2C83D59923584F66BA2C5A3C274DC4F19416DA49CCD6531F9C");
    }
}
