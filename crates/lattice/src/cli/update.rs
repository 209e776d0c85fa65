//! `lattice update`.

use clap::{Args, Subcommand};

use super::{Pull, pair};

/// Replace something that runs by another version of it
#[derive(Debug, Subcommand)]
pub(crate) enum Update {
    Actor(UpdateActor),
}

/// Replace a running actor by another image of it, without losing a call
///
/// The new image is fetched, checked and compiled beside the running version. Then calls go to the new one, and those that
/// run in the old one finish. A bad image leaves the old version serving. The new revision must not be lower.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice update actor hello ./hello.wasm
  lattice update actor hello ./hello.wasm --all-hosts --max-parallel 2
  lattice update actor hello ./older.wasm --force     back to a lower revision")]
pub(crate) struct UpdateActor {
    /// The actor: its name or call alias, or its key or a unique start of it
    pub(crate) actor: String,
    /// The new module: a file or a reference
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
    /// The host: its friendly name, or its id or a unique start of it [default: the only one that runs the actor]
    #[arg(long, conflicts_with = "all_hosts")]
    pub(crate) host: Option<String>,
    /// All hosts that run the actor
    #[arg(long)]
    pub(crate) all_hosts: bool,
    /// Hosts that are updated at the same time
    #[arg(long, value_name = "N", default_value_t = 1, requires = "all_hosts", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) max_parallel: u16,
    /// Store the file in the lattice, and have the host fetch it from there
    ///
    /// Done by itself where the host takes no files; needed where it takes files and is on another machine.
    #[arg(long)]
    pub(crate) push: bool,
    #[command(flatten)]
    pub(crate) pull: Pull,
    /// Only instances that have these annotations
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) annotations: Vec<(String, String)>,
    /// Take a lower revision too
    #[arg(long)]
    pub(crate) force: bool,
    /// End as soon as the host has accepted
    #[arg(long, conflicts_with = "all_hosts")]
    pub(crate) no_wait: bool,
}
