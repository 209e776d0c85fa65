//! [`Bucket`]: the object store bucket of one lattice, found or made.

use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::jetstream::{
    self,
    object_store::{Config, InfoErrorKind, ObjectInfo, ObjectStore},
    stream::{DirectGetErrorKind, RawMessageErrorKind, Stream},
};
use bytes::Bytes;
use lattice_protocol::{RpcSubjects, error_chain};
use tokio::time::timeout;

use super::{error::ChunkError, object::ObjectName};
use crate::defaults::{DISCARD_LIMIT, PAYLOAD_AGE};

/// What removing is called in errors.
const REMOVE: &str = "remove an object from";

/// An open bucket.
pub(super) struct Bucket {
    subjects: RpcSubjects,
    store: ObjectStore,
    stream: Stream,
    /// Nobody answered who asked to remove something.
    is_kept: AtomicBool,
}

/// A part of an object, and where in the stream it was.
pub(super) struct Part {
    pub(super) bytes: Bytes,
    pub(super) sequence: u64,
}

impl Bucket {
    /// Opens the bucket, whatever its settings.
    pub(super) async fn open(jetstream: &jetstream::Context, subjects: &RpcSubjects) -> Result<Self, ChunkError> {
        let name = subjects.payload_bucket();
        let stream = jetstream.get_stream(subjects.payload_stream()).await;
        let stream = stream.map_err(|error| ChunkError::opening(name, &error))?;
        let store = jetstream.get_object_store(name).await;
        let store = store.map_err(|error| ChunkError::failed(name, "open", error))?;
        Ok(Self { subjects: subjects.clone(), store, stream, is_kept: AtomicBool::new(false) })
    }

    /// Opens the bucket, and makes it if it is not there.
    pub(super) async fn open_or_create(
        jetstream: &jetstream::Context,
        subjects: &RpcSubjects,
    ) -> Result<Self, ChunkError> {
        match Self::open(jetstream, subjects).await {
            Err(ChunkError::NoBucket { .. }) => {}
            outcome => return outcome,
        }
        let created = jetstream.create_object_store(settings(subjects.payload_bucket())).await;
        match (Self::open(jetstream, subjects).await, created) {
            // Another one that made it in the same moment, with other settings, was first.
            (Ok(bucket), _) => Ok(bucket),
            (Err(_), Err(error)) => Err(ChunkError::creating(subjects.payload_bucket(), &error)),
            (Err(error), Ok(_)) => Err(error),
        }
    }

    pub(super) fn name(&self) -> &str {
        self.subjects.payload_bucket()
    }

    /// Whether one server may not yet know what another has confirmed.
    pub(super) fn is_replicated(&self) -> bool {
        self.stream.cached_info().config.num_replicas > 1
    }

    pub(super) async fn put(&self, object: &ObjectName, payload: &[u8]) -> Result<(), ChunkError> {
        let put = self.store.put(object.as_str(), &mut &*payload).await;
        put.map(drop).map_err(|error| ChunkError::failed(self.name(), "write to", error))
    }

    /// What is stored about an object.
    pub(super) async fn info(&self, object: &ObjectName) -> Result<ObjectInfo, ChunkError> {
        match self.store.info(object.as_str()).await {
            Ok(info) if info.deleted => Err(self.missing(object)),
            Ok(info) => Ok(info),
            Err(error) => Err(match error.kind() {
                InfoErrorKind::NotFound => self.missing(object),
                InfoErrorKind::TimedOut => ChunkError::no_answer(self.name(), "read"),
                _ => ChunkError::failed(self.name(), "read", error),
            }),
        }
    }

    /// The first part of these bytes from this place in the stream on.
    ///
    /// Parts are asked for, and not delivered by a consumer: whoever may create consumers can make the server deliver
    /// messages to any subject. So nobody needs that right, and no more is on its way than was asked for.
    pub(super) async fn part(&self, nuid: &str, from: u64) -> Result<Option<Part>, ChunkError> {
        let subject = self.subjects.payload_bytes(nuid);
        if self.stream.cached_info().config.allow_direct {
            self.direct_part(subject, from).await
        } else {
            self.leaders_part(subject, from).await
        }
    }

    async fn direct_part(&self, subject: String, from: u64) -> Result<Option<Part>, ChunkError> {
        match self.stream.direct_get_next_for_subject(subject, Some(from)).await {
            Ok(message) => Ok(Some(Part { bytes: message.payload, sequence: message.sequence })),
            Err(error) => match error.kind() {
                DirectGetErrorKind::NotFound => Ok(None),
                DirectGetErrorKind::TimedOut => Err(ChunkError::no_answer(self.name(), "read")),
                _ => Err(ChunkError::failed(self.name(), "read", error)),
            },
        }
    }

    async fn leaders_part(&self, subject: String, from: u64) -> Result<Option<Part>, ChunkError> {
        match self.stream.raw_message_builder().next_by_subject(subject).sequence(from).send().await {
            Ok(message) => Ok(Some(Part { bytes: message.payload, sequence: message.sequence })),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(ChunkError::failed(self.name(), "read", error)),
        }
    }

    /// Removes an object with its bytes. A failure is logged and nothing else, for what is left expires; and who is not
    /// answered does not ask again, since waiting would cost every call.
    pub(super) async fn tidy(&self, object: &ObjectName, nuid: &str) {
        if self.is_kept.load(Ordering::Relaxed) {
            return;
        }
        let outcome = timeout(DISCARD_LIMIT, self.remove(object, nuid)).await.unwrap_or_else(|_| {
            self.is_kept.store(true, Ordering::Relaxed);
            Err(ChunkError::no_answer(self.name(), REMOVE))
        });
        if let Err(error) = outcome {
            tracing::warn!(%object, error = error_chain(&error), "a payload that is no longer needed stays");
        }
    }

    async fn remove(&self, object: &ObjectName, nuid: &str) -> Result<(), ChunkError> {
        for subject in [self.subjects.payload_info(object.as_str()), self.subjects.payload_bytes(nuid)] {
            let purged = self.stream.purge().filter(subject).await;
            purged.map_err(|error| ChunkError::failed(self.name(), REMOVE, error))?;
        }
        Ok(())
    }

    pub(super) fn missing(&self, object: &ObjectName) -> ChunkError {
        ChunkError::Missing { bucket: self.name().to_owned(), object: object.to_string() }
    }
}

/// As published SDKs make it, but that what nobody fetched does not stay for ever. A full store refuses what is new, which
/// is an error to its sender; to drop what is old would take payloads from receivers.
fn settings(bucket: &str) -> Config {
    let description = Some("payloads that are too large for one message, until they are read".to_owned());
    Config { bucket: bucket.to_owned(), description, max_age: PAYLOAD_AGE, ..Config::default() }
}
