//! What ran before the host restarted and does not run yet.

use std::sync::Arc;

use lattice_protocol::{ActorKey, Annotations, ProviderDescription, ProviderProcess, ProviderState};
use tokio::sync::watch;

use super::same_group;
use crate::{
    actors::{Stop, groups::share_of_stop},
    providers::{InstanceKey, StopProvider},
    state::{Running, RunningActor, RunningProvider},
};

/// What ran before and does not run yet, or could not be started again; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Absent {
    actors: Arc<watch::Sender<Vec<RunningActor>>>,
    providers: Arc<watch::Sender<Vec<AwaitedProvider>>>,
}

/// A provider that is to be started again, and what became of it so far.
#[derive(Clone, Debug)]
pub(super) struct AwaitedProvider {
    entry: RunningProvider,
    /// How often that failed.
    failures: u32,
    /// Why it failed last.
    error: Option<String>,
}

impl AwaitedProvider {
    fn describe(&self) -> ProviderDescription {
        let RunningProvider { key, reference, annotations, .. } = &self.entry;
        let process = ProviderProcess {
            healthy: None,
            instance_id: String::new(),
            last_exit: self.error.clone(),
            restarts: self.failures,
            state: ProviderState::Restoring,
        };
        ProviderDescription {
            annotations: annotations.clone(),
            contract_id: None,
            digest: self.entry.digest.map(|digest| digest.to_string()),
            id: key.provider.clone(),
            image_ref: Some(reference.to_string()),
            link_name: key.link.clone(),
            name: None,
            process: Some(process),
            revision: 0,
        }
    }
}

impl Absent {
    pub(crate) fn new(before: &Running) -> Self {
        let (actors, _) = watch::channel(before.actors.clone());
        let awaited = |entry: &RunningProvider| AwaitedProvider { entry: entry.clone(), failures: 0, error: None };
        let (providers, _) = watch::channel(before.providers.iter().map(awaited).collect());
        Self { actors: Arc::new(actors), providers: Arc::new(providers) }
    }

    /// The providers that are still to be started again.
    pub(super) fn providers(&self) -> Vec<RunningProvider> {
        self.providers.borrow().iter().map(|awaited| awaited.entry.clone()).collect()
    }

    pub(super) fn provider_changes(&self) -> watch::Receiver<Vec<AwaitedProvider>> {
        self.providers.subscribe()
    }

    /// What the inventory lists of providers that are still to be started again, but for those that it lists already.
    pub(crate) fn descriptions(&self, besides: &[ProviderDescription]) -> Vec<ProviderDescription> {
        let is_listed = |awaited: &AwaitedProvider| {
            let InstanceKey { provider, link } = &awaited.entry.key;
            besides.iter().any(|listed| listed.id == *provider && listed.link_name == *link)
        };
        let awaited = self.providers.borrow();
        awaited.iter().filter(|awaited| !is_listed(awaited)).map(AwaitedProvider::describe).collect()
    }

    /// Whether a provider is still to be started again.
    pub(super) fn awaits_provider(&self, key: &InstanceKey) -> bool {
        self.providers.borrow().iter().any(|awaited| awaited.entry.key == *key)
    }

    /// Notes that a provider could not be started again, and why.
    pub(super) fn provider_failed(&self, key: &InstanceKey, error: String) {
        self.providers.send_if_modified(|providers| {
            let Some(awaited) = providers.iter_mut().find(|awaited| awaited.entry.key == *key) else { return false };
            awaited.failures = awaited.failures.saturating_add(1);
            awaited.error = Some(error);
            // What is noted of it on disk is the same.
            false
        });
    }

    /// The actors that are still to be started again.
    pub(super) fn actors(&self) -> Vec<RunningActor> {
        self.actors.borrow().clone()
    }

    pub(super) fn actor_changes(&self) -> watch::Receiver<Vec<RunningActor>> {
        self.actors.subscribe()
    }

    /// What of an actor is still to be started again.
    pub(super) fn awaited(&self, before: &RunningActor) -> Option<RunningActor> {
        self.actors.borrow().iter().find(|entry| same_group(entry, before)).cloned()
    }

    /// Takes off the provider that a stop command means, and tells whether there was one.
    pub(crate) fn stop_provider(&self, stop: &StopProvider) -> bool {
        self.take_providers(|entry| entry.key == stop.key && entry.annotations.contains(&stop.annotations))
    }

    /// Forgets a provider: it runs, or is not to.
    pub(crate) fn forget_provider(&self, key: &InstanceKey) {
        self.take_providers(|entry| entry.key == *key);
    }

    fn take_providers(&self, is_meant: impl Fn(&RunningProvider) -> bool) -> bool {
        self.providers.send_if_modified(|providers| {
            let before = providers.len();
            providers.retain(|awaited| !is_meant(&awaited.entry));
            providers.len() < before
        })
    }

    /// Takes off what a stop command means, and tells whether there was anything.
    pub(crate) fn stop(&self, stop: &Stop) -> bool {
        self.actors.send_if_modified(|actors| {
            let groups = actors.iter().filter(|entry| entry.actor == stop.actor);
            let groups: Vec<_> = groups.map(|entry| (&entry.annotations, entry.count)).collect();
            let (takes, _) = share_of_stop(&groups, &stop.annotations, stop.count);
            for (entry, take) in actors.iter_mut().filter(|entry| entry.actor == stop.actor).zip(&takes) {
                entry.count -= take;
            }
            actors.retain(|entry| entry.count > 0);
            takes.iter().any(|take| *take > 0)
        })
    }

    /// Forgets the instances of an actor with exactly these annotations: they run, or are not to.
    pub(crate) fn forget_group(&self, actor: &ActorKey, annotations: &Annotations) {
        self.actors.send_if_modified(|actors| {
            let before = actors.len();
            actors.retain(|entry| entry.actor != *actor || entry.annotations != *annotations);
            actors.len() < before
        });
    }
}
