//! [`Bucket`]: how many requests an actor may make, as a value without a clock.

use std::time::{Duration, Instant};

/// Fills as time goes by, up to what one second grants to this instance of the provider; each request takes one out.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    per_second: u32,
    /// Requests that it holds, in parts.
    level: f64,
    at: Instant,
}

impl Bucket {
    /// One that is full.
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        Self { per_second, level: f64::from(per_second), at: now }
    }

    /// Takes a request out; otherwise tells after how long there is one. It fills with the share that this instance of the
    /// provider has among so many, so that all of them together grant what is granted.
    pub(crate) fn take(&mut self, instances: usize, now: Instant) -> Result<(), Duration> {
        let share = f64::from(self.per_second) / f64::from(u32::try_from(instances.max(1)).unwrap_or(u32::MAX));
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.level = (self.level + passed * share).min(share.max(1.0));
        self.at = self.at.max(now);
        if self.level >= 1.0 {
            self.level -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.level) / share))
    }

    /// Grants so many from now on; what was taken stays taken.
    pub(crate) fn regrant(&mut self, per_second: u32) {
        self.per_second = per_second;
        self.level = self.level.min(f64::from(per_second));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(bucket: &mut Bucket, instances: usize, now: Instant) -> usize {
        (0..1000).take_while(|_| bucket.take(instances, now).is_ok()).count()
    }

    #[test]
    fn a_second_grants_as_many_as_it_says() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, start);
        assert_eq!(taken(&mut bucket, 1, start), 10, "all at once");
        assert_eq!(bucket.take(1, start), Err(Duration::from_millis(100)));
        assert_eq!(taken(&mut bucket, 1, start + Duration::from_millis(500)), 5);
        assert_eq!(taken(&mut bucket, 1, start + Duration::from_secs(3600)), 10, "it holds no more");
        assert_eq!(taken(&mut bucket, 1, start), 0, "time does not go back");
    }

    #[test]
    fn instances_share_what_is_granted() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, start);
        assert_eq!(taken(&mut bucket, 2, start), 5);
        assert_eq!(taken(&mut bucket, 2, start + Duration::from_secs(3600)), 5);
        // However many share it, each lets one through now and then.
        let mut bucket = Bucket::new(10, start);
        assert_eq!(taken(&mut bucket, 100, start), 1);
        assert_eq!(taken(&mut bucket, 100, start + Duration::from_secs(5)), 0);
        assert_eq!(taken(&mut bucket, 100, start + Duration::from_secs(11)), 1);
    }

    #[test]
    fn another_grant_does_not_give_back_what_was_taken() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, start);
        taken(&mut bucket, 1, start);
        bucket.regrant(100);
        assert_eq!(taken(&mut bucket, 1, start), 0);
        assert_eq!(taken(&mut bucket, 1, start + Duration::from_millis(100)), 10);
        bucket.regrant(1);
        assert_eq!(taken(&mut bucket, 1, start + Duration::from_secs(9)), 1);
    }
}
