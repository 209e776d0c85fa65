//! Who belongs to the lattice: what hosts note of each other, so that a gather knows for whom to wait.
//!
//! Of this project. Hosts keep an entry for themselves in the bucket `LATTICEHOSTS_{lattice}`, under their key, and one for
//! each host of another project whose heartbeats they see; clients ask any host, on `{prefix}.{lattice}.lattice.members`.

use serde::{Deserialize, Serialize};

use super::{
    Items,
    lenient::{empty_as_none, nil_as_default},
};
use crate::id::HostKey;

/// A host of the lattice, as it or another one noted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Milliseconds since it was last noted, when somebody asks; not part of the note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<u64>,
    /// Whether it is a host of another project, which another host noted from its heartbeat.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub foreign: bool,
    /// The name people use.
    #[serde(default, alias = "friendlyName", deserialize_with = "nil_as_default")]
    pub friendly_name: String,
    /// The host.
    #[serde(alias = "hostId")]
    pub host_id: HostKey,
    /// Which start of the host it is, the same as `hostepoch` in its events; hosts of other projects have none.
    #[serde(default, deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<String>,
    /// Milliseconds between two notes.
    pub interval: u64,
    /// The host's version.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub version: String,
}

impl Member {
    /// Notes that a host may miss before it counts as gone: one may be late and one lost.
    pub const MISSED_NOTES: u64 = 3;

    /// Whether a note that is `age` milliseconds old says that the host is there.
    pub fn is_fresh(&self, age: u64) -> bool {
        age <= self.interval.saturating_mul(Self::MISSED_NOTES)
    }
}

/// The members of a lattice, as one of its hosts knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// Those that noted themselves lately, by key. Must be there, or a refusal would read as a lattice without hosts.
    pub members: Items<Member>,
}
