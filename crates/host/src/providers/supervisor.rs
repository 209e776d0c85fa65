//! One provider under one link name: starts its process, looks after it, starts it again when it ends by itself, stops it.

mod assignment;

use std::{sync::Arc, time::Duration};

use lattice_protocol::{HealthCheckResponse, LinkDefinition, OperationPhase, ProviderState};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    announce::{Aftermath, Turn},
    command::{InstanceKey, Refusal},
    courier::{Courier, Mailbox},
    deliveries::Deliveries,
    health::{self, Finding},
    output::{Output, Stream},
    process::{Exit, LaunchError, Process},
    tools::Tools,
};
use crate::{actors::Place, defaults::LAST_LINES, operations::Operation};
pub(super) use assignment::{Assignment, Wanted};

/// What a supervisor is told to do, in the order of the host's commands.
pub(super) enum Job {
    Start(Box<Wanted>, Ticket),
    Stop(lattice_protocol::Annotations, Ticket),
}

/// A command on its way.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) operation: Operation,
    pub(super) _place: Place,
}

/// How a supervisor is told what to do, and tells that it is done.
pub(super) struct Channels {
    pub(super) jobs: mpsc::UnboundedReceiver<Job>,
    pub(super) finished: mpsc::UnboundedSender<Finished>,
}

/// Says that a job is over, and whether anything runs now.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) key: InstanceKey,
    pub(super) running: bool,
}

/// Why a provider did not start.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("failed to start the provider")]
    Launch(#[from] LaunchError),
    #[error("the provider {exit} before it served{}", printed(.last))]
    Ended { exit: Exit, last: Vec<String> },
}

fn printed(last: &[String]) -> String {
    if last.is_empty() { String::new() } else { format!(", its last words: {}", last.join(" / ")) }
}

/// The task that looks after one provider.
pub(super) struct Supervisor {
    key: InstanceKey,
    tools: Tools,
    deliveries: Deliveries,
    output: Output,
    jobs: mpsc::UnboundedReceiver<Job>,
    finished: mpsc::UnboundedSender<Finished>,
    stage: Stage,
}

enum Stage {
    /// Nothing is to run.
    Idle,
    /// Its process runs.
    Up(Box<Up>),
    /// Its process is to be started again.
    Waiting(Box<Assignment>, Instant),
}

/// A process that runs, and what is done about it.
struct Up {
    assignment: Assignment,
    process: Process,
    /// The last line that processes before it printed.
    printed_before: u64,
    since: Instant,
    /// The command that waits until it serves.
    starting: Option<Ticket>,
    /// The links that it was told of when it was started.
    told: Vec<Arc<LinkDefinition>>,
    /// Whether it has said that it answers when it is brought links.
    answers: watch::Sender<bool>,
    healthy: bool,
    findings: mpsc::Receiver<Finding>,
    /// Asks how it is, and brings it links.
    attendants: JoinSet<()>,
}

/// The end of a process, or of the attempt to start one.
struct End {
    instance_id: String,
    ran: Duration,
    reason: String,
    exit: Option<Exit>,
}

/// What a supervisor has to react to.
enum Happening {
    Job(Option<Job>),
    Ended(Exit),
    Finding(Finding),
    TimeToStart,
}

impl Supervisor {
    pub(super) fn new(
        key: InstanceKey,
        tools: Tools,
        deliveries: Deliveries,
        output: Output,
        channels: Channels,
    ) -> Self {
        let Channels { jobs, finished } = channels;
        Self { key, tools, deliveries, output, jobs, finished, stage: Stage::Idle }
    }

    /// Works until nobody can tell it anything any more, then stops what runs. When it is cut off it kills what runs.
    pub(super) async fn run(mut self, cut_off: CancellationToken) {
        cut_off.run_until_cancelled(self.work()).await;
    }

    async fn work(&mut self) {
        loop {
            match self.happening().await {
                Happening::Job(Some(job)) => self.attend(job).await,
                Happening::Job(None) => return self.stop_for_good().await,
                Happening::Ended(exit) => self.ended(exit).await,
                Happening::Finding(finding) => self.found(finding).await,
                Happening::TimeToStart => self.start_again().await,
            }
        }
    }

