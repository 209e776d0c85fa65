//! Live update: calls go from the running version to another one that was made ready beside it.

use std::time::{Duration, Instant};

use lattice_protocol::OperationPhase;
use lattice_runtime::Actor;

use super::{Worker, ending::Ending};
use crate::actors::{
    command::{Refusal, Update},
    groups::Image,
    job::{JobError, Replacement, Ticket},
};

impl Worker {
    /// Has the groups that an update is about run its image, all of them or none.
    pub(super) async fn update(&mut self, replacement: &Replacement, ticket: &Ticket) -> Result<(), JobError> {
        let Replacement { update, image } = replacement;
        let targets = self.targets(replacement, ticket.number)?;
        if !update.force {
            self.require_no_older(&targets, image)?;
        }
        let (same, other): (Vec<_>, Vec<_>) =
            targets.into_iter().partition(|index| self.groups[*index].image.digest == image.digest);
        let successors = other.into_iter().map(|index| Ok((index, self.successor(index, image)?)));
        let successors: Vec<_> = successors.collect::<Result<_, JobError>>()?;
        if !successors.is_empty() {
            ticket.operation.reach(OperationPhase::Swapping);
            self.store_claims(self.claims_after(update, image)).await;
        }
        // Without an await until everything is told: what runs is routed, on the board and announced, or none of it.
        self.history.updated(ticket.number, update.annotations.clone(), image.clone());
        self.rename(&same, image, ticket);
        if !successors.is_empty() {
            ticket.operation.swapped_within(self.swap(successors, image, ticket.number));
            self.post();
            self.announce_successors(ticket);
            self.drain(Some(&ticket.operation.id())).await;
        }
        Ok(())
    }

    /// The groups that have the annotations of the update, but for those whose image a later command decided.
    fn targets(&self, replacement: &Replacement, number: u64) -> Result<Vec<usize>, JobError> {
        let Replacement { update, image } = replacement;
        let part = &update.annotations;
        let mut targets: Vec<_> =
            (0..self.groups.len()).filter(|index| self.groups[*index].annotations.contains(part)).collect();
        if targets.is_empty() {
            return Err(self.nothing_to_update(update, number));
        }
        let as_wanted = targets.iter().any(|index| self.groups[*index].image.digest == image.digest);
        targets.retain(|index| self.groups[*index].since < number);
        if targets.is_empty() && !as_wanted { Err(JobError::Superseded) } else { Ok(targets) }
    }

    fn nothing_to_update(&self, update: &Update, number: u64) -> JobError {
        if self.history.took_after(number, &update.annotations) {
            return JobError::Superseded;
        }
        let refusal = if self.groups.is_empty() { Refusal::ActorNotFound } else { Refusal::InstanceNotFound };
        refusal.into()
    }

    fn require_no_older(&self, targets: &[usize], image: &Image) -> Result<(), JobError> {
        let mut running = targets.iter().map(|index| &self.groups[*index].image);
        match running.find(|running| running.revision() > image.revision()) {
            None => Ok(()),
            Some(running) => Err(JobError::OlderRevision {
                reference: image.reference.to_string(),
                revision: image.revision(),
                running: running.reference.to_string(),
                running_revision: running.revision(),
            }),
        }
    }

    /// What is to serve the calls of a group from the update on.
    fn successor(&self, index: usize, image: &Image) -> Result<Actor, JobError> {
        let group = &self.groups[index];
        self.actor(image, &group.annotations, group.count)
    }

    /// The newest image when the groups with the annotations of the update run this one.
    fn claims_after<'a>(&'a self, update: &Update, image: &'a Image) -> &'a Image {
        let others = self.groups.iter().filter(|group| !group.annotations.contains(&update.annotations));
        Image::newest(others.map(|group| &group.image), image)
    }

    /// Notes under which reference groups are known from now on that run the image already.
    fn rename(&mut self, groups: &[usize], image: &Image, ticket: &Ticket) {
        let mut renamed = Vec::new();
        for index in groups {
            let group = &mut self.groups[*index];
            group.since = ticket.number;
            let old = std::mem::replace(&mut group.image, image.clone());
            if old.reference != image.reference {
                renamed.push((*index, old));
            }
        }
        if !renamed.is_empty() {
            self.post();
        }
        let id = ticket.operation.id();
        for (index, old) in renamed {
            let group = &self.groups[index];
            self.tools.announcer.updated(self.change(group, Some(&id)), group.instances(), &old);
        }
    }

    /// Has calls go to the successors, and returns how long they may have met neither version.
    fn swap(&mut self, successors: Vec<(usize, Actor)>, image: &Image, number: u64) -> Duration {
        for (index, actor) in successors {
            let old = self.groups[index].replace(image.clone(), actor, number);
            self.ending.push(Ending::Version(old));
        }
        let begun = Instant::now();
        self.route(&self.groups);
        // Not before: a call that still chooses the old version finds it closed, and then the new one in its place.
        self.ending.iter().for_each(|ending| ending.actor().close());
        begun.elapsed()
    }

    fn announce_successors(&self, ticket: &Ticket) {
        let (announcer, id) = (&self.tools.announcer, ticket.operation.id());
        for ending in &self.ending {
            if let Ending::Version(old) = ending
                && let Some(group) = self.group_with(&old.annotations)
            {
                let change = self.change(group, Some(&id));
                announcer.updated(change, group.instances(), &old.image);
                announcer.grew(change, group.instances(), group.count);
            }
        }
    }
}
