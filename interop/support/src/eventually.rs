//! Waiting for a condition, with one deadline.

use std::time::Duration;

use tokio::time::{self, Instant};

/// How long anything may take. It takes a second or two; the rest is for a machine full of tests.
const DEADLINE: Duration = Duration::from_secs(90);

/// The pause between two looks, some of which start a process.
const PAUSE: Duration = Duration::from_millis(20);

/// Calls `look` until it returns a value, and returns that value.
///
/// # Panics
/// If the deadline passes first; the message names `what`.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        match time::timeout_at(end, look()).await {
            Ok(Some(value)) => return value,
            Ok(None) if Instant::now() < end => time::sleep(PAUSE).await,
            _ => panic!("{what}: not within {DEADLINE:?}"),
        }
    }
}