    /// The next thing that happens. Cancel-safe, like everything that it waits for.
    async fn happening(&mut self) -> Happening {
        match &mut self.stage {
            Stage::Idle => Happening::Job(self.jobs.recv().await),
            Stage::Waiting(_, until) => tokio::select! {
                job = self.jobs.recv() => Happening::Job(job),
                () = sleep_until(*until) => Happening::TimeToStart,
            },
            Stage::Up(up) => tokio::select! {
                biased;
                exit = up.process.ended() => Happening::Ended(exit),
                job = self.jobs.recv() => Happening::Job(job),
                Some(finding) = up.findings.recv() => Happening::Finding(finding),
            },
        }
    }

    async fn attend(&mut self, job: Job) {
        match job {
            Job::Start(wanted, ticket) => self.start(*wanted, ticket).await,
            Job::Stop(annotations, ticket) => self.stop(&annotations, ticket).await,
        }
    }

    async fn start(&mut self, wanted: Wanted, ticket: Ticket) {
        if !matches!(self.stage, Stage::Idle) {
            let refusal = Refusal::AlreadyRunning(self.key.clone());
            self.announce_failure(&wanted, &refusal, &ticket.operation);
            ticket.operation.failed(Some(refusal.code()), &refusal);
            return self.finish();
        }
        ticket.operation.reach(OperationPhase::Starting);
        let assignment = Assignment::new(wanted);
        if let Err((assignment, error)) = self.launch(assignment, Some(ticket)).await {
            let (assignment, ticket) = *assignment;
            self.fail(assignment, ticket, &StartError::Launch(error)).await;
        }
    }

    /// Starts its process, which is a matter of milliseconds.
    async fn launch(
        &mut self,
        mut assignment: Assignment,
        starting: Option<Ticket>,
    ) -> Result<(), (Box<(Assignment, Option<Ticket>)>, LaunchError)> {
        let InstanceKey { provider, link } = &self.key;
        let told = self.tools.links.of_provider(provider, link).into_iter().map(|standing| standing.link);
        let told: Vec<_> = told.filter(|link| link.contract_id == assignment.image.contract).collect();
        let links = told.iter().map(|link| LinkDefinition::clone(link)).collect();
        let printed_before = self.output.end();
        let started = Process::start(&self.tools, &self.key, &mut assignment, links, &self.output).await;
        let process = match started {
            Ok(process) => process,
            Err(error) => return Err((Box::new((assignment, starting)), error)),
        };
        self.tools.board.set(&self.key, assignment.view(&process.instance_id, ProviderState::Starting));
        let (findings, found) = mpsc::channel(1);
        let mut attendants = JoinSet::new();
        attendants.spawn(health::watch(
            self.tools.lattice.clone(),
            self.key.clone(),
            process.instance_id.clone(),
            findings,
        ));
        attendants.spawn(assignment.keep_loan());
        let up = Up {
            assignment,
            process,
            printed_before,
            since: Instant::now(),
            starting,
            told,
            answers: watch::Sender::new(false),
            healthy: false,
            findings: found,
            attendants,
        };
        self.stage = Stage::Up(Box::new(up));
        Ok(())
    }

    async fn found(&mut self, finding: Finding) {
        match finding {
            Finding::Ready(answer) => self.serves(answer).await,
            Finding::Health(answer) => self.note_health(answer),
        }
    }

    /// Its process serves, or is taken to.
    async fn serves(&mut self, answer: Option<HealthCheckResponse>) {
        let Stage::Up(up) = &mut self.stage else { return };
        up.note_sdk(answer.as_ref());
        let mailbox = Mailbox {
            lattice: self.tools.lattice.clone(),
            key: self.key.clone(),
            instance_id: up.process.instance_id.clone(),
            answers: up.answers.subscribe(),
        };
        let courier = Courier::new(
            self.tools.clone(),
            self.deliveries.clone(),
            up.assignment.image.contract.clone(),
            mailbox,
            std::mem::take(&mut up.told),
        );
        up.attendants.spawn(courier.run());
        self.tools.board.change(&self.key, |process| process.state = ProviderState::Running);
        self.tools.absent.forget_provider(&self.key);
        // A host that is killed in the next moment starts it again.
        self.tools.notes.noted().await;
        let ticket = up.starting.take();
        let operation = ticket.as_ref().map(|ticket| ticket.operation.id());
        self.tools.announcer.started(up.assignment.subject(&self.key, &up.process.instance_id, operation.as_ref()));
        if answer.is_some() {
            self.note_health(answer);
        }
        if let Some(ticket) = ticket {
            ticket.operation.running();
            self.finish();
        }
    }

