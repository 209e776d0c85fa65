//! What the lattice knows: hosts, inventories, claims.

use futures::{StreamExt, stream};
use lattice_protocol::{Claims, Host, HostInventory, HostKey};

use crate::{
    client::Client,
    defaults::INVENTORIES_AT_ONCE,
    gather::Gathered,
    request::{Outgoing, RequestError},
};

impl Client {
    /// The hosts of the lattice, in no order. An empty lattice is an empty list, at once.
    ///
    /// # Errors
    /// [`RequestError::TimedOut`] if somebody listens but nobody answers, [`RequestError::Connection`]. A bad answer is
    /// no error here but an entry in [`Gathered::errors`].
    pub async fn hosts(&self) -> Result<Gathered<Host>, RequestError> {
        let request = Outgoing::query(self, self.subjects().ping_hosts());
        self.gather(request, |host: &Host| host.id.clone()).await
    }

    /// What runs on a host.
    ///
    /// ```no_run
    /// # async fn example(client: lattice_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let host = client.resolve_host("quiet-river-1234").await?;
    /// for actor in &client.inventory(&host).await?.actors {
    ///     println!("{} runs {} annotation sets", actor.id, actor.instances.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`RequestError::NoResponders`] if there is no such host.
    pub async fn inventory(&self, host: &HostKey) -> Result<HostInventory, RequestError> {
        self.request(Outgoing::query(self, self.subjects().inventory(host))).await
    }

    /// What runs on each host of the lattice. A host that cannot be asked costs its own entry only.
    ///
    /// # Errors
    /// As [`hosts`](Self::hosts).
    pub async fn inventories(&self) -> Result<Gathered<HostInventory>, RequestError> {
        let Gathered { items: hosts, errors } = self.hosts().await?;
        let mut gathered = Gathered { items: Vec::with_capacity(hosts.len()), errors };
        let asked = hosts.into_iter().map(|host| async move { self.inventory(&host.id).await });
        let mut answers = stream::iter(asked).buffer_unordered(INVENTORIES_AT_ONCE);
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(inventory) => gathered.items.push(inventory),
                Err(error) => gathered.errors.push(error),
            }
        }
        Ok(gathered)
    }

    /// The claims known to the lattice, as one of its hosts tells them.
    ///
    /// # Errors
    /// [`RequestError::NoResponders`] if the lattice has no host.
    pub async fn claims(&self) -> Result<Claims, RequestError> {
        self.request(Outgoing::query(self, self.subjects().get_claims())).await
    }
}
