//! Carrying out the commands for one actor, one after the other in the order in which they were taken on.

use std::{collections::BTreeMap, sync::Arc};

use lattice_artifact::Artifact;
use lattice_protocol::{ActorKey, Annotations, OperationId, OperationPhase};
use lattice_rpc::ServeError;
use lattice_runtime::{Actor, ActorSettings};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    announce::{Announcer, Change, Failure},
    board::Board,
    capacity::Capacity,
    command::Stop,
    groups::{Group, Image, share_of_stop},
    history::History,
    job::{Addition, Job, JobError, Ticket, Wanted, Work},
    prepare::Preparer,
    restore::{Absent, Notes},
    service::{Service, Target},
    serving::{Served, Serving},
    settings,
};
use crate::operations::Operation;

/// What every worker of a host works with; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    pub(crate) preparer: Preparer,
    pub(crate) announcer: Announcer,
    pub(crate) board: Board,
    pub(crate) capacity: Capacity,
    pub(crate) absent: Absent,
    pub(crate) notes: Notes,
    pub(crate) serving: Serving,
    pub(crate) settings: ActorSettings,
}

/// A worker says that it finished a job.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) badge: Badge,
    /// Whether anything of the actor runs.
    pub(crate) running: bool,
}

/// Which worker it is: an actor can have another one after the first has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Badge {
    pub(crate) actor: ActorKey,
    pub(crate) number: u64,
}

/// The task that owns what runs of one actor.
pub(crate) struct Worker {
    key: ActorKey,
    badge: Badge,
    tools: Tools,
    jobs: mpsc::UnboundedReceiver<Job>,
    finished: mpsc::UnboundedSender<Finished>,
    waiting: BTreeMap<u64, Job>,
    /// What runs, exactly as it was announced.
    groups: Vec<Group>,
    /// A group whose calls are finishing and whose end is not announced yet.
    ending: Option<Group>,
    history: History,
    service: Service,
    server: Option<Served>,
}

impl Worker {
    pub(crate) fn new(
        badge: Badge,
        tools: Tools,
        jobs: mpsc::UnboundedReceiver<Job>,
        finished: mpsc::UnboundedSender<Finished>,
    ) -> Self {
        Self {
            key: badge.actor.clone(),
            badge,
            tools,
            jobs,
            finished,
            waiting: BTreeMap::new(),
            groups: Vec::new(),
            ending: None,
            history: History::default(),
            service: Service::default(),
            server: None,
        }
    }

    /// Works until the coordinator has nothing more for this actor, then stops what still runs of it; at once when it is
    /// cut off.
    pub(crate) async fn run(mut self, cut_off: CancellationToken) {
        if cut_off.run_until_cancelled(self.work()).await.is_none() {
            self.end_at_once();
        }
    }

    async fn work(&mut self) {
        while let Some(job) = self.next().await {
            self.history.forget_before(job.horizon);
            self.carry_out(job).await;
            // The receiver ends only with the host, when nobody keeps accounts any more.
            let _ = self.finished.send(Finished { badge: self.badge.clone(), running: !self.groups.is_empty() });
        }
        // First of all no new calls: those that come now belong to the other hosts of the actor.
        self.end_server().await;
        while !self.groups.is_empty() {
            self.end_group(0, None).await;
        }
    }

    /// The earliest command that is there: one that was taken on earlier may have become known later.
    ///
    /// `None` when the coordinator has let go, which it does with jobs left only when the host stops: what waits then is
    /// not begun any more, and its operations tell.
    async fn next(&mut self) -> Option<Job> {
        if self.waiting.is_empty() {
            let job = self.jobs.recv().await?;
            self.waiting.insert(job.ticket.number, job);
        }
        if self.jobs.is_closed() {
            return None;
        }
        while let Ok(job) = self.jobs.try_recv() {
            self.waiting.insert(job.ticket.number, job);
        }
        self.waiting.pop_first().map(|(_, job)| job)
    }

    async fn carry_out(&mut self, job: Job) {
        let Job { mut ticket, work, .. } = job;
        ticket.operation.concerns(&self.key);
        match work {
            Work::Start(addition) => {
                let outcome = self.start(&addition, &mut ticket).await;
                self.tools.notes.noted().await;
                self.end_start(ticket, outcome, &addition);
            }
            Work::Scale(wanted) => {
                let outcome = self.scale(&wanted, &mut ticket).await;
                self.tools.notes.noted().await;
                self.end_scale(ticket, outcome, &wanted);
            }
            Work::Stop(stop) => {
                self.stop(ticket.number, stop, &ticket.operation.id()).await;
                self.tools.notes.noted().await;
                ticket.operation.stopped();
            }
        }
    }

