//! Carrying out the commands for one actor, one after the other in the order in which they were taken on.

use std::{collections::BTreeMap, sync::Arc};

use lattice_artifact::{Artifact, FetchError, Reference};
use lattice_protocol::{ActorKey, Annotations, OperationId, OperationPhase};
use lattice_rpc::ServeError;
use lattice_runtime::{Actor, ActorError, ActorSettings, CompileError};
use tokio::sync::mpsc;

use super::{
    announce::{Announcer, Change, Failure},
    board::Board,
    command::Stop,
    groups::{Group, Image, share_of_stop},
    history::History,
    prepare::Preparer,
    restore::Absent,
    service::{Service, Target},
    serving::{Served, Serving},
    settings,
};
use crate::operations::Operation;

/// A command for one actor, with its place in the host's order.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) number: u64,
    /// This command and all whose actor is still unknown were taken on at this number or later.
    pub(crate) horizon: u64,
    pub(crate) work: Work,
    pub(crate) operation: Operation,
}

/// What a job is.
#[derive(Debug)]
pub(crate) enum Work {
    /// Add instances of a fetched image.
    Start(Addition),
    /// Set the number of instances.
    Scale(Wanted),
    /// Stop instances.
    Stop(Stop),
}

/// Instances to add.
#[derive(Debug)]
pub(crate) struct Addition {
    pub(crate) artifact: Artifact,
    pub(crate) annotations: Annotations,
    pub(crate) count: u16,
}

/// The number of instances that is wanted.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// The image, if it was fetched to learn whose it is.
    pub(crate) artifact: Option<Artifact>,
    /// Where the image is, to be fetched when it is needed.
    pub(crate) reference: Option<Reference>,
    pub(crate) annotations: Annotations,
    pub(crate) count: u16,
}

/// What every worker of a host works with; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    pub(crate) preparer: Preparer,
    pub(crate) announcer: Announcer,
    pub(crate) board: Board,
    pub(crate) absent: Absent,
    pub(crate) serving: Serving,
    pub(crate) settings: ActorSettings,
}

/// A worker says that it finished jobs.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) key: ActorKey,
    /// Whether anything of the actor runs.
    pub(crate) running: bool,
}

/// The task that owns what runs of one actor.
pub(crate) struct Worker {
    key: ActorKey,
    tools: Tools,
    jobs: mpsc::UnboundedReceiver<Job>,
    finished: mpsc::UnboundedSender<Finished>,
    waiting: BTreeMap<u64, Job>,
    groups: Vec<Group>,
    history: History,
    service: Service,
    server: Option<Served>,
}

/// Why a command for an actor failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    #[error("cannot fetch `{reference}`")]
    Fetch { reference: String, source: FetchError },
    #[error("cannot compile `{reference}`")]
    Compile { reference: String, source: CompileError },
    #[error("cannot run `{reference}`")]
    Run { reference: String, source: ActorError },
    #[error("cannot serve calls of actor {actor}")]
    Serve { actor: ActorKey, source: ServeError },
    #[error(
        "actor {actor} is running on this host with these annotations from another image, `{running}`; update it, or \
         start `{wanted}` with other annotations"
    )]
    OtherImage { actor: ActorKey, running: String, wanted: String },
    #[error("{running} instances run with these annotations and {added} more are beyond the limit of 65535")]
    TooManyInstances { running: u16, added: u16 },
    #[error("`{reference}` is actor {found}, not {expected}")]
    OtherActor { reference: String, expected: ActorKey, found: ActorKey },
    #[error("actor {actor} does not run with these annotations, and no reference says what to start")]
    NothingToStart { actor: ActorKey },
    #[error("a later command for the same actor was carried out first and cancels this one")]
    Superseded,
}

impl Worker {
    pub(crate) fn new(
        key: ActorKey,
        tools: Tools,
        jobs: mpsc::UnboundedReceiver<Job>,
        finished: mpsc::UnboundedSender<Finished>,
    ) -> Self {
        Self {
            key,
            tools,
            jobs,
            finished,
            waiting: BTreeMap::new(),
            groups: Vec::new(),
            history: History::default(),
            service: Service::default(),
            server: None,
        }
    }

