//! What events tell, by kind.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::provider::{HealthCheck, ProviderExited, ProviderStartFailed, ProviderStarted, ProviderStopped};
use crate::{
    control::{
        Annotations, Count, HostInventory, Labels, LinkDefinition, LinkValues, clamped, lenient::nil_as_default,
        link_name,
    },
    id::{ActorKey, ContractId, EntityKey, HostKey, LinkName, ProviderKey},
};

macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident($data:ty) = $name:literal,)*) => {
        /// The data of an event of a known kind.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum EventData {
            $($(#[$doc])* $variant($data),)*
        }

        impl EventData {
            /// The event's name, without the type's prefix.
            pub fn name(&self) -> &'static str {
                match self {
                    $(EventData::$variant(_) => $name,)*
                }
            }

            pub(super) fn to_value(&self) -> Value {
                let value = match self {
                    $(EventData::$variant(data) => serde_json::to_value(data),)*
                };
                value.expect("event data have string keys")
            }

            pub(super) fn from_value(name: &str, value: &Value) -> Option<Self> {
                match name {
                    $($name => <$data>::deserialize(value).ok().map(EventData::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

events! {
    /// A host joined the lattice.
    HostStarted(HostStarted) = "host_started",
    /// A host left in order.
    HostStopped(HostStopped) = "host_stopped",
    /// A host is alive, and this runs on it.
    HostHeartbeat(HostInventory) = "host_heartbeat",
    /// One instance started.
    ActorStarted(ActorStarted) = "actor_started",
    /// Instances were added.
    ActorsStarted(ActorsStarted) = "actors_started",
    /// Instances could not be started.
    ActorsStartFailed(ActorsStartFailed) = "actors_start_failed",
    /// Instances were stopped.
    ActorsStopped(ActorsStopped) = "actors_stopped",
    /// The number of instances changed.
    ActorScaled(ActorScaled) = "actor_scaled",
    /// The number of instances could not be changed.
    ActorScaleFailed(ActorScaleFailed) = "actor_scale_failed",
    /// Instances run another image of their actor.
    ActorUpdated(ActorUpdated) = "actor_updated",
    /// An update did not come about; what ran goes on.
    ActorUpdateFailed(ActorUpdateFailed) = "actor_update_failed",
    /// A capability provider started and serves.
    ProviderStarted(ProviderStarted) = "provider_started",
    /// A capability provider could not be started.
    ProviderStartFailed(ProviderStartFailed) = "provider_start_failed",
    /// A capability provider was stopped.
    ProviderStopped(ProviderStopped) = "provider_stopped",
    /// The process of a capability provider ended by itself.
    ProviderExited(ProviderExited) = "provider_exited",
    /// A capability provider is well, and was not before.
    HealthCheckPassed(HealthCheck) = "health_check_passed",
    /// A capability provider is not well, and was before.
    HealthCheckFailed(HealthCheck) = "health_check_failed",
    /// A capability provider is as it was before.
    HealthCheckStatus(HealthCheck) = "health_check_status",
    /// The labels of a host changed.
    LabelsChanged(LabelsChanged) = "labels_changed",
    /// There is a link, or it has other values.
    LinkdefSet(LinkdefChange) = "linkdef_set",
    /// A link is gone.
    LinkdefDeleted(LinkdefChange) = "linkdef_deleted",
    /// A configuration value was set.
    ConfigSet(ConfigChange) = "config_set",
    /// A configuration value is gone.
    ConfigDeleted(ConfigChange) = "config_deleted",
}

/// Data of `host_started`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostStarted {
    /// The name people use.
    pub friendly_name: String,
    /// What the host says of itself.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub labels: Labels,
    /// Always 0.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub uptime_seconds: u64,
    /// The host's version.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub version: String,
}

/// Data of `host_stopped`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostStopped {
    /// What the host said of itself.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub labels: Labels,
}

/// What an event says of an actor's claims.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorClaims {
    /// The name under which it can be called.
    #[serde(default)]
    pub call_alias: Option<String>,
    /// The contracts it may use.
    #[serde(default)]
    pub caps: Option<Vec<String>>,
    /// When the claims expire, in words.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub expires_human: String,
    /// Who issued the claims.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub issuer: String,
    /// The name.
    #[serde(default)]
    pub name: Option<String>,
    /// From when on the claims count, in words.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub not_before_human: String,
    /// The revision.
    #[serde(default)]
    pub revision: Option<i32>,
    /// The tags.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    /// The version, in words.
    #[serde(default)]
    pub version: Option<String>,
}

/// Data of `actor_started`, one for each instance up to a bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorStarted {
    /// What was noted on the instance.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub annotations: Annotations,
    /// `n/a`; early hosts told the interface version here.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub api_version: String,
    /// The claims.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub claims: ActorClaims,
    /// The host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_id: Option<HostKey>,
    /// The image.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub image_ref: String,
    /// The instance.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub instance_id: String,
    /// The actor.
    pub public_key: ActorKey,
}

/// Data of `actors_started`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorsStarted {
    /// What was noted on the instances.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub annotations: Annotations,
    /// The claims.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub claims: ActorClaims,
    /// How many were added.
    #[serde(deserialize_with = "clamped")]
    pub count: Count,
    /// The host.
    pub host_id: HostKey,
    /// The image.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub image_ref: String,
    /// The actor.
    pub public_key: ActorKey,
}

/// Data of `actors_start_failed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorsStartFailed {
    /// The image again, under the name that one published client looks for.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub actor_ref: String,
    /// What was to be noted on the instances.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub annotations: Annotations,
    /// Why, with its causes.
    pub error: String,
    /// The host.
    pub host_id: HostKey,
    /// The image.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub image_ref: String,
    /// The actor's key, `N/A` while it is not known.
    pub public_key: String,
}

