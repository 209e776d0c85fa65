//! `lattice up`.

use crate::{cli::Up, settings::Settings, up};

/// Runs a lattice on this machine, or shows the one that runs.
pub(crate) async fn run(flags: Up, settings: &Settings) -> anyhow::Result<()> {
    if flags.detach { up::detach(&flags, settings).await } else { up::run(&flags, settings).await }
}