    /// Works until the coordinator has nothing more for this actor, then stops what still runs of it.
    pub(crate) async fn run(mut self) {
        while let Some(job) = self.next().await {
            self.history.forget_before(job.horizon);
            self.carry_out(job).await;
            // The receiver ends only with the host, when nobody keeps accounts any more.
            let _ = self.finished.send(Finished { key: self.key.clone(), running: !self.groups.is_empty() });
        }
        self.stop_all().await;
    }

    /// The earliest command that is there: one that was taken on earlier may have become known later.
    async fn next(&mut self) -> Option<Job> {
        if self.waiting.is_empty() {
            let job = self.jobs.recv().await?;
            self.waiting.insert(job.number, job);
        }
        while let Ok(job) = self.jobs.try_recv() {
            self.waiting.insert(job.number, job);
        }
        self.waiting.pop_first().map(|(_, job)| job)
    }

    async fn carry_out(&mut self, job: Job) {
        let Job { number, work, operation, .. } = job;
        operation.concerns(&self.key);
        match work {
            Work::Start(addition) => {
                let outcome = self.start(number, &addition, &operation).await;
                self.end_start(operation, outcome, &addition);
            }
            Work::Scale(wanted) => {
                let outcome = self.scale(number, &wanted, &operation).await;
                self.end_scale(operation, outcome, &wanted);
            }
            Work::Stop(stop) => {
                self.stop(number, &stop, &operation.id()).await;
                operation.stopped();
            }
        }
    }

    async fn start(&mut self, number: u64, addition: &Addition, operation: &Operation) -> Result<(), JobError> {
        let Addition { artifact, annotations, count } = addition;
        let added = self.history.left_of(number, annotations, *count);
        if added == 0 {
            return Err(JobError::Superseded);
        }
        match self.group_index(annotations) {
            Some(index) => {
                self.require_image(index, artifact)?;
                let running = self.groups[index].count;
                let total = running.checked_add(added).ok_or(JobError::TooManyInstances { running, added })?;
                self.resize(index, total, &operation.id());
                Ok(())
            }
            None => self.begin(artifact, annotations, added, operation).await,
        }
    }

    async fn scale(&mut self, number: u64, wanted: &Wanted, operation: &Operation) -> Result<(), JobError> {
        if self.history.scaled_since(number, &wanted.annotations) {
            return Err(JobError::Superseded);
        }
        let outcome = match (self.group_index(&wanted.annotations), wanted.count) {
            (Some(index), 0) => {
                self.remove(&[(index, u16::MAX)], &operation.id()).await;
                Ok(())
            }
            (None, 0) => Ok(()),
            (Some(index), count) => self.scale_running(index, count, wanted, operation).await,
            (None, count) => {
                let artifact = self.fetched(wanted, operation).await?;
                self.begin(&artifact, &wanted.annotations, count, operation).await
            }
        };
        self.history.scaled(number, wanted.annotations.clone());
        outcome
    }

