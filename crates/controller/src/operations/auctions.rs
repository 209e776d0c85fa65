//! Auctions: which hosts would run something, the best first.

use lattice_client::{Auction, Rule};
use lattice_protocol::{
    ActorAuction, HostKey, ProviderAuction,
    contract::lattice_control::{ActorAuctionAck, Gathering, ProviderAuctionAck},
};

use super::lattice;
use crate::{
    desk::Caller,
    error::Refusal,
    steering::{nobody, noted, of_lattice},
};

pub(super) async fn actor(caller: &Caller<'_>, auction: ActorAuction) -> Result<Vec<ActorAuctionAck>, Refusal> {
    require_named(&auction.actor_ref, "actorRef")?;
    let steering = caller.to(&lattice(&auction.lattice_id)?).await?;
    steering.grants.require_image(&auction.actor_ref)?;
    let actor_ref = auction.actor_ref.clone();
    let auction = ActorAuction { constraints: steering.grants.narrowed(auction.constraints)?, ..auction };
    let held = steering.gatherer().auction_actor(auction, Rule::Spread).await.map_err(|error| of_lattice(&error))?;
    bids(held, |host_id| ActorAuctionAck { actor_ref: actor_ref.clone(), host_id, incomplete: None })
}

pub(super) async fn provider(
    caller: &Caller<'_>,
    auction: ProviderAuction,
) -> Result<Vec<ProviderAuctionAck>, Refusal> {
    require_named(&auction.provider_ref, "providerRef")?;
    let steering = caller.to(&lattice(&auction.lattice_id)?).await?;
    steering.grants.require_image(&auction.provider_ref)?;
    let (provider_ref, link_name) = (auction.provider_ref.clone(), auction.link_name.clone());
    let auction = ProviderAuction { constraints: steering.grants.narrowed(auction.constraints)?, ..auction };
    let held = steering.gatherer().auction_provider(auction, Rule::Spread).await.map_err(|error| of_lattice(&error))?;
    bids(held, |host_id| ProviderAuctionAck {
        host_id,
        link_name: link_name.clone(),
        provider_ref: provider_ref.clone(),
        incomplete: None,
    })
}

/// Hosts decline what has no name, as they do what they cannot run.
fn require_named(reference: &str, key: &str) -> Result<(), Refusal> {
    match reference.is_empty() {
        true => Err(Refusal::invalid(format!("`{key}` is empty: it names what is to be started"))),
        false => Ok(()),
    }
}

/// By rank, for published actors take the first.
fn bids<T: Gathering>(held: Auction, bid: impl Fn(HostKey) -> T) -> Result<Vec<T>, Refusal> {
    let Auction { ranked, declined, missing, errors, complete, .. } = held;
    // Hosts say why they do not bid.
    if complete && ranked.is_empty() && declined.is_empty() {
        return Err(nobody());
    }
    noted(ranked.into_iter().map(|ranked| bid(ranked.host_id)).collect(), &missing, &errors, complete)
}
