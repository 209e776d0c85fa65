//! What hosts tell of what a command was about, beside its record.

use lattice_client::actor_names;
use lattice_protocol::{ActorDescription, ActorKey, HostInventory, HostKey, LinkName, ProviderKey};

use super::ended::Deed;
use crate::{connect::Lattice, detail::Detail};

/// A provider under one link name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Provider {
    pub(crate) key: ProviderKey,
    pub(crate) link: LinkName,
    /// The name in its claims, if that is known.
    pub(crate) name: Option<String>,
}

/// What is known of host and actor besides their keys.
#[derive(Debug, Default)]
pub(super) struct About {
    pub(super) host_name: Option<String>,
    pub(super) actor_name: Option<String>,
    pub(super) provider: Option<Provider>,
    /// How much of the actor runs on the host now.
    pub(super) left: Option<u64>,
}

impl Provider {
    pub(super) fn shown(&self, detail: Detail) -> String {
        detail.named(self.name.as_deref(), self.key.as_str())
    }

    /// The one that runs from this reference under this link name.
    fn running(inventory: &HostInventory, reference: &str, link: &LinkName) -> Option<Self> {
        let mut running = inventory.providers.iter().filter(|provider| provider.link_name == *link);
        let running = running.find(|provider| provider.image_ref.as_deref() == Some(reference))?;
        Some(Self { key: running.id.clone(), link: link.clone(), name: running.name.clone() })
    }
}

impl About {
    /// What the host tells. Names are a comfort: without an answer keys are shown.
    pub(super) async fn ask(lattice: &Lattice, host: &HostKey, actor: Option<&ActorKey>, deed: &Deed) -> Self {
        let Ok(inventory) = lattice.client.inventory(host).await else { return Self::default() };
        if let Deed::ProviderStarted(reference, link) = deed {
            let provider = Provider::running(&inventory, reference, link);
            return Self { host_name: Some(inventory.friendly_name), provider, ..Self::default() };
        }
        let Some(actor) = actor else { return Self { host_name: Some(inventory.friendly_name), ..Self::default() } };
        let running = inventory.actors.iter().find(|running| running.id == *actor);
        let actor_name = match running.and_then(|running| running.name.clone()) {
            Some(name) => Some(name),
            None => claimed_name(lattice, actor).await,
        };
        let left = Some(running.map_or(0, instances));
        Self { host_name: Some(inventory.friendly_name), actor_name, left, provider: None }
    }
}

/// An actor that no longer runs is still known by its claims.
async fn claimed_name(lattice: &Lattice, actor: &ActorKey) -> Option<String> {
    let claims = lattice.client.claims().await.ok()?;
    actor_names(&claims).find(|(key, _)| key == actor).map(|(_, name)| name.to_owned())
}

/// How many calls of an actor a host runs at once.
pub(crate) fn instances(actor: &ActorDescription) -> u64 {
    actor.instances.iter().map(|instance| u64::from(instance.max_instances)).sum()
}

/// What runs on a host: `hello x2, visits x1`.
pub(crate) fn actors(inventory: &HostInventory) -> String {
    let counted = |actor: &ActorDescription| {
        let name = actor.name.clone().unwrap_or_else(|| Detail::Brief.key(actor.id.as_str()));
        format!("{name} x{}", instances(actor))
    };
    let counted: Vec<String> = inventory.actors.iter().map(counted).collect();
    if counted.is_empty() { "none".to_owned() } else { counted.join(", ") }
}
