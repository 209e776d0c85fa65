//! Links between actors and capability providers. Inside of messages whose keys are camelCase theirs are snake_case.

use std::collections::BTreeMap;
use std::fmt;

use super::answer::{elements, Fields};
use super::argument::{argument, pairs, present, text, Pairs};
use crate::msgpack::Value;

argument! {
    /// A link that is to be.
    NewLink {
        /// The actor's key.
        actor_id: &'a str = "" => text("actor_id"),
        /// The provider's key.
        provider_id: &'a str = "" => text("provider_id"),
        /// The name by which the actor tells links of one contract apart.
        link_name: &'a str = "default" => text("link_name"),
        /// The contract.
        contract_id: &'a str = "" => text("contract_id"),
        /// Settings for the provider; may hold secrets.
        values: Pairs<'a> = &[] => pairs("values"),
    }
}

/// Of the values only their names.
impl fmt::Debug for NewLink<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.values.iter().map(|(name, _)| name).collect();
        formatter
            .debug_struct("NewLink")
            .field("actor_id", &self.actor_id)
            .field("provider_id", &self.provider_id)
            .field("link_name", &self.link_name)
            .field("contract_id", &self.contract_id)
            .field("values", &names)
            .finish()
    }
}

/// Sets a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdvertiseLink<'a> {
    /// The lattice.
    pub lattice_id: &'a str,
    /// The link.
    pub link: NewLink<'a>,
}

impl Default for AdvertiseLink<'_> {
    fn default() -> Self {
        Self { lattice_id: "default", link: NewLink::default() }
    }
}

impl<'a> AdvertiseLink<'a> {
    pub(super) fn value(&self) -> Value<'a> {
        present(vec![("latticeId", text(self.lattice_id)), ("link", Some(self.link.value()))])
    }
}

argument! {
    /// Removes a link.
    #[derive(Debug)]
    RemoveLink {
        /// The actor's key.
        actor_id: &'a str = "" => text("actorId"),
        /// The contract.
        contract_id: &'a str = "" => text("contractId"),
        /// The lattice.
        lattice_id: &'a str = "default" => text("latticeId"),
        /// The link's name.
        link_name: &'a str = "default" => text("linkName"),
    }
}

/// A link that is there.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LinkDefinition {
    /// The actor's key.
    pub actor_id: String,
    /// The provider's key.
    pub provider_id: String,
    /// The name by which the actor tells links of one contract apart.
    pub link_name: String,
    /// The contract.
    pub contract_id: String,
    /// Settings for the provider; may hold secrets.
    pub values: BTreeMap<String, String>,
}

impl LinkDefinition {
    /// Reads the links of a lattice: under `links`, or as a bare list.
    pub(super) fn read_all(links: &Value<'_>) -> Option<Vec<Self>> {
        match links {
            Value::Array(_) => elements(links, Self::read),
            other => {
                let fields = Fields::of(other);
                let links = fields.list("links", Self::read);
                fields.made(links)
            }
        }
    }

    fn read(link: &Value<'_>) -> Option<Self> {
        let fields = Fields::of(link);
        let text = |snake, camel| fields.text(if fields.has(snake) { snake } else { camel });
        let read = Self {
            actor_id: text("actor_id", "actorId"),
            provider_id: text("provider_id", "providerId"),
            link_name: text("link_name", "linkName"),
            contract_id: text("contract_id", "contractId"),
            values: fields.pairs("values"),
        };
        fields.made(read).filter(|link| !link.actor_id.is_empty())
    }
}

/// Of the values only their names.
impl fmt::Debug for LinkDefinition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LinkDefinition")
            .field("actor_id", &self.actor_id)
            .field("provider_id", &self.provider_id)
            .field("link_name", &self.link_name)
            .field("contract_id", &self.contract_id)
            .field("values", &self.values.keys())
            .finish()
    }
}
