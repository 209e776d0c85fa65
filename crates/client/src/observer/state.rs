//! The view with what is needed to keep it: what each event, inventory and silence changes, as values.

mod provider;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use lattice_protocol::{
    ActorKey, Annotations, HostInventory, HostKey, LinkDefinition, Links,
    event::{ActorScaled, ActorUpdated, CloudEvent, EventData, HostStarted, LinkdefChange},
};
use tokio::time::Instant;

use super::view::{HostState, HostView, InstanceSet, LatticeView, LinkView, Seen, Source};
use crate::{
    defaults::{
        GONE_KEPT, HOST_SILENCE, OBSERVED_HOSTS, OBSERVED_LINKS, OBSERVED_SETS, RETIRED_EPOCHS, SILENT_ASKED_AGAIN,
    },
    events::EventError,
};

/// What has to be asked for, because events do not tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// What runs on one host.
    Inventory(HostKey),
    /// What runs on every host.
    All,
    /// Which links there are.
    Links,
}

/// The view and what is remembered beside it.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) view: LatticeView,
    /// Whether it says something else than when that was last asked.
    changed: bool,
    tracks: BTreeMap<HostKey, Track>,
}

/// What is remembered of a host beside the view.
#[derive(Debug, Default)]
struct Track {
    /// Starts of the host that are over, the latest last: their events come too late.
    retired: VecDeque<String>,
    /// When it was last asked because it is silent.
    asked: Option<Instant>,
}

impl State {
    /// Whether the view says something else than when this was last asked, but for when things were seen.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// An event came.
    pub(super) fn event(&mut self, event: &CloudEvent) -> Vec<Need> {
        let data = event.known_data();
        let mut needs = self.link_event(data.as_ref());
        let Ok(host) = event.source.parse::<HostKey>() else { return needs };
        match data {
            Some(EventData::HostStarted(data)) => self.started(host, event.hostepoch.clone(), data),
            Some(EventData::HostHeartbeat(inventory)) if inventory.host_id == host => {
                if !self.is_over(&host, event) {
                    self.inventory(inventory, event.hostepoch.clone(), Source::Heartbeat);
                }
            }
            data => needs.extend(self.host_event(host, event, data)),
        }
        needs
    }

    /// Events are missing.
    pub(super) fn hole(&mut self, hole: &EventError) -> Vec<Need> {
        match hole {
            EventError::Lost { host, .. } => {
                host.parse().map(Need::Inventory).into_iter().chain([Need::Links]).collect()
            }
            EventError::Dropped { .. } | EventError::Reconnected => vec![Need::All, Need::Links],
            EventError::Unreadable(_) => Vec::new(),
        }
    }

    /// A host told what runs on it.
    pub(super) fn inventory(&mut self, inventory: HostInventory, epoch: Option<String>, source: Source) {
        let id = inventory.host_id.clone();
        let epoch = epoch.or_else(|| self.view.hosts.get(&id).and_then(|host| host.epoch.clone()));
        self.retire_other(&id, epoch.as_deref());
        self.put(HostView::of(inventory, epoch, Seen::now(source)));
    }

    /// Nobody listens in a host's place. It may only have lost its connection, and come back as what it was.
    pub(super) fn gone(&mut self, host: &HostKey) {
        self.change(host, |view| {
            view.actors.clear();
            view.providers.clear();
            replaced(&mut view.state, HostState::Gone)
        });
    }

    /// A host has stopped, and will not come back as what it was.
    fn stopped(&mut self, host: &HostKey) {
        let epoch = self.view.hosts.get(host).and_then(|view| view.epoch.clone());
        self.retire(host, epoch);
        self.change(host, |view| {
            view.epoch = None;
            false
        });
        self.gone(host);
    }

    /// A host told which links there are.
    pub(super) fn links(&mut self, links: Links) {
        let seen = Seen::now(Source::Query);
        let links = links.links.into_iter().map(|link| (link.id(), LinkView::of(link, seen)));
        let links: BTreeMap<String, Arc<LinkView>> =
            links.take(OBSERVED_LINKS).map(|(id, link)| (id, Arc::new(link))).collect();
        let facts = |links: &BTreeMap<String, Arc<LinkView>>| {
            links.iter().map(|(id, link)| (id.clone(), link.provider_id.clone())).collect::<Vec<_>>()
        };
        self.changed |= facts(&links) != facts(&self.view.links);
        self.view.links = links;
    }

    /// All hosts were asked.
    pub(super) fn gathered(&mut self) {
        self.changed |= !self.view.gathered;
        self.view.gathered = true;
    }

