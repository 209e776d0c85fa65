//! [`ActorStats`]: what goes on with an actor, and the counters behind it.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::error::{CallError, FailureKind};
use crate::gate::Census;

/// What goes on with an actor, and what went on so far.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActorStats {
    /// Calls that may run at once.
    pub count: usize,
    /// Calls that run.
    pub running: usize,
    /// Calls that wait for their turn.
    pub waiting: usize,
    /// Instances kept for the next calls.
    pub kept: usize,
    /// Calls that have ended, in success or failure. A call whose future was dropped does not count.
    pub calls: u64,
    /// Failures so far, one figure for each kind in the order of [`FailureKind::ALL`].
    failures: [u64; FailureKind::ALL.len()],
}

impl ActorStats {
    /// How many calls failed in this way so far.
    #[must_use]
    pub fn failures(&self, kind: FailureKind) -> u64 {
        self.failures[kind as usize]
    }

    /// How many calls failed so far.
    #[must_use]
    pub fn failures_total(&self) -> u64 {
        self.failures.iter().sum()
    }
}

/// Counts the outcomes of calls.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    calls: AtomicU64,
    failures: [AtomicU64; FailureKind::ALL.len()],
}

impl Counters {
    pub(crate) fn count(&self, outcome: &Result<Bytes, CallError>) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = outcome {
            self.failures[error.kind() as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn stats(&self, census: Census, kept: usize) -> ActorStats {
        ActorStats {
            count: census.limit,
            running: census.running,
            waiting: census.waiting,
            kept,
            calls: self.calls.load(Ordering::Relaxed),
            failures: std::array::from_fn(|kind| self.failures[kind].load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_figure_of_its_own() {
        for (index, kind) in FailureKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
    }
}