    async fn scale_running(
        &mut self,
        index: usize,
        count: u16,
        wanted: &Wanted,
        operation: &Operation,
    ) -> Result<(), JobError> {
        let same = wanted.reference.as_ref().is_none_or(|reference| *reference == self.groups[index].image.reference);
        if !same || wanted.artifact.is_some() {
            let artifact = self.fetched(wanted, operation).await?;
            self.require_image(index, &artifact)?;
        }
        if count != self.groups[index].count {
            self.resize(index, count, &operation.id());
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
        operation: &Operation,
    ) -> Result<(), JobError> {
        let image = self.image(artifact, operation).await?;
        operation.reach(OperationPhase::Starting);
        let settings = settings::for_group(&self.tools.settings, annotations, count);
        let imports = self.tools.serving.imports(&self.key);
        let actor = Actor::new(self.tools.preparer.runtime(), &image.module, &settings, imports);
        let actor = actor.map_err(|source| JobError::Run { reference: artifact.reference.to_string(), source })?;
        let group = Group::new(annotations.clone(), image, actor, count);
        self.groups.push(group);
        if let Err(source) = self.serve().await {
            self.groups.pop();
            return Err(JobError::Serve { actor: self.key.clone(), source });
        }
        let group = self.groups.last().expect("pushed above");
        self.tools.serving.store_claims(group.image.claims.as_deref()).await;
        self.publish();
        let group = self.groups.last().expect("pushed above");
        self.tools.announcer.grew(self.change(group, &operation.id()), group.instances(), count);
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

    /// Subscribes to the actor's invocations if that is not done yet.
    async fn serve(&mut self) -> Result<(), ServeError> {
        self.route();
        if self.server.is_none() {
            self.server = Some(self.tools.serving.serve(&self.key, self.service.clone()).await?);
        }
        Ok(())
    }

    fn resize(&mut self, index: usize, count: u16, operation: &OperationId) {
        let before = self.groups[index].count;
        let added = self.groups[index].resize(count);
        self.publish();
        let group = &self.groups[index];
        let change = self.change(group, operation);
        if count > before {
            self.tools.announcer.grew(change, &added, count - before);
        } else {
            self.tools.announcer.shrank(change, before - count);
        }
    }

    async fn stop(&mut self, number: u64, stop: &Stop, operation: &OperationId) {
        let running: Vec<_> = self.groups.iter().map(|group| (&group.annotations, group.count)).collect();
        let (takes, missing) = share_of_stop(&running, &stop.annotations, stop.count);
        if stop.count == 0 {
            self.history.stopped_all(number, stop.annotations.clone());
        } else {
            self.history.owed(number, stop.annotations.clone(), missing);
        }
        let takes: Vec<_> = takes.into_iter().enumerate().filter(|(_, take)| *take > 0).collect();
        self.remove(&takes, operation).await;
    }

    /// Takes instances from groups, given by index and number; a group that loses all of them ends.
    async fn remove(&mut self, takes: &[(usize, u16)], operation: &OperationId) {
        // From the end, so that the indices before stay right.
        for (index, take) in takes.iter().rev() {
            let count = self.groups[*index].count;
            match count.saturating_sub(*take) {
                0 => self.end_group(*index, operation).await,
                left => self.resize(*index, left, operation),
            }
        }
    }

    /// Ends a group: no new calls, running ones finish, then the event.
    async fn end_group(&mut self, index: usize, operation: &OperationId) {
        if self.groups.len() == 1 {
            // Before the group goes: calls that come now belong to the other hosts of the actor.
            self.end_server().await;
        }
        let mut group = self.groups.remove(index);
        self.publish();
        group.actor.drain().await;
        let count = std::mem::take(&mut group.count);
        self.tools.announcer.shrank(self.change(&group, operation), count);
    }

    async fn end_server(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    async fn stop_all(&mut self) {
        // A worker that had nothing left must not touch the board: its successor may have posted there already.
        if self.groups.is_empty() {
            return;
        }
        self.end_server().await;
        for mut group in std::mem::take(&mut self.groups) {
            group.actor.drain().await;
            let count = std::mem::take(&mut group.count);
            self.tools.announcer.shrank(self.change_without_operation(&group), count);
        }
        self.publish();
    }

    fn group_index(&self, annotations: &Annotations) -> Option<usize> {
        self.groups.iter().position(|group| group.annotations == *annotations)
    }

    /// Lets calls and readers see what runs now.
    fn publish(&self) {
        self.route();
        self.tools.board.post(&self.key, self.groups.iter().map(Group::view).collect());
    }

    fn route(&self) {
        let target = |group: &Group| Target { actor: group.actor.clone(), count: group.count };
        self.service.route(self.groups.iter().map(target).collect());
    }

    fn change<'a>(&'a self, group: &'a Group, operation: &'a OperationId) -> Change<'a> {
        Change { operation: Some(operation), ..self.change_without_operation(group) }
    }

    fn change_without_operation<'a>(&'a self, group: &'a Group) -> Change<'a> {
        Change {
            actor: &self.key,
            annotations: &group.annotations,
            reference: &group.image.reference,
            claims: group.image.claims.as_deref(),
            count: group.count,
            operation: None,
        }
    }

    fn end_start(&self, operation: Operation, outcome: Result<(), JobError>, addition: &Addition) {
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

    fn end_scale(&self, operation: Operation, outcome: Result<(), JobError>, wanted: &Wanted) {
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
