//! Taking commands on: each gets its number in the host's order and goes to the worker of its actor.
//!
//! A command whose actor is not known yet is fetched first. Nothing waits for it meanwhile: when its actor is known it
//! takes its place by number, and the worker's history says what later commands mean for it. An update is fetched and
//! compiled likewise, beside what runs.

use std::collections::{BTreeMap, HashMap};

use lattice_artifact::{Artifact, FetchError, Reference};
use lattice_protocol::{ActorKey, Annotations};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{Id, JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{
    announce::Failure,
    board::GroupView,
    capacity::Room,
    command::{ActorCommand, Refusal, Scale, ScaleTarget, Start, Stop, Update},
    job::{Addition, Job, JobError, Reservation, Ticket, Wanted, Work},
    update,
    worker::{Badge, Finished, Post, Told, Tools, Worker},
};
use crate::{
    auction::{Bidder, Question},
    operations::Operation,
};

/// A command that asks to be taken on.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) command: ActorCommand,
    pub(crate) operation: Operation,
    pub(crate) answer: oneshot::Sender<Result<(), Refusal>>,
}

/// The task that takes commands on.
pub(crate) struct Coordinator {
    tools: Tools,
    /// Ends the workers at once, whatever they do.
    cut_off: CancellationToken,
    submissions: mpsc::Receiver<Submission>,
    questions: mpsc::Receiver<Question>,
    bidder: Bidder,
    finished: mpsc::UnboundedReceiver<Finished>,
    finished_sender: mpsc::UnboundedSender<Finished>,
    workers: HashMap<ActorKey, Assigned>,
    worker_tasks: JoinSet<()>,
    fetches: JoinSet<Fetched>,
    /// Updates that are made ready.
    updates: JoinSet<()>,
    /// The commands whose actor is not known yet, by number.
    unresolved: BTreeMap<u64, Unresolved>,
    /// They were all taken on at this number or later.
    horizon: watch::Sender<u64>,
    /// The number of the last command.
    last: u64,
    hired: u64,
}

/// A worker and what is known of its work.
struct Assigned {
    badge: Badge,
    told: mpsc::UnboundedSender<Told<Job>>,
    unfinished: usize,
    running: bool,
    /// The last command it got, whose effect it may have to remember.
    last: u64,
}

/// What is known of a command whose actor is not, and the task that finds out.
struct Unresolved {
    task: Id,
    reference: Reference,
}

/// A command whose image has been fetched, or not.
struct Fetched {
    ticket: Ticket,
    pending: Pending,
    outcome: Result<Artifact, FetchError>,
}

/// A command whose actor is not known yet.
enum Pending {
    Start(Start),
    Scale { reference: Reference, annotations: Annotations, count: u16 },
}

impl Coordinator {
    pub(crate) fn new(
        tools: Tools,
        submissions: mpsc::Receiver<Submission>,
        questions: mpsc::Receiver<Question>,
        cut_off: CancellationToken,
    ) -> Self {
        // Unbounded, because workers must not wait for the coordinator; bounded by the unfinished commands.
        let (finished_sender, finished) = mpsc::unbounded_channel();
        let images = tools.preparer.images().clone();
        Self {
            bidder: Bidder::new(tools.board.clone(), images, tools.capacity.clone()),
            questions,
            tools,
            cut_off,
            submissions,
            finished,
            finished_sender,
            workers: HashMap::new(),
            worker_tasks: JoinSet::new(),
            fetches: JoinSet::new(),
            updates: JoinSet::new(),
            unresolved: BTreeMap::new(),
            horizon: watch::channel(u64::MAX).0,
            last: 0,
            hired: 0,
        }
    }

