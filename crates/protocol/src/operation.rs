//! Operations: what became of a command. Of this project, asked on `{prefix}.{lattice}.lattice.{host}.operation`.

use serde::{Deserialize, Serialize};

use crate::id::{ActorKey, HostKey, OperationId};

/// Asks a host how an operation stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationQuery {
    /// The operation.
    #[serde(alias = "operationId")]
    pub operation_id: OperationId,
    /// Milliseconds that the host may wait for the operation to end before it answers; 0 asks for an answer at once.
    #[serde(default)]
    pub wait: u64,
}

/// How an operation stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationRecord {
    /// The actor that it is about, as soon as it is known.
    #[serde(default, alias = "actorId", skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<ActorKey>,
    /// Why it failed, outermost cause first; empty otherwise.
    #[serde(default)]
    pub causes: Vec<String>,
    /// The host that accepted it.
    #[serde(alias = "hostId")]
    pub host_id: HostKey,
    /// The operation.
    #[serde(alias = "operationId")]
    pub operation_id: OperationId,
    /// How far it got.
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
    /// Done: what was to run runs.
    Running,
    /// Done: what was to stop has stopped.
    Stopped,
    /// It failed; the causes say why.
    Failed,
}

impl OperationPhase {
    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        matches!(self, OperationPhase::Running | OperationPhase::Stopped | OperationPhase::Failed)
    }
}
