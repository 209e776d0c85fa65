//! Starting an actor or a provider on whichever host is best for it: an auction, then a start on the first rank that still
//! stands by its bid.

mod placed;

use std::{collections::BTreeMap, fmt, time::Duration};

use lattice_protocol::{Constraints, Declined, HostKey, RefusalCode, StartActor, StartProvider};
use tokio::time;
use uuid::Uuid;

use crate::{
    auction::{Auction, RankedBid, Rule, name_or_key},
    client::Client,
    defaults::{PLACING_PAUSE, PLACING_ROUNDS},
    gather::Missing,
    operation::Operation,
    request::RequestError,
};
use placed::Placed;

/// Why an actor or a provider was not placed. Nothing was started, except where a variant says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// The auction could not be held.
    #[error("the hosts could not be asked who would run the {what}")]
    Auction {
        /// `actor` or `provider`.
        what: &'static str,
        /// What went wrong.
        source: Box<RequestError>,
        /// The starts that were tried after earlier auctions.
        tried: Vec<Attempt>,
    },
    /// No host would run it.
    #[error("no host would run the {what}{}", why(declined, missing))]
    NobodyBids {
        /// `actor` or `provider`.
        what: &'static str,
        /// The hosts that declined, with their reasons.
        declined: Vec<Declined>,
        /// The hosts that did not answer.
        missing: Vec<Missing>,
        /// What was wrong with answers.
        errors: Vec<RequestError>,
        /// The starts that were tried after earlier auctions.
        tried: Vec<Attempt>,
    },
    /// Every host that bid refused the start, as often as it was worth asking.
    #[error("no host that bid took the {what}, in {rounds} auctions: {}", told(tried))]
    Exhausted {
        /// `actor` or `provider`.
        what: &'static str,
        /// How many auctions were held.
        rounds: u32,
        /// What happened, host by host.
        tried: Vec<Attempt>,
    },
    /// A host refused the start for a reason that would count everywhere, or did not answer. In that case it may have
    /// started it, so that no other host was asked.
    #[error("host {host} did not take the start of the {what}")]
    Start {
        /// `actor` or `provider`.
        what: &'static str,
        /// The host.
        host: HostKey,
        /// What went wrong.
        source: Box<RequestError>,
        /// The starts that were tried before.
        tried: Vec<Attempt>,
    },
    /// The time was over. A start that was under way may yet be taken on.
    #[error("the {what} was not placed within {deadline:?}{}", told_if_any(tried))]
    TimedOut {
        /// `actor` or `provider`.
        what: &'static str,
        /// How long was waited.
        deadline: Duration,
        /// The starts that were tried, those that ended.
        tried: Vec<Attempt>,
    },
}

/// A start that a host did not take, although it had bid.
#[derive(Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// In which auction it had bid, from 1.
    pub round: u32,
    /// The host.
    pub host_id: HostKey,
    /// The name people use for it; empty if it is not known.
    pub friendly_name: String,
    /// Why it did not take the start.
    pub error: RequestError,
}

impl Attempt {
    fn name(&self) -> String {
        name_or_key(&self.friendly_name, &self.host_id)
    }

    /// What happened, in words.
    fn words(&self) -> String {
        match &self.error {
            RequestError::Refused { code: Some(RefusalCode::BidStale), .. } => "its bid no longer counted".to_owned(),
            RequestError::NoResponders { .. } => "it was gone".to_owned(),
            RequestError::Refused { error, .. } => error.clone(),
            error => error.to_string(),
        }
    }
}

impl Client {
    /// Starts instances of an actor on the host that the rule puts first among those that would run it and meet these
    /// constraints.
    ///
    /// The start names the bid that it follows. A host whose bid no longer counts, because others were faster, or that is
    /// full, stopping or gone refuses it, and the next rank is asked; after the last one a new auction is held, some times
    /// and a little later each time. `deadline` is for all of that, not for what the operation then does; host and lattice
    /// in the command are filled in.
    ///
    /// ```no_run
    /// # async fn example(client: lattice_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use lattice_client::Rule;
    /// use lattice_protocol::{Annotations, Constraints, StartActor};
    ///
    /// let start = StartActor {
    ///     actor_ref: "registry.example/hello:0.1.0".to_owned(),
    ///     annotations: Annotations::new(),
    ///     count: 1.into(),
    ///     host_id: None,
    ///     lattice_id: None,
    /// };
    /// let operation = client.place_actor(start, Constraints::new(), Rule::Spread, Duration::from_secs(10)).await?;
    /// operation.wait(Duration::from_secs(60)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`PlaceError`] tells host by host why it was not placed.
    pub async fn place_actor(
        &self,
        command: StartActor,
        constraints: Constraints,
        rule: Rule,
        deadline: Duration,
    ) -> Result<Operation, PlaceError> {
        self.place_in_time(command, constraints, rule, deadline).await
    }

