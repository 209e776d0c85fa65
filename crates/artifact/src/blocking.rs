//! Work that blocks, away from the threads that serve everything else.

use std::panic;

use tokio::task;

use crate::error::FetchError;

/// The result of `work`, done on a thread for blocking work. A panic there is one here.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FetchError> + Send + 'static,
) -> Result<T, FetchError> {
    match task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => panic::resume_unwind(panic),
            Err(_) => Err(FetchError::ShuttingDown),
        },
    }
}
