//! Identifiers as parsed types: holding one is proof that its text is well formed.

mod key;
mod name;

pub use key::{AccountKey, ActorKey, ClusterKey, EntityKey, HostKey, KeyKind, ProviderKey, UserKey};
pub use name::{CallAlias, ContractId, LatticeName, LinkName, OperationId};
