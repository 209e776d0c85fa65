//! What later commands mean for an earlier one that becomes known late.
//!
//! A command may name a reference, and whose key that is comes out only when it has been fetched. Commands that were
//! taken on after it, for the same key, may have been carried out by then. This is where their effects are kept, so that
//! the counts are the same as if all had come in order. From which of several annotation sets a stop of some instances
//! takes them is the host's choice, and a choice once made stays. Likewise the last update decides what instances run
//! that an earlier command adds.

use std::{collections::BTreeMap, ops::Bound};

use lattice_protocol::Annotations;

/// The effects of commands carried out for one actor that may have to act on commands taken on before them.
#[derive(Clone, Debug)]
pub(crate) struct History<V> {
    effects: BTreeMap<u64, Effect<V>>,
}

/// What a command did, by its number in the host's order.
#[derive(Clone, Debug)]
enum Effect<V> {
    /// So many instances with exactly these annotations were added.
    Added(Annotations, u16),
    /// The number of instances with exactly these annotations was set.
    Scaled(Annotations),
    /// All instances with at least these annotations were stopped.
    StoppedAll(Annotations),
    /// Some instances with at least these annotations were stopped.
    StoppedSome(Annotations, Taking),
    /// Instances with at least these annotations were made to run this version.
    Updated(Annotations, V),
}

/// What a stop of some instances got, and what it still wants.
#[derive(Clone, Debug, Default)]
struct Taking {
    taken: Vec<(Annotations, u16)>,
    owed: u16,
}

impl<V> Default for History<V> {
    fn default() -> Self {
        Self { effects: BTreeMap::new() }
    }
}

impl<V> History<V> {
    /// Notes a start, and returns how many of its instances later commands leave.
    pub(crate) fn start(&mut self, number: u64, annotations: &Annotations, count: u16) -> u16 {
        let mut left = count;
        for effect in self.after(number) {
            match effect {
                effect if effect.sets(annotations) => {
                    left = 0;
                    break;
                }
                Effect::StoppedSome(part, taking) if annotations.contains(part) => {
                    left -= taking.take(annotations, left);
                }
                _ => {}
            }
        }
        self.effects.insert(number, Effect::Added(annotations.clone(), count));
        left
    }

    /// Notes a scale, and returns the count that it and later commands make; `None` if a later one has set it anew.
    pub(crate) fn scale(&mut self, number: u64, annotations: &Annotations, count: u16) -> Option<u16> {
        if self.after(number).any(|effect| effect.sets(annotations)) {
            return None;
        }
        let mut now = count;
        for effect in self.after(number) {
            match effect {
                Effect::Added(exact, added) if exact == annotations => now = now.saturating_add(*added),
                Effect::StoppedSome(part, taking) if annotations.contains(part) => {
                    taking.give_back(annotations);
                    now -= taking.take(annotations, now);
                }
                _ => {}
            }
        }
        self.effects.insert(number, Effect::Scaled(annotations.clone()));
        Some(now)
    }

    /// Notes that all instances with at least these annotations were stopped.
    pub(crate) fn stopped_all(&mut self, number: u64, part: Annotations) {
        self.effects.insert(number, Effect::StoppedAll(part));
    }

    /// Notes from where a stop took instances with at least these annotations, and how many were not there.
    pub(crate) fn stopped_some(&mut self, number: u64, part: Annotations, taken: Vec<(Annotations, u16)>, owed: u16) {
        self.effects.insert(number, Effect::StoppedSome(part, Taking { taken, owed }));
    }

    /// Notes that instances with at least these annotations run another version.
    pub(crate) fn updated(&mut self, number: u64, part: Annotations, version: V) {
        self.effects.insert(number, Effect::Updated(part, version));
    }

    /// What the last update after a command makes of instances with these annotations, and the update's number.
    pub(crate) fn version_after(&self, number: u64, annotations: &Annotations) -> Option<(u64, &V)> {
        self.effects.range((Bound::Excluded(number), Bound::Unbounded)).rev().find_map(
            |(number, effect)| match effect {
                Effect::Updated(part, version) if annotations.contains(part) => Some((*number, version)),
                _ => None,
            },
        )
    }

    /// Whether commands after this one stopped instances that can have had these annotations.
    pub(crate) fn took_after(&self, number: u64, part: &Annotations) -> bool {
        let mut later = self.effects.range((Bound::Excluded(number), Bound::Unbounded));
        later.any(|(_, effect)| match effect {
            Effect::Scaled(exact) => exact.contains(part),
            Effect::StoppedAll(other) | Effect::StoppedSome(other, _) => are_compatible(other, part),
            Effect::Added(..) | Effect::Updated(..) => false,
        })
    }

    /// Forgets what no command can need any more: those still unknown were all taken on at `horizon` or later.
    pub(crate) fn forget_before(&mut self, horizon: u64) {
        self.effects.retain(|number, _| *number > horizon);
    }

    fn after(&mut self, number: u64) -> impl Iterator<Item = &mut Effect<V>> {
        self.effects.range_mut((Bound::Excluded(number), Bound::Unbounded)).map(|(_, effect)| effect)
    }
}

impl<V> Effect<V> {
    /// Whether it decides the number of instances with these annotations, whatever it was before.
    fn sets(&self, annotations: &Annotations) -> bool {
        match self {
            Effect::Scaled(exact) => exact == annotations,
            Effect::StoppedAll(part) => annotations.contains(part),
            Effect::Added(..) | Effect::StoppedSome(..) | Effect::Updated(..) => false,
        }
    }
}

/// Whether instances can have all annotations of both.
fn are_compatible(one: &Annotations, other: &Annotations) -> bool {
    one.iter().all(|(key, value)| other.get(key).is_none_or(|same| same == value))
}

impl Taking {
    /// Takes what is still wanted of `available` instances, and returns how many that are.
    fn take(&mut self, annotations: &Annotations, available: u16) -> u16 {
        let taken = available.min(self.owed);
        self.owed -= taken;
        self.taken.push((annotations.clone(), taken));
        taken
    }

    /// Undoes what was taken of the instances with these annotations.
    fn give_back(&mut self, annotations: &Annotations) {
        let of_these = self.taken.extract_if(.., |(exact, _)| exact == annotations);
        self.owed += of_these.map(|(_, count)| count).sum::<u16>();
    }
}

#[cfg(test)]
mod tests;
