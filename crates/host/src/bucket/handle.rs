//! A bucket that is followed: reading and writing single keys, and how far the copy in memory has come.

use std::{future::IntoFuture, sync::Arc, time::Duration};

use async_nats::{
    datetime::DateTime,
    header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
    jetstream::{
        self,
        context::{PublishError, PublishErrorKind},
        kv::Config,
        stream::{LastRawMessageErrorKind, Stream},
    },
};
use bytes::Bytes;
use lattice_protocol::{HostKey, OperationId};
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

use super::{AnyError, BucketError, Entry, entry::headers, error::Cause, open_or_create};
use crate::defaults::{BUCKET_PATIENCE, COPY_PATIENCE};

/// A bucket that is followed; cheap to clone.
///
/// It is known by its name, so that one that was removed and made again is the same to those who read and write.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: String,
    max_age: Duration,
    jetstream: jetstream::Context,
    stream: Stream<()>,
    /// What subjects of keys start with, in the stream and for those who write.
    prefix: String,
    write_prefix: String,
    /// The host that writes, noted with everything that it writes.
    writer: HostKey,
    /// How far the copy in memory has come.
    reached: watch::Sender<u64>,
    /// Somebody found the bucket missing.
    missed: Notify,
}

/// What a write expects of the key, so that it does not take place when another one came in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// That this is the latest revision; 0 for none at all.
    Revision(u64),
    /// Nothing: the last write wins.
    Anything,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is stored, under this revision.
    Stored(u64),
    /// Another write came first, so that this one did not take place.
    Overtaken,
}

/// How a bucket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// When it was made: another time is another bucket.
    pub(super) created: DateTime,
    /// The last revision of all.
    pub(super) last: u64,
    /// How many keys it holds something of, be it that they are gone.
    pub(super) keys: u64,
}

impl Bucket {
    /// Opens a bucket, or makes it with the settings of published hosts. The host is noted with what it writes.
    pub(crate) async fn open(jetstream: &jetstream::Context, name: &str, writer: HostKey) -> Result<Self, AnyError> {
        Self::open_for(jetstream, name, writer, Duration::ZERO).await
    }

