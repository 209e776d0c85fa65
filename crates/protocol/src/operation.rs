//! Operations: what became of a command. Of this project, asked on `{prefix}.{lattice}.lattice.{host}.operation`.

use serde::{Deserialize, Serialize};

use crate::id::{ActorKey, HostKey, OperationId};

/// The header in which a client names the operation that its command is to become, a UUIDv7.
pub const OPERATION_HEADER: &str = "Lattice-Operation";

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_have_their_names_and_an_end() {
        let phases = [
            (OperationPhase::Accepted, "accepted", false),
            (OperationPhase::Fetching, "fetching", false),
            (OperationPhase::Verifying, "verifying", false),
            (OperationPhase::Compiling, "compiling", false),
            (OperationPhase::Starting, "starting", false),
            (OperationPhase::Running, "running", true),
            (OperationPhase::Stopped, "stopped", true),
            (OperationPhase::Failed, "failed", true),
        ];
        for (phase, name, is_final) in phases {
            assert_eq!(serde_json::to_value(phase).expect("a phase is a word"), name);
            assert_eq!(phase.is_final(), is_final, "{name}");
        }
    }

    #[test]
    fn a_query_without_wait_asks_for_an_answer_at_once() {
        for text in [r#"{"operation_id":"a"}"#, r#"{"operationId":"a","later":1}"#] {
            let query: OperationQuery = serde_json::from_str(text).expect("a query");
            assert_eq!((query.operation_id.as_str(), query.wait), ("a", 0));
        }
    }
}
