//! The messaging provider as the program that hosts start.

use std::process::ExitCode;

use lattice_messaging::Messaging;

fn main() -> ExitCode {
    lattice_provider::run(|context| async { Messaging::new(context) })
}
