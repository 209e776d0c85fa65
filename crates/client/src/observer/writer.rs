//! The one task that writes the view: it takes events, asks for what they do not tell, and publishes what is known.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use futures::{FutureExt, Stream, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use lattice_protocol::{HostInventory, HostKey, Links, event::CloudEvent};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

use super::{
    state::{Need, State},
    view::{LatticeView, Source},
};
use crate::{
    defaults::{EVENTS_AT_ONCE, INVENTORIES_AT_ONCE, INVENTORY_TRIES, LOOK_INTERVAL, OBSERVED_HOSTS, WAITING_HOSTS},
    events::EventError,
    gather::Gathered,
    request::RequestError,
};

/// Whom the writer asks. A trait, so that its tests need no lattice.
pub(super) trait Lattice: Send + 'static {
    /// What runs on one host.
    fn inventory_of(&self, host: HostKey) -> BoxFuture<'static, Result<HostInventory, RequestError>>;

    /// What runs on every host.
    fn all_inventories(&self) -> BoxFuture<'static, Result<Gathered<HostInventory>, RequestError>>;

    /// Which links there are.
    fn all_links(&self) -> BoxFuture<'static, Result<Links, RequestError>>;
}

type Event = Result<CloudEvent, EventError>;

/// Writes the view of one lattice.
pub(super) struct Writer<L> {
    lattice: L,
    state: State,
    view: watch::Sender<Arc<LatticeView>>,
    asked: FuturesUnordered<BoxFuture<'static, Told>>,
    /// Hosts that are being asked.
    pulls: BTreeMap<HostKey, Pull>,
    /// Hosts that are to be asked when there is room, each once.
    waiting: VecDeque<HostKey>,
    /// While all hosts are being asked: those of which an event came meanwhile.
    all: Option<BTreeSet<HostKey>>,
    /// Whether all hosts are to be asked once more.
    all_again: bool,
    links: Asking,
}

/// A question to one host.
#[derive(Debug, Default)]
struct Pull {
    /// Whether an event of the host came meanwhile, so that the answer may be older than what is known.
    outdated: bool,
    tries: u32,
}

/// How far a question that is asked one at a time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    Not,
    /// It is under way.
    Now,
    /// It is under way, and an answer to it may be older than what is known.
    Again,
    /// It found no answer and is to be repeated.
    Failed,
}

/// An answer.
enum Told {
    Inventory(HostKey, Result<HostInventory, RequestError>),
    All(Result<Gathered<HostInventory>, RequestError>),
    Links(Result<Links, RequestError>),
}

impl<L: Lattice> Writer<L> {
    pub(super) fn new(lattice: L, view: watch::Sender<Arc<LatticeView>>) -> Self {
        Self {
            lattice,
            state: State::default(),
            view,
            asked: FuturesUnordered::new(),
            pulls: BTreeMap::new(),
            waiting: VecDeque::new(),
            all: None,
            all_again: false,
            links: Asking::Not,
        }
    }

    /// Keeps the view until the events end.
    pub(super) async fn run(mut self, events: impl Stream<Item = Event> + Send) {
        let mut events = std::pin::pin!(events.ready_chunks(EVENTS_AT_ONCE));
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.meet(vec![Need::All, Need::Links]);
        loop {
            // Cancel-safe: each arm takes something only when it completes, events, an answer or a tick.
            tokio::select! {
                chunk = events.next() => match chunk {
                    Some(chunk) => chunk.into_iter().for_each(|event| self.take(event)),
                    None => break,
                },
                Some(told) = self.asked.next() => self.hear(told),
                _ = looks.tick() => self.look(),
            }
            self.publish();
        }
        self.state.ended();
        self.publish();
    }

    /// Makes the view known; that something was only seen again wakes nobody.
    fn publish(&mut self) {
        let changed = self.state.take_changed();
        let view = Arc::new(self.state.view.clone());
        self.view.send_if_modified(|known| {
            *known = view;
            changed
        });
    }

    fn take(&mut self, event: Event) {
        let needs = match event {
            Ok(event) => {
                self.outdate(&event);
                self.state.event(&event)
            }
            Err(hole) => self.state.hole(&hole),
        };
        self.meet(needs);
    }

