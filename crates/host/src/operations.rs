//! What became of commands: one record for each, changed by whoever carries it out, watched by whoever waits, and kept in
//! the lattice's ledger, where every host finds it.

mod ledger;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use lattice_protocol::{
    Ack, ActorKey, HostKey, OperationId, OperationPhase, OperationQuery, OperationRecord, OperationRecords,
    OperationsQuery, ReachedPhase, RefusalCode,
};
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

pub(crate) use ledger::{Ledger, Writer};

use crate::{
    bucket::AnyError,
    defaults::{CHANGE_PATIENCE, LISTS_AT_ONCE, REMEMBERED_OPERATIONS, START_TIMEOUT},
    members::{Members, Roll},
};
use ledger::{Created, Entry as LedgerEntry};

/// The command of operations that the host begins itself when it starts again what ran.
pub(crate) const RESTORE: &str = "restore";

/// A hash of a command's subject and body: the same id with another one is another command.
pub(crate) type Fingerprint = [u8; 32];

/// The operations of one host; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Operations {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    host: HostKey,
    incarnation: String,
    table: Mutex<Table>,
    ledger: Ledger,
    /// Places for those who read the whole ledger.
    lists: Semaphore,
}

#[derive(Debug, Default)]
struct Table {
    entries: HashMap<OperationId, Entry>,
    finished: VecDeque<OperationId>,
}

#[derive(Debug)]
struct Entry {
    fingerprint: Fingerprint,
    record: watch::Receiver<OperationRecord>,
}

/// A command that is to become an operation.
#[derive(Clone, Debug)]
pub(crate) struct NewOperation {
    /// The client's id; without one the host makes one.
    pub(crate) id: Option<OperationId>,
    /// The end of the command's subject.
    pub(crate) command: String,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) reference: Option<String>,
    pub(crate) requester: Option<String>,
}

/// The one right to change an operation's record. Dropping it unfinished marks the operation as failed.
#[derive(Debug)]
pub(crate) struct Operation {
    record: watch::Sender<OperationRecord>,
    operations: Operations,
    fingerprint: Fingerprint,
    /// Whether the client named it, so that the ledger knew it before it was accepted.
    named: bool,
    /// Whether it was taken back, and is not to be remembered.
    refused: bool,
}

/// What a command's operation id means.
#[derive(Debug)]
pub(crate) enum Begun {
    /// A new operation, to be carried out.
    New(Operation),
    /// The same command came before, or the id belongs to another: this is the answer.
    Answered(Ack),
}

impl Operations {
    pub(crate) fn new(host: HostKey, incarnation: String, ledger: Ledger) -> Self {
        let lists = Semaphore::new(LISTS_AT_ONCE);
        let shared = Shared { host, incarnation, table: Mutex::default(), ledger, lists };
        Self { shared: Arc::new(shared) }
    }

    /// Begins an operation of the host's own making.
    pub(crate) fn begin_own(&self, command: &str, reference: Option<String>) -> Operation {
        let new =
            NewOperation { id: None, command: command.to_owned(), fingerprint: [0; 32], reference, requester: None };
        self.begin_unnamed(new)
    }

    /// Begins the operation of a command. One that the client names is in the ledger when this returns.
    pub(crate) async fn begin(&self, new: NewOperation) -> Begun {
        let Some(id) = new.id.clone() else { return Begun::New(self.begin_unnamed(new)) };
        let operation = match self.begin_named(id.clone(), new) {
            Ok(operation) => operation,
            Err(ack) => return Begun::Answered(ack),
        };
        let entry = operation.entry();
        match self.shared.ledger.create(&entry).await {
            Created::New => Begun::New(operation),
            Created::Unrecorded => {
                operation.record.send_modify(|record| record.unrecorded = true);
                Begun::New(operation)
            }
            Created::Known(known) => {
                operation.forget();
                Begun::Answered(answer_to_known(&id, entry.fingerprint == known.fingerprint, &known))
            }
            Created::Unreadable(error) => {
                operation.forget();
                Begun::Answered(unreadable(&id, &error))
            }
        }
    }

