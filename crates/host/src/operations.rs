//! What became of commands: one record for each, changed by whoever carries it out, watched by whoever waits, and kept in
//! the lattice's ledger, where every host finds it.

mod ledger;
mod operation;
mod records;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use lattice_claims::ClusterSeed;
use lattice_protocol::{
    Ack, HostKey, OperationId, OperationPhase, OperationRecord, PullPolicy, ReachedPhase, RefusalCode,
};
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

pub(crate) use ledger::{Ledger, Writer};
pub(crate) use operation::Operation;

use crate::{
    bucket::AnyError,
    defaults::{CHANGE_PATIENCE, LISTS_AT_ONCE, REMEMBERED_OPERATIONS},
};
use ledger::{Created, Entry as LedgerEntry};

/// The command of operations that the host begins itself when it starts again what ran.
pub(crate) const RESTORE: &str = "restore";

/// The command that gives hosts credentials, whose fingerprint is a marked one.
pub(crate) const PUT_REGISTRIES: &str = "registries.put";

/// Bytes of a marked fingerprint that name the cluster; two of a lattice do not share them by accident.
const CLUSTER_NAME: usize = 8;

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
    /// When the source of its image is asked, if the client said so.
    pub(crate) pull: Option<PullPolicy>,
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
        let new = NewOperation {
            id: None,
            command: command.to_owned(),
            fingerprint: [0; 32],
            reference,
            requester: None,
            pull: None,
        };
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
                Begun::Answered(answer_to_known(&id, is_same(&entry, &known), &known))
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
        // The sender only goes away with a final record, so that neither an error nor the timeout changes the answer.
        let _ = tokio::time::timeout(wait, record.wait_for(|record| record.is_past(past))).await;
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
            fetch: None,
            link_id: None,
            link_revision: None,
            swap_micros: None,
            unrecorded: false,
        };
        let (sender, receiver) = watch::channel(record);
        let (fingerprint, pull) = (new.fingerprint, new.pull);
        table.entries.insert(id, Entry { fingerprint, record: receiver });
        Operation { record: sender, operations: self.clone(), fingerprint, pull, named, refused: false }
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

/// What stands for a command when its operation id comes again.
pub(crate) fn fingerprint(subject: &str, body: &[u8]) -> Fingerprint {
    Sha256::new().chain_update(subject).chain_update([0]).chain_update(body).finalize().into()
}

/// The same for a command with a secret in it, which could be guessed from a hash of it that lies open. Its first bytes name
/// the cluster.
pub(crate) fn marked_fingerprint(cluster: &ClusterSeed, subject: &str, body: &[u8]) -> Fingerprint {
    let mut fingerprint = cluster.mark(&[subject.as_bytes(), &[0], body]);
    let named = Sha256::digest(cluster.public().as_str());
    fingerprint[..CLUSTER_NAME].copy_from_slice(&named[..CLUSTER_NAME]);
    fingerprint
}

/// Whether what another host recorded is the same command. Of one with a secret in it that a host of another cluster recorded
/// that cannot be told: every host of the lattice is told the same.
fn is_same(own: &LedgerEntry, known: &LedgerEntry) -> bool {
    let are_marked = [own, known].iter().all(|entry| entry.record.command == PUT_REGISTRIES);
    let name = |entry: &LedgerEntry| entry.fingerprint[..CLUSTER_NAME].to_vec();
    own.fingerprint == known.fingerprint || (are_marked && name(own) != name(known))
}

fn new_id() -> OperationId {
    Uuid::now_v7().to_string().try_into().expect("a UUID is an operation id")
}

/// In microseconds, for a start from the caches is over within some milliseconds.
fn reached(phase: OperationPhase) -> ReachedPhase {
    ReachedPhase { at: humantime::format_rfc3339_micros(SystemTime::now()).to_string(), phase }
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

#[cfg(test)]
mod tests;
