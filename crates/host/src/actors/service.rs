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

/// Who calls, as far as claims tell who may.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Caller<'a> {
    /// A provider, of this contract.
    Provider(&'a str),
    /// An actor, or somebody outside.
    Other,
}

/// Why a call got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServiceError {
    #[error("the actor's claims do not allow contract `{contract}`, whose provider calls it")]
    Forbidden { contract: String },
    #[error(transparent)]
    Call(#[from] CallError),
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

    /// Calls the actor. A call that chose a group which took no more calls in the same moment chooses again: no guest has
    /// seen it.
    ///
    /// # Errors
    /// [`ServiceError`]; [`CallError::Closed`] when nothing of the actor runs any more.
    pub(crate) async fn call(&self, caller: Caller<'_>, call: Call<'_>) -> Result<Bytes, ServiceError> {
        self.call_one_of(self.groups(), caller, call).await
    }

    async fn call_one_of(
        &self,
        mut groups: Arc<[Target]>,
        caller: Caller<'_>,
        call: Call<'_>,
    ) -> Result<Bytes, ServiceError> {
        loop {
            let actor = self.choose(&groups, caller)?;
            let outcome = actor.call(call.clone()).await;
            if !matches!(outcome, Err(CallError::Closed)) {
                return Ok(outcome?);
            }
            let now = self.groups();
            if Arc::ptr_eq(&groups, &now) {
                return Ok(outcome?);
            }
            groups = now;
        }
    }

    fn groups(&self) -> Arc<[Target]> {
        Arc::clone(&self.groups.read().expect("nothing panics while it holds the groups"))
    }

    /// Of the groups that the caller may call, the one with the most room for its size; among equals each in turn.
    fn choose<'a>(&self, groups: &'a [Target], caller: Caller<'_>) -> Result<&'a Actor, ServiceError> {
        let chosen = match groups {
            // Where nothing runs, that is what the caller is to hear.
            [] => return Err(CallError::Closed.into()),
            [only] => Some(only).filter(|target| target.may_be_called(caller)),
            _ => {
                let first = self.turn.fetch_add(1, Ordering::Relaxed) % groups.len();
                let in_turn = groups[first..].iter().chain(&groups[..first]);
                in_turn.filter(|target| target.may_be_called(caller)).min_by_key(|target| target.load())
            }
        };
        chosen.map(|target| &target.actor).ok_or_else(|| ServiceError::forbidden(caller))
    }
}

impl ServiceError {
    fn forbidden(caller: Caller<'_>) -> Self {
        match caller {
            Caller::Provider(contract) => Self::Forbidden { contract: contract.to_owned() },
            Caller::Other => CallError::Closed.into(),
        }
    }
}

impl Target {
    fn may_be_called(&self, caller: Caller<'_>) -> bool {
        match caller {
            Caller::Provider(contract) => self.capabilities.allow(contract),
            Caller::Other => true,
        }
    }

    /// Thousandths of its bound that are in use.
    fn load(&self) -> usize {
        let stats = self.actor.stats();
        (stats.running + stats.waiting) * 1000 / usize::from(self.count.max(1))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant, SystemTime};

    use lattice_claims::{AccountSeed, ModuleSeed, NewModuleClaims, read_module, sign_module};
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
        assert!(matches!(service.call(Caller::Other, echo()).await, Err(ServiceError::Call(CallError::Closed))));
        let only = group(&runtime, &module);
        service.route(vec![only.clone()]);
        assert_eq!(service.call(Caller::Other, echo()).await.expect("an answer"), "x");
        only.actor.close();
        assert!(matches!(service.call(Caller::Other, echo()).await, Err(ServiceError::Call(CallError::Closed))));
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
        assert_eq!(service.call_one_of(Arc::clone(&chosen_from), Caller::Other, echo()).await.expect("an answer"), "x");
        service.route(Vec::new());
        assert!(matches!(
            service.call_one_of(chosen_from, Caller::Other, echo()).await,
            Err(ServiceError::Call(CallError::Closed))
        ));
    }

    #[tokio::test]
    async fn a_call_that_was_cut_off_is_not_made_twice() {
        let (runtime, module) = spinning().await;
        let service = Service::default();
        let (old, new) = (group(&runtime, &module), group(&runtime, &module));
        service.route(vec![old.clone()]);
        let mut call = Box::pin(service.call(Caller::Other, echo()));
        assert!(futures::poll!(&mut call).is_pending());
        service.route(vec![new.clone()]);
        old.actor.abort();
        assert!(matches!(call.await, Err(ServiceError::Call(CallError::Aborted))));
        assert_eq!(new.actor.stats().calls, 0);
    }

    /// What claims with these contracts allow.
    fn capabilities(contracts: &[&str]) -> Capabilities {
        let (account, module) = (AccountSeed::generate(), ModuleSeed::generate());
        let claims = NewModuleClaims::new(module.public(), SystemTime::now());
        let claims = NewModuleClaims { caps: contracts.iter().map(|&cap| cap.to_owned()).collect(), ..claims };
        let signed = sign_module(&guests::echo(), &claims, &account).expect("it can be signed");
        let claims = read_module(&signed).expect("it is readable").expect("it is signed");
        Capabilities::new(Some(Arc::new(claims)))
    }

    #[tokio::test]
    async fn a_provider_reaches_only_the_groups_whose_claims_allow_its_contract() {
        let (runtime, module) = module().await;
        let (strict, open) = (group(&runtime, &module), group(&runtime, &module));
        let strict = Target { capabilities: capabilities(&["test:other"]), ..strict };
        let open = Target { capabilities: capabilities(&["test:mine"]), ..open };
        let service = Service::default();
        service.route(vec![strict.clone(), open.clone()]);
        for _ in 0..4 {
            service.call(Caller::Provider("test:mine"), echo()).await.expect("one of them allows it");
        }
        assert_eq!((strict.actor.stats().calls, open.actor.stats().calls), (0, 4));
        service.route(vec![strict.clone()]);
        let error = service.call(Caller::Provider("test:mine"), echo()).await.expect_err("it forbids it");
        assert!(matches!(error, ServiceError::Forbidden { .. }), "{error}");
        service.call(Caller::Other, echo()).await.expect("actors may call it");
    }
}
