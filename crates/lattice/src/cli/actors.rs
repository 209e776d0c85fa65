//! `lattice start`, `lattice scale` and `lattice stop`.

use std::time::Duration;

use clap::{Args, Subcommand};
use lattice_protocol::Count;

use super::{Pull, StartProvider, StopProvider, Wish, duration, pair};

/// Start something
#[derive(Debug, Subcommand)]
pub(crate) enum Start {
    Actor(StartActor),
    Provider(Box<StartProvider>),
}

/// Change how many instances run
#[derive(Debug, Subcommand)]
pub(crate) enum Scale {
    Actor(ScaleActor),
}

/// Stop something
#[derive(Debug, Subcommand)]
pub(crate) enum Stop {
    Actor(StopActor),
    Provider(StopProvider),
    Host(StopHost),
}

/// Start an actor
///
/// Without --host an auction decides where: of the hosts that would run it and have the labels of --constraint, the one
/// with the fewest instances of it, or as --rule says. `lattice auction actor` shows who would be chosen.
///
/// REF is a file of this machine or a reference that the host can fetch. A file that is not signed is signed first, with a
/// development key of the data directory; where the host takes no files, it is stored in the lattice and fetched from there.
/// Ends when the actor runs or has failed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice start actor ./mine.wasm
  lattice start actor ./mine.wasm --count 10 --host calm-otter-1234
  lattice start actor ./mine.wasm --constraint zone=a
  lattice start actor ./mine.wasm --annotation team=blue
  lattice start actor file:///srv/actors/mine.wasm --host NAWX    a file on that host's machine")]
pub(crate) struct StartActor {
    /// The module: a file or a reference
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
    /// The host: its friendly name, or its id or a unique start of it [default: an auction decides]
    #[arg(long, conflicts_with_all = ["constraints", "rule"])]
    pub(crate) host: Option<String>,
    #[command(flatten)]
    pub(crate) wish: Wish,
    /// How many calls may run at once, up to 65535
    #[arg(long, default_value = "1", allow_negative_numbers = true)]
    pub(crate) count: Count,
    /// Noted on the instances; several with several
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

/// Set how many calls of an actor may run at once
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice scale actor hello --count 5
  lattice scale actor hello --count 0      nothing of it runs any more
  lattice scale actor mine --count 3 --ref ./mine.wasm --host calm-otter-1234")]
pub(crate) struct ScaleActor {
    /// The actor: its name or call alias, or its key or a unique start of it
    pub(crate) actor: String,
    /// How many, from 0 to 65535
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) count: Count,
    /// The module to start from, for an actor that does not run on the host yet
    #[arg(long = "ref", value_name = "REF")]
    pub(crate) reference: Option<String>,
    /// Store the file in the lattice, and have the host fetch it from there
    ///
    /// Done by itself where the host takes no files; needed where it takes files and is on another machine.
    #[arg(long, requires = "reference")]
    pub(crate) push: bool,
    #[command(flatten)]
    pub(crate) pull: Pull,
    /// The host: its friendly name, or its id or a unique start of it [default: the only one that runs the actor]
    #[arg(long)]
    pub(crate) host: Option<String>,
    /// Only the instances with exactly these annotations; without any, those that have none
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) annotations: Vec<(String, String)>,
    /// End as soon as the host has accepted
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// Stop instances of an actor
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice stop actor hello                             all of it
  lattice stop actor hello --count 2                   two fewer
  lattice stop actor hello --annotation version=old    those noted so")]
pub(crate) struct StopActor {
    /// The actor: its name or call alias, or its key or a unique start of it
    pub(crate) actor: String,
    /// How many; 0 for all
    #[arg(long, default_value = "0", allow_negative_numbers = true)]
    pub(crate) count: Count,
    /// The host: its friendly name, or its id or a unique start of it [default: the only one that runs the actor]
    #[arg(long)]
    pub(crate) host: Option<String>,
    /// Only instances that have these annotations
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) annotations: Vec<(String, String)>,
    /// End as soon as the host has accepted
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// Stop a host
///
/// It takes no new work, lets running calls finish, stops what it runs and ends.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lattice stop host calm-otter-1234\n  lattice stop host NAWX --drain-timeout 10s")]
pub(crate) struct StopHost {
    /// The host: its friendly name, or its id or a unique start of it
    pub(crate) host: String,
    /// How long running calls may take; the host sets the limit
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) drain_timeout: Option<Duration>,
}
