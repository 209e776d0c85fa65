//! [`Turns`]: changes of one key by one provider, one after the other.

use std::hash::{BuildHasher as _, RandomState};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::defaults::TURNS;

/// Whose turn it is to change a key. Nothing depends on it: it spares changes of one provider the attempts that they would
/// otherwise cost each other. Waiting is bounded by how many calls run at once.
pub(crate) struct Turns {
    groups: Vec<Semaphore>,
    hasher: RandomState,
}

impl Default for Turns {
    fn default() -> Self {
        Self { groups: (0..TURNS).map(|_| Semaphore::new(1)).collect(), hasher: RandomState::new() }
    }
}

impl Turns {
    /// Waits for the turn to change what is under a subject; it is over when the permit is dropped. Cancel-safe.
    pub(crate) async fn take(&self, subject: &str) -> SemaphorePermit<'_> {
        let group = usize::try_from(self.hasher.hash_one(subject) % TURNS as u64).expect("fewer than a usize holds");
        self.groups[group].acquire().await.expect("the semaphore is never closed")
    }
}
