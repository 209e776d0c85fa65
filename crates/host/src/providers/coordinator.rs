//! Taking commands for providers on: each gets its number in the order in which it came and goes to the supervisor of its
//! provider and link name.
//!
//! A start names a reference, and only what is behind it says whose provider it is. Nothing waits for that meanwhile: a stop
//! that comes later and turns out to be of the same provider cancels the start.

use std::collections::{BTreeMap, HashMap};

use lattice_protocol::Annotations;
use tokio::{
    sync::{mpsc, oneshot},
    task::{Id, JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{
    command::{InstanceKey, ProviderCommand, Refusal, StartProvider, StopProvider},
    image::{Image, ImageError},
    supervisor::{Channels, Finished, Job, Supervisor, Ticket, Wanted},
    tools::Tools,
};
use crate::{actors::Capacity, operations::Operation, providers::Told};

/// A command that asks to be taken on.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) command: ProviderCommand,
    pub(super) operation: Operation,
    pub(super) answer: oneshot::Sender<Result<(), Refusal>>,
}

/// The task that takes commands on.
pub(super) struct Coordinator {
    tools: Tools,
    capacity: Capacity,
    told: Told,
    cut_off: CancellationToken,
    submissions: mpsc::Receiver<Submission>,
    finished: mpsc::UnboundedReceiver<Finished>,
    finished_sender: mpsc::UnboundedSender<Finished>,
    supervisors: HashMap<InstanceKey, Assigned>,
    supervisor_tasks: JoinSet<InstanceKey>,
    searches: JoinSet<Found>,
    /// The starts whose provider is not known yet, by number.
    unresolved: BTreeMap<u64, Id>,
    /// Stops that came while starts were unresolved, which may be theirs.
    stops: Vec<(u64, StopProvider)>,
    last: u64,
}

/// A supervisor and what is known of its work.
struct Assigned {
    jobs: mpsc::UnboundedSender<Job>,
    unfinished: usize,
    running: bool,
}

/// A start whose program has been found, or not.
struct Found {
    number: u64,
    start: StartProvider,
    ticket: Ticket,
    outcome: Result<Image, ImageError>,
}

impl Coordinator {
    pub(super) fn new(
        tools: Tools,
        capacity: Capacity,
        told: Told,
        submissions: mpsc::Receiver<Submission>,
        cut_off: CancellationToken,
    ) -> Self {
        // Unbounded, because supervisors must not wait for the coordinator; bounded by the unfinished commands.
        let (finished_sender, finished) = mpsc::unbounded_channel();
        Self {
            tools,
            capacity,
            told,
            cut_off,
            submissions,
            finished,
            finished_sender,
            supervisors: HashMap::new(),
            supervisor_tasks: JoinSet::new(),
            searches: JoinSet::new(),
            unresolved: BTreeMap::new(),
            stops: Vec::new(),
            last: 0,
        }
    }

    /// Takes commands on until nobody can submit any, then stops everything that runs.
    pub(super) async fn run(mut self) {
        loop {
            // Every arm is cancel-safe: channels and join sets lose nothing when another arm is taken.
            tokio::select! {
                submission = self.submissions.recv() => match submission {
                    Some(submission) => self.take_on(submission),
                    None => break,
                },
                Some(finished) = self.finished.recv() => self.note_finished(finished),
                Some(found) = self.searches.join_next_with_id() => self.note_found(found),
                Some(ended) = self.supervisor_tasks.join_next() => self.note_ended(ended),
                () = self.cut_off.cancelled() => break,
            }
        }
        self.stop().await;
    }

    /// No search goes on, and every supervisor stops what it has, all at the same time.
    async fn stop(mut self) {
        self.searches.shutdown().await;
        self.supervisors.clear();
        while let Some(ended) = self.supervisor_tasks.join_next().await {
            self.note_ended(ended);
        }
    }

    fn take_on(&mut self, submission: Submission) {
        // What has ended by now, and what that means for this command, is known to whoever sent it.
        while let Ok(finished) = self.finished.try_recv() {
            self.note_finished(finished);
        }
        let Submission { command, operation, answer } = submission;
        let admitted = self.check(&command).and_then(|()| Ok(self.capacity.place()?));
        match admitted {
            Err(Refusal::NotRunning(_) | Refusal::NoMatch(_)) if self.is_awaited_no_more(&command) => {
                let _ = answer.send(Ok(()));
                operation.stopped();
            }
            Err(refusal) => {
                operation.refused(refusal.code(), refusal.to_string());
                let _ = answer.send(Err(refusal));
            }
            Ok(place) => {
                // The answer goes first: the phases that follow belong to an accepted operation.
                let _ = answer.send(Ok(()));
                operation.taken_on();
                self.last += 1;
                self.assign(command, Ticket { operation, _place: place });
            }
        }
    }

    /// Whether the command stops what ran before, does not run now, and would be started again with the host.
    fn is_awaited_no_more(&self, command: &ProviderCommand) -> bool {
        match command {
            ProviderCommand::Stop(stop) => self.tools.absent.stop_provider(stop),
            ProviderCommand::Start(_) => false,
        }
    }

    /// What can be known without fetching.
    fn check(&self, command: &ProviderCommand) -> Result<(), Refusal> {
        match command {
            ProviderCommand::Start(start) => self.check_start(start),
            ProviderCommand::Stop(stop) => self.check_stop(stop),
        }
    }

    fn check_start(&self, start: &StartProvider) -> Result<(), Refusal> {
        let Some(provider) = self.tools.key_of(&start.reference) else { return Ok(()) };
        let key = InstanceKey { provider, link: start.link.clone() };
        match self.supervisors.get(&key) {
            Some(assigned) if assigned.running && assigned.unfinished == 0 => Err(Refusal::AlreadyRunning(key)),
            _ => Ok(()),
        }
    }

    fn check_stop(&self, stop: &StopProvider) -> Result<(), Refusal> {
        let busy = self.supervisors.get(&stop.key).is_some_and(|assigned| assigned.unfinished > 0);
        if busy || !self.unresolved.is_empty() {
            return Ok(());
        }
        match self.tools.board.get(&stop.key) {
            None => Err(Refusal::NotRunning(stop.key.clone())),
            Some(view) if !view.annotations.contains(&stop.annotations) => Err(Refusal::NoMatch(stop.key.clone())),
            Some(_) => Ok(()),
        }
    }

    fn assign(&mut self, command: ProviderCommand, ticket: Ticket) {
        match command {
            ProviderCommand::Start(start) => self.search(start, ticket),
            ProviderCommand::Stop(stop) => {
                // What is being restored is not to come back at the next start of the host either.
                self.tools.absent.stop_provider(&stop);
                if !self.unresolved.is_empty() {
                    self.stops.push((self.last, stop.clone()));
                }
                let StopProvider { key, annotations } = stop;
                if self.supervisors.contains_key(&key) {
                    self.send(key, |ticket| Job::Stop(annotations, ticket), ticket);
                } else {
                    // Nothing runs, and every start that may still turn out to be its has been cancelled with this.
                    ticket.operation.stopped();
                }
            }
        }
    }

    fn search(&mut self, start: StartProvider, ticket: Ticket) {
        let (images, number) = (self.tools.images.clone(), self.last);
        let search = self.searches.spawn(async move {
            let outcome = images.find(&start.reference, start.digest.as_ref(), &ticket.operation).await;
            Found { number, start, ticket, outcome }
        });
        self.unresolved.insert(number, search.id());
    }

    fn note_found(&mut self, found: Result<(Id, Found), JoinError>) {
        match found {
            Ok((_, found)) => {
                self.unresolved.remove(&found.number);
                self.found(found);
            }
            Err(error) => {
                tracing::error!(%error, "the search for a provider panicked");
                self.unresolved.retain(|_, id| *id != error.id());
            }
        }
        let first = self.unresolved.keys().next().copied();
        self.stops.retain(|(number, _)| first.is_some_and(|first| first < *number));
    }

    fn found(&mut self, found: Found) {
        let Found { number, start, ticket, outcome } = found;
        let image = match outcome {
            Ok(image) => image,
            Err(error) => {
                let operation = ticket.operation;
                self.tools.announcer.start_failed(&start.reference, &start.link, &error, &operation.id());
                return operation.failed(None, &error);
            }
        };
        let StartProvider { link, annotations, configuration, .. } = start;
        let key = InstanceKey { provider: image.key.clone(), link };
        if self.is_stopped_since(number, &key, &annotations) {
            return ticket.operation.stopped();
        }
        let wanted = Box::new(Wanted { image, annotations, configuration });
        self.send(key, |ticket| Job::Start(wanted, ticket), ticket);
    }

    /// Whether a later command stops it.
    fn is_stopped_since(&self, number: u64, key: &InstanceKey, annotations: &Annotations) -> bool {
        let means_it = |stop: &StopProvider| stop.key == *key && annotations.contains(&stop.annotations);
        self.stops.iter().any(|(later, stop)| *later > number && means_it(stop))
    }

    fn send(&mut self, key: InstanceKey, job: impl FnOnce(Ticket) -> Job, ticket: Ticket) {
        if !self.supervisors.contains_key(&key) {
            let assigned = self.hire(key.clone());
            self.supervisors.insert(key.clone(), assigned);
        }
        let assigned = self.supervisors.get_mut(&key).expect("it was put there");
        assigned.unfinished += 1;
        // A supervisor ends before it is told to only if it panics, which fails its operations.
        let _ = assigned.jobs.send(job(ticket));
    }

    fn hire(&mut self, key: InstanceKey) -> Assigned {
        // Unbounded, for what enters it is: unfinished commands have places.
        let (jobs, received) = mpsc::unbounded_channel();
        let output = self.told.outputs.open(&key);
        let (tools, deliveries) = (self.tools.clone(), self.told.deliveries.clone());
        let channels = Channels { jobs: received, finished: self.finished_sender.clone() };
        let supervisor = Supervisor::new(key.clone(), tools, deliveries, output, channels);
        let cut_off = self.cut_off.clone();
        self.supervisor_tasks.spawn(async move {
            supervisor.run(cut_off).await;
            key
        });
        Assigned { jobs, unfinished: 0, running: false }
    }

    fn note_finished(&mut self, finished: Finished) {
        let Finished { key, running } = finished;
        let Some(assigned) = self.supervisors.get_mut(&key) else { return };
        assigned.unfinished = assigned.unfinished.saturating_sub(1);
        assigned.running = running;
        if assigned.unfinished == 0 && !running {
            self.supervisors.remove(&key);
            self.told.outputs.close(&key);
        }
    }

    fn note_ended(&mut self, ended: Result<InstanceKey, JoinError>) {
        if let Err(error) = ended {
            tracing::error!(%error, "the supervisor of a provider panicked");
            let outputs = &self.told.outputs;
            let panicked = self.supervisors.extract_if(|_, assigned| assigned.jobs.is_closed());
            panicked.for_each(|(key, _)| outputs.close(&key));
        }
    }
}
