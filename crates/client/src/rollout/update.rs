//! Updating an actor on every host that runs it.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lattice_protocol::{ActorKey, Annotations, HostInventory, HostKey, UpdateActor};

use super::{HostError, Rollout, ended};
use crate::{client::Client, command::UpdateOptions, gather::Gathered, operation::Settled, request::RequestError};

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
        let running = items.into_iter().filter(|host| runs(host, &update));
        let items = running.map(|host| (host.host_id, host.friendly_name)).collect();
        let at_once = update.max_parallel;
        let (client, update, failed) = (self.clone(), Arc::new(update), Arc::new(AtomicBool::new(false)));
        let one = move |host| client.clone().update_one(host, Arc::clone(&update), Arc::clone(&failed));
        Ok(Rollout::new(Gathered { items, errors, missing, complete }, at_once, one))
    }

    async fn update_one(
        self,
        host: HostKey,
        update: Arc<UpdateEverywhere>,
        failed: Arc<AtomicBool>,
    ) -> Result<Settled, HostError> {
        if update.stop_on_failure && failed.load(Ordering::Relaxed) {
            return Err(HostError::NotBegun);
        }
        let command = UpdateActor {
            actor_id: update.actor_id.clone(),
            annotations: update.annotations.clone(),
            host_id: None,
            lattice_id: None,
            new_actor_ref: update.new_actor_ref.clone(),
        };
        let options = UpdateOptions::default().force(update.force);
        let outcome = ended(self.update_actor(&host, command, options).await, update.deadline).await;
        if outcome.is_err() {
            failed.store(true, Ordering::Relaxed);
        }
        outcome
    }
}

/// Whether a host runs instances that are meant.
fn runs(host: &HostInventory, update: &UpdateEverywhere) -> bool {
    let of_actor = host.actors.iter().filter(|actor| actor.id == update.actor_id);
    let mut instances = of_actor.flat_map(|actor| &actor.instances);
    instances.any(|instance| instance.annotations.contains(&update.annotations))
}
