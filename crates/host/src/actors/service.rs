//! Serving the invocations of one actor: which group takes a call, and what the caller hears.

use std::sync::{
    Arc, RwLock,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use lattice_runtime::{Actor, Call, CallError};

use super::capabilities::Capabilities;

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
    pub(crate) capabilities: Capabilities,
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

    /// Whether providers of a contract may call the actor.
    pub(crate) fn allows(&self, contract: &str) -> bool {
        let groups = self.groups();
        // Where nothing runs, that is what the caller is to hear.
        groups.is_empty() || groups.iter().any(|target| target.capabilities.allow(contract))
    }

    /// Calls the actor. A call that chose a group which took no more calls in the same moment chooses again: no guest has
    /// seen it.
    ///
    /// # Errors
    /// [`CallError`]; [`CallError::Closed`] when nothing of the actor runs any more.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Bytes, CallError> {
        self.call_one_of(self.groups(), call).await
    }

    async fn call_one_of(&self, mut groups: Arc<[Target]>, call: Call<'_>) -> Result<Bytes, CallError> {
        loop {
            let actor = self.choose(&groups).ok_or(CallError::Closed)?;
            let outcome = actor.call(call.clone()).await;
            if !matches!(outcome, Err(CallError::Closed)) {
                return outcome;
            }
            let now = self.groups();
            if Arc::ptr_eq(&groups, &now) {
                return outcome;
            }
            groups = now;
        }
    }

    fn groups(&self) -> Arc<[Target]> {
        Arc::clone(&self.groups.read().expect("nothing panics while it holds the groups"))
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use lattice_runtime::{ActorSettings, CallContext, HostCall, Imports, Module, Runtime, RuntimeConfig};
    use lattice_testkit::guests;

    use super::*;

    struct Nothing;

    impl Imports for Nothing {
        fn host_call(&self, _: HostCall) -> futures::future::BoxFuture<'_, Result<Bytes, String>> {
            Box::pin(async { Err("there is nothing here".to_owned()) })
        }

        fn console_log(&self, _: &str) {}
    }

    async fn module() -> (Runtime, Module) {
        compiled(guests::echo()).await
    }

    async fn spinning() -> (Runtime, Module) {
        compiled(guests::spin()).await
    }

    async fn compiled(wasm: Vec<u8>) -> (Runtime, Module) {
        let runtime = Runtime::new(RuntimeConfig::default().memory(256 << 20)).expect("an engine");
        let module = runtime.compile(wasm.into(), "test").await.expect("a module");
        (runtime, module)
    }

    fn group(runtime: &Runtime, module: &Module) -> Target {
        let settings = ActorSettings { count: 8, ..ActorSettings::default() };
        let actor = Actor::new(runtime, module, &settings, Arc::new(Nothing)).expect("it needs little memory");
        Target { actor, count: 8, capabilities: Capabilities::default() }
    }

    fn echo() -> Call<'static> {
        Call::new("Test.Call", "x", CallContext::new(Instant::now() + Duration::from_secs(20)))
    }

    #[tokio::test]
    async fn nobody_answers_for_what_is_closed_and_has_no_successor() {
        let (runtime, module) = module().await;
        let service = Service::default();
        assert!(matches!(service.call(echo()).await, Err(CallError::Closed)));
        let only = group(&runtime, &module);
        service.route(vec![only.clone()]);
        assert_eq!(service.call(echo()).await.expect("an answer"), "x");
        only.actor.close();
        assert!(matches!(service.call(echo()).await, Err(CallError::Closed)));
    }

    #[tokio::test]
    async fn a_call_that_chose_what_closes_chooses_again() {
        let (runtime, module) = module().await;
        let service = Service::default();
        let (old, new) = (group(&runtime, &module), group(&runtime, &module));
        service.route(vec![old.clone()]);
        let chosen_from = service.groups();
        service.route(vec![new]);
        old.actor.close();
        assert_eq!(service.call_one_of(Arc::clone(&chosen_from), echo()).await.expect("an answer"), "x");
        service.route(Vec::new());
        assert!(matches!(service.call_one_of(chosen_from, echo()).await, Err(CallError::Closed)));
    }

    #[tokio::test]
    async fn a_call_that_was_cut_off_is_not_made_twice() {
        let (runtime, module) = spinning().await;
        let service = Service::default();
        let (old, new) = (group(&runtime, &module), group(&runtime, &module));
        service.route(vec![old.clone()]);
        let mut call = Box::pin(service.call(echo()));
        assert!(futures::poll!(&mut call).is_pending());
        service.route(vec![new.clone()]);
        old.actor.abort();
        assert!(matches!(call.await, Err(CallError::Aborted)));
        assert_eq!(new.actor.stats().calls, 0);
    }
}
