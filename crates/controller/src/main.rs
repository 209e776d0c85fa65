//! The lattice controller as the program that hosts start.

use std::process::ExitCode;

fn main() -> ExitCode {
    lattice_controller::run()
}
