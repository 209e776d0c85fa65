//! [`Patience`]: looking again for what another server of the cluster may have.

use std::time::Duration;

use tokio::time::sleep;

use crate::defaults::{FIRST_PAUSE, PAUSES};

/// How often it is looked again for what was not found.
pub(super) struct Patience {
    pauses: u32,
    next: Duration,
}

impl Patience {
    /// None at all where the one server that there is knows all.
    pub(super) fn new(is_replicated: bool) -> Self {
        Self { pauses: if is_replicated { PAUSES } else { 0 }, next: FIRST_PAUSE }
    }

    /// Waits until it is worth looking again, each time longer; or says at once that it no longer is.
    pub(super) async fn is_over(&mut self) -> bool {
        if self.pauses == 0 {
            return true;
        }
        sleep(self.next).await;
        (self.pauses, self.next) = (self.pauses - 1, self.next * 2);
        false
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_replica_gets_a_second_and_a_single_server_none() {
        let begun = Instant::now();
        let mut looks = 0;
        let mut patience = Patience::new(true);
        while !patience.is_over().await {
            looks += 1;
        }
        assert_eq!((looks, begun.elapsed()), (PAUSES, FIRST_PAUSE * (2_u32.pow(PAUSES) - 1)));
        assert!(Patience::new(false).is_over().await);
    }
}
