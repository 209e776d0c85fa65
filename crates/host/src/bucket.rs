//! Key-value buckets of the lattice: opened as they are found, made where they are not, read as of one moment; and those
//! that hosts share are followed, so that what they hold is in memory too, and written under conditions.

mod entry;
mod error;
mod feed;
mod follower;
mod handle;

use async_nats::jetstream::{
    self,
    kv::{self, Config, Operation, Store},
};
use futures::StreamExt;
use tokio::time::timeout;

pub(crate) use entry::Entry;
pub(crate) use error::BucketError;
pub(crate) use follower::{Follower, View};
pub(crate) use handle::{Bucket, Expected, Written};

use crate::{defaults::START_TIMEOUT, error::StartError};

pub(crate) type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Existing buckets are used as they are found, for an operator may have set replicas.
pub(crate) async fn open_or_create(jetstream: &jetstream::Context, config: Config) -> Result<Store, AnyError> {
    let bucket = config.bucket.clone();
    if let Ok(store) = jetstream.get_key_value(&bucket).await {
        return Ok(store);
    }
    match jetstream.create_key_value(config).await {
        Ok(store) => Ok(store),
        // Another host may have made it in between, with other settings.
        Err(error) => jetstream.get_key_value(&bucket).await.map_err(|_| error.into()),
    }
}

/// A bucket that hosts of this project alone use; cheap to clone.
///
/// It is known by its name, so that one that was removed and made again is the same to those who read and write.
#[derive(Clone, Debug)]
pub(crate) struct OwnBucket {
    jetstream: jetstream::Context,
    config: Config,
    store: Store,
}

impl OwnBucket {
    /// Opens the bucket, or makes it with these settings.
    pub(crate) async fn open(jetstream: &jetstream::Context, config: Config) -> Result<Self, StartError> {
        let bucket = config.bucket.clone();
        let opened = timeout(START_TIMEOUT, open_or_create(jetstream, config.clone())).await;
        let store = opened.map_err(AnyError::from).flatten();
        let store = store.map_err(|source| StartError::Bucket { bucket, source })?;
        Ok(Self { jetstream: jetstream.clone(), config, store })
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Makes the bucket anew if it was removed, and tells whether it did: what failed for that is worth another attempt.
    pub(crate) async fn was_remade(&self) -> bool {
        timeout(START_TIMEOUT, self.make_if_missing()).await.unwrap_or(false)
    }

    async fn make_if_missing(&self) -> bool {
        let is_there = self.jetstream.get_key_value(&self.config.bucket).await.is_ok();
        !is_there && self.jetstream.create_key_value(self.config.clone()).await.is_ok()
    }
}

/// Everything that a bucket holds now, in the order in which it was stored.
pub(crate) async fn read_all(bucket: &Store) -> Result<Vec<kv::Entry>, AnyError> {
    timeout(START_TIMEOUT, read(bucket)).await?
}

async fn read(bucket: &Store) -> Result<Vec<kv::Entry>, AnyError> {
    // An empty bucket sends nothing, not even that it is empty.
    if bucket.stream.get_info().await?.state.messages == 0 {
        return Ok(Vec::new());
    }
    let mut watch = bucket.watch_with_history(">").await?;
    let mut entries = Vec::new();
    loop {
        let entry = watch.next().await.ok_or("the connection is closed")??;
        let is_last = entry.seen_current;
        if entry.operation == Operation::Put {
            entries.push(entry);
        }
        if is_last {
            return Ok(entries);
        }
    }
}
