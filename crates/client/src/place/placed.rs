//! What can be placed: an actor or a provider, each with its auction and its start.

use lattice_protocol::{ActorAuction, Constraints, ProviderAuction, RefusalCode, StartActor, StartProvider};

use crate::{
    auction::{Auction, RankedBid, Rule},
    client::Client,
    operation::Operation,
    request::RequestError,
};

/// The start of something that an auction can be held for.
pub(super) trait Placed: Clone + Send + Sync {
    /// What is started, in one word.
    const WHAT: &'static str;

    /// Asks who would run it.
    fn auction(
        &self,
        client: &Client,
        constraints: &Constraints,
        rule: Rule,
    ) -> impl Future<Output = Result<Auction, RequestError>> + Send;

    /// Starts it where this bid was made.
    fn start(self, client: &Client, bid: &RankedBid) -> impl Future<Output = Result<Operation, RequestError>> + Send;

    /// Whether a refusal of this kind says that the host has it already, while another may not.
    fn is_taken(code: RefusalCode) -> bool;
}

impl Placed for StartActor {
    const WHAT: &'static str = "actor";

    async fn auction(&self, client: &Client, constraints: &Constraints, rule: Rule) -> Result<Auction, RequestError> {
        let auction = ActorAuction {
            actor_ref: self.actor_ref.clone(),
            annotations: self.annotations.clone(),
            constraints: constraints.clone(),
            count: self.count,
            explain: true,
            lattice_id: None,
        };
        client.auction_actor(auction, rule).await
    }

    async fn start(self, client: &Client, bid: &RankedBid) -> Result<Operation, RequestError> {
        client.start_for_bid(&bid.host_id, self, bid.token()).await
    }

    /// Instances are added to those that run, so that the host has another reason.
    fn is_taken(_: RefusalCode) -> bool {
        false
    }
}

impl Placed for StartProvider {
    const WHAT: &'static str = "provider";

    async fn auction(&self, client: &Client, constraints: &Constraints, rule: Rule) -> Result<Auction, RequestError> {
        let auction = ProviderAuction {
            constraints: constraints.clone(),
            explain: true,
            lattice_id: None,
            link_name: self.link_name.clone(),
            provider_ref: self.provider_ref.clone(),
        };
        client.auction_provider(auction, rule).await
    }

    async fn start(self, client: &Client, bid: &RankedBid) -> Result<Operation, RequestError> {
        client.start_provider_for_bid(&bid.host_id, self, bid.token()).await
    }

    /// No host runs a provider twice under one link name.
    fn is_taken(code: RefusalCode) -> bool {
        code == RefusalCode::Conflict
    }
}
