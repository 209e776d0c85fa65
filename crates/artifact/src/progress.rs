//! How far a fetch is.

use std::{fmt, sync::Arc};

type Report = dyn Fn(u64, u64) + Send + Sync;

/// Hears how far a fetch is; cheap to clone. The default hears nothing.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<Report>>);

impl Progress {
    /// Calls `report` with the bytes that are here and the bytes that there are, often and from any thread. The first may become
    /// smaller, where something is fetched again.
    pub fn new(report: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(report)))
    }

    pub(crate) fn report(&self, done: u64, total: u64) {
        if let Some(report) = &self.0 {
            report(done, total);
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("heard", &self.0.is_some()).finish()
    }
}