    /// Answers that were asked for before this event may be older than it.
    fn outdate(&mut self, event: &CloudEvent) {
        if event.name().starts_with("linkdef_") && self.links == Asking::Now {
            self.links = Asking::Again;
        }
        let Ok(host) = event.source.parse() else { return };
        if let Some(pull) = self.pulls.get_mut(&host) {
            pull.outdated = true;
        }
        if let Some(all) = self.all.as_mut().filter(|all| all.len() < OBSERVED_HOSTS) {
            all.insert(host);
        }
    }

    fn look(&mut self) {
        let needs = self.state.look();
        self.meet(needs);
        if self.links == Asking::Failed {
            self.ask_links();
        }
    }

    fn meet(&mut self, needs: Vec<Need>) {
        for need in needs {
            match need {
                Need::Inventory(host) => self.ask_later(host),
                Need::All if self.all.is_some() => self.all_again = true,
                Need::All => self.ask_all(),
                Need::Links if matches!(self.links, Asking::Now | Asking::Again) => self.links = Asking::Again,
                Need::Links => self.ask_links(),
            }
        }
        self.ask_waiting();
    }

    /// Asks a host as soon as there is room; one that is being asked answers too early, and is asked again.
    fn ask_later(&mut self, host: HostKey) {
        match self.pulls.get_mut(&host) {
            Some(pull) => pull.outdated = true,
            None if self.waiting.contains(&host) || self.waiting.len() >= WAITING_HOSTS => {}
            None => self.waiting.push_back(host),
        }
    }

    fn ask_waiting(&mut self) {
        while self.pulls.len() < INVENTORIES_AT_ONCE {
            let Some(host) = self.waiting.pop_front() else { return };
            self.pulls.insert(host.clone(), Pull::default());
            self.ask(host);
        }
    }

    fn ask(&mut self, host: HostKey) {
        let answer = self.lattice.inventory_of(host.clone());
        self.asked.push(answer.map(|answer| Told::Inventory(host, answer)).boxed());
    }

    fn ask_all(&mut self) {
        self.all = Some(BTreeSet::new());
        self.asked.push(self.lattice.all_inventories().map(Told::All).boxed());
    }

    fn ask_links(&mut self) {
        self.links = Asking::Now;
        self.asked.push(self.lattice.all_links().map(Told::Links).boxed());
    }

    fn hear(&mut self, told: Told) {
        match told {
            Told::Inventory(host, answer) => self.hear_inventory(host, answer),
            Told::All(answer) => self.hear_all(answer),
            Told::Links(answer) => self.hear_links(answer),
        }
        self.ask_waiting();
    }

    fn hear_inventory(&mut self, host: HostKey, answer: Result<HostInventory, RequestError>) {
        let Some(pull) = self.pulls.get_mut(&host) else { return };
        if pull.outdated && pull.tries < INVENTORY_TRIES {
            (pull.outdated, pull.tries) = (false, pull.tries + 1);
            return self.ask(host);
        }
        self.pulls.remove(&host);
        match answer {
            Ok(inventory) if inventory.host_id == host => self.state.inventory(inventory, None, Source::Inventory),
            Err(RequestError::NoResponders { .. }) => self.state.gone(&host),
            // Nothing is known that was not before. The host's next heartbeat tells, or that there is none.
            _ => {}
        }
    }

    fn hear_all(&mut self, answer: Result<Gathered<HostInventory>, RequestError>) {
        let mut doubtful = self.all.take().unwrap_or_default();
        let told = answer.map(|gathered| gathered.items).unwrap_or_default();
        let told_of: BTreeSet<HostKey> = told.iter().map(|inventory| inventory.host_id.clone()).collect();
        // Those of whom nothing came are asked one by one, which tells apart who is gone and who is slow.
        doubtful.extend(self.state.view.hosts.keys().filter(|host| !told_of.contains(host)).cloned());
        for inventory in told.into_iter().filter(|inventory| !doubtful.contains(&inventory.host_id)) {
            self.state.inventory(inventory, None, Source::Inventory);
        }
        self.state.gathered();
        doubtful.into_iter().for_each(|host| self.ask_later(host));
        if std::mem::take(&mut self.all_again) {
            self.ask_all();
        }
    }

    fn hear_links(&mut self, answer: Result<Links, RequestError>) {
        match (answer, self.links) {
            (_, Asking::Again) => self.ask_links(),
            (Ok(links), _) => {
                self.links = Asking::Not;
                self.state.links(links);
            }
            (Err(_), _) => self.links = Asking::Failed,
        }
    }
}

#[cfg(test)]
mod tests;