    /// Takes commands on until nobody can submit any, then stops everything that runs.
    pub(crate) async fn run(mut self) {
        loop {
            // Every arm is cancel-safe: channels and join sets lose nothing when another arm is taken.
            tokio::select! {
                submission = self.submissions.recv() => match submission {
                    Some(submission) => self.take_on(submission),
                    None => break,
                },
                Some(question) = self.questions.recv() => self.consider(question),
                Some(finished) = self.finished.recv() => self.note_finished(&finished),
                Some(fetched) = self.fetches.join_next() => self.note_fetched(fetched),
                Some(Err(error)) = self.updates.join_next() => {
                    tracing::error!(%error, "the preparation of an update panicked");
                }
                Some(ended) = self.worker_tasks.join_next() => self.note_ended(ended),
                // Only when somebody who holds a handle does not let go of it.
                () = self.cut_off.cancelled() => break,
            }
        }
        self.stop().await;
    }

    /// Stops in order: no fetch goes on, every worker finishes the job it is at and stops what runs.
    async fn stop(mut self) {
        self.fetches.shutdown().await;
        self.updates.shutdown().await;
        self.workers.clear();
        while let Some(ended) = self.worker_tasks.join_next().await {
            self.note_ended(ended);
        }
    }

    fn take_on(&mut self, submission: Submission) {
        // What has ended by now, and what that means for this command, is known to whoever sent it.
        while let Ok(finished) = self.finished.try_recv() {
            self.note_finished(&finished);
        }
        let Submission { command, operation, answer } = submission;
        match self.admit(&command) {
            Err(Refusal::NotRunning | Refusal::NoMatch) if self.is_awaited_no_more(&command) => {
                let _ = answer.send(Ok(()));
                operation.stopped();
            }
            Err(refusal) => {
                operation.refused(refusal.code(), refusal.to_string());
                let _ = answer.send(Err(refusal));
            }
            Ok(reservation) => {
                // The answer goes first: the phases that follow belong to an accepted operation.
                let _ = answer.send(Ok(()));
                operation.taken_on();
                self.last += 1;
                self.assign(command, Ticket { number: self.last, operation, reservation });
            }
        }
    }

    /// What a command needs to be taken on, unless it is refused.
    fn admit(&mut self, command: &ActorCommand) -> Result<Reservation, Refusal> {
        if let ActorCommand::Start(Start { bid: Some(token), count, .. }) = command {
            self.check(command)?;
            let (place, room) = self.bidder.redeem(token, *count)?;
            return Ok(Reservation { room, _place: place });
        }
        let place = self.tools.capacity.place()?;
        self.check(command)?;
        Ok(Reservation { room: self.room(command)?, _place: place })
    }

    /// The room that a command may need. Where that is not certain yet it may get none, and sees when its turn comes.
    fn room(&self, command: &ActorCommand) -> Result<Room, Refusal> {
        let capacity = &self.tools.capacity;
        let (instances, certain) = match command {
            ActorCommand::Start(start) => (u32::from(start.count), true),
            ActorCommand::Scale(scale) => self.growth(scale),
            // What an update replaces gives its room to what replaces it.
            ActorCommand::Stop(_) | ActorCommand::Update(_) => (0, true),
        };
        match capacity.reserve(instances) {
            Err(_) if !certain && capacity.could_hold(instances) => Ok(capacity.no_room()),
            reserved => reserved,
        }
    }

    /// How many instances a scale adds at most, and whether that is certain.
    fn growth(&self, scale: &Scale) -> (u32, bool) {
        let running = match &scale.target {
            ScaleTarget::Running(actor) | ScaleTarget::Both(actor, _) => self.settled(actor),
            ScaleTarget::Image(reference) => match self.tools.board.running_from(reference) {
                Some(actor) => self.settled(&actor),
                None if self.unresolved.values().any(|other| other.reference == *reference) => None,
                // What nothing runs from is taken for new.
                None => Some(Vec::new()),
            },
        };
        let certain = running.is_some();
        let running = running.unwrap_or_default();
        let same = running.iter().find(|group| group.annotations == scale.annotations);
        (u32::from(scale.count.saturating_sub(same.map_or(0, |group| group.count))), certain)
    }

