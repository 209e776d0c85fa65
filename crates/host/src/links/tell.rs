//! Telling the lattice that a link changed: once, whoever changed it.
//!
//! A host of this project that changes a link tells it itself. What others write into the bucket is seen by every host, and
//! told by the one of this project with the smallest key among those that are there.

use lattice_protocol::{
    HostKey, Members as MemberList, OperationId,
    event::{EventData, LinkdefChange},
};

use super::Change;
use crate::{events::Events, members::Members};

/// Tells the lattice of changes of links.
#[derive(Clone, Debug)]
pub(crate) struct Teller {
    host: HostKey,
    members: Members,
    events: Events,
}

impl Teller {
    pub(crate) fn new(host: HostKey, members: Members, events: Events) -> Self {
        Self { host, members, events }
    }

    /// Tells of changes that others made, if it is this host's turn. If nobody can say whose turn it is, it tells: twice is
    /// better than never.
    pub(crate) async fn tell(&self, changes: Vec<Change>) {
        let is_turn = match self.members.current().await {
            Ok(roll) => is_first(&self.host, &roll.members),
            Err(_) => true,
        };
        if is_turn {
            changes.iter().for_each(|change| self.events.publish(event(change)));
        }
    }

    /// Tells of a change that this host made.
    pub(super) fn tell_own(&self, change: &Change, operation: &OperationId) {
        self.events.publish_for(Some(operation), event(change));
    }
}

fn event(change: &Change) -> EventData {
    match change {
        Change::Set(link) => EventData::LinkdefSet(LinkdefChange::of(link)),
        Change::Gone(link) => EventData::LinkdefDeleted(LinkdefChange::of(link)),
    }
}

/// Whether a host is the first of this project's; also if none of them is known.
fn is_first(host: &HostKey, members: &MemberList) -> bool {
    let ours = members.members.iter().filter(|member| !member.foreign).map(|member| &member.host_id);
    ours.min().is_none_or(|first| first == host)
}

#[cfg(test)]
mod tests {
    use lattice_protocol::Member;

    use super::*;

    const ONE: &str = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA";
    const OTHER: &str = "ND5UO4UC7CG53OSHCR4Z7T25FW76EX4H3P2KQLQC5H4OKSR2PRGHBSII";

    fn check(members: &[(&str, bool)], host: &str, expect: bool) {
        let member = |(host, foreign): &(&str, bool)| Member {
            age: None,
            foreign: *foreign,
            friendly_name: String::new(),
            host_id: host.parse().expect("a published key"),
            incarnation: None,
            interval: 5000,
            version: String::new(),
        };
        let members = MemberList { members: members.iter().map(member).collect() };
        assert_eq!(is_first(&host.parse().expect("a published key"), &members), expect);
    }

    #[test]
    fn the_first_of_ours_tells() {
        check(&[], ONE, true);
        check(&[(ONE, false), (OTHER, false)], ONE, true);
        check(&[(ONE, false), (OTHER, false)], OTHER, false);
        check(&[(ONE, true), (OTHER, false)], OTHER, true);
        check(&[(ONE, true)], OTHER, true);
    }
}
