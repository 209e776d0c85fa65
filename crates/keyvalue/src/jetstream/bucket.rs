//! [`Bucket`]: reading, writing and changing one key.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_nats::{
    HeaderMap, StatusCode,
    jetstream::{
        self, ErrorCode,
        context::{PublishError, PublishErrorKind},
        kv::Store,
        message::StreamMessage,
        stream::{self, DirectGetErrorKind, DiscardPolicy, LastRawMessageErrorKind},
    },
};
use bytes::Bytes;
use lattice_protocol::error_chain;
use tokio::time::{sleep, timeout};

use super::{
    entry::{self, Entry},
    key::written,
    turns::Turns,
    value::{After, Changed, Value},
};
use crate::{
    defaults::{ATTEMPTS, ENTRY_OVERHEAD, LONGEST_PAUSE, OPEN_LIMIT},
    error::{OpenError, Trouble},
    settings::BucketPlace,
};

/// The condition of a write: the number of the last message under the subject, 0 if there is none.
const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";

/// A bucket in which keys are kept.
pub(crate) struct Bucket {
    jetstream: jetstream::Context,
    place: BucketPlace,
    store: Store,
    turns: Arc<Turns>,
    /// Whether any server that holds the bucket may be read from: there is one, which has seen every write.
    direct: bool,
    /// Whether the server removes what is over. Where it keeps older values, they would come back.
    server_expires: bool,
    /// Bytes of the largest value.
    pub(super) largest: usize,
}

/// What is under a key, and the number to write it back under.
struct Found {
    entry: Option<Entry>,
    sequence: u64,
}

impl Bucket {
    /// Opens the bucket, and makes it if it is missing and the link does not forbid that. One that is there is used as it
    /// is.
    pub(crate) async fn open(
        jetstream: &jetstream::Context,
        place: &BucketPlace,
        turns: Arc<Turns>,
    ) -> Result<Self, OpenError> {
        let opened = timeout(OPEN_LIMIT, open_or_make(jetstream, place)).await;
        let store = opened.map_err(|_| OpenError::TimedOut {
            place: format!("the bucket `{}`", place.bucket),
            limit: OPEN_LIMIT,
        })??;
        let config = &store.stream.cached_info().config;
        let max_payload = jetstream.client().max_payload();
        let largest = usize::try_from(config.max_message_size).ok().filter(|size| *size > 0).unwrap_or(usize::MAX);
        Ok(Self {
            jetstream: jetstream.clone(),
            place: place.clone(),
            turns,
            direct: config.allow_direct && config.num_replicas <= 1 && config.mirror.is_none(),
            server_expires: config.allow_message_ttl && config.max_messages_per_subject == 1,
            largest: largest.min(max_payload).saturating_sub(ENTRY_OVERHEAD),
            store,
        })
    }

    /// What is under a key.
    pub(super) async fn value(&self, key: &str) -> Result<Option<Value>, Trouble> {
        let key = written(key)?;
        let mut found = self.read(&key).await;
        if self.was_remade(found.as_ref().err()).await {
            found = self.read(&key).await;
        }
        Ok(found?.entry.map(|entry| entry.value))
    }

    /// Puts a text in the place of whatever is there.
    pub(super) async fn put(&self, key: &str, text: &str, expires: Option<SystemTime>) -> Result<(), Trouble> {
        let entry = Entry { value: Value::Text(text.to_owned()), expires };
        let (key, body) = (written(key)?, self.fitting(&entry)?);
        let headers = entry.headers(self.server_expires, SystemTime::now());
        let stored = self.send(&key, headers.clone(), body.clone()).await;
        if self.was_remade(stored.as_ref().err()).await {
            return self.send(&key, headers, body).await;
        }
        stored
    }

    /// Changes what is under a key, once: if others write in between, `change` is asked again about what is there then.
    pub(super) async fn change<R: Send>(
        &self,
        key: &str,
        change: impl Fn(Option<Value>) -> Changed<R> + Send + Sync,
    ) -> Result<R, Trouble> {
        let key = written(key)?;
        let _turn = self.turns.take(&self.subject(&key)).await;
        let changed = self.change_now(&key, &change).await;
        if self.was_remade(changed.as_ref().err()).await {
            return self.change_now(&key, &change).await;
        }
        changed
    }

    async fn change_now<R>(&self, key: &str, change: &impl Fn(Option<Value>) -> Changed<R>) -> Result<R, Trouble> {
        for attempt in 0..ATTEMPTS {
            let Found { entry, sequence } = self.read(key).await?;
            let expires = entry.as_ref().and_then(|entry| entry.expires);
            let (after, result) = change(entry.map(|entry| entry.value))?;
            match self.write(key, after, expires, sequence).await {
                Ok(()) => return Ok(result),
                Err(Trouble::Write { source }) if was_overtaken(&source) => sleep(pause(attempt)).await,
                Err(other) => return Err(other),
            }
        }
        Err(Trouble::Contended { attempts: ATTEMPTS })
    }