    async fn start(&mut self, addition: &Addition, ticket: &mut Ticket) -> Result<(), JobError> {
        let Addition { artifact, annotations, count } = addition;
        let mut history = self.history.clone();
        let added = history.start(ticket.number, annotations, *count);
        if added > 0 {
            self.add(artifact, annotations, added, ticket).await?;
        }
        // What failed has no effect that others would have to heed.
        self.history = history;
        if added > 0 { Ok(()) } else { Err(JobError::Superseded) }
    }

    async fn add(
        &mut self,
        artifact: &Artifact,
        annotations: &Annotations,
        added: u16,
        ticket: &mut Ticket,
    ) -> Result<(), JobError> {
        let Some(index) = self.group_index(annotations) else {
            return self.begin(artifact, annotations, added, ticket).await;
        };
        self.require_image(index, artifact)?;
        let running = self.groups[index].count;
        running.checked_add(added).ok_or(JobError::TooManyInstances { running, added })?;
        self.grow(index, added, ticket)
    }

    async fn scale(&mut self, wanted: &Wanted, ticket: &mut Ticket) -> Result<(), JobError> {
        let mut history = self.history.clone();
        let count = history.scale(ticket.number, &wanted.annotations, wanted.count).ok_or(JobError::Superseded)?;
        self.set(count, wanted, ticket).await?;
        self.history = history;
        if count == 0 && wanted.count > 0 { Err(JobError::Superseded) } else { Ok(()) }
    }

    async fn set(&mut self, count: u16, wanted: &Wanted, ticket: &mut Ticket) -> Result<(), JobError> {
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
        wanted: &Wanted,
        ticket: &mut Ticket,
    ) -> Result<(), JobError> {
        let same = wanted.reference.as_ref().is_none_or(|reference| *reference == self.groups[index].image.reference);
        if !same || wanted.artifact.is_some() {
            let artifact = self.fetched(wanted, &ticket.operation).await?;
            self.require_image(index, &artifact)?;
        }
        match self.groups[index].count {
            running if running < count => self.grow(index, count - running, ticket)?,
            running if running > count => self.shrink(index, running - count, &ticket.operation.id()),
            _ => {}
        }
        Ok(())
    }

    /// The image that a scale names, fetched now if it was not before.
    async fn fetched(&self, wanted: &Wanted, operation: &Operation) -> Result<Artifact, JobError> {
        if let Some(artifact) = &wanted.artifact {
            return Ok(artifact.clone());
        }
        let Some(reference) = &wanted.reference else {
            return Err(JobError::NothingToStart { actor: self.key.clone() });
        };
        let fetched = self.tools.preparer.fetch(reference, None, operation).await;
        let artifact = fetched.map_err(|source| JobError::Fetch { reference: reference.to_string(), source })?;
        if artifact.identity.key != self.key {
            let (expected, found) = (self.key.clone(), artifact.identity.key);
            return Err(JobError::OtherActor { reference: reference.to_string(), expected, found });
        }
        Ok(artifact)
    }

