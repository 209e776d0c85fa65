//! The answer to a command.

use serde::{Deserialize, Serialize};

use super::lenient::nil_as_default;
use crate::id::OperationId;

/// Whether a host takes a command on. Accepted does not mean done: the operation tells how it went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// Whether the command was taken on.
    pub accepted: bool,
    /// Why not; empty when accepted.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub error: String,
    /// The operation that the command became; only hosts of this project tell it.
    #[serde(default, alias = "operationId", skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<OperationId>,
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
}