    /// Looks who has been silent for too long, and whom to ask for that.
    pub(super) fn look(&mut self) -> Vec<Need> {
        let is_forgotten = |host: &HostView| host.state == HostState::Gone && host.seen.age() >= GONE_KEPT;
        let before = self.view.hosts.len();
        self.view.hosts.retain(|_, host| !is_forgotten(host));
        self.changed |= self.view.hosts.len() != before;
        let hosts = &self.view.hosts;
        self.tracks.retain(|host, _| hosts.contains_key(host));

        let is_silent = |host: &&Arc<HostView>| host.state != HostState::Gone && host.seen.age() >= HOST_SILENCE;
        let silent: Vec<HostKey> = self.view.hosts.values().filter(is_silent).map(|host| host.id.clone()).collect();
        silent.into_iter().filter(|host| self.doubt(host)).map(Need::Inventory).collect()
    }

    /// The connection is closed: nothing more will be heard.
    pub(super) fn ended(&mut self) {
        let there: Vec<HostKey> = self.view.hosts.keys().cloned().collect();
        for host in there {
            self.change(&host, |view| view.state == HostState::Live && replaced(&mut view.state, HostState::Unknown));
        }
    }

    /// Takes a silent host for unknown, and tells whether it is time to ask it.
    fn doubt(&mut self, host: &HostKey) -> bool {
        self.change(host, |view| replaced(&mut view.state, HostState::Unknown));
        let track = self.tracks.entry(host.clone()).or_default();
        let is_due = track.asked.is_none_or(|asked| asked.elapsed() >= SILENT_ASKED_AGAIN);
        if is_due {
            track.asked = Some(Instant::now());
        }
        is_due
    }

