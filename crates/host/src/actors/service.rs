//! Serving the invocations of one actor: which group takes a call, and what the caller hears.

use std::sync::{
    Arc, RwLock,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use lattice_runtime::{Actor, Call, CallError};

/// The groups of one actor that take calls; cheap to clone, the same for all clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Service {
    groups: Arc<RwLock<Arc<[Target]>>>,
    turn: Arc<AtomicUsize>,
}

/// A group as calls see it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) actor: Actor,
    pub(crate) count: u16,
}

impl Service {
    /// Replaces the groups; calls that run go on where they are.
    pub(crate) fn route(&self, groups: Vec<Target>) {
        // The lock is held for a pointer's copy on the side of calls, and for a pointer's write here.
        *self.groups.write().expect("nothing panics while it holds the groups") = groups.into();
    }

    /// Whether both are clones of one.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.groups, &other.groups)
    }

    /// Calls the actor.
    ///
    /// # Errors
    /// [`CallError`]; [`CallError::Closed`] when nothing of the actor runs any more.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Bytes, CallError> {
        let groups = Arc::clone(&self.groups.read().expect("nothing panics while it holds the groups"));
        let actor = self.choose(&groups).ok_or(CallError::Closed)?;
        actor.call(call).await
    }

    /// The group with the most room for its size; among equals each in turn.
    fn choose<'a>(&self, groups: &'a [Target]) -> Option<&'a Actor> {
        match groups {
            [] => None,
            [only] => Some(&only.actor),
            _ => {
                let first = self.turn.fetch_add(1, Ordering::Relaxed) % groups.len();
                let in_turn = groups[first..].iter().chain(&groups[..first]);
                in_turn.min_by_key(|target| target.load()).map(|target| &target.actor)
            }
        }
    }
}

impl Target {
    /// Thousandths of its bound that are in use.
    fn load(&self) -> usize {
        let stats = self.actor.stats();
        (stats.running + stats.waiting) * 1000 / usize::from(self.count.max(1))
    }
}
