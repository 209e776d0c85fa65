//! What hosts say of themselves and of what runs on them.

use serde::{Deserialize, Deserializer, Serialize};

use super::{
    Annotations, Items, Labels,
    command::link_name,
    count::clamped,
    lenient::{empty_as_none, nil_as_default},
};
use crate::id::{ActorKey, ContractId, HostKey, LinkName, ProviderKey};

/// A host's answer to `ping.hosts` and `get.hosts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Keys whose invocations the host accepts, joined by commas.
    #[serde(default, alias = "clusterIssuers", skip_serializing_if = "Option::is_none")]
    pub cluster_issuers: Option<String>,
    /// Where the host's control connection goes, without user info.
    #[serde(default, alias = "ctlHost", skip_serializing_if = "Option::is_none")]
    pub ctl_host: Option<String>,
    /// The name people use.
    #[serde(default, alias = "friendlyName", deserialize_with = "nil_as_default")]
    pub friendly_name: String,
    /// The host.
    pub id: HostKey,
    /// The cluster key with which the host signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The JetStream domain, if one is configured.
    #[serde(default, alias = "jsDomain")]
    pub js_domain: Option<String>,
    /// What the host says of itself.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub labels: Labels,
    /// The lattice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lattice: Option<String>,
    /// The lattice, under the name that older clients read.
    #[serde(default, alias = "latticePrefix", skip_serializing_if = "Option::is_none")]
    pub lattice_prefix: Option<String>,
    /// Where invocations of providers go; only older hosts tell.
    #[serde(default, alias = "provRpcHost", skip_serializing_if = "Option::is_none")]
    pub prov_rpc_host: Option<String>,
    /// Where the host's RPC connection goes, without user info.
    #[serde(default, alias = "rpcHost", skip_serializing_if = "Option::is_none")]
    pub rpc_host: Option<String>,
    /// How long the host has run, in words.
    #[serde(default, alias = "uptimeHuman", skip_serializing_if = "Option::is_none")]
    pub uptime_human: Option<String>,
    /// How long the host has run, in seconds. The oldest hosts call it `uptime`.
    #[serde(default, alias = "uptimeSeconds", alias = "uptime", deserialize_with = "nil_as_default")]
    pub uptime_seconds: u64,
    /// The host's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// What runs on a host; also the data of its heartbeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostInventory {
    /// The actors that run.
    #[serde(default)]
    pub actors: Items<ActorDescription>,
    /// The name people use.
    #[serde(default, alias = "friendlyName", deserialize_with = "nil_as_default")]
    pub friendly_name: String,
    /// The host.
    #[serde(alias = "hostId")]
    pub host_id: HostKey,
    /// The cluster key with which the host signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// What the host says of itself.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub labels: Labels,
    /// The providers that run.
    #[serde(default)]
    pub providers: Items<ProviderDescription>,
    /// How long the host has run, in words.
    #[serde(default, alias = "uptimeHuman", skip_serializing_if = "Option::is_none")]
    pub uptime_human: Option<String>,
    /// How long the host has run, in seconds.
    #[serde(default, alias = "uptimeSeconds", deserialize_with = "nil_as_default")]
    pub uptime_seconds: u64,
    /// The host's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// An actor that runs on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorDescription {
    /// The actor.
    #[serde(alias = "public_key", alias = "publicKey")]
    pub id: ActorKey,
    /// The image of the instances, of the first annotation set where they differ.
    #[serde(default, alias = "imageRef", skip_serializing_if = "Option::is_none")]
    pub image_ref: Option<String>,
    /// What runs, by annotation set.
    #[serde(default)]
    pub instances: Items<ActorInstance>,
    /// The name in the claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The revision of the first annotation set; some published clients read it here.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub revision: i32,
}

/// Instances of an actor.
///
/// Hosts tell how many calls may run at once under one of two names, or not at all, which means one. Both fields hold it,
/// whichever was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "ToldInstance")]
pub struct ActorInstance {
    /// What was noted on the instances.
    pub annotations: Annotations,
    /// The digest of the module, `sha256:` and hexadecimal digits; only hosts of this project tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_ref: Option<String>,
    /// The instance, a UUID.
    pub instance_id: String,
    /// How many calls may run at once, for clients of an earlier generation.
    pub max_concurrent: u16,
    /// How many calls may run at once.
    pub max_instances: u16,
    /// The revision in the claims, 0 without one.
    pub revision: i32,
}

