//! What runs on a host.

use std::collections::BTreeMap;

use super::answer::Fields;
use crate::msgpack::Value;

/// What runs on a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostInventory {
    /// The actors.
    pub actors: Vec<ActorDescription>,
    /// The host's key.
    pub host_id: String,
    /// What the host says of itself.
    pub labels: BTreeMap<String, String>,
    /// The capability providers.
    pub providers: Vec<ProviderDescription>,
}

impl HostInventory {
    pub(super) fn read(inventory: &Value<'_>) -> Option<Self> {
        let fields = Fields::of(inventory);
        let read = Self {
            actors: fields.list("actors", ActorDescription::read),
            host_id: fields.text("hostId"),
            labels: fields.pairs("labels"),
            providers: fields.list("providers", ProviderDescription::read),
        };
        fields.made(read)
    }
}

/// An actor that runs on a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActorDescription {
    /// The actor's key.
    pub id: String,
    /// Its image.
    pub image_ref: Option<String>,
    /// Its instances.
    pub instances: Vec<ActorInstance>,
    /// Its name.
    pub name: Option<String>,
}

impl ActorDescription {
    fn read(actor: &Value<'_>) -> Option<Self> {
        let fields = Fields::of(actor);
        let read = Self {
            id: fields.needed_text("id"),
            image_ref: fields.text_if_any("imageRef"),
            instances: fields.list("instances", ActorInstance::read),
            name: fields.text_if_any("name"),
        };
        fields.made(read)
    }
}

/// An instance of an actor, or several in one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorInstance {
    /// What was noted as it was started.
    pub annotations: BTreeMap<String, String>,
    /// How many instances the entry stands for: 1, unless the provider adds how many (`maxInstances`), for hosts tell of
    /// many instances that are alike in one entry.
    pub count: u32,
    /// Its id.
    pub instance_id: String,
    /// The revision of the actor.
    pub revision: i32,
}

impl ActorInstance {
    fn read(instance: &Value<'_>) -> Option<Self> {
        let fields = Fields::of(instance);
        let read = Self {
            annotations: fields.pairs("annotations"),
            count: fields.unsigned::<u32>("maxInstances").max(1),
            instance_id: fields.text("instanceId"),
            revision: fields.signed("revision"),
        };
        fields.made(read)
    }
}

/// A capability provider that runs on a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderDescription {
    /// What was noted as it was started.
    pub annotations: BTreeMap<String, String>,
    /// The provider's key.
    pub id: String,
    /// Its image.
    pub image_ref: Option<String>,
    /// The link name under which it serves.
    pub link_name: String,
    /// Its name.
    pub name: Option<String>,
    /// Its revision.
    pub revision: i32,
}

impl ProviderDescription {
    fn read(provider: &Value<'_>) -> Option<Self> {
        let fields = Fields::of(provider);
        let read = Self {
            annotations: fields.pairs("annotations"),
            id: fields.needed_text("id"),
            image_ref: fields.text_if_any("imageRef"),
            link_name: fields.text("linkName"),
            name: fields.text_if_any("name"),
            revision: fields.signed("revision"),
        };
        fields.made(read)
    }
}