    /// Starts a capability provider on the host that the rule puts first among those that would run it and meet these
    /// constraints.
    ///
    /// As [`place_actor`](Self::place_actor). A host that runs it already, because others were faster, is passed over, too.
    ///
    /// # Errors
    /// [`PlaceError`] tells host by host why it was not placed.
    pub async fn place_provider(
        &self,
        command: StartProvider,
        constraints: Constraints,
        rule: Rule,
        deadline: Duration,
    ) -> Result<Operation, PlaceError> {
        self.place_in_time(command, constraints, rule, deadline).await
    }

    async fn place_in_time<P: Placed>(
        &self,
        command: P,
        constraints: Constraints,
        rule: Rule,
        deadline: Duration,
    ) -> Result<Operation, PlaceError> {
        let mut tried = Vec::new();
        match time::timeout(deadline, self.place(&command, &constraints, rule, &mut tried)).await {
            Ok(Ok(operation)) => Ok(operation),
            Ok(Err(fault)) => Err(fault.into_error(P::WHAT, tried)),
            Err(_) => Err(PlaceError::TimedOut { what: P::WHAT, deadline, tried }),
        }
    }

    async fn place<P: Placed>(
        &self,
        command: &P,
        constraints: &Constraints,
        rule: Rule,
        tried: &mut Vec<Attempt>,
    ) -> Result<Operation, Fault> {
        for round in 1..=PLACING_ROUNDS {
            let auction = command.auction(self, constraints, rule).await.map_err(Fault::Auction)?;
            if auction.ranked.is_empty() {
                return Err(Fault::NobodyBids(auction));
            }
            for bid in auction.ranked {
                match command.clone().start(self, &bid).await {
                    Ok(operation) => return Ok(operation),
                    Err(error) if goes_on::<P>(&error, &bid) => tried.push(attempt(round, bid, error)),
                    Err(error) => return Err(Fault::Start(bid.host_id, error)),
                }
            }
            if round < PLACING_ROUNDS {
                time::sleep(pause(round)).await;
            }
        }
        Err(Fault::Exhausted)
    }
}

/// Why placing ended, without what was tried.
enum Fault {
    Auction(RequestError),
    NobodyBids(Auction),
    Start(HostKey, RequestError),
    Exhausted,
}

impl Fault {
    fn into_error(self, what: &'static str, tried: Vec<Attempt>) -> PlaceError {
        match self {
            Fault::Auction(source) => PlaceError::Auction { what, source: Box::new(source), tried },
            Fault::NobodyBids(Auction { declined, missing, errors, .. }) => {
                PlaceError::NobodyBids { what, declined, missing, errors, tried }
            }
            Fault::Start(host, source) => PlaceError::Start { what, host, source: Box::new(source), tried },
            Fault::Exhausted => PlaceError::Exhausted { what, rounds: PLACING_ROUNDS, tried },
        }
    }
}

/// Whether the next rank is asked: the host started nothing, and the reason is its own. Of hosts of other projects, which
/// give no token and no codes, every refusal is.
fn goes_on<P: Placed>(error: &RequestError, bid: &RankedBid) -> bool {
    match error {
        RequestError::NoResponders { .. } => true,
        RequestError::Refused { code: None, .. } => bid.token().is_empty(),
        RequestError::Refused { code: Some(code), .. } => {
            matches!(code, RefusalCode::BidStale | RefusalCode::Full | RefusalCode::Stopping) || P::is_taken(*code)
        }
        _ => false,
    }
}

fn attempt(round: u32, bid: RankedBid, error: RequestError) -> Attempt {
    let friendly_name = bid.friendly_name().to_owned();
    Attempt { round, host_id: bid.host_id, friendly_name, error }
}

/// The pause before the next auction: longer each time, and by chance, so that those who got in each other's way part.
fn pause(round: u32) -> Duration {
    let chance = u32::try_from(Uuid::new_v4().as_u128() % 1000).unwrap_or_default();
    PLACING_PAUSE * round * (500 + chance) / 1000
}

/// What happened, host by host; the same again and again is said once.
fn told(tried: &[Attempt]) -> String {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for attempt in tried {
        *counts.entry((attempt.name(), attempt.words())).or_default() += 1;
    }
    let told = counts.into_iter().map(|((name, words), count)| match count {
        1 => format!("{name}: {words}"),
        count => format!("{name}: {words} ({count} times)"),
    });
    told.collect::<Vec<_>>().join("; ")
}

fn told_if_any(tried: &[Attempt]) -> String {
    if tried.is_empty() { String::new() } else { format!(": {}", told(tried)) }
}

fn why(declined: &[Declined], missing: &[Missing]) -> String {
    let reasons =
        declined.iter().map(|host| format!("{}: {}", name_or_key(&host.friendly_name, &host.host_id), host.error));
    let silent = missing.iter().map(|host| format!("{host}: no answer"));
    let all: Vec<String> = reasons.chain(silent).collect();
    if all.is_empty() { String::new() } else { format!(": {}", all.join("; ")) }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.words())
    }
}
