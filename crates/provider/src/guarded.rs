//! Calling what others wrote: a panic in it ends it and nothing else.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;

/// The result of `work`; `None` if it panicked. The panic's own message goes to the log as every panic's does.
pub(crate) async fn guarded<T>(work: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(work).catch_unwind().await.ok()
}
