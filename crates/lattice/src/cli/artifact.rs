//! `lattice artifact`.

use clap::{Args, Subcommand};
use lattice_protocol::PullPolicy;

use super::pair;

/// Have artifacts where they will be needed
#[derive(Debug, Subcommand)]
pub(crate) enum Artifact {
    Prefetch(Prefetch),
}

/// Have hosts fetch an actor's module or a provider's archive before it is started
///
/// Each host fetches it, checks it and compiles or unpacks it, so that a start from the same reference takes milliseconds.
/// Hosts on one machine download it once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice artifact prefetch ghcr.io/acme/hello:1.2.0
  lattice artifact prefetch nats://hello:2 --constraint zone=a
  lattice artifact prefetch ghcr.io/acme/cache:0.3.1 --host calm-otter-1234")]
pub(crate) struct Prefetch {
    /// What to fetch: a reference that the hosts can fetch
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
    /// Only on this host: its friendly name, or its id or a unique start of it [default: all hosts]
    #[arg(long, conflicts_with = "constraints")]
    pub(crate) host: Option<String>,
    /// Only on hosts with this label; several with several
    #[arg(long = "constraint", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) constraints: Vec<(String, String)>,
    /// Hosts that fetch at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) max_parallel: u16,
    #[command(flatten)]
    pub(crate) pull: Pull,
}

// When the source of an image is asked. A doc comment would stand in the place of the command's.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct Pull {
    /// When the source is asked what REF is now: always, if-not-present, or never [default: as the host is set]
    #[arg(long = "pull", value_name = "POLICY")]
    pub(crate) policy: Option<PullPolicy>,
}
