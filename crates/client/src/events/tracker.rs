//! Recognises duplicate events and gaps in a host's numbering, in bounded memory.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    hash::{BuildHasher, RandomState},
};

use lattice_protocol::event::CloudEvent;

use crate::defaults::{FOLLOWED_HOSTS, REMEMBERED_EVENTS};

/// What was seen lately. One belongs to one subscription.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    hasher: RandomState,
    /// Hashes of the latest ids, also in the order in which they came.
    seen: HashSet<u64>,
    order: VecDeque<u64>,
    /// By the hash of the host's name, so that forged names take no room.
    numbers: HashMap<u64, Number>,
}

/// The highest number seen of one start of a host.
#[derive(Debug)]
struct Number {
    /// The hash of the start's name.
    epoch: u64,
    highest: u64,
}

impl Tracker {
    /// Whether an event with this source and id came before; notes it if not.
    pub(super) fn is_duplicate(&mut self, event: &CloudEvent) -> bool {
        let hash = self.hasher.hash_one((&event.source, &event.id));
        if !self.seen.insert(hash) {
            return true;
        }
        self.order.push_back(hash);
        if self.order.len() > REMEMBERED_EVENTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        false
    }

    /// How many events of the same start of the host are missing before this one; `None` if none or not known.
    pub(super) fn missing_before(&mut self, event: &CloudEvent) -> Option<u64> {
        let (Some(epoch), Some(number)) = (&event.hostepoch, event.sequence_number()) else { return None };
        let (source, epoch) = (self.hasher.hash_one(&event.source), self.hasher.hash_one(epoch));
        match self.numbers.get_mut(&source) {
            Some(last) if last.epoch == epoch => last.advance(number),
            _ => {
                self.follow(source, Number { epoch, highest: number });
                None
            }
        }
    }

    fn follow(&mut self, source: u64, number: Number) {
        if self.numbers.len() >= FOLLOWED_HOSTS {
            self.numbers.clear();
        }
        self.numbers.insert(source, number);
    }
}

impl Number {
    fn advance(&mut self, number: u64) -> Option<u64> {
        let missing = number.saturating_sub(self.highest).saturating_sub(1);
        self.highest = self.highest.max(number);
        (missing > 0).then_some(missing)
    }
}

#[cfg(test)]
impl Tracker {
    pub(super) fn is_within_bounds(&self) -> bool {
        self.seen.len() <= REMEMBERED_EVENTS
            && self.order.len() <= REMEMBERED_EVENTS
            && self.numbers.len() <= FOLLOWED_HOSTS
    }
}
