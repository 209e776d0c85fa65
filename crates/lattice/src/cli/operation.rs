//! `lattice operation`.

use clap::{Args, Subcommand};
use lattice_protocol::OperationId;

/// See what becomes of a command
#[derive(Debug, Subcommand)]
pub(crate) enum Operation {
    Watch(WatchOperation),
}

/// Follow an operation to its end
///
/// Any host is asked, whichever took the command on. Of a link that was put it also waits for and shows what became of
/// exactly that put at each provider that runs. Exits as the command itself would have.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice start actor ./mine.wasm --no-wait
  lattice operation watch 0194c4a5-7f5e-7d7c-a8c5-5c0c8f0e8a11")]
pub(crate) struct WatchOperation {
    /// The operation's id
    pub(crate) id: OperationId,
}