    fn begin_unnamed(&self, new: NewOperation) -> Operation {
        let mut table = self.lock();
        self.insert(&mut table, new_id(), new, false)
    }

    /// A new operation under a client's id, or the answer to an id that this host knows. Of many who come with one id at
    /// the same time one is new.
    fn begin_named(&self, id: OperationId, new: NewOperation) -> Result<Operation, Ack> {
        let mut table = self.lock();
        match table.entries.get(&id) {
            None => Ok(self.insert(&mut table, id, new, true)),
            Some(entry) if entry.fingerprint == new.fingerprint => Err(repeated(&entry.record.borrow())),
            Some(_) => Err(conflict()),
        }
    }

    /// The record of an operation of this host, once it is final, or past the phase that is known, or the wait is over;
    /// `None` if there is no such operation.
    pub(crate) async fn wait(
        &self,
        id: &OperationId,
        past: Option<OperationPhase>,
        wait: Duration,
    ) -> Option<OperationRecord> {
        let mut record = self.lock().entries.get(id).map(|entry| entry.record.clone())?;
        let is_news =
            |record: &OperationRecord| record.phase.is_final() || past.is_some_and(|past| past != record.phase);
        // The sender only goes away with a final record, so that neither an error nor the timeout changes the answer.
        let _ = tokio::time::timeout(wait, record.wait_for(is_news)).await;
        let now = record.borrow().clone();
        Some(now)
    }

    /// The answer to a command that is done when it is answered, and came before: that it was done, or why not.
    ///
    /// What came before may still be under way, here or at another host.
    pub(crate) async fn outcome(&self, answer: Ack) -> Ack {
        let Some(id) = answer.operation_id.as_ref().filter(|_| answer.accepted) else { return answer };
        let record = match self.wait(id, None, CHANGE_PATIENCE).await {
            Some(record) => Some(record),
            None => self.shared.ledger.wait(id, None, CHANGE_PATIENCE).await.ok().flatten(),
        };
        match record {
            Some(record) if record.phase == OperationPhase::Failed => failed_before(&record),
            Some(record) if record.phase.is_final() => answer,
            _ => Ack::refused(format!("operation {id} came before, and how it ends is not known yet"))
                .with_code(RefusalCode::Unavailable),
        }
    }

    /// The record of an operation of any host, as [`wait`](Self::wait).
    pub(crate) async fn recorded(
        &self,
        question: &OperationQuery,
        wait: Duration,
        members: &Members,
    ) -> Result<Option<OperationRecord>, AnyError> {
        let record = self.shared.ledger.wait(&question.operation_id, question.past, wait).await?;
        let Some(mut record) = record else { return Ok(None) };
        if !record.phase.is_final() {
            let roll = members.current().await?;
            mark_lost(&mut record, &roll);
        }
        Ok(Some(record))
    }

    /// The operations of the lattice, newest first.
    ///
    /// All records are in memory meanwhile, so that few are listed for at the same time.
    pub(crate) async fn list(&self, query: &OperationsQuery, members: &Members) -> Result<OperationRecords, AnyError> {
        let _place = tokio::time::timeout(START_TIMEOUT, self.shared.lists.acquire()).await?;
        let (mut records, roll) = futures::try_join!(self.shared.ledger.all(), members.current())?;
        records.iter_mut().for_each(|record| mark_lost(record, &roll));
        Ok(select(records, query))
    }

    /// Reports as lost what an earlier start of this host left unfinished.
    pub(crate) async fn close_earlier(&self) {
        let (host, incarnation) = (&self.shared.host, &self.shared.incarnation);
        let is_ours = |record: &OperationRecord| record.host_id == *host && record.incarnation != *incarnation;
        match self.shared.ledger.all().await {
            Ok(records) => {
                let left = records.into_iter().filter(|record| is_ours(record) && !record.phase.is_final());
                // All at once: what ran is started again after it, and one that JetStream is silent about takes seconds.
                futures::future::join_all(left.map(|record| self.shared.ledger.close(lost(record)))).await;
            }
            Err(error) => tracing::warn!(%error, "operations of an earlier start could not be looked for"),
        }
    }

