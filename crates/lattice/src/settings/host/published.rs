//! The variables of published wasmCloud hosts, where they mean the same as an option here.
//!
//! Source: wasmCloud 0.82 `src/main.rs` (its flags and variables).

use super::layer::{Given, Layer, Layers, insert_labels, split};
use crate::environment::Environment;

/// Variables that mean the same as an option, the first that is set counting.
const SAME: &[(&str, &str)] = &[
    ("WASMCLOUD_LATTICE", "lattice"),
    ("WASMCLOUD_LATTICE_PREFIX", "lattice"),
    ("WASMCLOUD_HOST_SEED", "host_seed"),
    ("WASMCLOUD_CLUSTER_SEED", "cluster_seed"),
    ("WASMCLOUD_CLUSTER_ISSUERS", "cluster_issuers"),
    ("WASMCLOUD_CTL_TOPIC_PREFIX", "control_prefix"),
    ("WASMCLOUD_ALLOW_FILE_LOAD", "allow_file"),
    ("WASMCLOUD_OCI_ALLOW_LATEST", "allow_latest"),
    ("WASMCLOUD_OCI_ALLOWED_INSECURE", "insecure_registries"),
    ("BINDLE_URL", "bindle_url"),
    ("WASMCLOUD_STRUCTURED_LOGGING_ENABLED", "log_json"),
    ("WASMCLOUD_CTL_JWT", "nats_jwt"),
    ("WASMCLOUD_CTL_SEED", "nats_seed"),
    ("WASMCLOUD_NATS_JWT", "nats_jwt"),
    ("WASMCLOUD_NATS_SEED", "nats_seed"),
    ("WASMCLOUD_RPC_JWT", "rpc_nats_jwt"),
    ("WASMCLOUD_RPC_SEED", "rpc_nats_seed"),
    ("WASMCLOUD_PROV_RPC_JWT", "provider_nats_jwt"),
    ("WASMCLOUD_PROV_RPC_SEED", "provider_nats_seed"),
];
/// How long one call may take, in milliseconds.
const CALL_DEADLINE: &str = "WASMCLOUD_RPC_TIMEOUT_MS";
/// What is logged.
pub(in crate::settings) const LOG_LEVEL: &str = "WASMCLOUD_LOG_LEVEL";
/// What the variables begin with that hold credentials, which `settings/credentials` reads.
const REGISTRY_PREFIX: &str = "WASMCLOUD_OCI_REGISTRY";
/// The prefix of variables that stand for labels.
const LABEL_PREFIX: &str = "WASMCLOUD_LABEL_";
/// Host, port and TLS switch of a connection, and the option that they make up.
const CONNECTIONS: &[(&str, &str)] =
    &[("WASMCLOUD_CTL", "nats_url"), ("WASMCLOUD_RPC", "rpc_nats_url"), ("WASMCLOUD_PROV_RPC", "provider_nats_url")];
/// Variables that turn on what this host does not do. To run without would be less safe than was asked for.
const REFUSED: &[(&str, &str)] = &[
    ("WASMCLOUD_POLICY_TOPIC", "this host asks no policy service"),
    ("WASMCLOUD_JS_DOMAIN", "this host knows no JetStream domains"),
];

/// Adds what these variables say as a layer.
pub(super) fn push(layers: &mut Layers, environment: &Environment) {
    let mut layer = Layer::new();
    for (variable, name) in SAME {
        if let Some(text) = text(environment, variable) {
            let given = Given { origin: (*variable).to_owned(), texts: split(name, &text) };
            layer.entry(name).or_insert(given);
        }
    }
    for (prefix, name) in CONNECTIONS {
        insert_connection(&mut layer, environment, prefix, name);
    }
    if let Some(milliseconds) = text(environment, CALL_DEADLINE) {
        layer.insert("call_deadline", Given::one(CALL_DEADLINE, format!("{milliseconds}ms")));
    }
    insert_labels(&mut layer, environment, LABEL_PREFIX);
    layers.push(layer);
    refuse(layers, environment);
    note_ignored(layers, environment);
}

fn insert_connection(layer: &mut Layer, environment: &Environment, prefix: &str, name: &'static str) {
    let [host, port, tls] = ["HOST", "PORT", "TLS"].map(|end| text(environment, &format!("{prefix}_{end}")));
    let common = ["NATS_HOST", "NATS_PORT"].map(|variable| text(environment, variable));
    let is_common = host.is_none() && port.is_none() && tls.is_none();
    if is_common && (name != "nats_url" || common.iter().all(Option::is_none)) {
        return;
    }
    let [common_host, common_port] = common;
    let host = host.or(common_host).unwrap_or_else(|| "127.0.0.1".to_owned());
    let port = port.or(common_port).unwrap_or_else(|| "4222".to_owned());
    let scheme = if tls.as_deref() == Some("true") { "tls" } else { "nats" };
    let origin =
        if is_common { "NATS_HOST and NATS_PORT".to_owned() } else { format!("{prefix}_HOST and {prefix}_PORT") };
    layer.insert(name, Given::one(origin, format!("{scheme}://{host}:{port}")));
}

fn refuse(layers: &mut Layers, environment: &Environment) {
    for (variable, reason) in REFUSED {
        if text(environment, variable).is_some() {
            layers.problem(format!("{variable} is set, but {reason}"));
        }
    }
}

fn note_ignored(layers: &mut Layers, environment: &Environment) {
    let known = |name: &str| {
        SAME.iter().chain(REFUSED).any(|(variable, _)| *variable == name)
            || name == CALL_DEADLINE
            || name.starts_with(LABEL_PREFIX)
            || name == LOG_LEVEL
            || name.starts_with(REGISTRY_PREFIX)
            || CONNECTIONS
                .iter()
                .any(|(prefix, _)| ["_HOST", "_PORT", "_TLS"].iter().any(|end| name == format!("{prefix}{end}")))
    };
    for (rest, _) in environment.with_prefix("WASMCLOUD_") {
        let name = format!("WASMCLOUD_{rest}");
        if !known(&name) {
            layers.ignore(name);
        }
    }
}

fn text(environment: &Environment, name: &str) -> Option<String> {
    environment.text(name).ok().flatten()
}
