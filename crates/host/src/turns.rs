//! Going one after the other: those who change the same thing, in the order in which they came.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use futures::{FutureExt, future::BoxFuture};
use tokio::sync::OwnedMutexGuard;

/// A turn that will come. It is over when what this resolves to is dropped, or at once when this is.
pub(crate) type Turn = BoxFuture<'static, OwnedMutexGuard<()>>;

/// Lets those with the same key go one after the other; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns {
    queues: Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>,
}

impl Turns {
    /// Lines up. The place in the line is taken when this returns.
    pub(crate) fn take(&self, key: &str) -> Turn {
        let mut queues = self.queues.lock().expect("nothing panics while it holds the queues");
        // Those that nobody waits in are forgotten.
        queues.retain(|_, queue| Arc::strong_count(queue) > 1);
        let queue = Arc::clone(queues.entry(key.to_owned()).or_default());
        let mut turn = Box::pin(queue.lock_owned());
        // A lock is queued for when it is first asked for.
        match (&mut turn).now_or_never() {
            Some(mine) => std::future::ready(mine).boxed(),
            None => turn,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn places_are_taken_in_order() {
        let turns = Turns::default();
        let [first, second, third] = [(); 3].map(|()| turns.take("a"));
        // Polled in another order.
        let mut third = third;
        assert!((&mut third).now_or_never().is_none());
        let mut second = second;
        assert!((&mut second).now_or_never().is_none());
        let first = first.await;
        assert!((&mut second).now_or_never().is_none(), "the first is not done");
        drop(first);
        let second = second.await;
        assert!((&mut third).now_or_never().is_none(), "the second is not done");
        drop(second);
        third.await;
    }

    #[tokio::test]
    async fn whoever_leaves_the_line_keeps_nobody() {
        let turns = Turns::default();
        let [first, second, third] = [(); 3].map(|()| turns.take("a"));
        let other = turns.take("b");
        drop(second);
        let first = first.await;
        other.await;
        drop(first);
        third.await;
        turns.take("c").await;
        assert_eq!(turns.queues.lock().expect("not poisoned").len(), 1);
    }
}
