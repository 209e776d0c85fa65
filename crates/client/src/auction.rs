//! Auctions: which hosts would run this, in which order they are to be asked, and why the others would not.

mod rank;

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use lattice_protocol::{
    ActorAuction, ActorBid, Constraints, ControlSubject, Declined, HostKey, Labels, ProviderAuction, ProviderBid,
    decode_command,
};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::{
    client::Client,
    defaults::INVENTORIES_AT_ONCE,
    gather::{Gathered, Missing, Question},
    request::{Outgoing, RequestError, read_answer},
};
use rank::{Bidder, rank};
pub use rank::{RankedBid, Rule, RuleError};

/// What came of an auction.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Auction {
    /// The hosts that would run it, the one to ask first first.
    pub ranked: Vec<RankedBid>,
    /// The hosts that would not, by key, with their reasons. Hosts of other projects only tell by their silence; one that
    /// bids although its labels do not fit is found out by this client, and stands here with that for its reason.
    pub declined: Vec<Declined>,
    /// What was wrong with answers that are neither.
    pub errors: Vec<RequestError>,
    /// The hosts that belong to the lattice and said nothing; of other projects, which may, none.
    pub missing: Vec<Missing>,
    /// Whether every host of this project that belongs to the lattice answered, and well.
    pub complete: bool,
}

impl Client {
    /// Asks which hosts would run an actor, and ranks them by this rule. Nothing is started, and a bid holds nothing.
    ///
    /// Lattice and [`explain`](ActorAuction::explain) in the auction are filled in: hosts of this project always say why
    /// they do not bid.
    ///
    /// ```no_run
    /// # async fn example(client: lattice_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use lattice_client::Rule;
    /// use lattice_protocol::{ActorAuction, Constraints};
    ///
    /// let auction = ActorAuction {
    ///     actor_ref: "registry.example/hello:0.1.0".to_owned(),
    ///     annotations: Default::default(),
    ///     constraints: Constraints::from_iter([("zone", "a")]),
    ///     count: 1.into(),
    ///     explain: true,
    ///     lattice_id: None,
    /// };
    /// let auction = client.auction_actor(auction, Rule::Spread).await?;
    /// for bid in &auction.ranked {
    ///     println!("{} {}: {}", bid.rank, bid.host_id, bid.reason());
    /// }
    /// for host in &auction.declined {
    ///     println!("{}: {}", host.host_id, host.error);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The question could not be sent, or the connection is closed. That nobody bids is no error.
    pub async fn auction_actor(&self, auction: ActorAuction, rule: Rule) -> Result<Auction, RequestError> {
        let auction = ActorAuction { explain: true, lattice_id: Some(self.lattice().clone()), ..auction };
        let subject = self.subjects().build(&ControlSubject::AuctionActor);
        let question = bids::<ActorBid>(Outgoing::with_body(self, subject, &auction));
        self.auction(question, &auction.constraints, rule).await
    }

    /// Asks which hosts would run a capability provider, and ranks them by this rule. Nothing is started.
    ///
    /// Lattice and [`explain`](ProviderAuction::explain) in the auction are filled in.
    ///
    /// # Errors
    /// As [`auction_actor`](Self::auction_actor).
    pub async fn auction_provider(&self, auction: ProviderAuction, rule: Rule) -> Result<Auction, RequestError> {
        let auction = ProviderAuction { explain: true, lattice_id: Some(self.lattice().clone()), ..auction };
        let subject = self.subjects().build(&ControlSubject::AuctionProvider);
        let question = bids::<ProviderBid>(Outgoing::with_body(self, subject, &auction));
        self.auction(question, &auction.constraints, rule).await
    }

