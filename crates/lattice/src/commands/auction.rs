//! `lattice auction`.

use lattice_client::{Auction, RankedBid, Rule};
use lattice_protocol::{ActorAuction, Annotations, Bid, Constraints, Declined, HostKey, ProviderAuction};
use serde::Serialize;

use super::get::{Gaps, missing_texts, texts};
use crate::{
    cli::{self, AuctionActor, AuctionProvider, Wish},
    connect::Lattice,
    detail::Detail,
    fault::{Code, Fault, Told},
    module::Looked,
    printer::{Printer, Show},
    program,
    settings::Settings,
    table::{dense, or_dash, table},
    unanswered,
};

/// What came of an auction.
#[derive(Serialize)]
struct Shown {
    /// The hosts that bid, the best first.
    ranked: Vec<Rank>,
    declined: Vec<Declined>,
    /// What was wrong with answers that are neither.
    errors: Vec<String>,
    /// Hosts that belong to the lattice and did not answer.
    missing: Vec<String>,
    complete: bool,
    #[serde(skip)]
    explains: bool,
}

#[derive(Serialize)]
struct Rank {
    rank: usize,
    host_id: HostKey,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bid: Option<Bid>,
}

/// Holds an auction and prints who bids.
pub(crate) async fn run(auction: cli::Auction, settings: &Settings) -> anyhow::Result<()> {
    match auction {
        cli::Auction::Actor(auction) => actor(auction, settings).await,
        cli::Auction::Provider(auction) => provider(auction, settings).await,
    }
}

async fn actor(flags: AuctionActor, settings: &Settings) -> anyhow::Result<()> {
    let looked = Looked::at(&flags.reference)?;
    let lattice = Lattice::reach(settings.target()?).await?;
    let reference = looked.signed(&settings.data_dir()?, settings.printer())?;
    let auction = ActorAuction {
        actor_ref: reference.to_string(),
        annotations: Annotations::from_iter(flags.annotations),
        constraints: constraints(&flags.wish),
        count: flags.count,
        explain: true,
        lattice_id: None,
    };
    let held = lattice.client.auction_actor(auction, rule(&flags.wish)).await;
    let held = held.map_err(|error| unanswered::question(&lattice, error))?;
    show(&lattice, held, flags.explain, settings.printer())
}

async fn provider(flags: AuctionProvider, settings: &Settings) -> anyhow::Result<()> {
    let reference = program::to_start(&flags.reference)?;
    let lattice = Lattice::reach(settings.target()?).await?;
    let auction = ProviderAuction {
        constraints: constraints(&flags.wish),
        explain: true,
        lattice_id: None,
        link_name: flags.link_name,
        provider_ref: reference.to_string(),
    };
    let held = lattice.client.auction_provider(auction, rule(&flags.wish)).await;
    let held = held.map_err(|error| unanswered::question(&lattice, error))?;
    show(&lattice, held, flags.explain, settings.printer())
}

/// The labels that are wanted.
pub(crate) fn constraints(wish: &Wish) -> Constraints {
    Constraints::from_iter(wish.constraints.clone())
}

/// The rule that is wanted.
pub(crate) fn rule(wish: &Wish) -> Rule {
    match wish.rule {
        cli::Rule::Spread => Rule::Spread,
        cli::Rule::Pack => Rule::Pack,
    }
}

fn show(lattice: &Lattice, auction: Auction, explains: bool, printer: Printer) -> anyhow::Result<()> {
    let heard = !auction.ranked.is_empty() || !auction.declined.is_empty() || !auction.errors.is_empty();
    if !heard && auction.missing.is_empty() {
        return Err(lattice.nobody().into());
    }
    let shown = Shown::of(auction, explains);
    Gaps { errors: &shown.errors, missing: &shown.missing, complete: shown.complete }.tell(printer);
    let nobody_bids = shown.ranked.is_empty();
    if printer.is_json() || !shown.text().is_empty() {
        printer.show(&shown)?;
    }
    match nobody_bids {
        false => Ok(()),
        true if printer.is_json() => Err(Told(Code::NotFound).into()),
        true if explains => Err(Fault::new(Code::NotFound, "no host bids").into()),
        true => Err(Fault::new(Code::NotFound, "no host bids").hint("--explain shows why").into()),
    }
}

impl Shown {
    fn of(auction: Auction, explains: bool) -> Self {
        let rank = |bid: RankedBid| Rank {
            rank: bid.rank,
            reason: bid.reason().to_owned(),
            host_id: bid.host_id,
            bid: bid.bid,
        };
        Self {
            errors: texts(&auction.errors),
            missing: missing_texts(&auction.missing),
            complete: auction.complete,
            ranked: auction.ranked.into_iter().map(rank).collect(),
            declined: auction.declined,
            explains,
        }
    }

    fn tables(&self, detail: Detail) -> String {
        let hosts = self.ranked.iter().map(|rank| rank.host_id.as_str());
        let keys = detail.keys(hosts.chain(self.declined.iter().map(|host| host.host_id.as_str())));
        let bids = self.ranked.iter().map(|rank| {
            let mut cells = cells(rank.bid.as_ref());
            (cells[0], cells[1]) = (rank.rank.to_string(), keys.of(rank.host_id.as_str()));
            cells[7] = if self.explains { rank.reason.clone() } else { String::new() };
            cells
        });
        let titles = ["rank", "id", "host", "of it", "of all", "free memory", "cached", "why"];
        let bids = (!self.ranked.is_empty()).then(|| dense(titles, bids));
        let declined = (self.explains && !self.declined.is_empty()).then(|| {
            let declined = self.declined.iter().map(|host| {
                let name = or_dash(Some(&host.friendly_name).filter(|name| !name.is_empty()));
                [keys.of(host.host_id.as_str()), name, host.reasons.join("; ")]
            });
            format!("no bid:\n{}", table(["id", "host", "why"], declined))
        });
        Vec::from_iter(bids.into_iter().chain(declined)).join("\n\n")
    }
}

fn memory_text(bytes: u64) -> String {
    match bytes >> 20 {
        mebibytes @ 1024.. => format!("{}.{} GiB", mebibytes / 1024, mebibytes % 1024 * 10 / 1024),
        mebibytes => format!("{mebibytes} MiB"),
    }
}

/// What a bid tells, with room for rank, key and reason.
fn cells(bid: Option<&Bid>) -> [String; 8] {
    let told = |text: fn(&Bid) -> String| bid.map_or_else(|| "-".to_owned(), text);
    let memory = bid.and_then(|bid| bid.free_memory).map(memory_text);
    [
        String::new(),
        String::new(),
        told(|bid| bid.friendly_name.clone()),
        told(|bid| bid.actor_instances.to_string()),
        told(|bid| bid.instances.to_string()),
        or_dash(memory),
        told(|bid| if bid.cached { "yes" } else { "no" }.to_owned()),
        String::new(),
    ]
}

impl Show for Shown {
    fn text(&self) -> String {
        self.tables(Detail::Brief)
    }

    fn wide(&self) -> String {
        self.tables(Detail::Whole)
    }
}