    /// Whether the command stops what ran before and could not be restored.
    fn is_awaited_no_more(&self, command: &ActorCommand) -> bool {
        matches!(command, ActorCommand::Stop(stop) if self.tools.absent.stop(stop))
    }

    /// Bids, if the start that may follow would be taken on now.
    fn consider(&mut self, question: Question) {
        let Question { start, version, mut objections, answer } = question;
        let refusals =
            [self.tools.capacity.would_admit(start.count.into()), self.check(&ActorCommand::Start(start.clone()))];
        objections.extend(refusals.into_iter().filter_map(Result::err).map(Into::into));
        objections.extend(self.bidder.objection(&start));
        let outcome = match objections.is_empty() {
            true => Ok(self.bidder.offer(&start, version)),
            false => Err(objections),
        };
        // Whoever asked may have stopped waiting.
        let _ = answer.send(outcome);
    }

    /// What can be known without fetching.
    fn check(&self, command: &ActorCommand) -> Result<(), Refusal> {
        match command {
            ActorCommand::Start(_) => Ok(()),
            ActorCommand::Stop(stop) => self.check_stop(stop),
            ActorCommand::Scale(scale) => self.check_scale(scale),
            ActorCommand::Update(update) => self.check_update(update),
        }
    }

    fn check_update(&self, update: &Update) -> Result<(), Refusal> {
        let Some(groups) = self.settled(&update.actor) else { return Ok(()) };
        if groups.is_empty() {
            return Err(Refusal::ActorNotFound);
        }
        let matches = groups.iter().any(|group| group.annotations.contains(&update.annotations));
        if matches { Ok(()) } else { Err(Refusal::InstanceNotFound) }
    }

    fn check_stop(&self, stop: &Stop) -> Result<(), Refusal> {
        let Some(groups) = self.settled(&stop.actor) else { return Ok(()) };
        if groups.is_empty() {
            return Err(Refusal::NotRunning);
        }
        let matches = groups.iter().any(|group| group.annotations.contains(&stop.annotations));
        if matches { Ok(()) } else { Err(Refusal::NoMatch) }
    }

    fn check_scale(&self, scale: &Scale) -> Result<(), Refusal> {
        match &scale.target {
            ScaleTarget::Running(actor) => self.check_scale_of_running(actor, scale),
            ScaleTarget::Both(actor, reference) => self.check_key(actor, reference),
            ScaleTarget::Image(_) => Ok(()),
        }
    }

    fn check_scale_of_running(&self, actor: &ActorKey, scale: &Scale) -> Result<(), Refusal> {
        let Some(groups) = self.settled(actor) else { return Ok(()) };
        let runs = groups.iter().any(|group| group.annotations == scale.annotations);
        if runs || scale.count == 0 { Ok(()) } else { Err(Refusal::NothingToStart { actor: actor.clone() }) }
    }

    /// What runs from a reference is what the reference means here.
    fn check_key(&self, actor: &ActorKey, reference: &Reference) -> Result<(), Refusal> {
        match self.tools.board.running_from(reference) {
            Some(found) if found != *actor && self.settled(&found).is_some() => {
                Err(Refusal::OtherActor { reference: reference.to_string(), expected: actor.clone(), found })
            }
            _ => Ok(()),
        }
    }

    /// What runs of an actor, if no command that was taken on can still change it.
    fn settled(&self, actor: &ActorKey) -> Option<Vec<GroupView>> {
        let busy = self.workers.get(actor).is_some_and(|worker| worker.unfinished > 0);
        if busy || !self.unresolved.is_empty() {
            return None;
        }
        Some(self.tools.board.get(actor).map(|view| view.groups.clone()).unwrap_or_default())
    }

    fn assign(&mut self, command: ActorCommand, ticket: Ticket) {
        match command {
            ActorCommand::Start(start) => self.fetch(Pending::Start(start), ticket),
            ActorCommand::Stop(stop) => {
                let key = stop.actor.clone();
                self.send(&key, Work::Stop(stop), ticket);
            }
            ActorCommand::Scale(scale) => self.assign_scale(scale, ticket),
            ActorCommand::Update(update) => self.assign_update(update, ticket),
        }
    }