    async fn auction(
        &self,
        question: Question<Answer>,
        constraints: &Constraints,
        rule: Rule,
    ) -> Result<Auction, RequestError> {
        let end = Instant::now() + self.settings().timeout;
        let Gathered { items, errors, missing, complete } = self.gather(question).await?;
        let (mut bidders, mut declined) = (Vec::new(), Vec::new());
        for answer in items {
            match answer {
                Answer::Bid(bidder) => bidders.push(bidder),
                Answer::Declined(host) => declined.push(host),
            }
        }
        let left = end.saturating_duration_since(Instant::now());
        let unfit = self.with(|settings| settings.timeout = left).unfit(&bidders, constraints).await;
        let away: BTreeSet<HostKey> = unfit.iter().map(|host| host.host_id.clone()).collect();
        bidders.retain(|bidder| !away.contains(&bidder.host_id));
        declined.extend(unfit);
        declined.sort_by(|a, b| a.host_id.cmp(&b.host_id));
        Ok(Auction { ranked: rank(bidders, rule), declined, errors, missing, complete })
    }

    /// Bidders that tell nothing to choose by, and do not fit. Some hosts of other projects bid whatever the constraints
    /// are, so that their labels are looked at here.
    async fn unfit(&self, bidders: &[Bidder], constraints: &Constraints) -> Vec<Declined> {
        if constraints.is_empty() {
            return Vec::new();
        }
        let doubtful = bidders.iter().filter(|bidder| bidder.bid.is_none()).map(|bidder| bidder.host_id.clone());
        let asked = doubtful.map(|host| async move {
            let inventory = self.inventory(&host).await;
            let (name, reasons) = match inventory {
                Ok(inventory) => (inventory.friendly_name, unmet(constraints, &inventory.labels)),
                Err(error) => (String::new(), vec![format!("its labels could not be asked for: {error}")]),
            };
            (!reasons.is_empty()).then(|| Declined::new(host, name, reasons))
        });
        // Collected first, or the compiler does not see that the futures can be sent.
        let asked: Vec<_> = asked.collect();
        stream::iter(asked).buffer_unordered(INVENTORIES_AT_ONCE).filter_map(|host| async { host }).collect().await
    }
}

/// Why these labels do not meet the constraints, one by one.
fn unmet(constraints: &Constraints, labels: &Labels) -> Vec<String> {
    let reason = |(key, wanted): (&String, &String)| match labels.get(key) {
        Some(value) if value == wanted => None,
        Some(value) => {
            Some(format!("its label `{key}` is `{value}`, not `{wanted}`, which it does not look at itself"))
        }
        None => Some(format!("it has no label `{key}`, which it does not look at itself")),
    };
    constraints.iter().filter_map(reason).collect()
}

/// What a host answers in an auction.
#[derive(Debug)]
enum Answer {
    Bid(Bidder),
    Declined(Declined),
}

/// A bid of either kind of auction.
trait AnyBid: DeserializeOwned {
    fn bidder(self) -> Bidder;
}

impl AnyBid for ActorBid {
    fn bidder(self) -> Bidder {
        Bidder { host_id: self.host_id, bid: self.bid }
    }
}

impl AnyBid for ProviderBid {
    fn bidder(self) -> Bidder {
        Bidder { host_id: self.host_id, bid: self.bid }
    }
}

/// What people call a host: its name, or what tells its key apart.
pub(crate) fn name_or_key(name: &str, host: &HostKey) -> String {
    match name {
        "" => format!("{host:.8}…"),
        name => name.to_owned(),
    }
}

fn bids<B: AnyBid>(request: Outgoing) -> Question<Answer> {
    let sender = |answer: &Answer| match answer {
        Answer::Bid(bidder) => Some(bidder.host_id.clone()),
        Answer::Declined(host) => Some(host.host_id.clone()),
    };
    Question { request, read: read_bid::<B>, sender, silence_is_an_answer: true }
}

/// Reads a bid, or why there is none: a refusal that names its host and its reasons.
fn read_bid<B: AnyBid>(subject: &str, body: &[u8]) -> Result<Answer, RequestError> {
    match decode_command::<Declined>(body) {
        Ok(declined) if !declined.accepted => Ok(Answer::Declined(declined)),
        _ => read_answer::<B>(subject, body).map(|bid| Answer::Bid(bid.bidder())),
    }
}
