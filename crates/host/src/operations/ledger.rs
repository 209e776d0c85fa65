//! The ledger: every operation of the lattice in one bucket, for a day.
//!
//! A command that its client named is created there before it is accepted, so that the same id is done once, whichever
//! host it reaches. Everything after that is written behind, the latest state of each operation.

use std::{
    collections::HashMap,
    error::Error,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_nats::jetstream::{
    self, ErrorCode,
    context::{PublishError, PublishErrorKind},
    kv::{Config, CreateErrorKind, Store},
};
use bytes::Bytes;
use futures::{StreamExt, stream::FuturesUnordered};
use lattice_protocol::{LatticeName, OperationId, OperationPhase, OperationRecord};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::Fingerprint;
use crate::{
    bucket::{AnyError, OwnBucket, read_all},
    defaults::{LEDGER_AGE, LEDGER_LOOK, LEDGER_PATIENCE, LEDGER_REST, UNWRITTEN_RECORDS},
    error::StartError,
};

/// An operation as it stands in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) fingerprint: Fingerprint,
    /// Whether the command was refused, so that its id is refused again.
    #[serde(default)]
    pub(crate) refused: bool,
    pub(crate) record: OperationRecord,
}

/// What became of an attempt to create an entry.
#[derive(Debug)]
pub(crate) enum Created {
    New,
    /// There is one already.
    Known(Box<Entry>),
    /// There is one already, and it cannot be read.
    Unreadable(AnyError),
    /// JetStream does not take it.
    Unrecorded,
}

/// The ledger; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    bucket: Option<OwnBucket>,
    notes: mpsc::UnboundedSender<Entry>,
    /// Until when nothing is tried after JetStream failed, so that not every command waits for it.
    resting: Arc<Mutex<Option<Instant>>>,
    /// Whether the last write failed, so that the log says it once.
    failing: Arc<AtomicBool>,
}

/// Writes behind what is noted.
pub(crate) struct Writer {
    ledger: Ledger,
    notes: mpsc::UnboundedReceiver<Entry>,
    /// What is not written yet, of each operation the latest.
    latest: HashMap<OperationId, Entry>,
}

impl Ledger {
    /// Opens the lattice's ledger, or makes it.
    pub(crate) async fn open(
        jetstream: &jetstream::Context,
        lattice: &LatticeName,
    ) -> Result<(Self, Writer), StartError> {
        let bucket = format!("LATTICEOPS_{lattice}");
        let config = Config { bucket, max_age: LEDGER_AGE, ..Config::default() };
        let bucket = OwnBucket::open(jetstream, config).await?;
        Ok(Self::with(Some(bucket)))
    }

    fn with(bucket: Option<OwnBucket>) -> (Self, Writer) {
        // Unbounded, because workers must not wait here; what enters is bounded by the commands that are taken on.
        let (notes, receiver) = mpsc::unbounded_channel();
        let ledger = Self { bucket, notes, resting: Arc::default(), failing: Arc::default() };
        (ledger.clone(), Writer { ledger, notes: receiver, latest: HashMap::new() })
    }

    /// Creates an entry, unless its id is there already.
    pub(crate) async fn create(&self, entry: &Entry) -> Created {
        let Some(bucket) = self.awake().map(OwnBucket::store) else { return Created::Unrecorded };
        let id = entry.record.operation_id.as_str();
        match timeout(LEDGER_PATIENCE, bucket.create(id, bytes_of(entry))).await {
            Ok(Ok(_)) => Created::New,
            Ok(Err(error)) if error.kind() == CreateErrorKind::AlreadyExists => match self.get(id).await {
                Ok(Some(known)) => Created::Known(Box::new(known)),
                // It expired in this moment, so that nobody can ask for it.
                Ok(None) => Created::Unrecorded,
                Err(error) => Created::Unreadable(error),
            },
            Ok(Err(error)) if is_too_large(&error) => Created::Unrecorded,
            Ok(Err(error)) => self.unrecorded(&error.into()),
            Err(late) => self.unrecorded(&late.into()),
        }
    }

    fn unrecorded(&self, error: &AnyError) -> Created {
        self.rest(error);
        Created::Unrecorded
    }

    /// Has an entry written soon.
    pub(crate) fn note(&self, entry: Entry) {
        if self.bucket.is_some() {
            // An error means that the writer has ended, with the host.
            let _ = self.notes.send(entry);
        }
    }

    /// Ends what an earlier start of the host left.
    pub(crate) async fn close(&self, record: OperationRecord) {
        let Some(bucket) = self.store() else { return };
        let id = record.operation_id.to_string();
        let fingerprint = self.get(&id).await.ok().flatten().map_or([0; 32], |entry| entry.fingerprint);
        let entry = Entry { fingerprint, refused: false, record };
        if let Err(error) = bucket.put(&id, bytes_of(&entry)).await {
            tracing::warn!(operation = id, %error, "an operation of an earlier start could not be reported as lost");
        }
    }

