//! `lattice start provider`, `lattice stop provider` and `lattice logs`.

use clap::{Args, Subcommand};
use lattice_protocol::LinkName;

use super::{Pull, Wish, pair};

/// Start a capability provider
///
/// A provider is a program that a host runs beside actors and that serves them under a contract. Without --host an auction
/// decides where it starts, as for actors; no host runs one twice under the same link name.
///
/// REF is an archive of this machine, a reference that the host can fetch, or `builtin://NAME` for what the host brings
/// along. An archive is stored in the lattice and fetched from there where the host takes no files. Ends when the provider
/// serves or has failed; then links reach it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice start provider ./cache.par.gz
  lattice start provider ./cache.par.gz --host calm-otter-1234 --link-name sessions
  lattice start provider ./cache.par.gz --constraint zone=a --config-file cache.json")]
pub(crate) struct StartProvider {
    /// The provider: an archive or a reference
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
    /// The host: its friendly name, or its id or a unique start of it [default: an auction decides]
    #[arg(long, conflicts_with_all = ["constraints", "rule"])]
    pub(crate) host: Option<String>,
    #[command(flatten)]
    pub(crate) wish: Wish,
    /// The link name under which it serves
    #[arg(long, value_name = "NAME", default_value_t)]
    pub(crate) link_name: LinkName,
    /// Its configuration, which it gets as it is; every user of this machine can see it here
    #[arg(long, value_name = "TEXT", conflicts_with = "config_file")]
    pub(crate) config: Option<ConfigText>,
    /// The file with its configuration, `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) config_file: Option<String>,
    /// Noted on the provider; several with several
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) annotations: Vec<(String, String)>,
    /// Store the file in the lattice, and have the host fetch it from there
    ///
    /// Done by itself where the host takes no files; needed where it takes files and is on another machine.
    #[arg(long)]
    pub(crate) push: bool,
    #[command(flatten)]
    pub(crate) pull: Pull,
    /// End as soon as the host has accepted
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// A configuration, which may hold secrets; its `Debug` shows none.
pub(crate) type ConfigText = super::SeedText;

/// Stop a capability provider
///
/// It is told to shut down, and killed if it does not. Calls of actors that are linked to it fail from then on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice stop provider cache
  lattice stop provider ./cache.par.gz --link-name sessions
  lattice stop provider VAG3 --host calm-otter-1234")]
pub(crate) struct StopProvider {
    /// The provider: its name or what it was started from, or its key or a unique start of it
    pub(crate) provider: String,
    /// The host: its friendly name, or its id or a unique start of it [default: the only one that runs the provider]
    #[arg(long)]
    pub(crate) host: Option<String>,
    /// The link name under which it serves
    #[arg(long, value_name = "NAME", default_value_t)]
    pub(crate) link_name: LinkName,
    /// Only if it has these annotations
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) annotations: Vec<(String, String)>,
    /// End as soon as the host has accepted
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// See what something has printed
#[derive(Debug, Subcommand)]
pub(crate) enum Logs {
    Provider(ProviderLogs),
}

/// See what a provider has printed lately
///
/// Its host keeps the last lines, also of processes of it that have ended, until the host itself ends. Lines are marked with
/// `err` if they come from standard error, and with `host` if they are what the host says of the process.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice logs provider cache
  lattice logs provider cache --lines 20 --follow
  lattice logs provider cache -o json | jq -r '.lines[].text'")]
pub(crate) struct ProviderLogs {
    /// The provider: its name or what it was started from, or its key or a unique start of it
    pub(crate) provider: String,
    /// The host: its friendly name, or its id or a unique start of it [default: the only one that runs the provider]
    #[arg(long)]
    pub(crate) host: Option<String>,
    /// The link name under which it serves
    #[arg(long, value_name = "NAME", default_value_t)]
    pub(crate) link_name: LinkName,
    /// How many of the last lines
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(crate) lines: u32,
    /// Go on with what it prints, until Ctrl-C; with `-o json` one line per document
    #[arg(short, long)]
    pub(crate) follow: bool,
}
