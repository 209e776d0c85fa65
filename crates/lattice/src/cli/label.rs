//! `lattice label`.

use clap::{Args, Subcommand};

use super::pair;

/// Change what a host says of itself
///
/// Labels whose names begin with `hostcore.` are the host's own. Changes outlast a restart of the host.
#[derive(Debug, Subcommand)]
pub(crate) enum Label {
    Put(PutLabels),
    Del(DeleteLabels),
}

/// Set labels
///
/// One after the other: should one be refused, those before it are set. With `-o json` the last one's operation is printed.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lattice label put calm-otter-1234 zone=a gpu=yes")]
pub(crate) struct PutLabels {
    /// The host: its friendly name, or its id or a unique start of it
    pub(crate) host: String,
    /// The labels
    #[arg(required = true, value_name = "LABEL=VALUE", value_parser = pair)]
    pub(crate) labels: Vec<(String, String)>,
}

/// Remove labels
///
/// One after the other, as they are set. That a label is not there is fine.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lattice label del calm-otter-1234 gpu")]
pub(crate) struct DeleteLabels {
    /// The host: its friendly name, or its id or a unique start of it
    pub(crate) host: String,
    /// The names of the labels
    #[arg(required = true, value_name = "LABEL")]
    pub(crate) labels: Vec<String>,
}
