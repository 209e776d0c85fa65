//! The order in which hosts that bid are asked, by a stated rule, and why each stands where it stands.

use std::{cmp::Reverse, fmt, str::FromStr};

use lattice_protocol::{Bid, HostKey};

use super::name_or_key;

/// By what hosts are ranked; in an auction of a provider, of which no host runs two, the rule's first measure is the same
/// for all. Those of other projects, which tell nothing to choose by, come last under either rule, by
/// their keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// Apart from each other: the host with the fewest instances of this actor; of those one that has the image in its
    /// cache; of those the one with the fewest instances of all actors; then the most free memory; then the key.
    #[default]
    Spread,
    /// Close together: the host with the most instances of this actor; of those one that has the image in its cache; of
    /// those the one with the most instances of all actors; then the least free memory; then the key.
    Pack,
}

impl Rule {
    /// The rule's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Rule::Spread => "spread",
            Rule::Pack => "pack",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no rule for placing; there are spread and pack")]
pub struct RuleError {
    text: String,
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let rule = [Rule::Spread, Rule::Pack].into_iter().find(|rule| rule.as_str() == text);
        rule.ok_or_else(|| RuleError { text: text.to_owned() })
    }
}

/// A host that would run what an auction is about, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RankedBid {
    /// Its rank, from 1.
    pub rank: usize,
    /// The host.
    pub host_id: HostKey,
    /// What it tells to choose by; hosts of other projects tell nothing.
    pub bid: Option<Bid>,
    reason: String,
}

impl RankedBid {
    /// The name people use for the host; empty if it does not tell.
    pub fn friendly_name(&self) -> &str {
        self.bid.as_ref().map_or("", |bid| &bid.friendly_name)
    }

    /// Names the bid in a start that follows it; empty if the host gives none.
    pub fn token(&self) -> &str {
        self.bid.as_ref().map_or("", |bid| &bid.token)
    }

    /// Why it stands where it stands, in words: what it has for the first, and for any other what puts the one before it
    /// there.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// A host that bids.
#[derive(Debug)]
pub(super) struct Bidder {
    pub(super) host_id: HostKey,
    pub(super) bid: Option<Bid>,
}

/// What the rule compares, in the order in which it counts.
type Place = (bool, [Reverse<u64>; 4], HostKey);

/// Brings bidders into the order of the rule.
pub(super) fn rank(mut bidders: Vec<Bidder>, rule: Rule) -> Vec<RankedBid> {
    bidders.sort_by_cached_key(|bidder| place(bidder, rule));
    let reasons: Vec<String> = reasons(&bidders);
    let ranked = |(rank, (Bidder { host_id, bid }, reason))| RankedBid { rank, host_id, bid, reason };
    (1..).zip(bidders.into_iter().zip(reasons)).map(ranked).collect()
}

fn place(bidder: &Bidder, rule: Rule) -> Place {
    let key = bidder.host_id.clone();
    let Some(bid) = &bidder.bid else { return (true, [Reverse(0); 4], key) };
    // The greater comes first; what should be small counts by what it lacks.
    let amount = |number: u64, most_first: bool| Reverse(if most_first { number } else { u64::MAX - number });
    let pack = rule == Rule::Pack;
    let memory = bid.free_memory.unwrap_or(if pack { u64::MAX } else { 0 });
    let measures = [
        amount(bid.actor_instances, pack),
        amount(u64::from(bid.cached), true),
        amount(bid.instances, pack),
        amount(memory, !pack),
    ];
    (false, measures, key)
}

fn reasons(bidders: &[Bidder]) -> Vec<String> {
    let first = bidders.first().map(|first| first.bid.as_ref().map_or_else(|| UNTOLD.to_owned(), facts));
    let others = bidders.windows(2).map(|pair| difference(&pair[0], &pair[1]));
    first.into_iter().chain(others).collect()
}

const UNTOLD: &str = "a host of another project, which tells nothing to choose by";

fn facts(bid: &Bid) -> String {
    let cached = if bid.cached { "has the image" } else { "has to fetch the image" };
    let memory = bid.free_memory.map_or(String::new(), |bytes| format!(", {} of memory free", size(bytes)));
    format!("runs {} of it, {cached}, runs {} of all{memory}", instances(bid.actor_instances), bid.instances)
}

/// What puts a host behind the one before it.
fn difference(before: &Bidder, behind: &Bidder) -> String {
    let name = name_or_key(before.bid.as_ref().map_or("", |bid| &bid.friendly_name), &before.host_id);
    match (&before.bid, &behind.bid) {
        (Some(before), Some(behind)) => format!("after {name}: {}", decisive(before, behind)),
        _ => UNTOLD.to_owned(),
    }
}

/// The first measure in which two bids differ.
fn decisive(before: &Bid, behind: &Bid) -> String {
    let memory = |bid: &Bid| bid.free_memory.map_or("an unknown amount".to_owned(), size);
    if before.actor_instances != behind.actor_instances {
        format!("runs {} of it, not {}", instances(behind.actor_instances), before.actor_instances)
    } else if before.cached != behind.cached {
        "has to fetch the image".to_owned()
    } else if before.instances != behind.instances {
        format!("runs {} of all, not {}", instances(behind.instances), before.instances)
    } else if before.free_memory != behind.free_memory {
        format!("has {} of memory free, not {}", memory(behind), memory(before))
    } else {
        "the same in all that counts, and its key is the later one".to_owned()
    }
}

fn instances(count: u64) -> String {
    match count {
        1 => "1 instance".to_owned(),
        count => format!("{count} instances"),
    }
}

fn size(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;
    match bytes {
        GIB.. => format!("{}.{} GiB", bytes / GIB, bytes % GIB * 10 / GIB),
        bytes => format!("{} MiB", bytes / MIB),
    }
}

#[cfg(test)]
mod tests;
