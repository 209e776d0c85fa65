//! The links of a demo, and what becomes of them at their providers.

use std::time::Duration;

use anyhow::Context;
use lattice_client::{Client, Settled};
use lattice_protocol::{ActorKey, DeliveryState, LinkDefinition, LinkDelivery, LinkName, LinkValues};
use tokio::time::{Instant, sleep};

use super::PATIENCE;
use crate::{
    builtins::Known,
    fault::{Code, Fault},
};

/// How often it is looked whether the provider has taken its link.
const LOOK: Duration = Duration::from_millis(50);

/// A link to a provider.
pub(super) fn link(actor: &ActorKey, provider: &Known, values: LinkValues) -> LinkDefinition {
    LinkDefinition {
        actor_id: actor.clone(),
        provider_id: provider.key.clone(),
        link_name: LinkName::default(),
        contract_id: provider.contract.clone(),
        values,
    }
}

/// The link that stands, if one does: its values may be the user's.
pub(super) async fn standing(client: &Client, wanted: &LinkDefinition) -> anyhow::Result<Option<LinkDefinition>> {
    let links = client.links().await?;
    Ok(links.links.iter().find(|link| link.id() == wanted.id()).cloned())
}

/// The link that stands, or this one once its provider has taken it.
///
/// # Errors
/// The provider does not take it.
pub(super) async fn ensure(client: &Client, wanted: LinkDefinition) -> anyhow::Result<LinkDefinition> {
    if let Some(link) = standing(client, &wanted).await? {
        return Ok(link);
    }
    let put_at = put(client, &wanted).await?;
    match settled(client, &wanted, put_at).await? {
        Some(LinkDelivery { state: DeliveryState::Failed, error, .. }) => Err(not_taken(&wanted, error).into()),
        _ => Ok(wanted),
    }
}

fn not_taken(link: &LinkDefinition, error: Option<String>) -> Fault {
    let (contract, reason) = (&link.contract_id, error.unwrap_or_default());
    Fault::new(Code::Failed, format!("the provider of {contract} does not take a link of the demo: {reason}"))
}

/// Stores a link, and returns the revision at which it stands, if the host tells.
pub(super) async fn put(client: &Client, link: &LinkDefinition) -> anyhow::Result<Option<u64>> {
    let failed = "a link of the demo cannot be stored";
    let settled = client.put_link(link, false).await.context(failed)?.wait(PATIENCE).await.context(failed)?;
    Ok(match settled {
        Settled::ByOperation(record) => record.link_revision,
        _ => None,
    })
}

/// What became of a link at the provider as it stands since that revision; none if it says nothing for too long.
pub(super) async fn settled(
    client: &Client,
    link: &LinkDefinition,
    put_at: Option<u64>,
) -> anyhow::Result<Option<LinkDelivery>> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let hosts = client.link_deliveries().await?.items;
        let mut deliveries = hosts.into_iter().flat_map(|host| host.deliveries.good);
        let found = deliveries.find(|delivery| {
            let is_earlier = delivery.revision.zip(put_at).is_some_and(|(told, put)| told < put);
            delivery.id == link.id() && !is_earlier && delivery.state != DeliveryState::Pending
        });
        if found.is_some() {
            return Ok(found);
        }
        sleep(LOOK).await;
    }
    Ok(None)
}