    fn note_health(&mut self, answer: Option<HealthCheckResponse>) {
        let Stage::Up(up) = &mut self.stage else { return };
        up.note_sdk(answer.as_ref());
        let healthy = answer.as_ref().is_some_and(|answer| answer.healthy);
        let turn = match (up.healthy, healthy) {
            (false, true) => Turn::Passed,
            (true, false) => Turn::Failed,
            _ => Turn::Same,
        };
        up.healthy = healthy;
        if !healthy {
            let message =
                answer.map_or_else(|| "it did not answer".to_owned(), |answer| answer.message.unwrap_or_default());
            tracing::warn!(provider = %self.key, message, "the provider is not well");
        }
        self.tools.board.change(&self.key, |process| process.healthy = Some(healthy));
        self.tools.announcer.health(up.assignment.subject(&self.key, &up.process.instance_id, None), turn);
    }

    /// Its process ended by itself: a start that waits for it has failed; what served is started again.
    async fn ended(&mut self, exit: Exit) {
        let Stage::Up(up) = std::mem::replace(&mut self.stage, Stage::Idle) else { return };
        let Up { mut assignment, process, printed_before, since, starting, attendants, .. } = *up;
        drop(attendants);
        self.output.add(Stream::Host, format!("process {exit}"));
        if let Some(ticket) = starting {
            let error = StartError::Ended { exit, last: self.last_words(printed_before) };
            return self.fail(assignment, Some(ticket), &error).await;
        }
        let end = End {
            instance_id: process.instance_id.clone(),
            ran: since.elapsed(),
            reason: exit.to_string(),
            exit: Some(exit),
        };
        assignment.note_end(&end.reason);
        self.wait(assignment, end);
        self.tell_callers(exit.to_string()).await;
    }

    /// Tells those who wait for an answer of the process that ended that there will be none, if no other can give it.
    async fn tell_callers(&self, how: String) {
        if health::nobody_serves(&self.tools.lattice, &self.key).await {
            self.tools.exits.tell(&self.key, how);
        }
    }

    /// The last lines that its process printed, all after that one.
    fn last_words(&self, after: u64) -> Vec<String> {
        let lines = self.output.last(LAST_LINES + 1).into_iter();
        lines.filter(|line| line.number > after && line.stream != Stream::Host).map(|line| line.text).collect()
    }

    /// Has it started again after a while, and says so.
    fn wait(&mut self, mut assignment: Assignment, end: End) {
        let End { instance_id, ran, reason, exit } = end;
        let instance = instance_id.as_str();
        let restart_after = assignment.backoff.next(ran, jitter());
        let crash_loop = assignment.backoff.is_crash_loop();
        let state = if crash_loop { ProviderState::CrashLoop } else { ProviderState::Restarting };
        tracing::warn!(provider = %self.key, reason, ?restart_after, crash_loop, "the provider ended by itself");
        let aftermath = Aftermath { crash_loop, restart_after, restarts: assignment.restarts };
        self.tools.announcer.exited(assignment.subject(&self.key, instance, None), reason, exit, aftermath);
        self.tools.board.set(&self.key, assignment.view(instance, state));
        self.stage = Stage::Waiting(Box::new(assignment), Instant::now() + restart_after);
    }

    async fn start_again(&mut self) {
        let Stage::Waiting(assignment, _) = std::mem::replace(&mut self.stage, Stage::Idle) else { return };
        let mut assignment = *assignment;
        assignment.restarts = assignment.restarts.saturating_add(1);
        if let Err((assignment, error)) = self.launch(assignment, None).await {
            let reason = lattice_protocol::error_chain(&StartError::Launch(error));
            let mut assignment = assignment.0;
            assignment.note_end(&reason);
            self.wait(assignment, End { instance_id: String::new(), ran: Duration::ZERO, reason, exit: None });
        }
    }

