//! Waiting for a condition, with one deadline.

use std::time::Duration;

use tokio::time::{self, Instant};

/// The pause between two looks: short beside what is waited for, long beside a look.
const PAUSE: Duration = Duration::from_millis(10);

/// Calls `look` until it returns a value, and returns that value.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::time::Duration;
/// use lattice_testkit::eventually;
///
/// let mut looks = 0;
/// let seen = eventually("the third look", Duration::from_secs(10), async || {
///     looks += 1;
///     (looks == 3).then_some("here")
/// })
/// .await;
/// assert_eq!(seen, "here");
/// # }
/// ```
///
/// # Panics
/// If the deadline passes first, also while a look is still under way; the message names `what`.
pub async fn eventually<T>(what: &str, deadline: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + deadline;
    loop {
        match time::timeout_at(end, look()).await {
            Ok(Some(value)) => return value,
            Ok(None) if Instant::now() < end => time::sleep(PAUSE).await,
            _ => panic!("{what}: not within {deadline:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "a sign: not within 1s")]
    async fn gives_up_at_the_deadline() {
        eventually("a sign", Duration::from_secs(1), async || None::<()>).await;
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "an answer: not within 1s")]
    async fn gives_up_on_a_look_that_hangs() {
        eventually("an answer", Duration::from_secs(1), std::future::pending::<Option<()>>).await;
    }
}
