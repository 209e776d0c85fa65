//! How often the same is asked, and how long is waited in between.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use tokio::time;

use super::error::OciError;
use crate::defaults::{FIRST_PAUSE, LONGEST_PAUSE, MIRROR_TRIES, TRIES};

/// How often the same is asked, and how long is waited in between.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) tries: u32,
    pub(super) mirror_tries: u32,
    pub(super) first: Duration,
    pub(super) longest: Duration,
    /// The longest that a server may want to be left alone and is asked again all the same.
    pub(super) leave: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: TRIES,
            mirror_tries: MIRROR_TRIES,
            first: FIRST_PAUSE,
            longest: LONGEST_PAUSE,
            leave: LONGEST_PAUSE,
        }
    }
}

impl Patience {
    /// The pause after `failed` tries, `after` being what the server asks for. `jitter` is between 0 and 1.
    fn pause(&self, failed: u32, after: Option<Duration>, jitter: f64) -> Duration {
        let doubled = self.first.saturating_mul(1 << (failed - 1).min(16));
        // Up to a half less, so that hosts that failed together do not come back together.
        let own = doubled.mul_f64(1.0 - jitter / 2.0);
        own.max(after.unwrap_or_default()).min(self.longest)
    }
}

/// The tries that one question to one server has.
#[derive(Debug)]
pub(super) struct Tries {
    patience: Patience,
    left: u32,
    failed: u32,
}

impl Tries {
    pub(super) fn new(patience: Patience, is_mirror: bool) -> Self {
        let tries = if is_mirror { patience.mirror_tries } else { patience.tries };
        Self { patience, left: tries.saturating_sub(1), failed: 0 }
    }

    /// Waits for the moment of the next try. The error comes back if it is not one that passes, or there were enough tries.
    pub(super) async fn after(&mut self, error: OciError) -> Result<(), OciError> {
        // Who wants to be left alone for longer is.
        let in_time = |after: &Option<Duration>| after.is_none_or(|after| after <= self.patience.leave);
        let Some(after) = error.passes().filter(|after| self.left > 0 && in_time(after)) else {
            return Err(error);
        };
        self.left -= 1;
        self.failed += 1;
        let pause = self.patience.pause(self.failed, after, jitter());
        tracing::debug!(error = lattice_protocol::error_chain(&error), ?pause, "a registry is asked again");
        time::sleep(pause).await;
        Ok(())
    }
}

/// A number between 0 and 1; hashers begin with random keys.
fn jitter() -> f64 {
    RandomState::new().hash_one(()) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_give_way_to_what_the_server_asks_for() {
        let patience = Patience::default();
        let check = |failed, after: Option<u64>, jitter, expect| {
            let pause = patience.pause(failed, after.map(Duration::from_secs), jitter);
            assert_eq!(pause, Duration::from_millis(expect), "{failed} {after:?}");
        };
        check(1, None, 0.0, 500);
        check(2, None, 0.0, 1000);
        check(3, None, 0.0, 2000);
        check(3, None, 1.0, 1000);
        check(1, Some(7), 1.0, 7000);
        check(3, Some(1), 0.0, 2000);
        check(1, Some(3600), 0.0, 30_000);
        check(40, None, 0.0, 30_000);
    }
}
