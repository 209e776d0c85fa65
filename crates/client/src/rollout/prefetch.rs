//! Having an image on many hosts before anything starts from it.

use std::{num::NonZeroUsize, time::Duration};

use lattice_protocol::{Constraints, Host};

use super::{Rollout, ended};
use crate::{client::Client, gather::Gathered, request::RequestError};

/// An image that hosts are to have in their caches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefetchEverywhere {
    /// The image of an actor or a provider.
    pub image_ref: String,
    /// Labels that a host must have to be meant; none means all hosts.
    pub constraints: Constraints,
    /// On how many hosts it is under way at once.
    pub max_parallel: NonZeroUsize,
    /// How long each host may take.
    pub deadline: Duration,
}

impl Client {
    /// Has every host that has these labels fetch, check and compile an image, and tells host by host how it went.
    ///
    /// Nothing happens unless the stream is read.
    ///
    /// # Errors
    /// Hosts could not be asked for, as [`hosts`](Self::hosts). One that does not answer is no error here but stands in
    /// [`Rollout::missing`].
    pub async fn prefetch_everywhere(&self, prefetch: PrefetchEverywhere) -> Result<Rollout, RequestError> {
        let PrefetchEverywhere { image_ref, constraints, max_parallel, deadline } = prefetch;
        let Gathered { items, errors, missing, complete } = self.hosts().await?;
        let meant = items.into_iter().filter(|host| has(host, &constraints));
        let items = meant.map(|host| (host.id, host.friendly_name)).collect();
        let client = self.clone();
        let one = move |host| {
            let (client, image_ref) = (client.clone(), image_ref.clone());
            async move { ended(client.prefetch(&host, &image_ref).await, deadline).await }
        };
        Ok(Rollout::new(Gathered { items, errors, missing, complete }, max_parallel, one))
    }
}

fn has(host: &Host, constraints: &Constraints) -> bool {
    constraints.iter().all(|(key, value)| host.labels.get(key).is_some_and(|found| found == value))
}