    fn insert(&self, table: &mut Table, id: OperationId, new: NewOperation, named: bool) -> Operation {
        let record = OperationRecord {
            actor_id: None,
            causes: Vec::new(),
            code: None,
            command: new.command,
            host_id: self.shared.host.clone(),
            incarnation: self.shared.incarnation.clone(),
            operation_id: id.clone(),
            phase: OperationPhase::Accepted,
            phases: vec![reached(OperationPhase::Accepted)],
            reference: new.reference,
            requester: new.requester,
            swap_micros: None,
            unrecorded: false,
        };
        let (sender, receiver) = watch::channel(record);
        let fingerprint = new.fingerprint;
        table.entries.insert(id, Entry { fingerprint, record: receiver });
        Operation { record: sender, operations: self.clone(), fingerprint, named, refused: false }
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

    fn lock(&self) -> std::sync::MutexGuard<'_, Table> {
        self.shared.table.lock().expect("nothing panics while it holds the table")
    }
}

impl Operation {
    pub(crate) fn id(&self) -> OperationId {
        self.record.borrow().operation_id.clone()
    }

    /// The answer that it was taken on.
    pub(crate) fn ack(&self) -> Ack {
        repeated(&self.record.borrow())
    }

    /// Its record, as it changes.
    pub(crate) fn watch(&self) -> watch::Receiver<OperationRecord> {
        self.record.subscribe()
    }

    /// Has the ledger hear that it is taken on and not refused; one that its client named is there already.
    pub(crate) fn taken_on(&self) {
        if !self.named {
            self.note();
        }
    }

    /// Notes how far it got.
    pub(crate) fn reach(&self, phase: OperationPhase) {
        self.record.send_modify(|record| {
            record.phase = phase;
            record.phases.push(reached(phase));
        });
        self.note();
    }

    /// Notes which actor it is about.
    pub(crate) fn concerns(&self, actor: &ActorKey) {
        self.record.send_modify(|record| record.actor_id = Some(actor.clone()));
    }

    /// Notes how long calls met neither version.
    pub(crate) fn swapped_within(&self, pause: Duration) {
        let micros = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
        self.record.send_modify(|record| record.swap_micros = Some(micros));
    }

    /// Ends it well: what was to run runs.
    pub(crate) fn running(self) {
        self.reach(OperationPhase::Running);
    }

    /// Ends it well: what was to stop has stopped.
    pub(crate) fn stopped(self) {
        self.reach(OperationPhase::Stopped);
    }

    /// Ends it well: what was to change has changed.
    pub(crate) fn done(self) {
        self.reach(OperationPhase::Done);
    }

    /// Ends it with a failure of a kind that programs know, if there is one, and all its causes.
    pub(crate) fn failed(self, code: Option<RefusalCode>, error: &dyn std::error::Error) {
        self.fail(code, causes(error));
    }

    /// Takes it back: the command was refused before it began.
    pub(crate) fn refused(mut self, code: RefusalCode, text: String) {
        self.refused = true;
        self.fail(Some(code), vec![text]);
    }

    /// Ends it with the answer to a command that is done when it is answered, which this returns.
    pub(crate) fn answered(mut self, outcome: Result<(), Ack>) -> Ack {
        match outcome {
            Ok(()) => {
                let ack = self.ack();
                self.done();
                ack
            }
            Err(refusal) => {
                self.refused = true;
                self.fail(refusal.code, vec![refusal.error.clone()]);
                refusal
            }
        }
    }

    fn fail(&self, code: Option<RefusalCode>, causes: Vec<String>) {
        self.record.send_modify(|record| {
            record.code = code;
            record.causes = causes;
        });
        self.reach(OperationPhase::Failed);
    }

    /// Has the ledger hear of it as it is now. What was refused and had no name of its own leaves no trace.
    fn note(&self) {
        if self.named || !self.refused {
            self.operations.shared.ledger.note(self.entry());
        }
    }

    fn entry(&self) -> LedgerEntry {
        LedgerEntry { fingerprint: self.fingerprint, refused: self.refused, record: self.record.borrow().clone() }
    }