    async fn stop(&mut self, annotations: &lattice_protocol::Annotations, ticket: Ticket) {
        let refusal = match self.annotations() {
            None => Some(Refusal::NotRunning(self.key.clone())),
            Some(own) if !own.contains(annotations) => Some(Refusal::NoMatch(self.key.clone())),
            Some(_) => None,
        };
        match refusal {
            Some(refusal) => ticket.operation.failed(Some(refusal.code()), &refusal),
            None => {
                self.end(Some(&ticket.operation)).await;
                ticket.operation.stopped();
            }
        }
        self.finish();
    }

    fn annotations(&self) -> Option<&lattice_protocol::Annotations> {
        match &self.stage {
            Stage::Idle => None,
            Stage::Up(up) => Some(&up.assignment.annotations),
            Stage::Waiting(assignment, _) => Some(&assignment.annotations),
        }
    }

    async fn stop_for_good(&mut self) {
        self.end(None).await;
    }

    /// Stops what runs; nothing of it is left when this returns, and the lattice has been told.
    async fn end(&mut self, operation: Option<&Operation>) {
        let operation = operation.map(Operation::id);
        let (mut assignment, instance) = match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Idle => return,
            Stage::Waiting(assignment, _) => {
                self.output.add(Stream::Host, "stopped: no process was running".to_owned());
                (*assignment, String::new())
            }
            Stage::Up(up) => {
                let Up { assignment, process, starting, attendants, .. } = *up;
                drop(attendants);
                self.tools.board.change(&self.key, |process| process.state = ProviderState::Stopping);
                let instance = process.instance_id.clone();
                let exit = process.stop(&self.tools, &self.key).await;
                self.output.add(Stream::Host, format!("stopped: process {exit}"));
                if operation.is_some() {
                    self.tell_callers(format!("was stopped ({exit})")).await;
                }
                if let Some(ticket) = starting {
                    // The command that stops it came after the one that starts it, and is carried out.
                    ticket.operation.stopped();
                    self.finish();
                }
                (assignment, instance)
            }
        };
        assignment.end_loan().await;
        self.tools.board.remove(&self.key);
        self.tools.announcer.stopped(assignment.subject(&self.key, &instance, operation.as_ref()), "stop");
    }

    /// Ends a start that came to nothing.
    async fn fail(&mut self, mut assignment: Assignment, ticket: Option<Ticket>, error: &StartError) {
        self.tools.board.remove(&self.key);
        assignment.end_loan().await;
        let Some(ticket) = ticket else { return };
        let reference = &assignment.image.reference;
        self.tools.announcer.start_failed(reference, &self.key.link, error, &ticket.operation.id());
        ticket.operation.failed(None, error);
        self.finish();
    }

    fn announce_failure(&self, wanted: &Wanted, refusal: &Refusal, operation: &Operation) {
        self.tools.announcer.start_failed(&wanted.image.reference, &self.key.link, refusal, &operation.id());
    }

    /// Tells the coordinator that a job is over.
    fn finish(&self) {
        let running = !matches!(self.stage, Stage::Idle);
        // The coordinator has ended only if the host was cut off.
        let _ = self.finished.send(Finished { key: self.key.clone(), running });
    }
}

impl Up {
    /// Notes which SDK it says that it was made with. One that was slow to start says so later than its first health check.
    fn note_sdk(&self, answer: Option<&HealthCheckResponse>) {
        let answers = answer.is_some_and(|answer| answer.lattice_sdk.is_some());
        self.answers.send_if_modified(|known| answers && !std::mem::replace(known, true));
    }
}

impl Drop for Supervisor {
    /// However it ends: what it had is killed, and is not listed any more.
    fn drop(&mut self) {
        if !matches!(self.stage, Stage::Idle) {
            self.tools.board.remove(&self.key);
        }
    }
}

/// A number between 0 and 1.
fn jitter() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_fields().0) / f64::from(u32::MAX)
}
