//! What is known of a lattice: hosts with what runs on them, and links.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use lattice_protocol::{
    ActorKey, Annotations, ContractId, HostInventory, HostKey, Labels, LinkDefinition, LinkName, ProviderDescription,
    ProviderKey, ProviderProcess,
};
use tokio::time::Instant;

/// What is known of a lattice at one moment.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LatticeView {
    /// The hosts.
    pub hosts: BTreeMap<HostKey, Arc<HostView>>,
    /// The links by their ids, see [`LinkDefinition::id`]. Their values, which may hold secrets, are not kept.
    pub links: BTreeMap<String, Arc<LinkView>>,
    /// Whether all hosts have been asked at least once, so that what is not here is not known to be there.
    pub gathered: bool,
}

/// When something was last seen, and how.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Seen {
    /// When, by this machine's clock.
    pub at: SystemTime,
    /// How.
    pub source: Source,
    pub(super) instant: Instant,
}

impl Seen {
    pub(super) fn now(source: Source) -> Self {
        Self { at: SystemTime::now(), source, instant: Instant::now() }
    }

    /// How long ago that was. Nobody's clock but this machine's counts, and that it is set does not.
    pub fn age(&self) -> Duration {
        self.instant.elapsed()
    }
}

/// How something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// An event told of it.
    Event,
    /// It stood in a heartbeat.
    Heartbeat,
    /// It stood in the answer of the host that was asked for its inventory.
    Inventory,
    /// It stood in the answer of a host that was asked for what the lattice knows.
    Query,
}

/// A host.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HostView {
    /// The host.
    pub id: HostKey,
    /// The name people use.
    pub friendly_name: String,
    /// The host's version.
    pub version: Option<String>,
    /// What it says of itself.
    pub labels: Labels,
    /// Whether it is there.
    pub state: HostState,
    /// Which start of the host it is, as its events tell; not known of hosts of other projects.
    pub epoch: Option<String>,
    /// When it was last heard of.
    pub seen: Seen,
    /// The actors that run.
    pub actors: BTreeMap<ActorKey, ActorView>,
    /// The providers that run, by key and link name.
    pub providers: BTreeMap<(ProviderKey, LinkName), ProviderView>,
}

/// Whether a host is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostState {
    /// It was heard within two heartbeats.
    Live,
    /// It was not, and did not answer since; what is known of it is old.
    Unknown,
    /// It said that it stops, or nobody listens in its place. It is kept for a while so that this can be seen.
    Gone,
}

/// An actor that runs on a host.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ActorView {
    /// The name in the claims.
    pub name: Option<String>,
    /// What runs, by annotation set.
    pub sets: BTreeMap<Annotations, InstanceSet>,
}

/// Instances of an actor with the same annotations.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InstanceSet {
    /// How many there are.
    pub count: u64,
    /// The image.
    pub image_ref: Option<String>,
    /// The revision in the claims, 0 without one.
    pub revision: i32,
    /// When they were last seen.
    pub seen: Seen,
}

/// A capability provider that runs on a host.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProviderView {
    /// The contract that it serves.
    pub contract_id: Option<ContractId>,
    /// The image.
    pub image_ref: Option<String>,
    /// The name in the claims.
    pub name: Option<String>,
    /// The revision in the claims, 0 without one.
    pub revision: i32,
    /// What was noted on it.
    pub annotations: Annotations,
    /// How its process is; not known of hosts of other projects.
    pub process: Option<ProviderProcess>,
    /// When it was last seen.
    pub seen: Seen,
}

/// A link between an actor and a provider.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LinkView {
    /// The actor.
    pub actor_id: ActorKey,
    /// The contract.
    pub contract_id: ContractId,
    /// The link's name.
    pub link_name: LinkName,
    /// The provider.
    pub provider_id: ProviderKey,
    /// When it was last seen.
    pub seen: Seen,
}

impl HostView {
    /// A host of which nothing is known yet but that it is there.
    pub(super) fn new(id: HostKey, seen: Seen) -> Self {
        Self {
            id,
            friendly_name: String::new(),
            version: None,
            labels: Labels::new(),
            state: HostState::Live,
            epoch: None,
            seen,
            actors: BTreeMap::new(),
            providers: BTreeMap::new(),
        }
    }

    /// What an inventory tells of a host.
    pub(super) fn of(inventory: HostInventory, epoch: Option<String>, seen: Seen) -> Self {
        let mut actors: BTreeMap<ActorKey, ActorView> = BTreeMap::new();
        for actor in inventory.actors {
            let view = actors.entry(actor.id).or_default();
            view.name = actor.name;
            for instance in actor.instances {
                let image_ref = instance.image_ref.or_else(|| actor.image_ref.clone());
                let none = InstanceSet { count: 0, image_ref, revision: instance.revision, seen };
                let set = view.sets.entry(instance.annotations).or_insert(none);
                set.count += u64::from(instance.max_instances);
            }
        }
        let provider = |provider: ProviderDescription| {
            ((provider.id.clone(), provider.link_name.clone()), ProviderView::of(provider, seen))
        };
        Self {
            friendly_name: inventory.friendly_name,
            version: inventory.version,
            labels: inventory.labels,
            epoch,
            actors,
            providers: inventory.providers.into_iter().map(provider).collect(),
            ..Self::new(inventory.host_id, seen)
        }
    }

    /// How many annotation sets there are.
    pub(super) fn sets(&self) -> usize {
        self.actors.values().map(|actor| actor.sets.len()).sum()
    }

    /// Whether another view of the same host says something else, but for when it was seen.
    pub(super) fn differs(&self, other: &Self) -> bool {
        let facts = |host: &Self| (host.state, host.friendly_name.clone(), host.version.clone(), host.labels.clone());
        facts(self) != facts(other)
            || self.epoch != other.epoch
            || !self.actor_facts().eq(other.actor_facts())
            || !self.provider_facts().eq(other.provider_facts())
    }

    fn actor_facts(&self) -> impl Iterator<Item = impl PartialEq> {
        self.actors.iter().flat_map(|(key, actor)| {
            let name = &actor.name;
            actor
                .sets
                .iter()
                .map(move |(annotations, set)| (key, name, annotations, set.count, &set.image_ref, set.revision))
        })
    }

    fn provider_facts(&self) -> impl Iterator<Item = impl PartialEq> {
        self.providers.iter().map(|(key, provider)| {
            let ProviderView { contract_id, image_ref, name, revision, annotations, process, .. } = provider;
            (key, contract_id, image_ref, name, revision, annotations, process)
        })
    }
}

impl ProviderView {
    fn of(provider: ProviderDescription, seen: Seen) -> Self {
        let ProviderDescription { annotations, contract_id, image_ref, name, process, revision, .. } = provider;
        Self { contract_id, image_ref, name, revision, annotations, process, seen }
    }
}

impl LinkView {
    pub(super) fn of(link: LinkDefinition, seen: Seen) -> Self {
        let LinkDefinition { actor_id, contract_id, link_name, provider_id, .. } = link;
        Self { actor_id, contract_id, link_name, provider_id, seen }
    }
}
