//! What events tell of capability providers.
//!
//! Source: wasmCloud 0.82 `crates/host/src/wasmbus/event.rs`, wasmcloud-otp 0.63 `lib/host_core/providers`;
//! `provider_exited` is of this project.

use serde::{Deserialize, Serialize};

use crate::{
    control::{
        Annotations,
        lenient::{empty_as_none, nil_as_default},
        link_name,
    },
    id::{ContractId, HostKey, LinkName, ProviderKey},
};

/// What an event says of a provider's claims.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderClaims {
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
    /// Always nil from published hosts.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    /// The version, in words.
    #[serde(default)]
    pub version: Option<String>,
}

/// Data of `provider_started`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderStarted {
    /// What was noted on the instance.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub annotations: Annotations,
    /// What its claims say.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub claims: ProviderClaims,
    /// The contract it serves.
    pub contract_id: ContractId,
    /// The host; OTP hosts leave it out.
    #[serde(default, deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub host_id: Option<HostKey>,
    /// The image.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub image_ref: String,
    /// Tells the process from those before it.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub instance_id: String,
    /// The link name under which it serves.
    #[serde(default, deserialize_with = "link_name")]
    pub link_name: LinkName,
    /// The provider.
    pub public_key: ProviderKey,
}

/// Data of `provider_start_failed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderStartFailed {
    /// Why, with its causes.
    pub error: String,
    /// The link name under which it was to serve.
    #[serde(default, deserialize_with = "link_name")]
    pub link_name: LinkName,
    /// The image that was to run.
    pub provider_ref: String,
}

/// Data of `provider_stopped`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderStopped {
    /// What was noted on the instance.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub annotations: Annotations,
    /// The contract it served.
    pub contract_id: ContractId,
    /// The host; OTP hosts leave it out.
    #[serde(default, deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub host_id: Option<HostKey>,
    /// Which process it was.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub instance_id: String,
    /// The link name under which it served.
    #[serde(default, deserialize_with = "link_name")]
    pub link_name: LinkName,
    /// The provider.
    pub public_key: ProviderKey,
    /// `stop` for one that was told to.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub reason: String,
}

/// Data of `provider_exited`: its process ended by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderExited {
    /// What was noted on the instance.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub annotations: Annotations,
    /// Its exit code, if it exited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The contract it served.
    pub contract_id: ContractId,
    /// Whether this happens again and again, so that it is started again at long intervals only.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub crash_loop: bool,
    /// The host.
    pub host_id: HostKey,
    /// Which process it was.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub instance_id: String,
    /// The link name under which it served.
    #[serde(default, deserialize_with = "link_name")]
    pub link_name: LinkName,
    /// The provider.
    pub public_key: ProviderKey,
    /// How it ended, in words.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub reason: String,
    /// After how many milliseconds it is started again.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub restart_after: u64,
    /// How often it was started again before.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub restarts: u32,
    /// The number of the signal that ended it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
}

/// Data of `health_check_passed`, `health_check_failed` and `health_check_status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// The contract it serves.
    pub contract_id: ContractId,
    /// The link name under which it serves.
    #[serde(default, deserialize_with = "link_name")]
    pub link_name: LinkName,
    /// The provider.
    pub public_key: ProviderKey,
}
