//! What a host and the process of a capability provider say to each other, beside invocations.
//!
//! Source: wasmbus-rpc 0.15 `wasmbus_core.rs` and `provider.rs`, wasmCloud 0.82 `crates/core/src/lib.rs` and
//! `crates/provider-sdk/src`. Everything but the host data and the shutdown is MessagePack with snake_case keys.

mod host_data;

use serde::{Deserialize, Serialize};

use crate::{
    control::{
        LinkDefinition,
        lenient::{empty_as_none, nil_as_default},
    },
    id::{ActorKey, HostKey},
};

pub use host_data::{DirectAccess, HostData, HostDataError, OtelConfig};

/// What a provider answers when it is to shut down, as published providers do.
pub const SHUTDOWN_ANSWER: &str = "shutting down";

/// On what a host sends to a provider: the `instance_id` of the process that is meant. All processes of a provider hear it,
/// on whatever host; with this header, processes of this project's SDK leave the answer to the one that is meant.
pub const INSTANCE_HEADER: &str = "Lattice-Instance";

/// The answer to a health check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheckResponse {
    /// Whether the provider is well.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub healthy: bool,
    /// More about it, in words.
    #[serde(default, deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The version of this project's SDK that the provider was built with. It says that the provider answers when links
    /// change, and takes a link with other values for a change.
    #[serde(default, deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub lattice_sdk: Option<String>,
}

/// Asks a provider to shut down, as JSON. A provider heeds only its own host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShutdownRequest {
    /// The host of the provider that is meant.
    #[serde(default, deserialize_with = "empty_as_none")]
    pub host_id: Option<HostKey>,
}

/// What a provider of this project answers when a link is put or deleted; published ones do not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkAnswer {
    /// Which process answers: its `instance_id` in the host data.
    pub instance_id: String,
    /// Why the provider does not take the link; absent if it took it.
    #[serde(default, deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A link as it is deleted on the bus of invocations: published hosts send the whole definition, of which providers read
/// the actor.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DeletedLink {
    /// The actor.
    #[serde(alias = "actorId")]
    pub actor_id: ActorKey,
}

impl From<&LinkDefinition> for DeletedLink {
    fn from(link: &LinkDefinition) -> Self {
        Self { actor_id: link.actor_id.clone() }
    }
}
