//! How something is fetched: whether the cache will do, what it is meant to be, and who hears how far it is.

use lattice_protocol::PullPolicy;

use crate::{kind::Kind, progress::Progress};

/// How something is fetched.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Pull {
    /// What it is meant to be.
    pub kind: Kind,
    /// When its source is asked.
    pub policy: PullPolicy,
    /// Hears how far it is.
    pub progress: Progress,
}

impl Pull {
    /// Fetches something that is meant to be of that kind, asking its source each time.
    pub fn new(kind: Kind) -> Self {
        Self { kind, policy: PullPolicy::default(), progress: Progress::default() }
    }

    /// Sets when its source is asked.
    #[must_use]
    pub fn policy(mut self, policy: PullPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets who hears how far it is.
    #[must_use]
    pub fn progress(mut self, progress: Progress) -> Self {
        self.progress = progress;
        self
    }
}
