//! A running host: its handle, and how it stops.

mod heartbeat;
mod shared;
mod start;
mod stops;
mod task;

use std::{sync::Arc, time::Duration};

use lattice_protocol::{
    HostInventory, HostKey,
    event::{EventData, HostStopped},
};
use lattice_rpc::Refusals;
use tokio::sync::watch;

use crate::{
    about::About,
    actors::{Actors, ActorsTask},
    config::HostConfig,
    control::StopRequest,
    defaults::{DRAIN, FLUSH_TIMEOUT, PROVIDERS_END},
    error::StartError,
    events::Events,
    operations::Operation,
    providers::{Providers, ProvidersTask},
};
pub(crate) use shared::SharedHandles;
use shared::SharedTasks;
pub(crate) use stops::Stops;
use task::Task;

/// A running host. Dropping it ends it at once; [`stop`](Host::stop) ends it in order.
#[derive(Debug)]
pub struct Host {
    about: About,
    nats: async_nats::Client,
    events: Events,
    drain_limit: Duration,
    stop_requests: watch::Receiver<Option<StopRequest>>,
    stops: Stops,
    restored: watch::Receiver<bool>,
    refusals: Arc<Refusals>,
    actors: Option<Actors>,
    providers: Option<Providers>,
    tasks: Tasks,
}

/// The tasks of a host, each ended in its turn.
#[derive(Debug)]
struct Tasks {
    /// Leaves the list of members first: nobody is to wait for a host that goes.
    membership: Task,
    watcher: Task,
    /// Notes what runs; ends first, for what stops from then on is to run again next time.
    keeper: Task,
    restore: Task,
    /// Fetches ahead of use, which nobody waits for.
    prefetcher: Task,
    control: Task,
    /// Gives up uploads that nobody goes on with; ends after those who take their parts.
    uploads: Task,
    /// Changes labels; ends after those who ask for it.
    labels: Task,
    heartbeat: Task,
    actors: ActorsTask,
    /// Stops after the actors, whose last calls it may carry.
    providers: ProvidersTask,
    /// Writes the records of operations, also of the last.
    ledger: Task,
    /// What the hosts share: changed as long as commands are taken, followed to the end.
    shared: SharedTasks,
    publisher: Task,
}

/// How a host stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopReport {
    /// Whether every running call ended by itself; otherwise some were cut off at the deadline.
    pub drained: bool,
}

impl Host {
    /// Starts a host and returns when it serves: subscribed, the lattice's claims opened, `host_started` published.
    ///
    /// What ran when it last stopped is started again in the background, see [`restored`](Host::restored).
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running.
    pub async fn start(config: HostConfig) -> Result<Host, StartError> {
        // Its state is tens of kilobytes: on the heap, so that whoever awaits it does not need a larger stack than threads have.
        Box::pin(start::start(config)).await
    }

    /// The host's key.
    pub fn key(&self) -> &HostKey {
        &self.about.facts().host
    }

    /// The name people use.
    pub fn friendly_name(&self) -> &str {
        &self.about.facts().friendly_name
    }

    /// What runs on the host now.
    pub fn inventory(&self) -> HostInventory {
        self.about.inventory()
    }

    /// Invocations that were refused so far, by kind: forged, expired, meant for another, tampered with.
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// Returns when the host is to be stopped: a stop command was accepted, with the time that it gives running calls;
    /// or nobody can reach the host any more, its connection being closed for good.
    ///
    /// Cancel-safe.
    pub async fn stop_requested(&self) -> Option<Duration> {
        let mut requests = self.stop_requests.clone();
        let request = requests.wait_for(Option::is_some).await;
        match request.ok().and_then(|request| *request) {
            Some(request) => request.timeout,
            None => {
                tracing::error!(host = %self.key(), "the host cannot be reached any more, it takes no control messages");
                None
            }
        }
    }

    /// Returns when everything that ran before has come up again or failed to.
    ///
    /// Cancel-safe.
    pub async fn restored(&self) {
        let mut restored = self.restored.clone();
        // An error means that the task ended early, when the host stops: nothing more will be restored.
        let _ = restored.wait_for(|done| *done).await;
    }

    /// Stops in order: takes no new work, lets running calls finish up to the deadline, stops the actors with their
    /// events, publishes `host_stopped`, flushes.
    ///
    /// Without a deadline running calls get 10 seconds; the configured limit caps it in any case.
    pub async fn stop(mut self, deadline: Option<Duration>) -> StopReport {
        let deadline = deadline.unwrap_or(DRAIN).min(self.drain_limit);
        // First of all no promises: what comes now belongs to other hosts.
        if let Some(actors) = &self.actors {
            actors.capacity().close();
        }
        let tasks = &mut self.tasks;
        tasks.membership.end().await;
        tasks.watcher.end().await;
        // What stops from here on is to run again next time.
        tasks.keeper.end().await;
        tasks.restore.end().await;
        tasks.prefetcher.end().await;
        // No new work: the subscriptions go with the control task.
        tasks.shared.end_intake().await;
        tasks.control.end().await;
        tasks.uploads.end().await;
        tasks.labels.end().await;
        tasks.heartbeat.end().await;
        // The last handle goes, so that the actors finish their commands and running calls, and stop with their events.
        self.actors = None;
        let drained = tasks.actors.end(deadline).await;
        self.providers = None;
        tasks.providers.end(PROVIDERS_END).await;
        tell_the_end(&self.about, &self.events, &self.stops);
        tasks.ledger.end().await;
        tasks.shared.end().await;
        // After the last event: the publisher hands over what is queued before it ends.
        tasks.publisher.end().await;
        if !matches!(tokio::time::timeout(FLUSH_TIMEOUT, self.nats.flush()).await, Ok(Ok(()))) {
            tracing::warn!("the last events were not confirmed by the NATS server");
        }
        tracing::info!(host = %self.key(), drained, "host stopped");
        StopReport { drained }
    }
}

/// Publishes the last event, and ends the operations of those who asked for it.
fn tell_the_end(about: &About, events: &Events, stops: &Stops) {
    let stops = stops.take();
    let first = stops.first().map(Operation::id);
    events.publish_for(first.as_ref(), EventData::HostStopped(HostStopped { labels: about.labels() }));
    stops.into_iter().for_each(Operation::stopped);
}
