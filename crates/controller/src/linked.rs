//! [`Linked`]: what is kept of one linked actor: its grants, how many requests it has left, and places for its calls.

use std::sync::{Arc, Mutex};

use lattice_protocol::contract::lattice_control::ErrorCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    bucket::Bucket,
    defaults::{CALLS_AT_ONCE, CALLS_WAITING},
    error::Refusal,
    grants::Grants,
};

/// A linked actor.
#[derive(Debug)]
pub(crate) struct Linked {
    grants: Mutex<Arc<Grants>>,
    bucket: Mutex<Bucket>,
    /// Places to be worked on.
    places: Arc<Semaphore>,
    /// Places to wait or be worked on.
    queue: Arc<Semaphore>,
    /// Held while credentials of the actor change.
    pub(crate) changes: Arc<tokio::sync::Mutex<()>>,
}

/// A call's place, which it gives back when it ends.
#[derive(Debug)]
pub(crate) struct Place {
    _queued: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

impl Linked {
    pub(crate) fn new(grants: Grants) -> Self {
        Self {
            bucket: Mutex::new(Bucket::new(grants.requests_per_second, std::time::Instant::now())),
            grants: Mutex::new(Arc::new(grants)),
            places: Arc::new(Semaphore::new(CALLS_AT_ONCE)),
            queue: Arc::new(Semaphore::new(CALLS_AT_ONCE + CALLS_WAITING)),
            changes: Arc::default(),
        }
    }

    /// What it may do.
    pub(crate) fn grants(&self) -> Arc<Grants> {
        Arc::clone(&self.grants.lock().expect("nothing panics while it holds the grants"))
    }

    /// Grants this from now on. Calls that run go on with what they were granted.
    pub(crate) fn regrant(&self, grants: Grants) {
        self.bucket.lock().expect("nothing panics while it holds the bucket").regrant(grants.requests_per_second);
        *self.grants.lock().expect("nothing panics while it holds the grants") = Arc::new(grants);
    }

    /// Counts a request, if there is one left; the provider has so many instances.
    pub(crate) fn count(&self, instances: usize) -> Result<(), Refusal> {
        let mut bucket = self.bucket.lock().expect("nothing panics while it holds the bucket");
        bucket.take(instances, std::time::Instant::now()).map_err(|wait| {
            let granted = self.grants().requests_per_second;
            let text = format!(
                "the actor's link grants {granted} requests per second, with `requests_per_second`; the next in {} ms",
                wait.as_millis() + 1
            );
            Refusal::new(ErrorCode::RateLimited, text)
        })
    }

    /// Waits for a place, if not too many wait already.
    pub(crate) async fn place(&self) -> Result<Place, Refusal> {
        let queued = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| {
            let most = CALLS_AT_ONCE + CALLS_WAITING;
            Refusal::new(ErrorCode::Overloaded, format!("{most} calls of the actor are worked on or wait already"))
        })?;
        let place = Arc::clone(&self.places).acquire_owned().await.expect("the places are never closed");
        Ok(Place { _queued: queued, _place: place })
    }
}
