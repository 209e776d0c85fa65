//! A task with an end: told to stop and waited for, or aborted with its owner.

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::defaults::END_TIMEOUT;

/// A task that ends when it is told to, and at the latest when this is dropped.
#[derive(Debug)]
pub(super) struct Task {
    name: &'static str,
    stop: CancellationToken,
    handle: JoinHandle<()>,
}

impl Task {
    /// Spawns the future that `make` makes of the token that tells it to stop. The name is for the log.
    pub(super) fn spawn<F: Future<Output = ()> + Send + 'static>(
        name: &'static str,
        make: impl FnOnce(CancellationToken) -> F,
    ) -> Self {
        let stop = CancellationToken::new();
        let handle = tokio::spawn(make(stop.clone()));
        Self { name, stop, handle }
    }

    /// Tells the task to stop and waits until it has. It is aborted if that takes long, which it does when NATS is not
    /// there and takes nothing that is sent.
    pub(super) async fn end(&mut self) {
        self.stop.cancel();
        match tokio::time::timeout(END_TIMEOUT, &mut self.handle).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(task = self.name, %error, "a task of the host panicked"),
            Err(_) => {
                self.handle.abort();
                tracing::error!(task = self.name, "a task of the host did not end and was aborted");
            }
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.handle.abort();
    }
}