    /// The record of an operation, once it is final, or past the phase that is known, or the wait is over.
    pub(crate) async fn wait(
        &self,
        id: &OperationId,
        past: Option<OperationPhase>,
        wait: Duration,
    ) -> Result<Option<OperationRecord>, AnyError> {
        let until = Instant::now() + wait;
        loop {
            let record = self.get(id.as_str()).await?.map(|entry| entry.record);
            let waits = record.as_ref().is_some_and(|record| !record.is_past(past));
            if !waits || Instant::now() + LEDGER_LOOK > until {
                return Ok(record);
            }
            sleep(LEDGER_LOOK).await;
        }
    }

    /// Every record, in no order.
    pub(crate) async fn all(&self) -> Result<Vec<OperationRecord>, AnyError> {
        let Some(bucket) = self.store() else { return Ok(Vec::new()) };
        let entries = read_all(bucket).await?;
        let read = |bytes: &Bytes| serde_json::from_slice::<Entry>(bytes).ok();
        Ok(entries.iter().filter_map(|stored| read(&stored.value)).map(|entry| entry.record).collect())
    }

    async fn get(&self, id: &str) -> Result<Option<Entry>, AnyError> {
        let Some(bucket) = self.store() else { return Ok(None) };
        let bytes = timeout(LEDGER_PATIENCE, bucket.get(id)).await??;
        Ok(bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose()?)
    }

    fn store(&self) -> Option<&Store> {
        self.bucket.as_ref().map(OwnBucket::store)
    }

    fn awake(&self) -> Option<&OwnBucket> {
        let resting = *self.resting();
        self.bucket.as_ref().filter(|_| resting.is_none_or(|until| Instant::now() >= until))
    }

    /// Tries nothing for a while.
    fn rest(&self, error: &AnyError) {
        *self.resting() = Some(Instant::now() + LEDGER_REST);
        if !self.failing.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "JetStream does not take the records of operations; commands go on without");
        }
    }

    fn resting(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.resting.lock().expect("nothing panics while it holds the time")
    }
}

impl Writer {
    /// Writes what is noted until told to stop, and then what is left.
    ///
    /// What JetStream does not take is kept and tried again: a record that stays unfinished would be taken for lost.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            // Cancel-safe: a note that was received is among the latest before the next wait.
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(entry) = self.notes.recv() => self.keep(entry),
                () = sleep(LEDGER_REST), if !self.latest.is_empty() => {}
                else => break,
            }
            self.write().await;
        }
        self.write().await;
    }

    /// Keeps the latest of each operation, and of very many forgets some: bounded is better than whole.
    fn keep(&mut self, entry: Entry) {
        if self.latest.len() >= UNWRITTEN_RECORDS && !self.latest.contains_key(&entry.record.operation_id) {
            self.latest.clear();
        }
        self.latest.insert(entry.record.operation_id.clone(), entry);
    }

    async fn write(&mut self) {
        while let Ok(entry) = self.notes.try_recv() {
            self.keep(entry);
        }
        let Some(bucket) = self.ledger.awake().cloned() else { return };
        let mut failure = self.write_latest(bucket.store()).await;
        if failure.is_some() && bucket.was_remade().await {
            failure = self.write_latest(bucket.store()).await;
        }
        match failure {
            Some(error) => self.ledger.rest(&error),
            None => self.ledger.failing.store(false, Ordering::Relaxed),
        }
    }

    /// Writes what is not written yet, and returns why none of it could be.
    ///
    /// All at once and then their confirmations, or each would cost the way to the server and back. Each counts by itself:
    /// what fails is tried again, and what the ledger cannot hold is given up, or it would be tried for ever.
    async fn write_latest(&mut self, bucket: &Store) -> Option<AnyError> {
        let ids: Vec<_> = self.latest.keys().cloned().collect();
        let writes = self.latest.values().zip(ids).map(async |(entry, id)| (id, write(bucket, entry).await));
        let outcomes: Vec<_> = writes.collect::<FuturesUnordered<_>>().collect().await;
        let (mut failure, mut written) = (None, false);
        for (id, outcome) in outcomes {
            match outcome {
                Err(error) if !is_too_large(error.as_ref()) => failure = Some(error),
                Err(error) => {
                    tracing::warn!(operation = %id, %error, "the record of an operation is larger than the ledger takes");
                    self.latest.remove(&id);
                }
                Ok(()) => {
                    written = true;
                    self.latest.remove(&id);
                }
            }
        }
        failure.filter(|_| !written)
    }
}

async fn write(bucket: &Store, entry: &Entry) -> Result<(), AnyError> {
    timeout(LEDGER_PATIENCE, bucket.put(entry.record.operation_id.as_str(), bytes_of(entry))).await??;
    Ok(())
}

/// Whether the connection or the bucket takes nothing of this size.
fn is_too_large(error: &(dyn Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.any(|cause| {
        let at_once = cause.downcast_ref::<PublishError>().map(PublishError::kind);
        let told = cause.downcast_ref::<jetstream::Error>().map(jetstream::Error::error_code);
        at_once == Some(PublishErrorKind::MaxPayloadExceeded) || told == Some(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM)
    })
}

fn bytes_of(entry: &Entry) -> Bytes {
    serde_json::to_vec(entry).expect("records have string keys and are written to memory").into()
}

#[cfg(test)]
impl Ledger {
    /// A ledger that keeps nothing.
    pub(crate) fn nowhere() -> Self {
        Self::with(None).0
    }
}