    fn require_image(&self, index: usize, artifact: &Artifact) -> Result<(), JobError> {
        let image = &self.groups[index].image;
        if image.digest == artifact.digest {
            return Ok(());
        }
        Err(JobError::OtherImage {
            actor: self.key.clone(),
            running: image.reference.to_string(),
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
        let operation = &ticket.operation;
        let image = self.image(artifact, operation).await?;
        operation.reach(OperationPhase::Starting);
        let settings = settings::for_group(&self.tools.settings, annotations, count);
        let imports = self.tools.serving.imports(&self.key);
        let actor = Actor::new(self.tools.preparer.runtime(), &image.module, &settings, imports);
        let actor = actor.map_err(|source| JobError::Run { reference: artifact.reference.to_string(), source })?;
        let group = Group::new(annotations.clone(), image, actor, count, room);
        self.tools.serving.store_claims(group.image.claims.as_deref()).await;
        self.serve(&group).await.map_err(|source| JobError::Serve { actor: self.key.clone(), source })?;
        // Without an await from here on: what runs is on the board, announced and not absent, or none of it.
        self.groups.push(group);
        self.publish();
        self.tools.absent.forget_group(&self.key, annotations);
        let group = self.groups.last().expect("pushed above");
        self.tools.announcer.grew(self.change(group, Some(&operation.id())), group.instances(), count);
        Ok(())
    }

    /// The compiled image; one that runs already is compiled already.
    async fn image(&self, artifact: &Artifact, operation: &Operation) -> Result<Image, JobError> {
        let running = self.groups.iter().find(|group| group.image.digest == artifact.digest);
        let module = match running {
            Some(group) => group.image.module.clone(),
            None => {
                let reference = artifact.reference.to_string();
                let compiled = self.tools.preparer.compile(artifact, operation).await;
                compiled.map_err(|source| JobError::Compile { reference, source })?
            }
        };
        Ok(Image {
            reference: artifact.reference.clone(),
            digest: artifact.digest,
            claims: artifact.identity.claims.clone().map(Arc::new),
            module,
        })
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

    fn shrink(&mut self, index: usize, stopped: u16, operation: &OperationId) {
        self.groups[index].shrink(stopped);
        self.publish();
        self.tools.announcer.shrank(self.change(&self.groups[index], Some(operation)), stopped);
    }

    async fn stop(&mut self, number: u64, stop: Stop, operation: &OperationId) {
        let running: Vec<_> = self.groups.iter().map(|group| (&group.annotations, group.count)).collect();
        let (takes, missing) = share_of_stop(&running, &stop.annotations, stop.count);
        let takes: Vec<_> = takes.into_iter().enumerate().filter(|(_, take)| *take > 0).collect();
        if stop.count == 0 || missing > 0 {
            self.tools.absent.stop(&Stop { count: missing, ..stop.clone() });
        }
        if stop.count == 0 {
            self.history.stopped_all(number, stop.annotations);
        } else {
            let taken = takes.iter().map(|(index, take)| (self.groups[*index].annotations.clone(), *take)).collect();
            self.history.stopped_some(number, stop.annotations, taken, missing);
        }
        self.remove(&takes, operation).await;
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

    /// Ends a group: no new calls, running ones finish, then the event.
    async fn end_group(&mut self, index: usize, operation: Option<&OperationId>) {
        if self.groups.len() == 1 {
            // Before the group goes: calls that come now belong to the other hosts of the actor.
            self.end_server().await;
        }
        let group = self.ending.insert(self.groups.remove(index));
        let actor = group.actor.clone();
        self.publish();
        actor.drain().await;
        self.announce_end(operation);
    }

    /// Ends everything without waiting for the calls that run.
    fn end_at_once(&mut self) {
        self.server = None;
        loop {
            if let Some(group) = &self.ending {
                group.actor.abort();
            }
            self.announce_end(None);
            let Some(group) = self.groups.pop() else { return };
            self.ending = Some(group);
            self.publish();
        }
    }

    fn announce_end(&mut self, operation: Option<&OperationId>) {
        if let Some(mut group) = self.ending.take() {
            let count = std::mem::take(&mut group.count);
            self.tools.announcer.shrank(self.change(&group, operation), count);
        }
    }

    async fn end_server(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    fn group_index(&self, annotations: &Annotations) -> Option<usize> {
        self.groups.iter().position(|group| group.annotations == *annotations)
    }

    /// Lets calls and readers see what runs now.
    fn publish(&self) {
        self.route(&self.groups);
        self.tools.board.post(&self.key, self.groups.iter().map(Group::view).collect());
        self.tools.capacity.bump();
    }

    fn route<'a>(&self, groups: impl IntoIterator<Item = &'a Group>) {
        let target = |group: &Group| Target { actor: group.actor.clone(), count: group.count };
        self.service.route(groups.into_iter().map(target).collect());
    }

    fn change<'a>(&'a self, group: &'a Group, operation: Option<&'a OperationId>) -> Change<'a> {
        Change {
            actor: &self.key,
            annotations: &group.annotations,
            reference: &group.image.reference,
            claims: group.image.claims.as_deref(),
            count: group.count,
            operation,
        }
    }

    fn end_start(&self, ticket: Ticket, outcome: Result<(), JobError>, addition: &Addition) {
        let operation = ticket.end();
        let Err(error) = outcome else { return operation.running() };
        let failure = Failure {
            actor: Some(&self.key),
            reference: Some(&addition.artifact.reference),
            annotations: &addition.annotations,
            error: &error,
            operation: &operation.id(),
        };
        self.tools.announcer.start_failed(failure);
        operation.failed(&error);
    }

    fn end_scale(&self, ticket: Ticket, outcome: Result<(), JobError>, wanted: &Wanted) {
        let operation = ticket.end();
        let error = match outcome {
            Ok(()) if wanted.count == 0 => return operation.stopped(),
            Ok(()) => return operation.running(),
            Err(error) => error,
        };
        let failure = Failure {
            actor: Some(&self.key),
            reference: wanted.reference.as_ref(),
            annotations: &wanted.annotations,
            error: &error,
            operation: &operation.id(),
        };
        self.tools.announcer.scale_failed(failure, wanted.count);
        operation.failed(&error);
    }
}
