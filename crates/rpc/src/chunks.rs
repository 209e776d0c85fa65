//! Payloads that are too large for one message: they are put into the object store of the lattice before the message that
//! announces them, and taken from there by its receiver.
//!
//! Source: wasmbus-rpc 0.15 `chunkify.rs`, wasmCloud 0.82 `crates/core/src/chunking.rs`. Of the two thresholds that
//! published senders have, 700 KiB and 900 KiB, neither matters to a receiver: what is announced and not in the message
//! is elsewhere.

mod bucket;
mod error;
mod object;
mod patience;

pub use error::ChunkError;
pub(crate) use object::{Found, ObjectName};

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_nats::jetstream;
use lattice_protocol::RpcSubjects;
use tokio::time::{Instant, timeout, timeout_at};

use crate::defaults::{CHUNKED_ABOVE, DISCARD_LIMIT, MESSAGE_FRAME};
use bucket::Bucket;
use patience::Patience;

/// The large payloads of one lattice. Clones share the bucket, which is opened when it is needed first.
#[derive(Clone)]
pub(crate) struct Chunks {
    nats: async_nats::Client,
    jetstream: jetstream::Context,
    subjects: RpcSubjects,
    opened: Arc<Mutex<Option<Arc<Bucket>>>>,
}

impl Chunks {
    pub(crate) fn new(nats: async_nats::Client, subjects: RpcSubjects) -> Self {
        let jetstream = jetstream::new(nats.clone());
        Self { nats, jetstream, subjects, opened: Arc::default() }
    }

    /// Whether a payload of so many bytes does not go into its message.
    pub(crate) fn are_needed(&self, length: usize) -> bool {
        length > largest_in_message(self.nats.max_payload())
    }

    /// Puts a payload into the bucket, which is made if need be.
    pub(crate) async fn store(&self, object: &ObjectName, payload: &[u8], until: Instant) -> Result<(), ChunkError> {
        self.within(until, "write to", async {
            if let Some(bucket) = self.opened() {
                match bucket.put(object, payload).await {
                    // The bucket may have been removed since it was opened.
                    Err(_) => self.forget(),
                    stored => return stored,
                }
            }
            self.open_or_create().await?.put(object, payload).await
        })
        .await
    }

    /// Looks for a payload of which so many bytes are announced.
    pub(crate) async fn find(&self, object: ObjectName, announced: usize) -> Result<Found, ChunkError> {
        let bucket = self.open().await?;
        let mut patience = Patience::new(bucket.is_replicated());
        loop {
            match bucket.info(&object).await {
                Ok(info) => return Found::new(bucket, object, info, announced),
                Err(ChunkError::Missing { .. }) if !patience.is_over().await => {}
                Err(error) => {
                    self.forget();
                    return Err(error);
                }
            }
        }
    }

    /// Removes a payload that its receiver may not have taken.
    pub(crate) async fn discard(&self, object: &ObjectName) {
        let looking = async {
            let bucket = self.open().await?;
            bucket.info(object).await.map(|info| (bucket, info.nuid))
        };
        if let Ok(Ok((bucket, nuid))) = timeout(DISCARD_LIMIT, looking).await {
            bucket.tidy(object, &nuid).await;
        }
    }

    /// Does something with the bucket while there is time.
    pub(crate) async fn within<T>(
        &self,
        until: Instant,
        attempt: &'static str,
        work: impl Future<Output = Result<T, ChunkError>>,
    ) -> Result<T, ChunkError> {
        timeout_at(until, work).await.unwrap_or_else(|_| Err(self.no_answer(attempt)))
    }

    fn no_answer(&self, attempt: &'static str) -> ChunkError {
        ChunkError::no_answer(self.subjects.payload_bucket(), attempt)
    }

    async fn open(&self) -> Result<Arc<Bucket>, ChunkError> {
        match self.opened() {
            Some(bucket) => Ok(bucket),
            None => Ok(self.keep(Bucket::open(&self.jetstream, &self.subjects).await?)),
        }
    }

    async fn open_or_create(&self) -> Result<Arc<Bucket>, ChunkError> {
        Ok(self.keep(Bucket::open_or_create(&self.jetstream, &self.subjects).await?))
    }

    fn keep(&self, bucket: Bucket) -> Arc<Bucket> {
        let bucket = Arc::new(bucket);
        *self.lock() = Some(Arc::clone(&bucket));
        bucket
    }

    fn forget(&self) {
        *self.lock() = None;
    }

    fn opened(&self) -> Option<Arc<Bucket>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Bucket>>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").field("bucket", &self.subjects.payload_bucket()).finish_non_exhaustive()
    }
}

/// What goes into a message where the NATS server carries so much.
fn largest_in_message(max_payload: usize) -> usize {
    CHUNKED_ABOVE.min(max_payload.saturating_sub(MESSAGE_FRAME).max(max_payload / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_threshold_holds_wherever_it_fits() {
        for max_payload in [1 << 20, 8 << 20, 64 << 20] {
            assert_eq!(largest_in_message(max_payload), 921_600);
        }
        assert_eq!(largest_in_message(256 << 10), (256 << 10) - MESSAGE_FRAME);
        assert_eq!([8192, 0].map(largest_in_message), [4096, 0]);
    }
}