    fn link_event(&mut self, data: Option<&EventData>) -> Vec<Need> {
        match data {
            Some(EventData::LinkdefSet(link)) if self.view.links.len() < OBSERVED_LINKS => {
                let (id, link) = link_of(link, Seen::now(Source::Event));
                let known = self.view.links.insert(id, Arc::new(link.clone()));
                self.changed |= known.is_none_or(|known| known.provider_id != link.provider_id);
                Vec::new()
            }
            Some(EventData::LinkdefSet(_)) => vec![Need::Links],
            Some(EventData::LinkdefDeleted(link)) => {
                let (id, _) = link_of(link, Seen::now(Source::Event));
                self.changed |= self.view.links.remove(&id).is_some();
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// What an event says that neither begins a host nor tells all that runs on it.
    fn host_event(&mut self, host: HostKey, event: &CloudEvent, data: Option<EventData>) -> Vec<Need> {
        if self.is_over(&host, event) {
            return Vec::new();
        }
        let is_known = self.view.hosts.get(&host).is_some_and(|view| view.state != HostState::Gone);
        if !is_known {
            // Somebody says that it is there; it is believed when it says so itself.
            return if event.name() == "host_stopped" { Vec::new() } else { vec![Need::Inventory(host)] };
        }
        let is_new = self.meet(&host, event.hostepoch.as_deref());
        let told = self.apply(&host, event.hostepoch.is_some(), event.name(), data);
        match is_new || !told {
            true => vec![Need::Inventory(host)],
            false => Vec::new(),
        }
    }

    /// Changes what is known of a host by an event, and tells whether the event says all that has changed. Hosts of this
    /// project tell numbers; what others mean by theirs depends on the host, so that they are asked.
    fn apply(&mut self, host: &HostKey, is_ours: bool, name: &str, data: Option<EventData>) -> bool {
        match data {
            Some(EventData::HostStopped(_)) => {
                self.stopped(host);
                true
            }
            Some(EventData::LabelsChanged(data)) => {
                self.change(host, |view| replaced(&mut view.labels, data.labels));
                true
            }
            Some(EventData::ActorScaled(data)) if is_ours => self.scaled(host, data),
            Some(EventData::ActorUpdated(data)) if is_ours => self.updated(host, data),
            Some(data) if is_ours => self.provider_event(host, data),
            _ => !(name.starts_with("actor") || name.starts_with("provider_") || name == "host_heartbeat"),
        }
    }

    fn scaled(&mut self, host: &HostKey, data: ActorScaled) -> bool {
        let has_room = self.view.hosts.get(host).is_some_and(|view| view.sets() < OBSERVED_SETS);
        if has_room {
            self.change(host, |view| match data.max_instances.get() {
                0 => remove_set(view, &data.public_key, &data.annotations),
                count => put_set(view, u64::from(count), data),
            });
        }
        has_room
    }

    fn updated(&mut self, host: &HostKey, data: ActorUpdated) -> bool {
        let mut is_known = false;
        self.change(host, |view| {
            let actor = view.actors.get_mut(&data.public_key);
            let Some(set) = actor.and_then(|actor| actor.sets.get_mut(&data.annotations)) else { return false };
            is_known = true;
            set.seen = Seen::now(Source::Event);
            let image = replaced(&mut set.image_ref, Some(data.image_ref));
            replaced(&mut set.revision, data.revision) || image
        });
        is_known
    }

    fn started(&mut self, id: HostKey, epoch: Option<String>, data: HostStarted) {
        if self.is_retired(&id, epoch.as_deref()) {
            return;
        }
        self.retire_other(&id, epoch.as_deref());
        let HostStarted { friendly_name, labels, version, .. } = data;
        let version = Some(version).filter(|version| !version.is_empty());
        let view = HostView::new(id, Seen::now(Source::Event));
        self.put(HostView { friendly_name, labels, version, epoch, ..view });
    }

    /// Notes that a host was heard, and tells whether it is another start of it than was known: then what was known of
    /// the earlier one is gone.
    fn meet(&mut self, host: &HostKey, epoch: Option<&str>) -> bool {
        let known = self.view.hosts.get(host).and_then(|view| view.epoch.clone());
        let is_new = known.is_some() && epoch.is_some() && known.as_deref() != epoch;
        self.retire_other(host, epoch);
        self.change(host, |view| {
            view.seen = Seen::now(Source::Event);
            view.epoch = epoch.map(str::to_owned).or(view.epoch.take());
            if is_new {
                view.actors.clear();
                view.providers.clear();
            }
            replaced(&mut view.state, HostState::Live) || is_new
        });
        is_new
    }

    fn is_over(&self, host: &HostKey, event: &CloudEvent) -> bool {
        self.is_retired(host, event.hostepoch.as_deref())
    }

    fn is_retired(&self, host: &HostKey, epoch: Option<&str>) -> bool {
        let Some(track) = self.tracks.get(host) else { return false };
        epoch.is_some_and(|epoch| track.retired.iter().any(|retired| retired == epoch))
    }

    /// Another start than the one that is known is the one that counts from now on.
    fn retire_other(&mut self, host: &HostKey, epoch: Option<&str>) {
        let known = self.view.hosts.get(host).and_then(|view| view.epoch.clone());
        if epoch.is_some() && known.as_deref() != epoch {
            self.retire(host, known);
        }
    }

    fn retire(&mut self, host: &HostKey, epoch: Option<String>) {
        let Some(epoch) = epoch else { return };
        let retired = &mut self.tracks.entry(host.clone()).or_default().retired;
        retired.push_back(epoch);
        if retired.len() > RETIRED_EPOCHS {
            retired.pop_front();
        }
    }

    /// Changes what is known of a host, if it is known; `change` tells whether it did so, but for when things were seen.
    fn change(&mut self, host: &HostKey, change: impl FnOnce(&mut HostView) -> bool) {
        if let Some(view) = self.view.hosts.get_mut(host) {
            self.changed |= change(Arc::make_mut(view));
        }
    }

    fn put(&mut self, view: HostView) {
        let known = self.view.hosts.get(&view.id);
        if known.is_none() && !self.make_room() {
            return;
        }
        self.changed |= self.view.hosts.get(&view.id).is_none_or(|known| known.differs(&view));
        self.view.hosts.insert(view.id.clone(), Arc::new(view));
    }

    /// Whether there is room for one more host, made by forgetting one that is gone if need be.
    fn make_room(&mut self) -> bool {
        if self.view.hosts.len() < OBSERVED_HOSTS {
            return true;
        }
        let gone = self.view.hosts.values().find(|host| host.state == HostState::Gone).map(|host| host.id.clone());
        gone.is_some_and(|host| self.view.hosts.remove(&host).is_some())
    }
}

/// Puts a value in another's place, and tells whether it is another one.
fn replaced<T: PartialEq>(place: &mut T, value: T) -> bool {
    let is_other = *place != value;
    *place = value;
    is_other
}

fn put_set(view: &mut HostView, count: u64, data: ActorScaled) -> bool {
    let image_ref = Some(data.image_ref).filter(|image| !image.is_empty());
    let revision = data.claims.revision.unwrap_or_default();
    let set = InstanceSet { count, image_ref, revision, seen: Seen::now(Source::Event) };
    let actor = view.actors.entry(data.public_key).or_default();
    actor.name = data.claims.name.or(actor.name.take());
    let facts = |set: &InstanceSet| (set.count, set.image_ref.clone(), set.revision);
    let told = facts(&set);
    let known = actor.sets.insert(data.annotations, set);
    known.is_none_or(|known| facts(&known) != told)
}

fn remove_set(view: &mut HostView, actor: &ActorKey, annotations: &Annotations) -> bool {
    let Some(running) = view.actors.get_mut(actor) else { return false };
    let was_there = running.sets.remove(annotations).is_some();
    if running.sets.is_empty() {
        view.actors.remove(actor);
    }
    was_there
}

fn link_of(link: &LinkdefChange, seen: Seen) -> (String, LinkView) {
    let LinkdefChange { actor_id, contract_id, link_name, provider_id, .. } = link.clone();
    let link = LinkDefinition { actor_id, contract_id, link_name, provider_id, values: Default::default() };
    (link.id(), LinkView::of(link, seen))
}

#[cfg(test)]
mod tests;
