//! `lattice host`.

use std::path::PathBuf;

use clap::Args;

use super::{Images, SeedText};

/// Run one host, for production
///
/// Joins the lattice of the broker at --nats-url, and runs again what it was told to run before. Modules must be signed unless
/// --allow-unsigned, and files of this machine are taken only with --allow-file. Images come from OCI registries
/// (ghcr.io/acme/hello:1.2.0), from the lattice's own store (nats://hello:1) and from bindle servers (bindle://acme/hello/1.2.0).
/// SIGTERM and SIGINT stop it in order, so does `lattice stop host`.
///
/// Every option can be given as a flag, in the environment as LATTICE_ and its name in capitals (LATTICE_DRAIN_LIMIT; a
/// label as LATTICE_LABEL_zone; lists with commas), or in the file of --config by its name (drain_limit); the first of these wins, and labels
/// add up. Where LATTICE_ is not set, the WASMCLOUD_ variable that means the same is honoured. All problems are reported
/// together, with exit code 64.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "\
Examples:
  lattice host --nats-url nats://nats.internal:4222 --creds host.creds --label zone=eu-1
  lattice host --config /etc/lattice/host.toml
  LATTICE_LATTICE=prod LATTICE_CLUSTER_SEED=/run/secrets/cluster.nk lattice host

A configuration file:
  lattice = \"prod\"
  nats_url = \"nats://nats.internal:4222\"
  creds = \"/etc/lattice/host.creds\"
  cluster_seed = \"/run/secrets/cluster.nk\"
  cluster_issuers = [\"CBX...\"]
  drain_limit = \"30s\"
  [labels]
  zone = \"eu-1\"

Files with seeds must be readable by their owner alone.")]
pub(crate) struct Host {
    /// A TOML file with these options
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The host's identity: a seed (SN...) or a file with it [default: keys/host.nk in the data directory]
    #[arg(long, value_name = "FILE|SEED")]
    pub(crate) host_seed: Option<SeedText>,
    /// The key that signs invocations: a seed (SC...) or a file with it [default: keys/cluster.nk in the data directory]
    #[arg(long, value_name = "FILE|SEED")]
    pub(crate) cluster_seed: Option<SeedText>,
    /// A cluster key (C...) whose invocations are accepted besides the own one's; several with several
    #[arg(long = "cluster-issuer", value_name = "KEY")]
    pub(crate) cluster_issuers: Vec<String>,
    /// The host's name for people [default: one made from its key]
    #[arg(long, value_name = "NAME")]
    pub(crate) friendly_name: Option<String>,
    /// What the host says of itself; several with several
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub(crate) labels: Vec<String>,
    /// Whom the lattice is shared with: own, or mixed with hosts and clients of wasmCloud [default: own]
    #[arg(long, value_name = "MODE")]
    pub(crate) mode: Option<String>,
    /// Take modules from files of this machine
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) allow_file: Option<String>,
    /// Take modules without claims
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) allow_unsigned: Option<String>,
    /// Start again what ran before [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) restore: Option<String>,
    /// Publish events under their type too [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) typed_events: Option<String>,
    /// A subject under which requesters may receive answers; several with several [default: _INBOX]
    #[arg(long = "inbox-prefix", value_name = "SUBJECT")]
    pub(crate) inbox_prefixes: Vec<String>,
    /// The longest that a stop waits for running calls [default: 60s]
    #[arg(long, value_name = "DURATION")]
    pub(crate) drain_limit: Option<String>,
    /// How long one call of an actor may take [default: 15s]
    #[arg(long, value_name = "DURATION")]
    pub(crate) call_deadline: Option<String>,
    /// The most instances that the host runs, of all actors together [default: no limit]
    #[arg(long, value_name = "N")]
    pub(crate) max_instances: Option<String>,
    /// How often the host says that it is alive [default: 30s]
    #[arg(long, value_name = "DURATION")]
    pub(crate) heartbeat: Option<String>,
    /// The broker for invocations [default: as --nats-url]
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_nats_url: Option<String>,
    /// NATS credentials for invocations [default: as --creds]
    #[arg(long, value_name = "FILE")]
    pub(crate) rpc_creds: Option<String>,
    /// The broker as capability providers reach it [default: as --rpc-nats-url]
    #[arg(long, value_name = "URL")]
    pub(crate) provider_nats_url: Option<String>,
    /// A NATS user's JWT for capability providers, who get no credentials of the host's
    #[arg(long, value_name = "JWT")]
    pub(crate) provider_nats_jwt: Option<String>,
    /// The most memory that each process of a capability provider may take, in MiB; 0 for no limit [default: 2048]
    #[arg(long, value_name = "MIB")]
    pub(crate) provider_memory: Option<String>,
    #[command(flatten)]
    pub(crate) images: Images,
    /// Log JSON, one object per line
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) log_json: Option<String>,
}