/// Instances as hosts of any generation tell of them.
#[derive(Deserialize)]
struct ToldInstance {
    #[serde(default, deserialize_with = "nil_as_default")]
    annotations: Annotations,
    #[serde(default)]
    digest: Option<String>,
    #[serde(default, alias = "imageRef")]
    image_ref: Option<String>,
    // Required, for an item that may be empty would let a small message fill the memory.
    #[serde(alias = "instanceId", deserialize_with = "nil_as_default")]
    instance_id: String,
    #[serde(default, alias = "maxConcurrent", deserialize_with = "bound")]
    max_concurrent: Option<u16>,
    #[serde(default, alias = "maxInstances", deserialize_with = "bound")]
    max_instances: Option<u16>,
    #[serde(default, deserialize_with = "nil_as_default")]
    revision: i32,
}

impl From<ToldInstance> for ActorInstance {
    fn from(told: ToldInstance) -> Self {
        Self {
            annotations: told.annotations,
            digest: told.digest,
            image_ref: told.image_ref,
            instance_id: told.instance_id,
            max_concurrent: told.max_concurrent.or(told.max_instances).unwrap_or(1),
            max_instances: told.max_instances.or(told.max_concurrent).unwrap_or(1),
            revision: told.revision,
        }
    }
}

/// A capability provider that runs on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderDescription {
    /// What was noted on the instance.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub annotations: Annotations,
    /// The contract it serves.
    #[serde(
        default,
        alias = "contractId",
        deserialize_with = "empty_as_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub contract_id: Option<ContractId>,
    /// The digest of the archive, `sha256:` and hexadecimal digits; only hosts of this project tell, and of no part of their own
    /// program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The provider.
    #[serde(alias = "public_key", alias = "publicKey")]
    pub id: ProviderKey,
    /// The image.
    #[serde(default, alias = "imageRef", skip_serializing_if = "Option::is_none")]
    pub image_ref: Option<String>,
    /// The link name under which it serves; published hosts leave it empty when they were told none.
    #[serde(default, alias = "linkName", deserialize_with = "link_name")]
    pub link_name: LinkName,
    /// The name in the claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How its process is; only hosts of this project tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProviderProcess>,
    /// The revision in the claims, 0 without one.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub revision: i32,
}

/// How the process of a capability provider is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderProcess {
    /// What its last health check said; absent before the first answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy: Option<bool>,
    /// Tells the process from those before it, as events do.
    #[serde(default, alias = "instanceId", deserialize_with = "nil_as_default")]
    pub instance_id: String,
    /// How the process before it ended, in words.
    #[serde(default, alias = "lastExit", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub last_exit: Option<String>,
    /// How often it was started again since the command that started it.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub restarts: u32,
    /// What it is doing.
    pub state: ProviderState,
}

/// What a capability provider is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProviderState {
    /// Its process has been started and has not answered yet.
    Starting,
    /// It serves.
    Running,
    /// Its process has ended by itself and is about to be started again.
    Restarting,
    /// Its process ends again and again, and is started again at long intervals.
    CrashLoop,
    /// It ran before its host restarted, and is tried until it serves again.
    Restoring,
    /// It is being stopped.
    Stopping,
    /// A state of later hosts.
    #[serde(other)]
    Other,
}

impl ProviderState {
    /// The state in words.
    pub fn as_str(self) -> &'static str {
        match self {
            ProviderState::Starting => "starting",
            ProviderState::Running => "running",
            ProviderState::Restarting => "restarting",
            ProviderState::CrashLoop => "crash loop",
            ProviderState::Restoring => "restoring",
            ProviderState::Stopping => "stopping",
            ProviderState::Other => "unknown",
        }
    }
}

/// Reads a bound: nil is none, and what is beyond 16 bits is as good as none.
fn bound<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    clamped(deserializer).map(|bound| Some(bound.get()))
}
