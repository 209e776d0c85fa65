//! Hosts, and what is asked and told of one.

use std::collections::BTreeMap;

use super::answer::Fields;
use super::argument::{argument, number_if_any, text};
use crate::msgpack::Value;

argument! {
    /// Asks what runs on a host.
    #[derive(Debug)]
    GetHostInventory {
        /// The host.
        host_id: &'a str = "" => text("hostId"),
        /// The lattice.
        lattice_id: &'a str = "default" => text("latticeId"),
    }
}

argument! {
    /// Stops a host, and all that runs there.
    #[derive(Debug)]
    StopHost {
        /// The host.
        host_id: &'a str = "" => text("hostId"),
        /// The lattice.
        lattice_id: &'a str = "default" => text("latticeId"),
        /// How long it may take: hosts of this project count in seconds. Without it the host decides.
        timeout: Option<u64> = None => number_if_any("timeout"),
    }
}

/// A host of a lattice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// The keys whose invocations the host accepts, joined by commas.
    pub cluster_issuers: Option<String>,
    /// Where the host's control connection goes.
    pub ctl_host: Option<String>,
    /// The host's key.
    pub id: String,
    /// The JetStream domain.
    pub js_domain: Option<String>,
    /// What the host says of itself.
    pub labels: BTreeMap<String, String>,
    /// The lattice.
    pub lattice_prefix: Option<String>,
    /// Where the invocations of its providers go.
    pub prov_rpc_host: Option<String>,
    /// Where the host's invocations go.
    pub rpc_host: Option<String>,
    /// For how long it has run, in words.
    pub uptime_human: Option<String>,
    /// For how many seconds it has run.
    pub uptime_seconds: u64,
    /// The host's version.
    pub version: Option<String>,
}

impl Host {
    pub(super) fn read(host: &Value<'_>) -> Option<Self> {
        let fields = Fields::of(host);
        let read = Self {
            cluster_issuers: fields.text_if_any("clusterIssuers"),
            ctl_host: fields.text_if_any("ctlHost"),
            id: fields.needed_text("id"),
            js_domain: fields.text_if_any("jsDomain"),
            labels: fields.pairs("labels"),
            lattice_prefix: fields.text_if_any("latticePrefix"),
            prov_rpc_host: fields.text_if_any("provRpcHost"),
            rpc_host: fields.text_if_any("rpcHost"),
            uptime_human: fields.text_if_any("uptimeHuman"),
            uptime_seconds: fields.unsigned("uptimeSeconds"),
            version: fields.text_if_any("version"),
        };
        fields.made(read)
    }
}
