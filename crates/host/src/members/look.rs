//! One look at something for many who ask at the same time.

use std::sync::Arc;

use lattice_protocol::error_chain;
use tokio::{sync::Mutex, time::Instant};

use crate::{bucket::AnyError, defaults::MEMBERS_FRESH};

/// What was seen last, and when.
#[derive(Debug)]
pub(super) struct Look<T> {
    latest: Mutex<Option<Seen<T>>>,
}

#[derive(Debug)]
struct Seen<T> {
    at: Instant,
    /// What there was, or in words why nothing could be seen.
    outcome: Result<Arc<T>, String>,
}

impl<T> Default for Look<T> {
    fn default() -> Self {
        Self { latest: Mutex::default() }
    }
}

impl<T> Look<T> {
    /// What was seen a moment ago, or else what is seen now.
    ///
    /// A failure counts for those who waited for it too: where each look takes its whole time to fail, they would fail one
    /// after the other, and the last after hours.
    pub(super) async fn at(&self, look: impl Future<Output = Result<T, AnyError>>) -> Result<Arc<T>, AnyError> {
        let mut latest = self.latest.lock().await;
        let seen = match latest.take().filter(|seen| seen.at.elapsed() < MEMBERS_FRESH) {
            Some(seen) => seen,
            None => {
                let outcome = look.await.map(Arc::new).map_err(|error| error_chain(error.as_ref()));
                Seen { at: Instant::now(), outcome }
            }
        };
        latest.insert(seen).outcome.clone().map_err(AnyError::from)
    }
}

#[cfg(test)]
mod tests {
    use std::{future::ready, time::Duration};

    use futures::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_seen_serves_for_a_moment() {
        let look = Look::default();
        assert_eq!(*look.at(ready(Ok(1))).await.expect("seen"), 1);
        assert_eq!(*look.at(ready(Ok(2))).await.expect("seen"), 1);
        tokio::time::sleep(MEMBERS_FRESH).await;
        assert_eq!(*look.at(ready(Ok(3))).await.expect("seen"), 3);
        tokio::time::sleep(MEMBERS_FRESH).await;
        look.at(ready(Err("no".into()))).await.expect_err("not seen");
        tokio::time::sleep(MEMBERS_FRESH).await;
        assert_eq!(*look.at(ready(Ok(4))).await.expect("seen"), 4);
    }

    /// While JetStream was silent, each who asked waited for all who had asked before to wait in vain.
    #[tokio::test(start_paused = true)]
    async fn regression_those_who_wait_together_fail_together() {
        let look = Look::<u8>::default();
        let silence = Duration::from_secs(5);
        let fails = async || {
            tokio::time::sleep(silence).await;
            Err("silence".into())
        };
        let before = Instant::now();
        let outcomes = join_all((0..100).map(|_| look.at(fails()))).await;
        assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_err_and(|error| error.to_string() == "silence")));
        assert_eq!(before.elapsed(), silence);
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_is_given_up_leaves_it_to_the_next() {
        let look = Look::default();
        let given_up = tokio::time::timeout(Duration::from_secs(1), look.at(std::future::pending()));
        given_up.await.expect_err("it never ends");
        assert_eq!(*look.at(ready(Ok(1))).await.expect("seen"), 1);
    }
}
