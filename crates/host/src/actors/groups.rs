//! The instances of one actor by annotation set, and what a command changes in them.

use std::sync::Arc;

use lattice_artifact::{Digest, Reference};
use lattice_claims::ModuleClaims;
use lattice_protocol::Annotations;
use lattice_runtime::{Actor, Module};
use uuid::Uuid;

use super::{board::GroupView, capacity::Room};
use crate::defaults::LISTED_INSTANCES;

/// Instances of an actor with the same annotations: one image, one bound on concurrent calls.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) annotations: Annotations,
    pub(crate) image: Image,
    pub(crate) actor: Actor,
    pub(crate) count: u16,
    instances: Vec<Uuid>,
    room: Room,
}

/// What a group runs.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) reference: Reference,
    pub(crate) digest: Digest,
    pub(crate) claims: Option<Arc<ModuleClaims>>,
    pub(crate) module: Module,
}

impl Group {
    /// A group of so many instances, for which there is this room.
    pub(super) fn new(annotations: Annotations, image: Image, actor: Actor, count: u16, room: Room) -> Self {
        let mut group = Self { annotations, image, actor, count: 0, instances: Vec::new(), room };
        group.resize(count);
        group
    }

    /// Adds instances, for which there is this room, and returns the ids of those that are new and listed.
    pub(super) fn grow(&mut self, added: u16, room: Room) -> Vec<Uuid> {
        self.room.join(room);
        self.resize(self.count + added)
    }

    /// Takes instances away; calls that run go on.
    pub(super) fn shrink(&mut self, stopped: u16) {
        self.resize(self.count - stopped);
        self.room.give_back(stopped.into());
    }

    fn resize(&mut self, count: u16) -> Vec<Uuid> {
        self.count = count;
        self.actor.resize(count);
        let listed = usize::from(count).min(LISTED_INSTANCES);
        let before = self.instances.len().min(listed);
        self.instances.truncate(listed);
        self.instances.resize_with(listed, Uuid::now_v7);
        self.instances[before..].to_vec()
    }

    pub(crate) fn instances(&self) -> &[Uuid] {
        &self.instances
    }

    pub(crate) fn view(&self) -> GroupView {
        GroupView {
            annotations: self.annotations.clone(),
            reference: self.image.reference.clone(),
            digest: self.image.digest,
            claims: self.image.claims.clone(),
            count: self.count,
            instances: self.instances.clone(),
        }
    }
}

/// How many instances a stop takes from each group, in order, and how many it could not find.
///
/// `groups` gives annotations and count of each; `count` 0 takes all that match.
pub(crate) fn share_of_stop(groups: &[(&Annotations, u16)], part: &Annotations, count: u16) -> (Vec<u16>, u16) {
    let mut wanted = if count == 0 { u32::MAX } else { u32::from(count) };
    let takes = groups
        .iter()
        .map(|(annotations, running)| {
            let available = if annotations.contains(part) { *running } else { 0 };
            let take = u32::from(available).min(wanted);
            wanted -= take;
            u16::try_from(take).expect("no more than a group's count")
        })
        .collect();
    let missing = if count == 0 { 0 } else { u16::try_from(wanted).expect("no more than the count") };
    (takes, missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(groups: &[(&[(&str, &str)], u16)], part: &[(&str, &str)], count: u16, takes: &[u16], missing: u16) {
        let owned: Vec<(Annotations, u16)> =
            groups.iter().map(|(map, count)| (map.iter().copied().collect(), *count)).collect();
        let borrowed: Vec<_> = owned.iter().map(|(annotations, count)| (annotations, *count)).collect();
        let part = part.iter().copied().collect();
        assert_eq!(share_of_stop(&borrowed, &part, count), (takes.to_vec(), missing));
    }

    #[test]
    fn zero_takes_all_that_match() {
        check(&[(&[], 3), (&[("a", "1")], 2)], &[], 0, &[3, 2], 0);
        check(&[(&[], 3), (&[("a", "1")], 2)], &[("a", "1")], 0, &[0, 2], 0);
        check(&[(&[], 3)], &[("a", "1")], 0, &[0], 0);
    }

    #[test]
    fn a_number_is_taken_in_order_and_the_rest_is_missing() {
        check(&[(&[], 3), (&[("a", "1")], 2)], &[], 4, &[3, 1], 0);
        check(&[(&[], 3), (&[("a", "1")], 2)], &[], 9, &[3, 2], 4);
        check(&[(&[], 65_535)], &[], 65_535, &[65_535], 0);
    }
}
