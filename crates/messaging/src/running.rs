//! [`Running`]: what hands messages to an actor, as long as its link stands.

use std::future::Future;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A task that hands messages to an actor. Dropping this ends it at once, also what is under way.
pub(crate) struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// Begins work that takes nothing new, and ends once all is done, when it is told by the token.
    pub(crate) fn start<W: Future<Output = ()> + Send + 'static>(work: impl FnOnce(CancellationToken) -> W) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(work(stop.clone()));
        Self { stop, task }
    }

    /// Ends it at once; when this returns, no message is handed over any more.
    pub(crate) async fn end(mut self) {
        self.task.abort();
        // That it was aborted is no news.
        let _ = (&mut self.task).await;
    }

    /// Takes nothing new, and waits until what is under way is done.
    pub(crate) async fn finish(mut self) {
        self.stop.cancel();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, sync::Arc};

    use tokio::{
        sync::{mpsc, oneshot},
        time::{Duration, timeout},
    };

    use super::*;

    /// Long beside what does not wait, and none of anybody's time.
    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn an_end_does_not_wait_for_what_is_under_way() {
        let held = Arc::new(());
        let kept = Arc::clone(&held);
        let running = Running::start(|_| async move {
            let _kept = kept;
            pending().await
        });
        timeout(LONG, running.end()).await.expect("it does not wait");
        assert_eq!(Arc::strong_count(&held), 1, "it is over when `end` returns");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_dropped_ends() {
        let (sender, mut receiver) = mpsc::channel::<()>(1);
        let running = Running::start(|_| async move {
            let _sender = sender;
            pending().await
        });
        drop(running);
        assert_eq!(timeout(LONG, receiver.recv()).await, Ok(None));
    }

    #[tokio::test(start_paused = true)]
    async fn finishing_waits_for_what_is_under_way() {
        let (done, under_way) = oneshot::channel();
        let running = Running::start(|stop| async move {
            stop.cancelled().await;
            under_way.await.expect("it is not dropped before");
        });
        let mut finishing = Box::pin(running.finish());
        timeout(LONG, &mut finishing).await.expect_err("it waits");
        done.send(()).expect("it is waited for");
        timeout(LONG, finishing).await.expect("that was all");
    }
}
