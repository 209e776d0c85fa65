//! The provider as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    lattice_http_server::run()
}
