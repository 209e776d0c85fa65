//! `lattice get`.

use clap::{Args, Subcommand};

/// Show what is in the lattice
#[derive(Debug, Subcommand)]
pub(crate) enum Get {
    /// Who is there
    #[command(
        after_help = "Examples:\n  lattice get hosts\n  lattice get hosts -o json | jq -r '.hosts[].id'\n  lattice get hosts --watch\n  lattice get hosts --require-complete && echo everybody answered"
    )]
    Hosts {
        #[command(flatten)]
        whole: Whole,
    },
    /// What runs on a host, or on all
    #[command(
        after_help = "Examples:\n  lattice get inventory\n  lattice get inventory NAWX       a host by the start of its id\n  lattice get inventory -o wide    whole keys and references\n  lattice get inventory --watch    again whenever something changes"
    )]
    Inventory {
        /// The host: its friendly name, or its id or a unique start of it
        host: Option<String>,
        #[command(flatten)]
        whole: Whole,
    },
    /// The actors and providers that the lattice has seen
    #[command(after_help = "Example:\n  lattice get claims")]
    Claims,
    /// The modules and provider archives that lie in the lattice itself
    #[command(
        after_help = "Examples:\n  lattice get artifacts\n  lattice get artifacts -o wide    whole keys and digests"
    )]
    Artifacts,
    /// The links between actors and providers
    ///
    /// Link values may hold secrets: only their names are shown, with *** for each value with `-o json`, unless --values is
    /// given. Of each link is told which running providers have it: `confirmed` by the provider, `delivered` to one that does
    /// not confirm, `pending`, or `failed` with the reason.
    #[command(after_help = "Examples:\n  lattice get links\n  lattice get links --values -o json")]
    Links {
        /// Show the values too
        #[arg(long)]
        values: bool,
    },
    Operations(Operations),
    Config(Config),
}

/// Whether a part of the answers will do, and whether one answer will.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Whole {
    /// Print it again whenever something changes, until Ctrl-C; with `-o json` one document per line
    #[arg(short, long, conflicts_with = "require_complete")]
    pub(crate) watch: bool,
    /// Fail if a host is missing or its answer cannot be read
    #[arg(long)]
    pub(crate) require_complete: bool,
}

/// What became of commands, newest first
///
/// Hosts keep the records for a day. With `-o wide` they are shown whole; with `-o json` commands have the names that the
/// protocol gives them, such as `la` for the start of an actor.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice get operations
  lattice get operations --unfinished
  lattice get operations --actor hello --limit 5
  lattice operation watch ID       one of them, until it ends")]
pub(crate) struct Operations {
    /// Only those about this actor: its name or call alias, or its key or a unique start of it
    #[arg(long)]
    pub(crate) actor: Option<String>,
    /// Only those that this host took on: its friendly name, or its id or a unique start of it
    #[arg(long)]
    pub(crate) host: Option<String>,
    /// Only those that have not ended
    #[arg(long)]
    pub(crate) unfinished: bool,
    /// At most so many
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) limit: u32,
}

/// The configuration of an actor or provider
///
/// Values may be secrets: people see their sizes alone, unless a key is named. With `-o json` all values are printed, as
/// text or, where they are none, as {"base64": ...}.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice get config hello              the keys
  lattice get config hello greeting     one value, as it is")]
pub(crate) struct Config {
    /// The actor: its name or call alias, or its key or a unique start of it; or the whole key of a provider
    #[arg(value_name = "ACTOR|PROVIDER")]
    pub(crate) entity: String,
    /// The value's key
    pub(crate) key: Option<String>,
}
