//! Operations: what became of a command. Of this project.
//!
//! The host that took a command on is asked on `{prefix}.{lattice}.lattice.{host}.operation`, any host, for its own and for
//! those of others, on `{prefix}.{lattice}.lattice.operation` and `lattice.operations`. Records lie in the bucket
//! `LATTICEOPS_{lattice}`, under the operation's id, for a day.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    control::{
        Items, RefusalCode,
        lenient::{empty_as_none, good_items, nil_as_default},
    },
    id::{ActorKey, HostKey, LatticeName, OperationId},
};

/// The header in which a client names the operation that its command is to become, a UUIDv7.
pub const OPERATION_HEADER: &str = "Lattice-Operation";
/// The header in which a client says who it is, for the records; it proves nothing.
pub const REQUESTER_HEADER: &str = "Lattice-Requester";

/// Asks a host how an operation stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationQuery {
    /// The operation.
    #[serde(alias = "operationId")]
    pub operation_id: OperationId,
    /// The phase that is known already: the host answers as soon as there is another one. Without it, at the end.
    ///
    /// A phase that the host does not know is read as none: every phase differs from it, and whoever asks again and
    /// again would always be answered at once.
    #[serde(default, deserialize_with = "known_phase", skip_serializing_if = "Option::is_none")]
    pub past: Option<OperationPhase>,
    /// Milliseconds that the host may wait before it answers; 0 asks for an answer at once.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub wait: u64,
}

/// Asks any host for the operations of the lattice, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationsQuery {
    /// Only those about this actor.
    #[serde(default, alias = "actorId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<ActorKey>,
    /// Only those that this host accepted.
    #[serde(default, alias = "hostId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub host_id: Option<HostKey>,
    /// The lattice, repeated from the subject.
    #[serde(default, alias = "latticeId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub lattice_id: Option<LatticeName>,
    /// At most so many; 0 leaves it to the host.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub limit: u32,
    /// Only those that have not ended.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub unfinished: bool,
}

/// The operations of the lattice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationRecords {
    /// Whether there are more than were wanted.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub more: bool,
    /// The records, newest first. Must be there, or a refusal would read as a lattice without operations.
    pub operations: Items<OperationRecord>,
}

/// How an operation stands, and how it came there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationRecord {
    /// The actor that it is about, as soon as it is known.
    #[serde(default, alias = "actorId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<ActorKey>,
    /// Why it failed, outermost cause first; empty otherwise.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub causes: Vec<String>,
    /// What kind of failure it is, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<RefusalCode>,
    /// The command: the end of its subject, such as `scale` or `linkdefs.put`; `restore` where the host began it itself.
    #[serde(default, deserialize_with = "nil_as_default", skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// What was fetched for it, or how far that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetch: Option<ImageFetch>,
    /// The host that accepted it.
    #[serde(alias = "hostId")]
    pub host_id: HostKey,
    /// Which start of the host accepted it, the same as `hostepoch` in its events.
    #[serde(default, deserialize_with = "nil_as_default", skip_serializing_if = "String::is_empty")]
    pub incarnation: String,
    /// Of a link: its id, see [`LinkDefinition::id`](crate::LinkDefinition::id), where `link_revision` is told.
    #[serde(default, alias = "linkId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub link_id: Option<String>,
    /// Of a link: the revision of the lattice's bucket at which it stands as the command wanted it. What became of that at
    /// the providers that run, `lattice.deliveries` tells.
    #[serde(default, alias = "linkRevision", skip_serializing_if = "Option::is_none")]
    pub link_revision: Option<u64>,
    /// The operation.
    #[serde(alias = "operationId")]
    pub operation_id: OperationId,
    /// How far it got.
    pub phase: OperationPhase,
    /// Every phase that it reached, in order.
    #[serde(default, deserialize_with = "good_items", skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<ReachedPhase>,
    /// The image that it is about, if it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Who asked for it, by their own account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<String>,
    /// In a live update: microseconds in which calls met neither the old version nor the new.
    #[serde(default, alias = "swapMicros", skip_serializing_if = "Option::is_none")]
    pub swap_micros: Option<u64>,
    /// Whether no record of it outlives the host.
    #[serde(default, deserialize_with = "nil_as_default", skip_serializing_if = "std::ops::Not::not")]
    pub unrecorded: bool,
}

impl OperationRecord {
    /// Whether it tells more than that the operation is in this phase: it has ended, or got to another one.
    pub fn is_past(&self, phase: Option<OperationPhase>) -> bool {
        self.phase.is_final() || phase.is_some_and(|phase| phase != self.phase)
    }
}

/// How far the fetch of an image is, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFetch {
    /// The digest of its bytes, `sha256:` and hexadecimal digits, once they are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Bytes that are there.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub fetched: u64,
    /// What its source called the version that the reference named before, if that was another: a tag was moved.
    #[serde(default, alias = "movedFrom", skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<String>,
    /// Bytes that there are.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub size: u64,
    /// Why the host's cache does not keep it, should it not: it is fetched again the next time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unkept: Option<String>,
    /// What its source calls this version: the digest of a manifest in a registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// A phase and when it was reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReachedPhase {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// The phase.
    pub phase: OperationPhase,
}

/// How far an operation got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OperationPhase {
    /// The host took it on.
    Accepted,
    /// The image is being fetched.
    Fetching,
    /// Claims are being verified.
    Verifying,
    /// The module is being compiled.
    Compiling,
    /// Instances are being made ready.
    Starting,
    /// Calls go to the new version, and those that run in the old one end.
    Swapping,
    /// Done: what was to run runs.
    Running,
    /// Done: what was to stop has stopped.
    Stopped,
    /// Done: what was to change has changed.
    Done,
    /// It failed; the causes say why.
    Failed,
    /// The host went away before it had ended, and how far it got is not known.
    Lost,
    /// A phase of newer hosts.
    #[serde(other)]
    Unknown,
}

impl OperationPhase {
    /// Whether nothing more will happen. A phase that is not known is none to stop waiting at: hosts end operations in
    /// one of those that every client knows.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            OperationPhase::Running
                | OperationPhase::Stopped
                | OperationPhase::Done
                | OperationPhase::Failed
                | OperationPhase::Lost
        )
    }

    /// The phase as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            OperationPhase::Accepted => "accepted",
            OperationPhase::Fetching => "fetching",
            OperationPhase::Verifying => "verifying",
            OperationPhase::Compiling => "compiling",
            OperationPhase::Starting => "starting",
            OperationPhase::Swapping => "swapping",
            OperationPhase::Running => "running",
            OperationPhase::Stopped => "stopped",
            OperationPhase::Done => "done",
            OperationPhase::Failed => "failed",
            OperationPhase::Lost => "lost",
            OperationPhase::Unknown => "unknown",
        }
    }
}

/// Reads a phase to compare with; nil and a phase that is not known are none.
fn known_phase<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OperationPhase>, D::Error> {
    let phase = Option::deserialize(deserializer)?;
    Ok(phase.filter(|phase| *phase != OperationPhase::Unknown))
}
