//! [`HostData`]: what a provider reads on its standard input.

use std::{collections::BTreeMap, fmt};

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use crate::{
    control::{
        LinkDefinition,
        lenient::{empty_as_none, nil_as_default},
    },
    id::{ClusterKey, HostKey, LatticeName, LinkName, ProviderKey},
    subject::ControlPrefix,
};

/// What a host tells a provider that it starts: one line of base64 over JSON. `Debug` shows no secret.
///
/// It is the union of what published SDKs need: those of wasmbus-rpc refuse it without `env_values`, `link_definitions`
/// and `cluster_issuers`, that of wasmCloud 0.82 also without `otel_config`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostData {
    /// The host that starts it.
    pub host_id: HostKey,
    /// The lattice.
    pub lattice_rpc_prefix: LatticeName,
    /// What the lattice's control subjects begin with. Hosts of other projects do not tell it, nor do those of this one where
    /// it is the default.
    #[serde(default, skip_serializing_if = "ControlPrefix::is_default")]
    pub lattice_control_prefix: ControlPrefix,
    /// The link name under which it serves.
    #[serde(default, deserialize_with = "crate::control::link_name")]
    pub link_name: LinkName,
    /// A NATS user's JWT, empty without one.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub lattice_rpc_user_jwt: String,
    /// That user's seed, empty without one.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub lattice_rpc_user_seed: String,
    /// Where NATS is.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub lattice_rpc_url: String,
    /// The provider's key.
    pub provider_key: ProviderKey,
    /// The seed with which it signs invocations.
    pub invocation_seed: String,
    /// Always empty from hosts.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub env_values: BTreeMap<String, String>,
    /// Tells this process from every other.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub instance_id: String,
    /// The links that are there when it starts.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub link_definitions: Vec<LinkDefinition>,
    /// Whose invocations it is to accept.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub cluster_issuers: Vec<ClusterKey>,
    /// The configuration string of the start command, as it was given.
    #[serde(default, deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub config_json: Option<String>,
    /// How long its calls wait for an answer, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_rpc_timeout_ms: Option<u64>,
    /// Whether it is to log as JSON.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub structured_logging: bool,
    /// Where telemetry goes.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub otel_config: OtelConfig,
    /// The seed by which the instances of the provider know each other, the same on every host of the cluster; secret, empty
    /// where the provider has the cluster's own seed. Of this project.
    #[serde(default, rename = "lattice_instances_seed", skip_serializing_if = "String::is_empty")]
    pub instances_seed: String,
    /// Where it can call the actors of its host directly; only hosts of this project say, and only their SDK knows.
    #[serde(default, rename = "lattice_direct", skip_serializing_if = "Option::is_none")]
    pub direct: Option<DirectAccess>,
}

/// Where a provider can call the actors of its host without the broker. `Debug` does not show the ticket.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectAccess {
    /// How host and provider speak with each other there.
    pub version: u32,
    /// The name of a Unix socket, which has no file.
    pub socket: String,
    /// By which the host knows who calls; secret.
    pub ticket: String,
}

impl fmt::Debug for DirectAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectAccess").field("socket", &self.socket).finish_non_exhaustive()
    }
}

/// Where telemetry goes; nowhere without either.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtelConfig {
    /// What traces are exported with.
    #[serde(default)]
    pub traces_exporter: Option<String>,
    /// Where traces go.
    #[serde(default)]
    pub exporter_otlp_endpoint: Option<String>,
}

/// Why a line is no host data. No text of the line is repeated: it holds secrets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostDataError {
    /// It is empty: nobody said anything.
    #[error("the line is empty: providers are started by hosts, which tell them what they need to know")]
    Empty,
    /// It is no base64.
    #[error("the line is not base64")]
    Base64,
    /// It is no JSON of this form.
    #[error("host data are not of the right form in `{path}`, line {line}, column {column}")]
    Json {
        /// The key at fault.
        path: String,
        /// The line of the JSON text.
        line: usize,
        /// The column.
        column: usize,
    },
}

impl HostData {
    /// The least that a provider must be told: who starts it, in which lattice, who it is, and what it signs with. There are no
    /// links then, and NATS is where the provider looks for it when nothing is said.
    pub fn new(host: HostKey, lattice: LatticeName, provider: ProviderKey, invocation_seed: String) -> Self {
        Self {
            host_id: host,
            lattice_rpc_prefix: lattice,
            lattice_control_prefix: Default::default(),
            link_name: LinkName::default(),
            lattice_rpc_user_jwt: String::new(),
            lattice_rpc_user_seed: String::new(),
            lattice_rpc_url: String::new(),
            provider_key: provider,
            invocation_seed,
            env_values: BTreeMap::new(),
            instance_id: String::new(),
            link_definitions: Vec::new(),
            cluster_issuers: Vec::new(),
            config_json: None,
            default_rpc_timeout_ms: None,
            structured_logging: false,
            otel_config: OtelConfig::default(),
            instances_seed: String::new(),
            direct: None,
        }
    }

