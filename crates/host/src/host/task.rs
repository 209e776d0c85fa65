//! A task with an end: told to stop and waited for, or aborted with its owner.

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A task that ends when it is told to, and at the latest when this is dropped.
#[derive(Debug)]
pub(super) struct Task {
    stop: CancellationToken,
    handle: JoinHandle<()>,
}

impl Task {
    pub(super) fn spawn<F: Future<Output = ()> + Send + 'static>(make: impl FnOnce(CancellationToken) -> F) -> Self {
        let stop = CancellationToken::new();
        let handle = tokio::spawn(make(stop.clone()));
        Self { stop, handle }
    }

    /// Tells the task to stop and waits until it has.
    pub(super) async fn end(&mut self) {
        self.stop.cancel();
        if let Err(error) = (&mut self.handle).await
            && error.is_panic()
        {
            tracing::error!(%error, "a task of the host panicked");
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.handle.abort();
    }
}
