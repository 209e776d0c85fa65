//! Who is there, as the bucket of the members tells: those who noted themselves lately, and those who are about to go.

use std::time::Duration;

use async_nats::jetstream::kv::Entry;
use lattice_protocol::{HostKey, Member};
use serde::{Deserialize, Serialize};

/// Who is there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roll {
    /// Those for whom gathers wait.
    pub(crate) members: lattice_protocol::Members,
    leaving: Vec<Leaving>,
}

/// The note of a host that stops: nobody is to wait for its answers, and what it has begun is not lost yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Leaving {
    pub(super) host_id: HostKey,
    pub(super) incarnation: String,
    /// Milliseconds that it may take to stop.
    pub(super) within: u64,
}

impl Roll {
    /// Reads what the bucket holds.
    ///
    /// A note is as old as the newest of all is newer: the server stored both, so that no other clock counts, and a host that
    /// reads has noted itself within its interval.
    pub(super) fn read(entries: &[Entry]) -> Self {
        let Some(newest) = entries.iter().map(|entry| entry.created).max() else { return Self::default() };
        let age = |entry: &Entry| {
            let age = Duration::try_from(newest - entry.created).unwrap_or_default();
            u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
        };
        let mut members: Vec<Member> = entries.iter().filter_map(|entry| member(entry, age(entry))).collect();
        members.sort_by(|a, b| a.host_id.cmp(&b.host_id));
        let leaving = entries.iter().filter_map(|entry| leaving(entry, age(entry))).collect();
        Self { members: lattice_protocol::Members { members: members.into() }, leaving }
    }

    /// A host that is there.
    pub(super) fn member(&self, host: &HostKey) -> Option<&Member> {
        self.members.members.iter().find(|member| member.host_id == *host)
    }

    /// Whether this start of a host goes on with what it has begun.
    pub(crate) fn works(&self, host: &HostKey, incarnation: &str) -> bool {
        let is_it = |member: &Member| member.host_id == *host && member.incarnation.as_deref() == Some(incarnation);
        let is_leaving = |note: &Leaving| note.host_id == *host && note.incarnation == incarnation;
        self.members.members.iter().any(is_it) || self.leaving.iter().any(is_leaving)
    }
}

#[cfg(test)]
impl From<Vec<Member>> for Roll {
    fn from(members: Vec<Member>) -> Self {
        Self { members: lattice_protocol::Members { members: members.into() }, leaving: Vec::new() }
    }
}

fn member(entry: &Entry, age: u64) -> Option<Member> {
    let member: Member = serde_json::from_slice(&entry.value).ok()?;
    member.is_fresh(age).then_some(Member { age: Some(age), ..member })
}

fn leaving(entry: &Entry, age: u64) -> Option<Leaving> {
    let note: Leaving = serde_json::from_slice(&entry.value).ok()?;
    (age <= note.within).then_some(note)
}
