//! The answer to a command.

use serde::{Deserialize, Serialize};

use super::lenient::{empty_as_none, nil_as_default};
use crate::id::{OperationId, ProviderKey};

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

/// What kind of refusal it is. Of this project; the text says it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefusalCode {
    /// The body, a header or the subject cannot be read, or says something impossible.
    Invalid,
    /// The request names another lattice than its subject.
    OtherLattice,
    /// The host has no such operation.
    Unsupported,
    /// A policy of the host forbids it: files or unsigned modules, for instance.
    NotAllowed,
    /// What is to be changed does not run here, or not with these annotations.
    NotRunning,
    /// Something else stands or runs in its place.
    Conflict,
    /// Another provider's link stands under this actor, contract and link name.
    LinkConflict,
    /// The bid was made too long ago, was used already, or the host has changed since.
    BidStale,
    /// The operation id belongs to another command.
    OperationConflict,
    /// The host has as much to do or to run as it can.
    Full,
    /// The host is stopping.
    Stopping,
    /// What is needed does not work: JetStream is not there, a permission is missing, or the host's disk takes nothing.
    Unavailable,
    /// There is no such thing.
    NotFound,
    /// The answer is larger than what the server carries.
    TooLarge,
    /// A refusal of a newer host.
    #[serde(other)]
    Other,
}

impl RefusalCode {
    /// The code as it stands in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            RefusalCode::Invalid => "invalid",
            RefusalCode::OtherLattice => "other_lattice",
            RefusalCode::Unsupported => "unsupported",
            RefusalCode::NotAllowed => "not_allowed",
            RefusalCode::NotRunning => "not_running",
            RefusalCode::Conflict => "conflict",
            RefusalCode::LinkConflict => "link_conflict",
            RefusalCode::BidStale => "bid_stale",
            RefusalCode::OperationConflict => "operation_conflict",
            RefusalCode::Full => "full",
            RefusalCode::Stopping => "stopping",
            RefusalCode::Unavailable => "unavailable",
            RefusalCode::NotFound => "not_found",
            RefusalCode::TooLarge => "too_large",
            RefusalCode::Other => "other",
        }
    }
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
        use RefusalCode::*;
        let all = [
            Invalid,
            OtherLattice,
            Unsupported,
            NotAllowed,
            NotRunning,
            Conflict,
            LinkConflict,
            BidStale,
            OperationConflict,
            Full,
            Stopping,
            Unavailable,
            NotFound,
            TooLarge,
            Other,
        ];
        for code in all {
            assert_eq!(serde_json::to_value(code).expect("a code"), code.as_str());
        }
    }
}
