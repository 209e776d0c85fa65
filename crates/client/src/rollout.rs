//! Updating an actor on every host that runs it, some at a time.

use std::{
    fmt,
    num::NonZeroUsize,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures::{Stream, StreamExt, stream};
use lattice_protocol::{ActorKey, Annotations, HostInventory, HostKey, UpdateActor};

use crate::{
    client::Client,
    command::UpdateOptions,
    gather::{Boxed, Gathered, Missing},
    operation::{Settled, WaitError},
    request::RequestError,
};

/// An update of an actor on every host that runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateEverywhere {
    /// The actor.
    pub actor_id: ActorKey,
    /// The image that takes over.
    pub new_actor_ref: String,
    /// Annotations that instances must have to be meant; none means all instances.
    pub annotations: Annotations,
    /// On how many hosts it is under way at once.
    pub max_parallel: NonZeroUsize,
    /// Whether to take an image of a lower revision.
    pub force: bool,
    /// Whether no further host begins once one has failed. Those that have begun are waited for.
    pub stop_on_failure: bool,
    /// How long each host may take.
    pub deadline: Duration,
}

/// How an update went on one host.
#[derive(Debug)]
#[non_exhaustive]
pub struct HostUpdate {
    /// The host.
    pub host_id: HostKey,
    /// The name people use for it; empty if it is not known.
    pub friendly_name: String,
    /// How it went.
    pub outcome: Result<Settled, UpdateError>,
}

/// Why an update did not come about on a host. What ran there goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// The host did not take it on.
    #[error("the update was not taken on")]
    Request(#[source] Box<RequestError>),
    /// It did not end well, or it is not known how it ended.
    #[error("the update did not end well")]
    Wait(#[source] Box<WaitError>),
    /// It was not begun, because it had failed on another host.
    #[error("the update was not begun, for it failed on another host")]
    NotBegun,
}

/// An update under way on many hosts: how it went on each, in the order in which they end.
///
/// Dropping it begins no further ones; those that a host has taken on go on there.
pub struct Rollout {
    hosts: Vec<HostKey>,
    missing: Vec<Missing>,
    errors: Vec<RequestError>,
    complete: bool,
    updates: Boxed<HostUpdate>,
}

impl Rollout {
    /// The hosts that run the actor.
    pub fn hosts(&self) -> &[HostKey] {
        &self.hosts
    }

    /// The hosts that did not say what they run: they may go on with the old image.
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// What was wrong with what hosts said of what they run.
    pub fn errors(&self) -> &[RequestError] {
        &self.errors
    }

    /// Whether it is known which hosts run the actor.
    pub fn is_complete(&self) -> bool {
        self.complete
    }
}

impl Stream for Rollout {
    type Item = HostUpdate;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<HostUpdate>> {
        self.updates.poll_next_unpin(context)
    }
}

impl fmt::Debug for Rollout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rollout").field("hosts", &self.hosts).field("missing", &self.missing).finish_non_exhaustive()
    }
}

impl Client {
    /// Replaces the image of an actor on every host that runs it, and tells host by host how it went. A host on which it
    /// fails keeps what it ran.
    ///
    /// Nothing happens unless the stream is read.
    ///
    /// ```no_run
    /// # async fn example(client: lattice_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::{num::NonZeroUsize, time::Duration};
    /// use futures::StreamExt;
    /// use lattice_client::UpdateEverywhere;
    ///
    /// let update = UpdateEverywhere {
    ///     actor_id: client.resolve_actor("hello").await?,
    ///     new_actor_ref: "registry.example/hello:0.2.0".to_owned(),
    ///     annotations: Default::default(),
    ///     max_parallel: NonZeroUsize::MIN,
    ///     force: false,
    ///     stop_on_failure: true,
    ///     deadline: Duration::from_secs(60),
    /// };
    /// let mut rollout = client.update_everywhere(update).await?;
    /// while let Some(update) = rollout.next().await {
    ///     println!("{} {:?}", update.host_id, update.outcome);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Hosts could not be asked what they run, as [`hosts`](Self::hosts). One that does not answer is no error here but
    /// stands in [`Rollout::missing`].
    pub async fn update_everywhere(&self, update: UpdateEverywhere) -> Result<Rollout, RequestError> {
        let Gathered { items, errors, missing, complete } = self.inventories().await?;
        let running: Vec<HostInventory> = items.into_iter().filter(|host| runs(host, &update)).collect();
        let hosts = running.iter().map(|host| host.host_id.clone()).collect();
        let at_once = update.max_parallel.get();
        let (client, update, failed) = (self.clone(), Arc::new(update), Arc::new(AtomicBool::new(false)));
        let updates = stream::iter(running).map(move |host| {
            let one = client.clone().update_one(host.host_id.clone(), update.clone(), failed.clone());
            async move {
                let outcome = one.await;
                HostUpdate { host_id: host.host_id, friendly_name: host.friendly_name, outcome }
            }
        });
        let updates = updates.buffer_unordered(at_once).boxed();
        Ok(Rollout { hosts, missing, errors, complete, updates })
    }

    async fn update_one(
        self,
        host: HostKey,
        update: Arc<UpdateEverywhere>,
        failed: Arc<AtomicBool>,
    ) -> Result<Settled, UpdateError> {
        if update.stop_on_failure && failed.load(Ordering::Relaxed) {
            return Err(UpdateError::NotBegun);
        }
        let outcome = self.update_and_wait(&host, &update).await;
        if outcome.is_err() {
            failed.store(true, Ordering::Relaxed);
        }
        outcome
    }

    async fn update_and_wait(&self, host: &HostKey, update: &UpdateEverywhere) -> Result<Settled, UpdateError> {
        let command = UpdateActor {
            actor_id: update.actor_id.clone(),
            annotations: update.annotations.clone(),
            host_id: None,
            lattice_id: None,
            new_actor_ref: update.new_actor_ref.clone(),
        };
        let options = UpdateOptions::default().force(update.force);
        let operation = self.update_actor(host, command, options).await;
        let operation = operation.map_err(|error| UpdateError::Request(Box::new(error)))?;
        operation.wait(update.deadline).await.map_err(|error| UpdateError::Wait(Box::new(error)))
    }
}

/// Whether a host runs instances that are meant.
fn runs(host: &HostInventory, update: &UpdateEverywhere) -> bool {
    let of_actor = host.actors.iter().filter(|actor| actor.id == update.actor_id);
    let mut instances = of_actor.flat_map(|actor| &actor.instances);
    instances.any(|instance| instance.annotations.contains(&update.annotations))
}
