//! `lattice up` and `lattice down`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{Images, duration, pair};

/// Run a lattice on this machine: broker and host, for trying and developing
///
/// Stays in the foreground and shows the lattice's events; Ctrl-C stops everything in order. What ran before runs again. A
/// second `up` in the same data directory shows what runs and follows it.
///
/// The broker is a nats-server, found on this machine or downloaded once. It and the host are open to everybody on this
/// machine, and the host runs modules from files and unsigned ones. What says where images come from can also be set in the
/// environment, as for `lattice host`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  lattice up --demo                      with a running example and what to try with it
  lattice up --demo keeper               three hosts, and an actor that keeps others running when one is killed
  lattice up --detach                    in the background, `lattice down` stops it
  lattice up --label zone=lab            the host says so of itself
  lattice up --data-dir /tmp/second      another lattice beside the first")]
pub(crate) struct Up {
    /// Start an example too, `web` if none is named
    #[arg(long, value_enum, value_name = "NAME", num_args = 0..=1, default_missing_value = "web")]
    pub(crate) demo: Option<Demo>,
    /// Go into the background once everything runs
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// The broker's port [default: 4222, or a free one]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Share the lattice with hosts or clients of another system
    #[arg(long, value_enum, value_name = "SYSTEM")]
    pub(crate) compat: Option<Compat>,
    /// The name of the host for people
    #[arg(long, value_name = "NAME")]
    pub(crate) friendly_name: Option<String>,
    /// What the host says of itself; several with several
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) labels: Vec<(String, String)>,
    /// The most instances that the host runs, of all actors together [default: no limit]
    #[arg(long, value_name = "N")]
    pub(crate) max_instances: Option<u32>,
    #[command(flatten)]
    pub(crate) images: Images,
    /// This is the process in the background that `--detach` starts
    #[arg(long, hide = true, conflicts_with = "detach")]
    pub(crate) background: bool,
}

/// An example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Demo {
    /// An actor to call, and one that makes a web page, on one host
    Web,
    /// An actor that keeps six instances of another one running on three hosts
    Keeper,
}

impl Demo {
    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Demo::Web => "web",
            Demo::Keeper => "keeper",
        }
    }
}

/// A system to be compatible with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compat {
    /// wasmCloud hosts of the 0.x generation and the clients published for them
    Wasmcloud,
}

/// Stop what `up` started in this data directory
///
/// Calls that run may finish. Nothing is stopped that `up` did not start. If nothing runs, that is fine.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lattice down\n  lattice down --wait 2m")]
pub(crate) struct Down {
    /// How long to wait for the end
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "75s")]
    pub(crate) wait: Duration,
}
