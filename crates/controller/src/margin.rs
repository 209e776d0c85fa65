//! [`Margin`]: how long before a deadline something is done.

use std::time::Duration;

use tokio::time::Instant;

/// How long before a deadline: a part of the time that is left, within bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Margin {
    /// One divided by this is the part.
    pub(crate) part: u32,
    pub(crate) least: Duration,
    pub(crate) most: Duration,
}

impl Margin {
    /// So long before the deadline.
    pub(crate) fn before(self, deadline: Instant) -> Instant {
        let left = deadline.saturating_duration_since(Instant::now());
        deadline.checked_sub((left / self.part).clamp(self.least, self.most)).unwrap_or(deadline)
    }
}
