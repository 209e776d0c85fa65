//! What became of commands: one record for each, changed by whoever carries it out, watched by whoever waits.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use lattice_protocol::{ActorKey, HostKey, OperationId, OperationPhase, OperationRecord};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use uuid::Uuid;

use crate::defaults::REMEMBERED_OPERATIONS;

/// The operations of one host; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Operations {
    host: HostKey,
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    entries: HashMap<OperationId, Entry>,
    finished: VecDeque<OperationId>,
}

#[derive(Debug)]
struct Entry {
    fingerprint: [u8; 32],
    record: watch::Receiver<OperationRecord>,
}

/// The one right to change an operation's record. Dropping it unfinished marks the operation as failed.
#[derive(Debug)]
pub(crate) struct Operation {
    record: watch::Sender<OperationRecord>,
    operations: Operations,
    /// Whether it was taken back, and is not to be remembered.
    refused: bool,
}

/// What an operation id that a client sent means.
#[derive(Debug)]
pub(crate) enum Begun {
    /// A new operation, to be carried out.
    New(Operation),
    /// The same command again: it is carried out once, and this is the answer to both.
    Repeated(OperationId),
    /// The id belongs to another command.
    Conflict,
}

impl Operations {
    pub(crate) fn new(host: HostKey) -> Self {
        Self { host, table: Arc::default() }
    }

    /// Begins an operation of the host's own making.
    pub(crate) fn begin_own(&self) -> Operation {
        let id = Uuid::now_v7().to_string().try_into().expect("a UUID is an operation id");
        self.insert(id, [0; 32])
    }

    /// Begins the operation for a command with this body, under the client's id or a new one.
    pub(crate) fn begin(&self, id: Option<OperationId>, subject: &str, body: &[u8]) -> Begun {
        let Some(id) = id else { return Begun::New(self.begin_own()) };
        let fingerprint = fingerprint(subject, body);
        let known = self.lock().entries.get(&id).map(|entry| entry.fingerprint);
        match known {
            None => Begun::New(self.insert(id, fingerprint)),
            Some(known) if known == fingerprint => Begun::Repeated(id),
            Some(_) => Begun::Conflict,
        }
    }

    /// The record of an operation, once it is final or the wait is over; `None` if there is no such operation.
    pub(crate) async fn wait(&self, id: &OperationId, wait: Duration) -> Option<OperationRecord> {
        let mut record = self.lock().entries.get(id).map(|entry| entry.record.clone())?;
        // The sender only goes away with a final record, so that neither an error nor the timeout changes the answer.
        let _ = tokio::time::timeout(wait, record.wait_for(|record| record.phase.is_final())).await;
        let now = record.borrow().clone();
        Some(now)
    }

    fn insert(&self, id: OperationId, fingerprint: [u8; 32]) -> Operation {
        let record = OperationRecord {
            actor_id: None,
            causes: Vec::new(),
            host_id: self.host.clone(),
            operation_id: id.clone(),
            phase: OperationPhase::Accepted,
        };
        let (sender, receiver) = watch::channel(record);
        self.lock().entries.insert(id, Entry { fingerprint, record: receiver });
        Operation { record: sender, operations: self.clone(), refused: false }
    }

    /// Forgets the oldest finished operation for each one beyond the bound.
    fn finished(&self, id: OperationId) {
        let mut table = self.lock();
        table.finished.push_back(id);
        while table.finished.len() > REMEMBERED_OPERATIONS {
            if let Some(oldest) = table.finished.pop_front() {
                table.entries.remove(&oldest);
            }
        }
    }

    fn forget(&self, id: &OperationId) {
        self.lock().entries.remove(id);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Table> {
        self.table.lock().expect("nothing panics while it holds the table")
    }
}

fn fingerprint(subject: &str, body: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(subject).chain_update([0]).chain_update(body).finalize().into()
}

impl Operation {
    pub(crate) fn id(&self) -> OperationId {
        self.record.borrow().operation_id.clone()
    }

    /// Its record, as it changes.
    pub(crate) fn watch(&self) -> watch::Receiver<OperationRecord> {
        self.record.subscribe()
    }

    /// Notes how far it got.
    pub(crate) fn reach(&self, phase: OperationPhase) {
        self.record.send_modify(|record| record.phase = phase);
    }