    /// Has an update made ready, and its worker know that it comes.
    fn assign_update(&mut self, update: Update, ticket: Ticket) {
        let (key, number) = (update.actor.clone(), ticket.number);
        let (ready, coming) = oneshot::channel();
        let made_ready = update::ready(self.tools.clone(), update, ticket);
        self.updates.spawn(async move {
            if let Some(job) = made_ready.await {
                // Its worker ends before it only with the host.
                let _ = ready.send(job);
            }
        });
        self.tell(&key, number, Told::Coming(number, coming));
    }

    fn assign_scale(&mut self, scale: Scale, ticket: Ticket) {
        let Scale { target, annotations, count } = scale;
        let (key, reference) = match target {
            ScaleTarget::Running(key) => (key, None),
            ScaleTarget::Both(key, reference) => (key, Some(reference)),
            ScaleTarget::Image(reference) => match self.tools.board.running_from(&reference) {
                Some(key) => (key, Some(reference)),
                None => {
                    let pending = Pending::Scale { reference, annotations, count };
                    return self.fetch(pending, ticket);
                }
            },
        };
        let wanted = Wanted { artifact: None, reference, annotations, count };
        self.send(&key, Work::Scale(wanted), ticket);
    }

    fn fetch(&mut self, pending: Pending, ticket: Ticket) {
        let preparer = self.tools.preparer.clone();
        let (number, reference) = (ticket.number, pending.reference().clone());
        let task = self.fetches.spawn(async move {
            let (reference, digest) = match &pending {
                Pending::Start(start) => (&start.reference, start.digest.as_ref()),
                Pending::Scale { reference, .. } => (reference, None),
            };
            let outcome = preparer.fetch(reference, digest, &ticket.operation).await;
            Fetched { ticket, pending, outcome }
        });
        self.unresolved.insert(number, Unresolved { task: task.id(), reference });
        self.move_horizon();
    }

    fn note_fetched(&mut self, fetched: Result<Fetched, JoinError>) {
        match fetched {
            Ok(fetched) => self.resolve(fetched),
            Err(error) => {
                tracing::error!(%error, "a fetch panicked");
                self.unresolved.retain(|_, unresolved| unresolved.task != error.id());
            }
        }
        // After the command has been handed over, so that who sees the horizon move has heard of it.
        self.move_horizon();
        self.release_workers();
    }

    fn move_horizon(&self) {
        let now = self.horizon();
        self.horizon.send_if_modified(|horizon| std::mem::replace(horizon, now) != now);
    }

    fn resolve(&mut self, fetched: Fetched) {
        let Fetched { ticket, pending, outcome } = fetched;
        self.unresolved.remove(&ticket.number);
        match outcome {
            Ok(artifact) => {
                let key = artifact.identity.key.clone();
                self.send(&key, pending.work(artifact), ticket);
            }
            Err(source) => self.fetch_failed(&pending, source, ticket),
        }
    }

    fn fetch_failed(&self, pending: &Pending, source: FetchError, ticket: Ticket) {
        let reference = pending.reference().clone();
        let error = JobError::Fetch { reference: reference.to_string(), source };
        let operation = ticket.end();
        let (annotations, id) = (pending.annotations(), operation.id());
        let failure = Failure { actor: None, reference: Some(&reference), annotations, error: &error, operation: &id };
        match pending {
            Pending::Start(_) => self.tools.announcer.start_failed(failure),
            Pending::Scale { count, .. } => self.tools.announcer.scale_failed(failure, *count),
        }
        operation.failed(error.code(), &error);
    }

    fn send(&mut self, key: &ActorKey, work: Work, ticket: Ticket) {
        let number = ticket.number;
        self.tell(key, number, Told::Job(number, Job { ticket, work }));
    }

