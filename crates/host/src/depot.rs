//! The lattice's own artifacts, as this host takes, keeps and hands them out for clients, which have no rights in JetStream.
//!
//! What clients send is put together in memory (`uploads`), checked as a whole, and stored. What lies there is read back in parts
//! that each stand for themselves, so that any host can answer for the next.

mod error;
mod uploads;

use std::{panic, sync::Arc, time::SystemTime};

use bytes::Bytes;
use lattice_artifact::{Checked, Digest, ObjectError, ObjectPart, ObjectReference, Objects, Policy, Replace, Stored};
use lattice_protocol::{Ack, ActorKey};
use tokio::{
    sync::Semaphore,
    task::{JoinError, spawn_blocking},
};
use tokio_util::sync::CancellationToken;

pub(crate) use self::error::DepotError;
use crate::{
    defaults::{PART_BYTES, PARTS_AT_ONCE, UPLOAD_LOOK},
    operations::Operation,
    turns::{Turn, Turns},
};
pub(crate) use uploads::{NewUpload, Uploads};

/// The lattice's own artifacts; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Depot {
    objects: Objects,
    policy: Policy,
    uploads: Uploads,
    /// The bytes of a part, both ways.
    chunk: usize,
    /// Checking takes memory: one archive at a time is unpacked.
    checking: Arc<Semaphore>,
    /// And so do parts that are read.
    reading: Arc<Semaphore>,
    turns: Turns,
}

/// What came of the wish to upload something.
pub(crate) enum Begun {
    /// It lies there already.
    There(Stored),
    /// Its parts are taken under this id.
    Taken(String),
}

impl Depot {
    /// Artifacts of which parts of so many bytes can be sent, headers included; 0 if it is not known.
    pub(crate) fn new(objects: Objects, policy: Policy, max_payload: usize) -> Self {
        // Half of it leaves room for headers, whatever they are.
        let chunk = if max_payload == 0 { PART_BYTES } else { PART_BYTES.min((max_payload / 2).max(1)) };
        let (checking, reading) = (Arc::new(Semaphore::new(1)), Arc::new(Semaphore::new(PARTS_AT_ONCE)));
        Self { objects, policy, uploads: Uploads::new(chunk), chunk, checking, reading, turns: Turns::default() }
    }

    /// Gives up uploads that nobody goes on with or that take too long, until told to stop; then all of them.
    pub(crate) async fn run(self, stop: CancellationToken) {
        // Cancel-safe: a sleep.
        while stop.run_until_cancelled(tokio::time::sleep(UPLOAD_LOOK)).await.is_some() {
            self.uploads.give_up_late();
        }
        self.uploads.close();
    }

    /// The bytes of each part of an upload but the last.
    pub(crate) fn chunk(&self) -> usize {
        self.chunk
    }

    /// The artifacts that there are.
    pub(crate) async fn list(&self) -> Result<Vec<Stored>, DepotError> {
        Ok(self.objects.list().await?)
    }

    /// One of them.
    pub(crate) async fn get(&self, reference: &ObjectReference) -> Result<Stored, DepotError> {
        Ok(self.objects.get(reference).await?)
    }

    /// Some of its bytes.
    pub(crate) async fn part(
        &self,
        reference: &ObjectReference,
        digest: &Digest,
        position: Option<u64>,
    ) -> Result<ObjectPart, DepotError> {
        let _place = self.reading.acquire().await.expect("nobody closes it");
        Ok(self.objects.part(reference, digest, position, self.chunk).await?)
    }

    /// Begins an upload. What would be refused in the end is refused here already, as far as it can be known.
    pub(crate) async fn begin(&self, upload: NewUpload) -> Result<Begun, DepotError> {
        upload.check()?;
        if upload.replace == Replace::Never {
            match self.objects.get(&upload.reference).await {
                Err(ObjectError::Missing { .. }) => {}
                Err(error) => return Err(error.into()),
                Ok(stored) if stored.digest == Some(upload.digest) => return Ok(Begun::There(stored)),
                Ok(stored) => return Err(DepotError::taken(&upload.reference, &stored)),
            }
        }
        self.uploads.begin(upload).map(Begun::Taken)
    }

    /// Takes a part of an upload, which may come again.
    pub(crate) fn take(&self, upload: &str, offset: u64, bytes: &Bytes) -> Result<(), DepotError> {
        self.uploads.take(upload, offset, bytes)
    }

    /// Lines up for changing what lies under a name.
    pub(crate) fn line_up(&self, reference: &ObjectReference) -> Turn {
        self.turns.take(&reference.to_string())
    }

    /// Stores what was uploaded, and returns the answer.
    pub(crate) async fn store(
        &self,
        upload: &str,
        reference: &ObjectReference,
        turn: Turn,
        operation: Operation,
    ) -> Ack {
        let _turn = turn.await;
        let stored = self.checked_and_stored(upload, reference, &operation).await;
        operation.answered(stored.map_err(|error| error.refusal()))
    }

    async fn checked_and_stored(
        &self,
        upload: &str,
        reference: &ObjectReference,
        operation: &Operation,
    ) -> Result<(), DepotError> {
        // Its room is held until it is stored.
        let mut whole = self.uploads.finish(upload, reference)?;
        let checked = self.check(whole.take_bytes(), whole.digest()).await?;
        if let Ok(actor) = checked.about().key.parse::<ActorKey>() {
            operation.concerns(&actor);
        }
        let stored = self.objects.put(reference, checked, whole.replace()).await?;
        tracing::info!(reference = stored.reference, size = stored.size, "an artifact was stored in the lattice");
        Ok(())
    }

    async fn check(&self, bytes: Bytes, digest: Digest) -> Result<Checked, DepotError> {
        let _alone = self.checking.acquire().await.expect("nobody closes it");
        let policy = self.policy.clone();
        let checked = spawn_blocking(move || match Digest::of(&bytes) {
            found if found != digest => Err(DepotError::Digest { announced: digest, found }),
            _ => Ok(Checked::new(bytes, &policy, SystemTime::now())?),
        });
        checked.await.unwrap_or_else(|error| Err(not_checked(error)))
    }

    /// Removes an artifact, and returns the answer.
    pub(crate) async fn delete(&self, reference: &ObjectReference, turn: Turn, operation: Operation) -> Ack {
        let _turn = turn.await;
        let removed = self.objects.delete(reference).await;
        operation.answered(removed.map(drop).map_err(|error| DepotError::from(error).refusal()))
    }
}

/// A panic there is one here.
fn not_checked(error: JoinError) -> DepotError {
    match error.try_into_panic() {
        Ok(panic) => panic::resume_unwind(panic),
        Err(_) => DepotError::Stopping,
    }
}
