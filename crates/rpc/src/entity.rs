//! Who calls and who is called.

use lattice_claims::EntityRef;
use lattice_protocol::{ActorKey, ContractId, IdError, LinkName, ProviderKey, RpcSubjects};
use serde::{Deserialize, Serialize};

use crate::lenient;

/// The queue group of every instance of a provider.
const PROVIDER_QUEUE: &str = "rpc";

/// An actor, or a capability provider under one link name and contract.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub enum Entity {
    /// An actor.
    Actor(ActorKey),
    /// A capability provider.
    Provider {
        /// Its public key.
        key: ProviderKey,
        /// The link name that it runs under.
        link: LinkName,
        /// The contract that it fulfils.
        contract: ContractId,
    },
}

impl Entity {
    /// The public key's text.
    pub fn public_key(&self) -> &str {
        match self {
            Entity::Actor(key) => key.as_str(),
            Entity::Provider { key, .. } => key.as_str(),
        }
    }

    /// The entity as claims see it.
    pub fn as_claimed(&self) -> EntityRef<'_> {
        match self {
            Entity::Actor(key) => EntityRef { public_key: key.as_str(), link_name: "", contract_id: "" },
            Entity::Provider { key, link, contract } => {
                EntityRef { public_key: key.as_str(), link_name: link.as_str(), contract_id: contract.as_str() }
            }
        }
    }

    /// Where the entity is invoked.
    pub fn subject(&self, subjects: &RpcSubjects) -> String {
        match self {
            Entity::Actor(key) => subjects.actor(key),
            Entity::Provider { key, link, .. } => subjects.provider(key, link),
        }
    }

    /// The queue group in which its instances share the work of `subject`.
    pub(crate) fn queue_group(&self, subject: &str) -> String {
        match self {
            Entity::Actor(_) => subject.to_owned(),
            Entity::Provider { .. } => PROVIDER_QUEUE.to_owned(),
        }
    }

    /// Whether both stand for the same running thing. The contract is what a caller says about a provider, not part of
    /// who it is.
    pub(crate) fn is_same(&self, other: &Entity) -> bool {
        match (self, other) {
            (Entity::Actor(key), Entity::Actor(other)) => key == other,
            (Entity::Provider { key, link, .. }, Entity::Provider { key: other, link: other_link, .. }) => {
                key == other && link == other_link
            }
            _ => false,
        }
    }
}

impl From<ActorKey> for Entity {
    fn from(key: ActorKey) -> Self {
        Entity::Actor(key)
    }
}

/// The order of fields is the order on the wire.
#[derive(Serialize, Deserialize)]
struct Wire {
    #[serde(deserialize_with = "lenient::text")]
    public_key: String,
    #[serde(default, deserialize_with = "lenient::text")]
    link_name: String,
    #[serde(default, deserialize_with = "lenient::text")]
    contract_id: String,
}

impl TryFrom<Wire> for Entity {
    type Error = IdError;

    fn try_from(wire: Wire) -> Result<Self, IdError> {
        if !wire.public_key.starts_with('V') {
            return wire.public_key.try_into().map(Entity::Actor);
        }
        let key = wire.public_key.try_into()?;
        Ok(Entity::Provider { key, link: wire.link_name.try_into()?, contract: wire.contract_id.try_into()? })
    }
}

impl From<Entity> for Wire {
    fn from(entity: Entity) -> Self {
        let EntityRef { public_key, link_name, contract_id } = entity.as_claimed();
        Self { public_key: public_key.to_owned(), link_name: link_name.to_owned(), contract_id: contract_id.to_owned() }
    }
}
