//! One round's worth of a load, by one caller or by many.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use crate::{defaults::BURST_LIMIT, error::BenchError, load::Load, statistics::Summary};

/// How much of a load makes one value, and what value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Burst {
    /// So many, one after the other: the median, in microseconds.
    Latency {
        /// How many.
        times: usize,
    },
    /// The same, as bytes in a second.
    Transfer {
        /// How many.
        times: usize,
        /// How many bytes each of them transfers.
        bytes: usize,
    },
    /// So many, by so many callers at the same time: how many in a second.
    Throughput {
        /// How many, of all callers together.
        times: usize,
        /// How many callers.
        callers: usize,
    },
}

impl Burst {
    /// Takes one value. At least one of the load is done, and no more are begun once the time for a burst is over.
    pub(crate) async fn take(self, load: &impl Load) -> Result<f64, BenchError> {
        let _beside = load.beside();
        match self {
            Burst::Latency { times } => latency(load, times, BURST_LIMIT).await,
            Burst::Transfer { times, bytes } => {
                let micros = latency(load, times, BURST_LIMIT).await?;
                Ok(bytes as f64 * 1e6 / micros)
            }
            Burst::Throughput { times, callers } => throughput(load, times, callers, BURST_LIMIT).await,
        }
    }
}

async fn latency(load: &impl Load, times: usize, limit: Duration) -> Result<f64, BenchError> {
    let end = Instant::now() + limit;
    let mut taken = vec![microseconds(load.once().await?)];
    while taken.len() < times && Instant::now() < end {
        taken.push(microseconds(load.once().await?));
    }
    Ok(Summary::of(taken).expect("it was done at least once").median)
}

async fn throughput(load: &impl Load, times: usize, callers: usize, limit: Duration) -> Result<f64, BenchError> {
    let begun = Instant::now();
    let left = Arc::new(AtomicUsize::new(times));
    // Ends all callers when one fails or when nobody waits for the value any more.
    let mut tasks: JoinSet<_> = (0..callers).map(|_| call_on(load.clone(), left.clone(), begun + limit)).collect();
    let mut done = 0;
    while let Some(ended) = tasks.join_next().await {
        done += ended.expect("a caller neither panics nor is aborted while it is waited for")?;
    }
    Ok(f64::from(done) / begun.elapsed().as_secs_f64())
}

/// Takes from what is left until nothing is, or the time is over; returns how often.
async fn call_on(load: impl Load, left: Arc<AtomicUsize>, end: Instant) -> Result<u32, BenchError> {
    let take = || left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
    let mut done = 0;
    while take() && (done == 0 || Instant::now() < end) {
        load.once().await?;
        done += 1;
    }
    Ok(done)
}

fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    /// Counts, and claims a millisecond more each time. Fails from its tenth time on.
    #[derive(Clone, Default)]
    struct Counted(Arc<AtomicUsize>);

    impl Counted {
        fn times(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    impl Load for Counted {
        async fn once(&self) -> Result<Duration, BenchError> {
            let times = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            tokio::task::yield_now().await;
            let took = u64::try_from(times).map(Duration::from_millis).expect("it is small");
            if times < 10 { Ok(took) } else { Err(BenchError::NoSigner) }
        }
    }

    #[tokio::test]
    async fn latency_is_the_median_in_microseconds() {
        let load = Counted::default();
        assert_eq!(latency(&load, 5, LONG).await.expect("it does not fail yet"), 3000.0);
        assert_eq!(load.times(), 5);
    }

    #[tokio::test]
    async fn a_burst_is_bounded_in_time_and_never_empty() {
        let load = Counted::default();
        assert_eq!(latency(&load, 1000, Duration::ZERO).await.expect("it does not fail yet"), 1000.0);
        throughput(&load, 1000, 3, Duration::ZERO).await.expect("it does not fail yet");
        assert_eq!(load.times(), 1 + 3);
    }

    #[tokio::test]
    async fn many_callers_share_the_work() {
        let load = Counted::default();
        let taken = throughput(&load, 8, 3, LONG).await.expect("it does not fail yet");
        assert_eq!(load.times(), 8);
        assert!(taken > 0.0 && taken.is_finite(), "{taken}");
    }

    #[tokio::test]
    async fn one_failure_ends_the_burst() {
        let load = Counted::default();
        assert!(throughput(&load, 1000, 3, LONG).await.is_err());
        assert!(latency(&load, 1000, LONG).await.is_err());
    }
}
