//! `lattice keys`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Make keys and list those that are kept
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    Gen(Generate),
    List(ListKeys),
}

/// Make a key
///
/// Prints the public key. The seed, which is the secret, goes into the file of --out, which only you can read; without
/// --out it is printed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lattice keys gen account --out account.nk\n  lattice keys gen cluster -o json")]
pub(crate) struct Generate {
    /// What the key is for
    #[arg(value_enum)]
    pub(crate) kind: Kind,
    /// A file for the seed, which must not exist
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// What keys are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Signs the claims of modules and providers (A...)
    Account,
    /// Identifies an actor (M...)
    Module,
    /// Signs calls (C...)
    Cluster,
    /// Identifies a host (N...)
    Host,
    /// Identifies a capability provider (V...)
    Provider,
}

/// List the keys that the data directory keeps
///
/// Tells what each is for, its public key, its name and its file, and whether others could read it. Seeds are not shown.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lattice keys list -o wide")]
pub(crate) struct ListKeys {}
