//! The roll call of a gather: who is expected, who has answered, whom to ask directly, and when it is over.
//!
//! Values alone: what happens is told with the time at which it did, and [`Roll::next`] says what to do.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use lattice_protocol::{HostKey, Member, Members};
use tokio::time::Instant;

use super::{Missing, Summary};

/// What a gather goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// When it is over at the latest.
    pub(super) end: Instant,
    /// How long to go on after the last answer where not all hosts are known.
    pub(super) quiet: Duration,
    /// How long after the last answer a silent member is asked directly.
    pub(super) grace: Duration,
    /// How long after that it is asked again: it may be gone by then.
    pub(super) again: Duration,
    /// Whether hosts of other projects may say nothing and mean something by it.
    pub(super) silence_is_an_answer: bool,
}

/// What to do next.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// Ask these members whether they are there.
    Ask(Vec<Member>),
    /// Nothing until something happens, or this time has come.
    Wait(Instant),
    /// It is over.
    Done,
}

/// What came of asking a member directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It answered, well or not.
    There,
    /// Nobody listens: it is gone.
    Gone,
    /// It said nothing.
    Silent,
}

/// The roll of one gather.
#[derive(Debug)]
pub(super) struct Roll {
    rules: Rules,
    membership: Membership,
    /// Who answered and said so.
    answered: BTreeSet<HostKey>,
    /// Answers that do not say whose they are.
    unnamed: usize,
    /// Since when nothing has been heard.
    quiet_since: Instant,
    heard: bool,
    /// When to ask silent members next.
    ask_at: Option<Instant>,
    nobody: bool,
}

#[derive(Debug)]
enum Membership {
    Asked,
    Unknown,
    Known(BTreeMap<HostKey, Expected>),
}

#[derive(Debug)]
struct Expected {
    member: Member,
    presence: Option<Presence>,
}

impl Roll {
    pub(super) fn new(rules: Rules, now: Instant) -> Self {
        Self {
            rules,
            membership: Membership::Asked,
            answered: BTreeSet::new(),
            unnamed: 0,
            quiet_since: now,
            heard: false,
            ask_at: None,
            nobody: false,
        }
    }

    /// An answer came, from this host if it says so.
    pub(super) fn answered(&mut self, host: Option<HostKey>, now: Instant) {
        match host {
            Some(host) => drop(self.answered.insert(host)),
            None => self.unnamed += 1,
        }
        self.heard = true;
        self.quiet_since = now;
    }

    /// The server says that nobody listens.
    pub(super) fn nobody(&mut self) {
        self.nobody = !self.heard;
    }

    /// These are the members; `None` if no host could tell. An empty list is no better: who told it does not know itself.
    pub(super) fn members(&mut self, members: Option<Members>, now: Instant) {
        let members = members.map(|members| members.members.good).filter(|members| !members.is_empty());
        self.membership = match members {
            None => Membership::Unknown,
            Some(members) => {
                let expected = |member: Member| (member.host_id.clone(), Expected { member, presence: None });
                Membership::Known(members.into_iter().map(expected).collect())
            }
        };
        if !self.heard {
            self.quiet_since = now;
        }
    }

    /// This came of asking a member directly.
    pub(super) fn asked(&mut self, host: &HostKey, presence: Presence) {
        let Membership::Known(members) = &mut self.membership else { return };
        let Some(expected) = members.get_mut(host) else { return };
        // It is asked more than once, and what it said earlier may come later.
        expected.presence = match (expected.presence, presence) {
            (Some(Presence::Gone), _) | (_, Presence::Gone) => Some(Presence::Gone),
            (Some(Presence::There), _) | (_, Presence::There) => Some(Presence::There),
            _ => Some(Presence::Silent),
        };
    }

    pub(super) fn next(&mut self, now: Instant) -> Next {
        if self.nobody || now >= self.rules.end {
            return Next::Done;
        }
        match &self.membership {
            Membership::Asked => Next::Wait(self.rules.end),
            Membership::Unknown if self.heard => self.until_quiet(now),
            Membership::Unknown => Next::Wait(self.rules.end),
            Membership::Known(_) if !self.is_settled() => self.until_asked(now),
            Membership::Known(_) if self.has_foreigners() => self.until_quiet(now),
            Membership::Known(_) => Next::Done,
        }
    }

    /// Whether anybody was heard, or is known to be missing: without either there is no result.
    pub(super) fn is_blank(&self) -> bool {
        let known = matches!(&self.membership, Membership::Known(_));
        !(self.heard || self.nobody || known || self.rules.silence_is_an_answer)
    }

    /// How it ended.
    pub(super) fn summary(&self) -> Summary {
        if self.nobody {
            return Summary { complete: true, missing: Vec::new() };
        }
        let missing: Vec<Missing> = self.missing().map(missing).collect();
        Summary { complete: matches!(self.membership, Membership::Known(_)) && missing.is_empty(), missing }
    }

    fn until_quiet(&self, now: Instant) -> Next {
        wait_until(now, self.quiet_since + self.rules.quiet, self.rules.end)
    }

    fn until_asked(&mut self, now: Instant) -> Next {
        let ask_at = self.ask_at.unwrap_or(self.quiet_since + self.rules.grace);
        if now < ask_at {
            return Next::Wait(ask_at.min(self.rules.end));
        }
        self.ask_at = Some(now + self.rules.again);
        Next::Ask(self.outstanding().map(|expected| expected.member.clone()).collect())
    }

    /// Whether nobody is waited for: all have answered, or are there and may be those whose answers do not say it.
    fn is_settled(&self) -> bool {
        let are_there = self.outstanding().all(|expected| expected.presence == Some(Presence::There));
        are_there && self.outstanding().count() <= self.unnamed
    }

    /// Members of whom no answer is known and who are not known to be gone.
    fn outstanding(&self) -> impl Iterator<Item = &Expected> {
        let members = match &self.membership {
            Membership::Known(members) => Some(members.values()),
            Membership::Asked | Membership::Unknown => None,
        };
        members.into_iter().flatten().filter(|expected| {
            let may_be_silent = self.rules.silence_is_an_answer && expected.member.foreign;
            let is_gone = expected.presence == Some(Presence::Gone);
            !may_be_silent && !is_gone && !self.answered.contains(&expected.member.host_id)
        })
    }

    /// The outstanding less those whose answers do not say whose they are. That can be told only if all who are there
    /// gave one; otherwise any of them may be missing.
    fn missing(&self) -> impl Iterator<Item = &Expected> {
        let there = |expected: &&Expected| expected.presence == Some(Presence::There);
        let explained = self.outstanding().filter(there).count() <= self.unnamed;
        self.outstanding().filter(move |expected| !(explained && there(expected)))
    }

    fn has_foreigners(&self) -> bool {
        let Membership::Known(members) = &self.membership else { return true };
        let is_foreign = |expected: &Expected| expected.member.foreign && expected.presence != Some(Presence::Gone);
        members.values().any(is_foreign) || self.answered.iter().any(|host| !members.contains_key(host))
    }
}

fn wait_until(now: Instant, until: Instant, end: Instant) -> Next {
    if now >= until { Next::Done } else { Next::Wait(until.min(end)) }
}

fn missing(expected: &Expected) -> Missing {
    let Member { host_id, friendly_name, foreign, .. } = expected.member.clone();
    Missing { host_id, friendly_name, foreign, is_there: expected.presence == Some(Presence::There) }
}

#[cfg(test)]
mod tests;