    /// The same, with entries that go after so long; zero is never.
    pub(crate) async fn open_for(
        jetstream: &jetstream::Context,
        name: &str,
        writer: HostKey,
        max_age: Duration,
    ) -> Result<Self, AnyError> {
        let store = open_or_create(jetstream, settings(name, max_age)).await?;
        let inner = Inner {
            name: name.to_owned(),
            max_age,
            jetstream: jetstream.clone(),
            stream: jetstream.get_stream_no_info(&store.stream_name).await?,
            write_prefix: store.put_prefix.clone().unwrap_or_else(|| store.prefix.clone()),
            prefix: store.prefix,
            writer,
            reached: watch::Sender::new(0),
            missed: Notify::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What stands under a key now, as the stream's leader tells.
    pub(crate) async fn read(&self, key: &str) -> Result<Option<Entry>, BucketError> {
        let subject = format!("{}{key}", self.inner.prefix);
        let read = timeout(BUCKET_PATIENCE, self.inner.stream.get_last_raw_message_by_subject(&subject)).await;
        match read.map_err(Cause::from) {
            Ok(Ok(message)) => Ok(Some(Entry::of_stored(key, &message))),
            Ok(Err(error)) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Ok(Err(error)) => Err(self.failed(format!("read `{key}`"), error.into())),
            Err(silence) => Err(self.failed(format!("read `{key}`"), silence)),
        }
    }

    /// Stores a value under a key.
    pub(crate) async fn put(
        &self,
        key: &str,
        value: Bytes,
        expected: Expected,
        operation: Option<&OperationId>,
    ) -> Result<Written, BucketError> {
        let written = self.write(key, Some(value), expected, operation).await;
        written.map_err(|cause| self.failed(format!("store `{key}`"), cause))
    }

    /// Marks a key as gone.
    pub(crate) async fn delete(
        &self,
        key: &str,
        expected: Expected,
        operation: Option<&OperationId>,
    ) -> Result<Written, BucketError> {
        let written = self.write(key, None, expected, operation).await;
        written.map_err(|cause| self.failed(format!("delete `{key}`"), cause))
    }

    async fn write(
        &self,
        key: &str,
        value: Option<Bytes>,
        expected: Expected,
        operation: Option<&OperationId>,
    ) -> Result<Written, Cause> {
        let mut headers = headers(&self.inner.writer, operation, value.is_none());
        if let Expected::Revision(revision) = expected {
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, revision.to_string());
        }
        let subject = format!("{}{key}", self.inner.write_prefix);
        let stored = async {
            let sent = self.inner.jetstream.publish_with_headers(subject, headers, value.unwrap_or_default());
            Ok::<_, PublishError>(sent.await?.into_future().await?.sequence)
        };
        match timeout(BUCKET_PATIENCE, stored).await? {
            Ok(revision) => Ok(Written::Stored(revision)),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(Written::Overtaken),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns when the copy in memory shows everything up to a revision; or soon, if the copy cannot be brought up to it.
    pub(crate) async fn shown(&self, revision: u64) {
        let mut reached = self.inner.reached.subscribe();
        // Neither an error is possible, for the sender is held here, nor does it matter which way the wait ends.
        let _ = timeout(COPY_PATIENCE, reached.wait_for(|reached| *reached >= revision)).await;
    }

    /// Returns when the copy in memory shows everything that the bucket holds at this moment.
    pub(crate) async fn all_shown(&self) -> Result<(), BucketError> {
        let standing = timeout(BUCKET_PATIENCE, self.standing()).await;
        let standing = standing.unwrap_or_else(|late| Err(late.into()));
        let standing = standing.map_err(|cause| self.failed("look for what is new".to_owned(), cause))?;
        self.shown(standing.last).await;
        Ok(())
    }

    fn failed(&self, attempt: String, source: Cause) -> BucketError {
        if source.is_missing() {
            // The follower is to see to it, and need not wait until it notices by itself.
            self.inner.missed.notify_one();
        }
        BucketError { bucket: self.inner.name.clone(), attempt, source }
    }
}

/// For the follower.
impl Bucket {
    pub(super) fn name(&self) -> &str {
        &self.inner.name
    }

    pub(super) fn jetstream(&self) -> &jetstream::Context {
        &self.inner.jetstream
    }

    pub(super) fn stream(&self) -> &Stream<()> {
        &self.inner.stream
    }

    /// What subjects of keys start with.
    pub(super) fn prefix(&self) -> &str {
        &self.inner.prefix
    }

    pub(super) async fn standing(&self) -> Result<Standing, Cause> {
        let stream = self.inner.jetstream.get_stream(&format!("KV_{}", self.inner.name)).await?;
        let info = stream.cached_info();
        Ok(Standing { created: info.created, last: info.state.last_sequence, keys: info.state.subjects_count })
    }

    /// Makes the bucket anew.
    pub(super) async fn make(&self) -> Result<(), AnyError> {
        open_or_create(&self.inner.jetstream, settings(&self.inner.name, self.inner.max_age)).await?;
        Ok(())
    }

    /// Notes how far the copy has come, for those who wait for it.
    pub(super) fn now_shows(&self, revision: u64) {
        self.inner.reached.send_replace(revision);
    }

    /// Returns when somebody found the bucket missing. Cancel-safe.
    pub(super) async fn missed(&self) {
        self.inner.missed.notified().await;
    }
}

/// As published hosts make their buckets: one value for each key, on disk; for ever, unless it is said for how long.
fn settings(name: &str, max_age: Duration) -> Config {
    Config { bucket: name.to_owned(), max_age, ..Config::default() }
}
