//! `lattice completions`.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::{cli::Cli, settings::Settings};

/// Prints the completions for a shell.
pub(crate) fn run(shell: Shell, settings: &Settings) -> anyhow::Result<()> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "lattice", &mut script);
    Ok(settings.printer().raw(&script)?)
}
