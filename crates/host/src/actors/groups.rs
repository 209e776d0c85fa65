//! The instances of one actor by annotation set, and what a command changes in them.

use std::sync::Arc;

use lattice_artifact::{Artifact, Digest, Reference};
use lattice_claims::ModuleClaims;
use lattice_protocol::Annotations;
use lattice_runtime::{Actor, ActorSettings, Imports, Module, Runtime};
use uuid::Uuid;

use super::{board::GroupView, capabilities::Capabilities, capacity::Room, job::JobError, prepare::Preparer};
use crate::{defaults::LISTED_INSTANCES, operations::Operation};

/// Instances of an actor with the same annotations: one image, one bound on concurrent calls.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) annotations: Annotations,
    pub(crate) image: Image,
    pub(crate) actor: Actor,
    pub(crate) count: u16,
    /// The number of the command that decided what they run.
    pub(crate) since: u64,
    instances: Vec<Uuid>,
    room: Option<Room>,
}

/// What a group ran before an update.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) annotations: Annotations,
    pub(crate) image: Image,
    pub(crate) actor: Actor,
}

/// What a group runs.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) reference: Reference,
    pub(crate) digest: Digest,
    pub(crate) claims: Option<Arc<ModuleClaims>>,
    pub(crate) module: Module,
}

impl Image {
    pub(super) fn new(artifact: &Artifact, module: Module) -> Self {
        Self {
            reference: artifact.reference.clone(),
            digest: artifact.digest,
            claims: artifact.identity.claims.clone().map(Arc::new),
            module,
        }
    }

    /// What its claims allow.
    pub(crate) fn capabilities(&self) -> Capabilities {
        Capabilities::new(self.claims.clone())
    }

    /// The image after it has been compiled.
    pub(super) async fn compiled(
        artifact: &Artifact,
        preparer: &Preparer,
        operation: &Operation,
    ) -> Result<Self, JobError> {
        let compiled = preparer.compile(artifact, operation).await;
        let failed = |source| JobError::Compile { reference: artifact.reference.to_string(), source };
        Ok(Self::new(artifact, compiled.map_err(failed)?))
    }

    /// What serves calls with the image.
    pub(super) fn actor(
        &self,
        runtime: &Runtime,
        settings: &ActorSettings,
        imports: Arc<dyn Imports>,
    ) -> Result<Actor, JobError> {
        let actor = Actor::new(runtime, &self.module, settings, imports);
        actor.map_err(|source| JobError::Run { reference: self.reference.to_string(), source })
    }

    pub(crate) fn revision(&self) -> i32 {
        self.claims.as_ref().and_then(|claims| claims.revision).unwrap_or(0)
    }

    /// The image with the highest revision; among equals the one that was signed last.
    pub(super) fn newest<'a>(others: impl Iterator<Item = &'a Self>, last: &'a Self) -> &'a Self {
        let age = |image: &&Self| (image.revision(), image.claims.as_ref().map(|claims| claims.issued_at));
        others.chain([last]).max_by_key(age).unwrap_or(last)
    }
}

impl Group {
    /// A group without instances.
    pub(super) fn new(annotations: Annotations, image: Image, actor: Actor, since: u64) -> Self {
        Self { annotations, image, actor, count: 0, since, instances: Vec::new(), room: None }
    }

    /// Adds instances, for which there is this room, and returns the ids of those that are new and listed.
    pub(super) fn grow(&mut self, added: u16, room: Room) -> Vec<Uuid> {
        match &mut self.room {
            Some(own) => own.join(room),
            None => self.room = Some(room),
        }
        self.resize(self.count + added)
    }

    /// Takes instances away; calls that run go on.
    pub(super) fn shrink(&mut self, stopped: u16) {
        self.resize(self.count - stopped);
        if let Some(room) = &mut self.room {
            room.give_back(stopped.into());
        }
    }

    /// Has the instances run another image, under new ids, and returns what they ran.
    pub(super) fn replace(&mut self, image: Image, actor: Actor, since: u64) -> Version {
        self.since = since;
        self.instances.clear();
        let image = std::mem::replace(&mut self.image, image);
        let actor = std::mem::replace(&mut self.actor, actor);
        self.resize(self.count);
        Version { annotations: self.annotations.clone(), image, actor }
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