    /// Takes it back as if it had never been: its id is somebody else's.
    fn forget(mut self) {
        self.refused = true;
        self.named = false;
        self.fail(None, Vec::new());
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        if !self.record.borrow().phase.is_final() {
            let text = "the host gave it up before it was done, for it is stopping or failed within";
            self.fail(None, vec![text.to_owned()]);
        }
        let id = self.id();
        match self.refused {
            true => drop(self.operations.lock().entries.remove(&id)),
            false => self.operations.finished(id),
        }
    }
}

/// What stands for a command when its operation id comes again.
pub(crate) fn fingerprint(subject: &str, body: &[u8]) -> Fingerprint {
    Sha256::new().chain_update(subject).chain_update([0]).chain_update(body).finalize().into()
}

/// The texts of an error and its sources, outermost first.
fn causes(error: &dyn std::error::Error) -> Vec<String> {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect()
}

fn new_id() -> OperationId {
    Uuid::now_v7().to_string().try_into().expect("a UUID is an operation id")
}

fn reached(phase: OperationPhase) -> ReachedPhase {
    ReachedPhase { at: humantime::format_rfc3339_millis(SystemTime::now()).to_string(), phase }
}

fn repeated(record: &OperationRecord) -> Ack {
    Ack { unrecorded: record.unrecorded, ..Ack::operation(record.operation_id.clone()) }
}

fn conflict() -> Ack {
    Ack::refused("this operation id belongs to another command").with_code(RefusalCode::OperationConflict)
}

/// The answer to an id that the ledger knows: once done is done, once refused is refused.
fn answer_to_known(id: &OperationId, same: bool, known: &LedgerEntry) -> Ack {
    match same {
        false => conflict(),
        true if known.refused => failed_before(&known.record),
        true => Ack::operation(id.clone()),
    }
}

/// The answer to an id that the ledger knows without telling more: done a second time, the command would be done twice.
fn unreadable(id: &OperationId, error: &AnyError) -> Ack {
    let text = format!("operation {id} came before, and how it stands cannot be read: {error}");
    Ack::refused(text).with_code(RefusalCode::Unavailable)
}

fn failed_before(record: &OperationRecord) -> Ack {
    Ack { code: record.code, ..Ack::refused(record.causes.join(": ")) }
}

/// An unfinished operation of a start that is gone is lost.
fn mark_lost(record: &mut OperationRecord, roll: &Roll) {
    if !record.phase.is_final() && !roll.works(&record.host_id, &record.incarnation) {
        record.phase = OperationPhase::Lost;
        record.causes = vec![gone(record)];
    }
}

fn lost(mut record: OperationRecord) -> OperationRecord {
    record.causes = vec![gone(&record)];
    record.phase = OperationPhase::Lost;
    record.phases.push(reached(OperationPhase::Lost));
    record
}

fn gone(record: &OperationRecord) -> String {
    format!("host {} went away before the operation had ended", record.host_id)
}

/// Those that are wanted, newest first: ids are made so that later ones are greater.
fn select(records: Vec<OperationRecord>, query: &OperationsQuery) -> OperationRecords {
    let wanted = |record: &OperationRecord| {
        let of_actor = query.actor_id.as_ref().is_none_or(|actor| record.actor_id.as_ref() == Some(actor));
        let of_host = query.host_id.as_ref().is_none_or(|host| record.host_id == *host);
        of_actor && of_host && !(query.unfinished && record.phase.is_final())
    };
    let mut records: Vec<_> = records.into_iter().filter(wanted).collect();
    let began = |record: &OperationRecord| record.phases.first().map(|reached| reached.at.clone());
    records.sort_by_cached_key(|record| std::cmp::Reverse((began(record), record.operation_id.clone())));
    let limit = match query.limit {
        0 => crate::defaults::LISTED_OPERATIONS,
        limit => usize::try_from(limit).unwrap_or(usize::MAX).min(crate::defaults::MOST_LISTED_OPERATIONS),
    };
    let more = records.len() > limit;
    records.truncate(limit);
    OperationRecords { more, operations: records.into() }
}

#[cfg(test)]
mod tests;
