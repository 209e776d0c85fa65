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

use crate::defaults::START_TIMEOUT;

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
