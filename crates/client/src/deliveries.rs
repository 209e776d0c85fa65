//! What became of a link that an operation put, at each provider that runs. That is not in the operation's record, which
//! its host alone writes: each host knows of its own providers, and goes on telling when the operation has long ended.

use lattice_protocol::{DeliveryState, HostKey, Items, LinkDelivery, OperationRecord, ProviderKey};

use crate::{client::Client, gather::Gathered, request::RequestError};

/// The command of operations that put links.
const PUT: &str = "linkdefs.put";

/// What became of one put of a link at one running provider.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionDelivery {
    /// The host on which the provider runs.
    pub host_id: HostKey,
    /// The provider.
    pub provider_id: ProviderKey,
    /// What became of it.
    pub became: Became,
    /// Why the provider does not have the link.
    pub error: Option<String>,
}

/// What became of one put of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Became {
    /// It got so far, and counts still. The same link may get further: what failed is tried again.
    Is(DeliveryState),
    /// The link has been put anew since then, or removed.
    Superseded,
}

impl VersionDelivery {
    /// What a host tells, as it counts for a put at this revision.
    fn of(told: LinkDelivery, put_at: u64) -> Self {
        let (became, error) = match told.revision {
            Some(revision) if revision == put_at => (Became::Is(told.state), told.error),
            // The host does not know of the put yet.
            Some(revision) if revision < put_at => (Became::Is(DeliveryState::Pending), None),
            _ => (Became::Superseded, None),
        };
        Self { host_id: told.host_id, provider_id: told.provider_id, became, error }
    }
}

impl Client {
    /// What became of the link that an operation put, exactly as that operation put it, as each host tells of its running
    /// providers now; none if the operation put no link. A provider that its host has not told anything of the link to is
    /// not among them.
    ///
    /// ```no_run
    /// # async fn example(client: lattice_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// let id = "0194c4a5-7f5e-7d7c-a8c5-5c0c8f0e8a11".parse()?;
    /// let record = client.operation_by_id(&id, Duration::ZERO).await?;
    /// if let Some(hosts) = client.deliveries_of(&record).await? {
    ///     for delivery in hosts.items.iter().flatten() {
    ///         println!("{}: {:?}", delivery.host_id, delivery.became);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`link_deliveries`](Self::link_deliveries).
    pub async fn deliveries_of(
        &self,
        record: &OperationRecord,
    ) -> Result<Option<Gathered<Items<VersionDelivery>>>, RequestError> {
        let (Some(link), Some(put_at), PUT) = (&record.link_id, record.link_revision, record.command.as_str()) else {
            return Ok(None);
        };
        let Gathered { items, errors, missing, complete } = self.link_deliveries().await?;
        let items = items.into_iter().map(|host| {
            let Items { good, bad } = host.deliveries;
            let of_link = good.into_iter().filter(|told| told.id == *link);
            Items { good: of_link.map(|told| VersionDelivery::of(told, put_at)).collect(), bad }
        });
        Ok(Some(Gathered { items: items.collect(), errors, missing, complete }))
    }
}