    /// The line that a provider reads, with its end.
    pub fn to_line(&self) -> String {
        let json = serde_json::to_vec(self).expect("host data have string keys");
        let mut line = BASE64.encode(&json);
        line.push_str("\r\n");
        line
    }

    /// Reads the line; what stands around it is ignored.
    ///
    /// # Errors
    /// [`HostDataError`].
    pub fn from_line(line: &str) -> Result<Self, HostDataError> {
        let text = line.trim();
        if text.is_empty() {
            return Err(HostDataError::Empty);
        }
        let json = BASE64.decode(text.as_bytes()).map_err(|_| HostDataError::Base64)?;
        let mut reader = serde_json::Deserializer::from_slice(&json);
        serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let (path, inner) = (error.path().to_string(), error.into_inner());
            HostDataError::Json { path, line: inner.line(), column: inner.column() }
        })
    }
}

impl fmt::Debug for HostData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostData")
            .field("host_id", &self.host_id)
            .field("lattice_rpc_prefix", &self.lattice_rpc_prefix)
            .field("provider_key", &self.provider_key)
            .field("link_name", &self.link_name)
            .field("instance_id", &self.instance_id)
            .field("link_definitions", &self.link_definitions.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA";
    const PROVIDER: &str = "VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW";
    const SECRET: &str = "SCAIYCZTW775GJYX3MVWLURALVC3PULW43PTEKGH72JBMA3A7LOLGLQ2JA";

    fn data() -> HostData {
        let (host, provider) = (HOST.parse().expect("a key"), PROVIDER.parse().expect("a key"));
        HostData {
            lattice_rpc_url: "nats://127.0.0.1:4222".to_owned(),
            instance_id: "1".to_owned(),
            default_rpc_timeout_ms: Some(2000),
            ..HostData::new(host, LatticeName::default(), provider, SECRET.to_owned())
        }
    }

    #[test]
    fn another_prefix_of_control_subjects_is_told_and_the_usual_one_is_not() {
        let custom = HostData { lattice_control_prefix: "acme.ctl".parse().expect("a prefix"), ..data() };
        assert_eq!(HostData::from_line(&custom.to_line()).expect("host data"), custom);
        let json = serde_json::to_value(data()).expect("host data");
        assert_eq!(json.get("lattice_control_prefix"), None);
    }

    /// Golden: every key that some published SDK insists on, under the name that it insists on.
    #[test]
    fn published_sdks_find_what_they_need() {
        let json = BASE64.decode(data().to_line().trim_end().as_bytes()).expect("base64");
        let expected = format!(
            concat!(
                r#"{{"host_id":"{}","lattice_rpc_prefix":"default","link_name":"default","lattice_rpc_user_jwt":"","#,
                r#""lattice_rpc_user_seed":"","lattice_rpc_url":"nats://127.0.0.1:4222","provider_key":"{}","#,
                r#""invocation_seed":"{}","env_values":{{}},"instance_id":"1","link_definitions":[],"#,
                r#""cluster_issuers":[],"default_rpc_timeout_ms":2000,"structured_logging":false,"#,
                r#""otel_config":{{"traces_exporter":null,"exporter_otlp_endpoint":null}}}}"#
            ),
            HOST, PROVIDER, SECRET
        );
        assert_eq!(String::from_utf8(json).expect("a text"), expected);
    }

    #[test]
    fn a_line_is_read_back_with_whatever_stands_around_it() {
        let data = HostData { config_json: Some("{}".to_owned()), ..data() };
        assert_eq!(HostData::from_line(&format!("  {}\n", data.to_line())).expect("host data"), data);
    }

    /// OTP hosts send other keys too, nil where there is nothing, and an empty text for no configuration.
    #[test]
    fn what_other_hosts_send_is_read() {
        let json = format!(
            concat!(
                r#"{{"host_id":"{}","lattice_rpc_prefix":"default","link_name":"","lattice_rpc_tls":0,"js_domain":null,"#,
                r#""provider_key":"{}","invocation_seed":"{}","env_values":{{}},"link_definitions":[],"#,
                r#""cluster_issuers":[],"config_json":"","log_level":null}}"#
            ),
            HOST, PROVIDER, SECRET
        );
        let read = HostData::from_line(&BASE64.encode(json.as_bytes())).expect("host data");
        assert_eq!((read.config_json, read.link_name, read.instance_id.as_str()), (None, LinkName::default(), ""));
    }

    #[test]
    fn what_is_no_host_data_is_refused_without_repeating_it() {
        let broken = BASE64.encode(format!(r#"{{"host_id":"{SECRET}"}}"#).as_bytes());
        for (line, expect) in [("", "empty"), ("\n", "empty"), ("not base64!", "not base64"), (&broken, "`host_id`")] {
            let error = HostData::from_line(line).expect_err("no host data");
            let text = crate::error_chain(&error);
            assert!(text.contains(expect) && !text.contains(SECRET), "{line:?}: {text}");
        }
        assert!(!format!("{:?}", data()).contains(SECRET));
    }
}