    /// Has the actor's worker hear of a command, and hires one if there is none.
    fn tell(&mut self, key: &ActorKey, number: u64, told: Told<Job>) {
        if self.workers.get(key).is_some_and(Assigned::has_ended) {
            self.dismiss(key);
        }
        let worker = match self.workers.get_mut(key) {
            Some(worker) => worker,
            None => {
                let worker = self.hire(key);
                self.workers.entry(key.clone()).or_insert(worker)
            }
        };
        worker.unfinished += 1;
        worker.last = worker.last.max(number);
        // A worker that ends in this moment drops the job, whose operation then tells that it failed.
        let _ = worker.told.send(told);
    }

    /// All commands whose actor is still unknown were taken on at this number or later.
    fn horizon(&self) -> u64 {
        self.unresolved.keys().next().copied().unwrap_or(u64::MAX)
    }

    fn hire(&mut self, key: &ActorKey) -> Assigned {
        self.hired += 1;
        let badge = Badge { actor: key.clone(), number: self.hired };
        // Unbounded, because the coordinator must not wait for a worker; bounded by the unfinished commands.
        let (told, receiver) = mpsc::unbounded_channel();
        let post = Post { told: receiver, horizon: self.horizon.subscribe(), finished: self.finished_sender.clone() };
        let worker = Worker::new(badge.clone(), self.tools.clone(), post);
        self.worker_tasks.spawn(worker.run(self.cut_off.clone()));
        Assigned { badge, told, unfinished: 0, running: false, last: 0 }
    }

    /// A worker that ended because nothing was left for it is forgotten already; one that panicked is not.
    fn note_ended(&mut self, ended: Result<(), JoinError>) {
        let Err(error) = ended else { return };
        tracing::error!(%error, "the worker of an actor panicked");
        let ended: Vec<_> = self.workers.values().filter(|worker| worker.has_ended()).collect();
        let keys: Vec<_> = ended.into_iter().map(|worker| worker.badge.actor.clone()).collect();
        keys.iter().for_each(|key| self.dismiss(key));
    }

    /// Forgets a worker that ended by itself, and tells that what it ran is gone with it.
    fn dismiss(&mut self, key: &ActorKey) {
        self.workers.remove(key);
        if let Some(view) = self.tools.board.get(key) {
            self.tools.board.post(key, Vec::new());
            self.tools.capacity.bump();
            self.tools.announcer.lost(key, &view);
        }
    }

    fn note_finished(&mut self, finished: &Finished) {
        let Finished { badge, running } = finished;
        if let Some(worker) = self.workers.get_mut(&badge.actor).filter(|worker| worker.badge == *badge) {
            worker.unfinished -= 1;
            worker.running = *running;
        }
        self.release_workers();
    }

    /// Ends the workers that have nothing to run, to do or to remember.
    fn release_workers(&mut self) {
        let horizon = self.horizon();
        self.workers.retain(|_, worker| worker.running || worker.unfinished > 0 || worker.last > horizon);
    }
}

impl Assigned {
    /// Whether it ended by itself, which only a panic makes it do.
    fn has_ended(&self) -> bool {
        self.told.is_closed()
    }
}

impl Pending {
    fn reference(&self) -> &Reference {
        match self {
            Pending::Start(start) => &start.reference,
            Pending::Scale { reference, .. } => reference,
        }
    }

    fn annotations(&self) -> &Annotations {
        match self {
            Pending::Start(start) => &start.annotations,
            Pending::Scale { annotations, .. } => annotations,
        }
    }

    fn work(self, artifact: Artifact) -> Work {
        match self {
            Pending::Start(start) => {
                Work::Start(Addition { artifact, annotations: start.annotations, count: start.count })
            }
            Pending::Scale { reference, annotations, count } => {
                Work::Scale(Wanted { artifact: Some(artifact), reference: Some(reference), annotations, count })
            }
        }
    }
}

#[cfg(test)]
mod tests;
