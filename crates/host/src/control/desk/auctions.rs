//! Auctions: a bid, silence, or the reasons why there is none.

use lattice_artifact::Reference;
use lattice_protocol::{Ack, ActorAuction, ActorBid, Annotations, Bid, Declined, ProviderAuction, ProviderBid};

use super::{Answer, Desk, commands};
use crate::{
    actors::Start,
    auction::{Objection, Offer, label_objections},
    control::{reply::Reply, request::Request},
    providers::{self, InstanceKey},
};

/// What the bodies of auctions are called in error texts, as wasmCloud 0.82 words them.
const ACTOR_AUCTION: &str = "actor auction command";
const PROVIDER_AUCTION: &str = "provider auction command";

impl Desk {
    pub(super) async fn auction_actor(&self, request: &Request) -> Answer {
        let auction = match self.read_actor_auction(request) {
            Ok(auction) => auction,
            Err(refusal) => return refusal.into(),
        };
        match self.consider(&auction).await {
            Ok(offer) => Answer::Now(Reply::of(self.bid(auction, offer))),
            Err(objections) => self.decline(auction.explain, &objections),
        }
    }

    pub(super) fn auction_provider(&self, request: &Request) -> Answer {
        let auction = match self.read_provider_auction(request) {
            Ok(auction) => auction,
            Err(refusal) => return refusal.into(),
        };
        let objections = self.provider_objections(&auction);
        match objections.is_empty() {
            true => Answer::Now(Reply::of(self.provider_bid(auction))),
            false => self.decline(auction.explain, &objections),
        }
    }

    /// What speaks against starting the provider here. Nothing is fetched, so that of an archive which never ran here it is
    /// not known whose it is.
    fn provider_objections(&self, auction: &ProviderAuction) -> Vec<Objection> {
        let parts = &self.parts;
        let mut objections = label_objections(&parts.about.labels(), &auction.constraints);
        objections.extend(parts.actors.capacity().would_admit(0).err().map(Objection::from));
        match commands::provider_reference(&auction.provider_ref, parts.providers.images()) {
            Err(refusal) => objections.push(Objection::Unacceptable(refusal.error)),
            Ok(reference) => {
                let key = parts.providers.key_of(&reference);
                let key = key.map(|provider| InstanceKey { provider, link: auction.link_name.clone() });
                let running = key.filter(|key| parts.providers.board().get(key).is_some());
                objections.extend(running.map(|key| providers::Refusal::AlreadyRunning(key).into()));
            }
        }
        objections
    }

    /// Without a token: a second start of the same provider is refused anyway.
    fn provider_bid(&self, auction: ProviderAuction) -> ProviderBid {
        let images = self.parts.providers.images();
        let bid = Bid {
            actor_instances: 0,
            cached: auction.provider_ref.parse().is_ok_and(|reference| images.are_cached(&reference)),
            free_memory: self.parts.memory.free(),
            friendly_name: self.parts.about.facts().friendly_name.clone(),
            instances: self.parts.actors.capacity().instances(),
            token: String::new(),
        };
        ProviderBid {
            bid: Some(bid),
            constraints: auction.constraints,
            host_id: self.parts.host.clone(),
            link_name: auction.link_name,
            provider_ref: auction.provider_ref,
        }
    }

    fn read_actor_auction(&self, request: &Request) -> Result<ActorAuction, Ack> {
        let auction: ActorAuction = super::read_as(ACTOR_AUCTION, request)?;
        self.check_lattice(auction.lattice_id.as_ref())?;
        Ok(auction)
    }

    fn read_provider_auction(&self, request: &Request) -> Result<ProviderAuction, Ack> {
        let auction: ProviderAuction = super::read_as(PROVIDER_AUCTION, request)?;
        self.check_lattice(auction.lattice_id.as_ref())?;
        Ok(auction)
    }

    async fn consider(&self, auction: &ActorAuction) -> Result<Offer, Vec<Objection>> {
        // Before anything is looked at, so that whatever changes meanwhile makes the bid stale.
        let version = self.parts.actors.capacity().version();
        let mut objections = label_objections(&self.parts.about.labels(), &auction.constraints);
        let reference = commands::reference(&auction.actor_ref, &self.parts.artifacts);
        let annotations = commands::annotations(auction.annotations.clone());
        match (reference, annotations) {
            (Ok(reference), Ok(annotations)) => {
                let start = start(reference, annotations, auction);
                self.parts.actors.consider(start, version, objections).await
            }
            (reference, annotations) => {
                let refusals = reference.err().into_iter().chain(annotations.err());
                objections.extend(refusals.map(|ack| Objection::Unacceptable(ack.error)));
                Err(objections)
            }
        }
    }

    fn bid(&self, auction: ActorAuction, offer: Offer) -> ActorBid {
        let is_cached = |digest| self.parts.images.are_cached(digest);
        let bid = Bid {
            actor_instances: offer.actor_instances,
            cached: offer.runs || offer.digest.as_ref().is_some_and(is_cached),
            free_memory: self.parts.memory.free(),
            friendly_name: self.parts.about.facts().friendly_name.clone(),
            instances: offer.instances,
            token: offer.token,
        };
        ActorBid {
            actor_ref: auction.actor_ref,
            bid: Some(bid),
            constraints: auction.constraints,
            host_id: self.parts.host.clone(),
        }
    }

    /// Silence is the answer of a host that does not bid, unless it is asked why.
    fn decline(&self, explain: bool, objections: &[Objection]) -> Answer {
        match explain {
            true => {
                let reasons = objections.iter().map(ToString::to_string).collect();
                let name = &self.parts.about.facts().friendly_name;
                Answer::Now(Reply::of(Declined::new(self.parts.host.clone(), name, reasons)))
            }
            false => Answer::Silence,
        }
    }
}

/// The start that would follow a bid.
fn start(reference: Reference, annotations: Annotations, auction: &ActorAuction) -> Start {
    Start { reference, digest: None, annotations, count: commands::at_least_one(auction.count), bid: None }
}
