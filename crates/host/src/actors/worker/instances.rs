//! Starting and scaling instances of an actor.

use lattice_artifact::Artifact;
use lattice_protocol::{Annotations, OperationPhase};
use lattice_rpc::ServeError;
use lattice_runtime::Actor;

use super::Worker;
use crate::{
    actors::{
        groups::{Group, Image},
        job::{Addition, JobError, Ticket, Wanted},
        settings,
    },
    operations::Operation,
};

impl Worker {
    pub(super) async fn start(&mut self, addition: &Addition, ticket: &mut Ticket) -> Result<(), JobError> {
        let mut history = self.history.clone();
        let added = history.start(ticket.number, &addition.annotations, addition.count);
        if added > 0 {
            self.add(addition, added, ticket).await?;
        }
        // What failed has no effect that others would have to heed.
        self.history = history;
        if added > 0 { Ok(()) } else { Err(JobError::Superseded) }
    }

    async fn add(&mut self, addition: &Addition, added: u16, ticket: &mut Ticket) -> Result<(), JobError> {
        let Addition { artifact, annotations, .. } = addition;
        let Some(index) = self.group_index(annotations) else {
            return self.begin(artifact, annotations, added, ticket).await;
        };
        self.require_image(index, artifact, ticket.number)?;
        let running = self.groups[index].count;
        running.checked_add(added).ok_or(JobError::TooManyInstances { running, added })?;
        self.grow(index, added, ticket)
    }

    pub(super) async fn scale(&mut self, wanted: &mut Wanted, ticket: &mut Ticket) -> Result<(), JobError> {
        let mut history = self.history.clone();
        let count = history.scale(ticket.number, &wanted.annotations, wanted.count).ok_or(JobError::Superseded)?;
        self.set(count, wanted, ticket).await?;
        self.history = history;
        if count == 0 && wanted.count > 0 { Err(JobError::Superseded) } else { Ok(()) }
    }

    async fn set(&mut self, count: u16, wanted: &mut Wanted, ticket: &mut Ticket) -> Result<(), JobError> {
        match (self.group_index(&wanted.annotations), count) {
            (Some(index), 0) => self.end_group(index, Some(&ticket.operation.id())).await,
            (None, 0) => self.tools.absent.forget_group(&self.key, &wanted.annotations),
            (Some(index), count) => self.scale_running(index, count, wanted, ticket).await?,
            (None, count) => {
                let artifact = self.fetched(wanted, &ticket.operation).await?;
                self.begin(&artifact, &wanted.annotations, count, ticket).await?;
            }
        }
        Ok(())
    }

    async fn scale_running(
        &mut self,
        index: usize,
        count: u16,
        wanted: &mut Wanted,
        ticket: &mut Ticket,
    ) -> Result<(), JobError> {
        let same = wanted.reference.as_ref().is_none_or(|reference| *reference == self.groups[index].image.reference);
        if !same || wanted.artifact.is_some() {
            let artifact = self.fetched(wanted, &ticket.operation).await?;
            self.require_image(index, &artifact, ticket.number)?;
        }
        match self.groups[index].count {
            running if running < count => self.grow(index, count - running, ticket)?,
            running if running > count => self.shrink(index, running - count, &ticket.operation.id()),
            _ => {}
        }
        Ok(())
    }

    /// The image that a scale names, fetched now if it was not before.
    async fn fetched(&self, wanted: &mut Wanted, operation: &Operation) -> Result<Artifact, JobError> {
        if let Some(artifact) = &wanted.artifact {
            return Ok(artifact.clone());
        }
        let Some(reference) = &wanted.reference else {
            return Err(JobError::NothingToStart { actor: self.key.clone() });
        };
        let artifact = self.tools.preparer.fetch(reference, None, operation).await;
        let artifact = artifact.map_err(|source| JobError::Fetch { reference: reference.to_string(), source })?;
        JobError::require_actor(&artifact, &self.key)?;
        Ok(wanted.artifact.insert(artifact).clone())
    }

    /// Which image runs is decided by the last update, also for what a command adds that becomes known after it.
    fn require_image(&self, index: usize, artifact: &Artifact, number: u64) -> Result<(), JobError> {
        let group = &self.groups[index];
        let updated = self.history.version_after(number, &group.annotations);
        if group.image.digest == updated.map_or(artifact.digest, |(_, image)| image.digest) {
            return Ok(());
        }
        Err(JobError::OtherImage {
            actor: self.key.clone(),
            running: group.image.reference.to_string(),
            wanted: artifact.reference.to_string(),
        })
    }

    /// Begins a group: compiled, served, announced.
    async fn begin(
        &mut self,
        artifact: &Artifact,
        annotations: &Annotations,
        count: u16,
        ticket: &mut Ticket,
    ) -> Result<(), JobError> {
        let room = ticket.room_for(count)?;
        let (since, image) = match self.history.version_after(ticket.number, annotations) {
            Some((since, image)) => (since, image.clone()),
            None => (ticket.number, self.image(artifact, &ticket.operation).await?),
        };
        ticket.operation.reach(OperationPhase::Starting);
        let actor = self.actor(&image, annotations, count)?;
        let mut group = Group::new(annotations.clone(), image, actor, since);
        group.grow(count, room);
        self.store_claims(Image::newest(self.groups.iter().map(|group| &group.image), &group.image)).await;
        self.serve(&group).await.map_err(|source| JobError::Serve { actor: self.key.clone(), source })?;
        // Without an await from here on: what runs is on the board, announced and not absent, or none of it.
        self.groups.push(group);
        self.publish();
        self.tools.absent.forget_group(&self.key, annotations);
        let group = self.groups.last().expect("pushed above");
        self.tools.announcer.grew(self.change(group, Some(&ticket.operation.id())), group.instances(), count);
        Ok(())
    }

    /// The compiled image; one that runs already is compiled already.
    async fn image(&self, artifact: &Artifact, operation: &Operation) -> Result<Image, JobError> {
        match self.groups.iter().find(|group| group.image.digest == artifact.digest) {
            Some(group) => Ok(Image::new(artifact, group.image.module.clone())),
            None => Image::compiled(artifact, &self.tools.preparer, operation).await,
        }
    }

    /// What serves the calls of a group.
    pub(super) fn actor(&self, image: &Image, annotations: &Annotations, count: u16) -> Result<Actor, JobError> {
        let settings = settings::for_group(&self.tools.settings, annotations, count);
        image.actor(
            self.tools.preparer.runtime(),
            &settings,
            self.tools.serving.imports(&self.key, image.capabilities()),
        )
    }

    pub(super) async fn store_claims(&self, newest: &Image) {
        self.tools.serving.store_claims(newest.claims.as_deref()).await;
    }

    /// Lets calls reach a new group, and subscribes to the actor's invocations if that is not done yet.
    async fn serve(&mut self, newcomer: &Group) -> Result<(), ServeError> {
        self.route(self.groups.iter().chain([newcomer]));
        if self.server.is_none() {
            let served = self.tools.serving.serve(&self.key, self.service.clone()).await;
            self.server = Some(served.inspect_err(|_| self.route(&self.groups))?);
        }
        Ok(())
    }

    fn grow(&mut self, index: usize, added: u16, ticket: &mut Ticket) -> Result<(), JobError> {
        let room = ticket.room_for(added)?;
        let listed = self.groups[index].grow(added, room);
        self.publish();
        let id = ticket.operation.id();
        self.tools.announcer.grew(self.change(&self.groups[index], Some(&id)), &listed, added);
        Ok(())
    }
}
