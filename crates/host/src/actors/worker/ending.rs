//! Stopping instances of an actor: in order, or all at once.

use lattice_protocol::{Annotations, OperationId};
use lattice_runtime::Actor;

use super::Worker;
use crate::actors::{
    command::Stop,
    groups::{Group, Version, share_of_stop},
    job::Ticket,
};

/// What takes no new calls and finishes those that it has. Its end is not announced yet.
pub(super) enum Ending {
    /// Instances that stop.
    Group(Group),
    /// What instances ran before an update.
    Version(Version),
}

impl Ending {
    pub(super) fn actor(&self) -> &Actor {
        match self {
            Ending::Group(group) => &group.actor,
            Ending::Version(version) => &version.actor,
        }
    }
}

impl Worker {
    pub(super) async fn stop(&mut self, stop: &Stop, ticket: &Ticket) {
        let running: Vec<_> = self.groups.iter().map(|group| (&group.annotations, group.count)).collect();
        let (takes, missing) = share_of_stop(&running, &stop.annotations, stop.count);
        let takes: Vec<_> = takes.into_iter().enumerate().filter(|(_, take)| *take > 0).collect();
        if stop.count == 0 || missing > 0 {
            self.tools.absent.stop(&Stop { count: missing, ..stop.clone() });
        }
        let annotations = stop.annotations.clone();
        if stop.count == 0 {
            self.history.stopped_all(ticket.number, annotations);
        } else {
            let taken = takes.iter().map(|(index, take)| (self.groups[*index].annotations.clone(), *take)).collect();
            self.history.stopped_some(ticket.number, annotations, taken, missing);
        }
        self.remove(&takes, &ticket.operation.id()).await;
    }

    /// Takes instances from groups, given by index and number; a group that loses all of them ends.
    async fn remove(&mut self, takes: &[(usize, u16)], operation: &OperationId) {
        // From the end, so that the indices before stay right.
        for (index, take) in takes.iter().rev() {
            if self.groups[*index].count > *take {
                self.shrink(*index, *take, operation);
            } else {
                self.end_group(*index, Some(operation)).await;
            }
        }
    }

    pub(super) fn shrink(&mut self, index: usize, stopped: u16, operation: &OperationId) {
        self.groups[index].shrink(stopped);
        self.publish();
        self.tools.announcer.shrank(self.change(&self.groups[index], Some(operation)), stopped);
    }

    /// Ends a group: no new calls, running ones finish, then the event.
    pub(super) async fn end_group(&mut self, index: usize, operation: Option<&OperationId>) {
        if self.groups.len() == 1 {
            // Before the group goes: calls that come now belong to the other hosts of the actor.
            self.end_server().await;
        }
        let group = self.groups.remove(index);
        self.ending.push(Ending::Group(group));
        self.publish();
        self.drain(operation).await;
    }

    /// Ends everything in order.
    pub(super) async fn end(&mut self) {
        // First of all no new calls: those that come now belong to the other hosts of the actor.
        self.end_server().await;
        while !self.groups.is_empty() {
            self.end_group(0, None).await;
        }
    }

    /// Ends everything without waiting for the calls that run.
    pub(super) fn end_at_once(&mut self) {
        self.server = None;
        loop {
            self.ending.iter().for_each(|ending| ending.actor().abort());
            self.announce_ends(None);
            let Some(group) = self.groups.pop() else { return };
            self.ending.push(Ending::Group(group));
            self.publish();
        }
    }

    /// Waits until what ends has finished its calls, and tells.
    pub(super) async fn drain(&mut self, operation: Option<&OperationId>) {
        for ending in &self.ending {
            ending.actor().drain().await;
        }
        self.announce_ends(operation);
    }

    fn announce_ends(&mut self, operation: Option<&OperationId>) {
        for ending in std::mem::take(&mut self.ending) {
            match ending {
                Ending::Group(mut group) => {
                    let count = std::mem::take(&mut group.count);
                    self.tools.announcer.shrank(self.change(&group, operation), count);
                }
                Ending::Version(version) => self.announce_replaced(&version, operation),
            }
        }
    }

    fn announce_replaced(&self, old: &Version, operation: Option<&OperationId>) {
        if let Some(group) = self.group_with(&old.annotations) {
            self.tools.announcer.replaced(self.change(group, operation), &old.image.reference);
        }
    }

    pub(super) fn group_with(&self, annotations: &Annotations) -> Option<&Group> {
        self.groups.iter().find(|group| group.annotations == *annotations)
    }

    async fn end_server(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }
}
