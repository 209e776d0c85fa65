//! Carrying out the commands for one actor, one after the other in the order in which they were taken on.

mod ending;
mod inbox;
mod instances;
mod update;

use lattice_protocol::{ActorKey, Annotations, OperationId};
use lattice_runtime::ActorSettings;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    announce::{Announcer, Change, Failure},
    board::Board,
    capacity::Capacity,
    groups::{Group, Image},
    history::History,
    job::{Job, JobError, Ticket, Work},
    prepare::Preparer,
    restore::{Absent, Notes},
    service::{Service, Target},
    serving::{Served, Serving},
};
use ending::Ending;
pub(crate) use inbox::Told;
use inbox::{Inbox, Next};

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

/// A worker says that it finished a job, or that one which was coming has come to nothing.
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

/// What the coordinator tells a worker, and where it hears of it.
pub(crate) struct Post {
    pub(crate) told: mpsc::UnboundedReceiver<Told<Job>>,
    /// All commands whose actor is not known were taken on at this number or later.
    pub(crate) horizon: watch::Receiver<u64>,
    pub(crate) finished: mpsc::UnboundedSender<Finished>,
}

/// The task that owns what runs of one actor.
pub(crate) struct Worker {
    key: ActorKey,
    badge: Badge,
    tools: Tools,
    inbox: Inbox<Job>,
    finished: mpsc::UnboundedSender<Finished>,
    /// What runs, exactly as it was announced.
    groups: Vec<Group>,
    /// What finishes its calls and whose end is not announced yet.
    ending: Vec<Ending>,
    history: History<Image>,
    service: Service,
    server: Option<Served>,
}

impl Worker {
    pub(crate) fn new(badge: Badge, tools: Tools, post: Post) -> Self {
        Self {
            key: badge.actor.clone(),
            badge,
            tools,
            inbox: Inbox::new(post.told, post.horizon),
            finished: post.finished,
            groups: Vec::new(),
            ending: Vec::new(),
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
        while let Some(next) = self.inbox.next().await {
            match next {
                Next::Job(job) => self.carry_out(job).await,
                Next::Nothing => self.account(),
            }
        }
        self.end().await;
    }

    /// Carries a job out, or puts it back: it cannot be done as things are, but commands that are not here yet may change
    /// that.
    async fn carry_out(&mut self, job: Job) {
        let Job { mut ticket, mut work } = job;
        ticket.operation.concerns(&self.key);
        self.history.forget_before(self.inbox.forgettable(ticket.number));
        let outcome = self.attempt(&mut work, &mut ticket).await;
        let is_early = outcome.as_ref().is_err_and(JobError::depends_on_what_runs);
        if is_early && self.inbox.may_change(ticket.number) {
            return self.inbox.put_back(ticket.number, Job { ticket, work });
        }
        self.tools.notes.noted().await;
        // Before the operation ends: whoever waits for that may count on what is known then.
        self.account();
        self.finish(ticket, outcome, &work);
    }

    /// Has the coordinator know that a command is done, and what was put back tried again.
    fn account(&mut self) {
        self.inbox.try_again();
        // The receiver ends only with the host, when nobody keeps accounts any more.
        let _ = self.finished.send(Finished { badge: self.badge.clone(), running: !self.groups.is_empty() });
    }

    async fn attempt(&mut self, work: &mut Work, ticket: &mut Ticket) -> Result<(), JobError> {
        match work {
            Work::Start(addition) => self.start(addition, ticket).await,
            Work::Scale(wanted) => self.scale(wanted, ticket).await,
            Work::Update(replacement) => self.update(replacement, ticket).await,
            Work::Stop(stop) => {
                self.stop(stop, ticket).await;
                Ok(())
            }
        }
    }

    fn finish(&self, ticket: Ticket, outcome: Result<(), JobError>, work: &Work) {
        let operation = ticket.end();
        let error = match outcome {
            Ok(()) if work.stops() => return operation.stopped(),
            Ok(()) => return operation.running(),
            Err(error) => error,
        };
        let failure = Failure {
            actor: Some(&self.key),
            reference: work.reference(),
            annotations: work.annotations(),
            error: &error,
            operation: &operation.id(),
        };
        match work {
            Work::Start(_) => self.tools.announcer.start_failed(failure),
            Work::Scale(wanted) => self.tools.announcer.scale_failed(failure, wanted.count),
            Work::Update(_) => self.tools.announcer.update_failed(&self.key, failure),
            // Stopping what does not run is no failure.
            Work::Stop(_) => {}
        }
        operation.failed(error.code(), &error);
    }

    fn group_index(&self, annotations: &Annotations) -> Option<usize> {
        self.groups.iter().position(|group| group.annotations == *annotations)
    }

    /// Lets calls and readers see what runs now.
    fn publish(&self) {
        self.route(&self.groups);
        self.post();
    }

    /// Lets readers see what runs now.
    fn post(&self) {
        self.tools.board.post(&self.key, self.groups.iter().map(Group::view).collect());
        self.tools.capacity.bump();
    }

    fn route<'a>(&self, groups: impl IntoIterator<Item = &'a Group>) {
        let target = |group: &Group| Target {
            actor: group.actor.clone(),
            count: group.count,
            capabilities: group.image.capabilities(),
        };
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
}