/// Data of `actors_stopped`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorsStopped {
    /// What was noted on the instances.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub annotations: Annotations,
    /// How many were stopped.
    #[serde(deserialize_with = "clamped")]
    pub count: Count,
    /// The host.
    pub host_id: HostKey,
    /// The image.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub image_ref: String,
    /// The actor.
    pub public_key: ActorKey,
    /// How many with these annotations go on.
    #[serde(default, deserialize_with = "clamped")]
    pub remaining: Count,
}

/// Data of `actor_scaled`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorScaled {
    /// What was noted on the instances.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub annotations: Annotations,
    /// The claims.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub claims: ActorClaims,
    /// The host.
    pub host_id: HostKey,
    /// The image.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub image_ref: String,
    /// How many instances there are now.
    ///
    /// wasmCloud 0.82 told how many went when the number fell; the documented meaning is kept here.
    #[serde(deserialize_with = "clamped")]
    pub max_instances: Count,
    /// The actor.
    pub public_key: ActorKey,
}

/// Data of `actor_scale_failed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorScaleFailed {
    /// The image again, under the name that one published client looks for.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub actor_ref: String,
    /// The annotations of the instances that were meant.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub annotations: Annotations,
    /// Why, with its causes.
    pub error: String,
    /// The host.
    pub host_id: HostKey,
    /// The image.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub image_ref: String,
    /// How many instances there were to be.
    #[serde(deserialize_with = "clamped")]
    pub max_instances: Count,
    /// The actor's key, `N/A` while it is not known.
    pub public_key: String,
}

/// Data of `actor_updated`, one for each annotation set.
///
/// Hosts of the Elixir generation send one per instance and tell nothing but the instance, the actor and the revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorUpdated {
    /// The annotations of the instances.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub annotations: Annotations,
    /// The host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_id: Option<HostKey>,
    /// The image that runs now.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub image_ref: String,
    /// The first of the instances.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub instance_id: String,
    /// The image that ran before.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub old_image_ref: String,
    /// The revision that ran before.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub old_revision: i32,
    /// The actor.
    pub public_key: ActorKey,
    /// The revision that runs now.
    pub revision: i32,
}

/// Data of `actor_update_failed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorUpdateFailed {
    /// The annotations that were meant.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub annotations: Annotations,
    /// The host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_id: Option<HostKey>,
    /// The image that was to run.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub image_ref: String,
    /// The actor.
    pub public_key: ActorKey,
    /// Why, with its causes.
    pub reason: String,
}

/// Data of `labels_changed`.
///
/// Source: wasmCloud 1.0 `crates/host/src/wasmbus/event.rs`; the earlier generation has no such event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelsChanged {
    /// The host.
    pub host_id: HostKey,
    /// All labels, as they are now.
    pub labels: Labels,
}

/// Data of `linkdef_set` and `linkdef_deleted`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkdefChange {
    /// The actor.
    pub actor_id: ActorKey,
    /// The contract.
    pub contract_id: ContractId,
    /// The link's id, see [`LinkDefinition::id`].
    #[serde(default, deserialize_with = "nil_as_default")]
    pub id: String,
    /// The link's name.
    #[serde(default, deserialize_with = "link_name")]
    pub link_name: LinkName,
    /// The provider.
    pub provider_id: ProviderKey,
    /// Always empty from hosts of this project: link values may hold secrets, and not everybody who sees events may see
    /// those.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub values: LinkValues,
}

impl LinkdefChange {
    /// What an event tells of a link.
    pub fn of(link: &LinkDefinition) -> Self {
        Self {
            actor_id: link.actor_id.clone(),
            contract_id: link.contract_id.clone(),
            id: link.id(),
            link_name: link.link_name.clone(),
            provider_id: link.provider_id.clone(),
            values: LinkValues::new(),
        }
    }
}

/// Data of `config_set` and `config_deleted`; neither tells the value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigChange {
    /// The actor or provider.
    pub entity_id: EntityKey,
    /// The value's key.
    pub key: String,
}