    async fn write(&self, key: &str, after: After, expires: Option<SystemTime>, sequence: u64) -> Result<(), Trouble> {
        let (mut headers, body) = match after {
            After::Same => return Ok(()),
            After::Gone => (entry::removal(self.server_expires), Bytes::new()),
            After::Now(value) => {
                let entry = Entry { value, expires };
                (entry.headers(self.server_expires, SystemTime::now()), self.fitting(&entry)?)
            }
        };
        headers.insert(EXPECTED, sequence.to_string());
        self.send(key, headers, body).await
    }

    fn fitting(&self, entry: &Entry) -> Result<Bytes, Trouble> {
        let body = entry.body();
        match body.len() {
            size if size > self.largest => Err(Trouble::Full { kind: entry.value.kind(), size, limit: self.largest }),
            _ => Ok(body),
        }
    }

    async fn send(&self, key: &str, headers: HeaderMap, body: Bytes) -> Result<(), Trouble> {
        let sent = self.jetstream.publish_with_headers(self.subject(key), headers, body).await;
        let stored = match sent {
            Ok(acknowledgement) => acknowledgement.await.map(|_| ()),
            Err(error) => Err(error),
        };
        stored.map_err(|source| Trouble::Write { source })
    }

    /// Makes the bucket anew if it was removed while it was used, and tells whether it did: then nothing was done, and may
    /// be tried once more.
    async fn was_remade(&self, trouble: Option<&Trouble>) -> bool {
        if !self.place.create || !trouble.is_some_and(is_without_bucket) {
            return false;
        }
        let made = open_or_make(&self.jetstream, &self.place).await;
        if let Err(error) = &made {
            tracing::warn!(error = error_chain(error), "a bucket is gone");
        }
        made.is_ok()
    }

    async fn read(&self, key: &str) -> Result<Found, Trouble> {
        match self.last_message(format!("{}{key}", self.store.prefix)).await? {
            None => Ok(Found { entry: None, sequence: 0 }),
            Some(message) => {
                let entry = Entry::read(&message.headers, &message.payload, SystemTime::now());
                Ok(Found { entry, sequence: message.sequence })
            }
        }
    }

    async fn last_message(&self, subject: String) -> Result<Option<StreamMessage>, Trouble> {
        if self.direct {
            return match self.store.stream.direct_get_last_for_subject(subject).await {
                Ok(message) => Ok(Some(message)),
                Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
                Err(source) => Err(Trouble::ReadDirect { source }),
            };
        }
        match self.store.stream.get_last_raw_message_by_subject(&subject).await {
            Ok(message) => Ok(Some(message)),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(source) => Err(Trouble::Read { source }),
        }
    }

    /// Where a key is written; a mirror is written where it mirrors.
    fn subject(&self, key: &str) -> String {
        format!("{}{key}", self.store.put_prefix.as_ref().unwrap_or(&self.store.prefix))
    }
}

async fn open_or_make(jetstream: &jetstream::Context, place: &BucketPlace) -> Result<Store, OpenError> {
    let bucket = || place.bucket.clone();
    match jetstream.get_key_value(&place.bucket).await {
        Ok(store) => return Ok(store),
        Err(source) if !place.create => return Err(OpenError::NotMade { bucket: bucket(), source }),
        Err(_) => {}
    }
    let made = jetstream.create_stream(stream_of(place)).await;
    let opened = jetstream.get_key_value(&place.bucket).await;
    match (made, opened) {
        // Another provider may have made it in between, with other settings.
        (_, Ok(store)) => Ok(store),
        (Err(source), _) => Err(OpenError::Make { bucket: bucket(), source }),
        (Ok(_), Err(source)) => Err(OpenError::Open { bucket: bucket(), source }),
    }
}

/// The stream that is the bucket, as clients of buckets make it; and where the server can, its messages may expire.
fn stream_of(place: &BucketPlace) -> stream::Config {
    stream::Config {
        name: format!("KV_{}", place.bucket),
        description: Some("keys of actors".to_owned()),
        subjects: vec![format!("$KV.{}.>", place.bucket)],
        max_messages_per_subject: 1,
        num_replicas: place.replicas,
        discard: DiscardPolicy::New,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        allow_message_ttl: true,
        ..stream::Config::default()
    }
}

/// Whether nothing was read or written because there is no bucket, as far as that can be told.
fn is_without_bucket(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Write { source } => source.kind() == PublishErrorKind::StreamNotFound,
        Trouble::ReadDirect { source } => {
            matches!(source.kind(), DirectGetErrorKind::ErrorResponse(status, _) if status == StatusCode::NO_RESPONDERS)
        }
        Trouble::Read { source } => match source.kind() {
            LastRawMessageErrorKind::JetStream(error) => error.error_code() == ErrorCode::STREAM_NOT_FOUND,
            _ => false,
        },
        _ => false,
    }
}

fn was_overtaken(error: &PublishError) -> bool {
    error.kind() == PublishErrorKind::WrongLastSequence
}

/// Some time up to a limit that grows with each attempt.
fn pause(attempt: u32) -> Duration {
    let limit = Duration::from_millis(1 << attempt.min(10)).min(LONGEST_PAUSE);
    let share = RandomState::new().hash_one(attempt) % 1024;
    limit * u32::try_from(share).expect("below 1024") / 1024
}
