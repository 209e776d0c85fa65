//! How long until a provider whose process ended is started again.

use std::time::Duration;

use crate::defaults::{CRASH_LOOP, FIRST_RESTART, LONGEST_RESTART, STABLE};

/// Counts the ends of one provider that came soon after each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Backoff {
    in_row: u32,
}

impl Backoff {
    /// Notes that its process ended after having run for so long; returns how long until the next start. `jitter` is
    /// between 0 and 1.
    pub(super) fn next(&mut self, ran: Duration, jitter: f64) -> Duration {
        self.in_row = if ran >= STABLE { 1 } else { self.in_row.saturating_add(1) };
        let doubled = FIRST_RESTART.saturating_mul(1 << (self.in_row - 1).min(16));
        // Up to a quarter less, so that providers that fell together do not come back together.
        doubled.min(LONGEST_RESTART).mul_f64(1.0 - jitter / 4.0)
    }

    /// Whether it ends again and again.
    pub(super) fn is_crash_loop(self) -> bool {
        self.in_row >= CRASH_LOOP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_longer_each_time_up_to_a_limit_and_forgets_after_a_while() {
        let mut backoff = Backoff::default();
        let soon = Duration::from_secs(1);
        let waits: Vec<_> = (0..12).map(|_| backoff.next(soon, 0.0)).collect();
        assert_eq!((waits[0], waits[1], waits[2]), (FIRST_RESTART, FIRST_RESTART * 2, FIRST_RESTART * 4));
        assert!(waits.is_sorted() && waits.last() == Some(&LONGEST_RESTART), "{waits:?}");
        assert!(backoff.is_crash_loop());
        assert_eq!(backoff.next(STABLE, 0.0), FIRST_RESTART);
        assert!(!backoff.is_crash_loop());
        assert_eq!(Backoff::default().next(soon, 1.0), FIRST_RESTART.mul_f64(0.75));
        let mut forever = Backoff { in_row: u32::MAX };
        assert_eq!(forever.next(soon, 0.0), LONGEST_RESTART);
    }
}
