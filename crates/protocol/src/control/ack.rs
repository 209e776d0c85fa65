//! The answer to a command.

use serde::{Deserialize, Serialize};

use super::lenient::{empty_as_none, nil_as_default};
use crate::{
    codes::codes,
    id::{OperationId, ProviderKey},
};

/// Whether a host takes a command on. Accepted does not mean done: the operation tells how it went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// Whether the command was taken on.
    pub accepted: bool,
    /// What kind of refusal it is, for programs; only hosts of this project tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<RefusalCode>,
    /// Why not; empty when accepted.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub error: String,
    /// The operation that the command became; only hosts of this project tell it.
    #[serde(
        default,
        alias = "operationId",
        deserialize_with = "empty_as_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub operation_id: Option<OperationId>,
    /// With [`RefusalCode::LinkConflict`]: the provider of the link that stands.
    #[serde(
        default,
        alias = "providerId",
        deserialize_with = "empty_as_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub provider_id: Option<ProviderKey>,
    /// Whether no record of the operation outlives the host, for JetStream does not take it.
    #[serde(default, deserialize_with = "nil_as_default", skip_serializing_if = "std::ops::Not::not")]
    pub unrecorded: bool,
}

codes! {
    /// What kind of refusal it is. Of this project; the text says it in words.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    #[non_exhaustive]
    pub enum RefusalCode {
        /// The body, a header or the subject cannot be read, or says something impossible.
        Invalid = "invalid",
        /// The request names another lattice than its subject.
        OtherLattice = "other_lattice",
        /// The host has no such operation.
        Unsupported = "unsupported",
        /// A policy of the host forbids it: files or unsigned modules, for instance.
        NotAllowed = "not_allowed",
        /// What is to be changed does not run here, or not with these annotations.
        NotRunning = "not_running",
        /// Something else stands or runs in its place.
        Conflict = "conflict",
        /// Another provider's link stands under this actor, contract and link name.
        LinkConflict = "link_conflict",
        /// The bid was made too long ago, was used already, or the host has changed since.
        BidStale = "bid_stale",
        /// The operation id belongs to another command.
        OperationConflict = "operation_conflict",
        /// The host has as much to do or to run as it can.
        Full = "full",
        /// The host is stopping.
        Stopping = "stopping",
        /// What is needed does not work: JetStream is not there, a permission is missing, or the host's disk takes nothing.
        Unavailable = "unavailable",
        /// There is no such thing.
        NotFound = "not_found",
        /// The answer is larger than what the server carries.
        TooLarge = "too_large",
        /// A refusal of a newer host.
        #[serde(other)]
        Other = "other",
    }
    /// All codes.
    pub const ALL;
}

impl Ack {
    /// The command was done or taken on, without an operation to follow.
    pub fn accepted() -> Self {
        Self { accepted: true, ..Self::default() }
    }

    /// The command became this operation.
    pub fn operation(id: OperationId) -> Self {
        Self { accepted: true, operation_id: Some(id), ..Self::default() }
    }

    /// The command was refused.
    pub fn refused(error: impl Into<String>) -> Self {
        Self { error: error.into(), ..Self::default() }
    }

    /// The same refusal, with its kind.
    #[must_use]
    pub fn with_code(mut self, code: RefusalCode) -> Self {
        self.code = Some(code);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_named_as_they_are_written() {
        for code in RefusalCode::ALL {
            assert_eq!(serde_json::to_value(code).expect("a code"), code.as_str());
        }
    }
}
