//! What a capability provider has printed; of this project.

use serde::{Deserialize, Serialize};

use super::{Items, command::link_name, lenient::nil_as_default};
use crate::id::{HostKey, LinkName, ProviderKey};

/// Asks a host for what a provider has printed lately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogQuery {
    /// The lines after this number; without it the last ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// The most lines to answer.
    #[serde(default = "few_lines")]
    pub limit: u32,
    /// The link name under which it serves.
    #[serde(default, alias = "linkName", deserialize_with = "link_name")]
    pub link_name: LinkName,
    /// The provider.
    #[serde(alias = "providerId")]
    pub provider_id: ProviderKey,
}

/// A screenful, for who does not say.
fn few_lines() -> u32 {
    100
}

/// What a provider has printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLines {
    /// The host.
    #[serde(alias = "hostId")]
    pub host_id: HostKey,
    /// The lines, the first of them first.
    pub lines: Items<LogLine>,
    /// How many of those that were asked for are not kept any more.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub lost: u64,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Counts the lines of the provider since its host started.
    pub number: u64,
    /// Where it comes from: `stdout`, `stderr`, or `host` for what the host says of the process.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub stream: String,
    /// The line without its end.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub text: String,
    /// When it was printed, RFC 3339.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub time: String,
}