    /// Notes which actor it is about.
    pub(crate) fn concerns(&self, actor: &ActorKey) {
        self.record.send_modify(|record| record.actor_id = Some(actor.clone()));
    }

    /// Ends it well: what was to run runs.
    pub(crate) fn running(self) {
        self.reach(OperationPhase::Running);
    }

    /// Ends it well: what was to stop has stopped.
    pub(crate) fn stopped(self) {
        self.reach(OperationPhase::Stopped);
    }

    /// Ends it with a failure and all its causes.
    pub(crate) fn failed(self, error: &dyn std::error::Error) {
        self.fail(causes(error));
    }

    /// Takes it back: the command was refused before it began.
    pub(crate) fn refused(mut self) {
        self.refused = true;
        self.reach(OperationPhase::Failed);
    }

    fn fail(&self, causes: Vec<String>) {
        self.record.send_modify(|record| {
            record.phase = OperationPhase::Failed;
            record.causes = causes;
        });
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        if !self.record.borrow().phase.is_final() {
            self.fail(vec!["the host gave it up before it was done, for it is stopping or failed within".to_owned()]);
        }
        let id = self.id();
        match self.refused {
            true => self.operations.forget(&id),
            false => self.operations.finished(id),
        }
    }
}

/// The texts of an error and its sources, outermost first.
pub(crate) fn causes(error: &dyn std::error::Error) -> Vec<String> {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operations() -> Operations {
        Operations::new("NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA".parse().expect("a published key"))
    }

    fn id(text: &str) -> OperationId {
        text.parse().expect("a plain word")
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_with_the_operation() {
        let operations = operations();
        let operation = operations.begin_own();
        let (id, waiter) = (operation.id(), operations.clone());
        let waiting = tokio::spawn(async move { waiter.wait(&id, Duration::from_secs(60)).await });
        tokio::task::yield_now().await;
        operation.running();
        let record = waiting.await.expect("no panic").expect("known");
        assert_eq!(record.phase, OperationPhase::Running);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_with_the_time() {
        let operations = operations();
        let operation = operations.begin_own();
        operation.reach(OperationPhase::Fetching);
        let record = operations.wait(&operation.id(), Duration::from_secs(1)).await.expect("known");
        assert_eq!(record.phase, OperationPhase::Fetching);
    }

    #[tokio::test]
    async fn dropped_means_failed() {
        let operations = operations();
        let operation = operations.begin_own();
        let id = operation.id();
        drop(operation);
        let record = operations.wait(&id, Duration::ZERO).await.expect("known");
        assert_eq!((record.phase, record.causes.len()), (OperationPhase::Failed, 1));
    }

    #[test]
    fn an_id_stands_for_one_command() {
        let operations = operations();
        let first = operations.begin(Some(id("a")), "cmd", b"x");
        assert!(matches!(first, Begun::New(_)));
        assert!(matches!(operations.begin(Some(id("a")), "cmd", b"x"), Begun::Repeated(_)));
        assert!(matches!(operations.begin(Some(id("a")), "cmd", b"y"), Begun::Conflict));
        assert!(matches!(operations.begin(Some(id("b")), "cmd", b"y"), Begun::New(_)));
    }

    #[tokio::test]
    async fn the_oldest_finished_are_forgotten() {
        let operations = operations();
        let first = operations.begin_own();
        let first_id = first.id();
        first.running();
        for _ in 0..REMEMBERED_OPERATIONS {
            operations.begin_own().stopped();
        }
        assert!(operations.wait(&first_id, Duration::ZERO).await.is_none());
        assert_eq!(operations.lock().entries.len(), REMEMBERED_OPERATIONS);
    }

    #[tokio::test]
    async fn a_refused_command_leaves_no_operation() {
        let operations = operations();
        let Begun::New(operation) = operations.begin(Some(id("a")), "cmd", b"x") else { panic!("not new") };
        operation.refused();
        assert!(matches!(operations.begin(Some(id("a")), "cmd", b"y"), Begun::New(_)));
    }

    #[tokio::test]
    async fn refused_commands_push_no_other_out_of_memory() {
        let operations = operations();
        let done = operations.begin_own();
        let done_id = done.id();
        done.running();
        for _ in 0..=REMEMBERED_OPERATIONS {
            operations.begin_own().refused();
        }
        assert!(operations.wait(&done_id, Duration::ZERO).await.is_some());
    }
}
