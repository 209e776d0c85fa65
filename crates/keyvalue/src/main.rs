//! The key-value provider as the program that hosts start.

use std::process::ExitCode;

use lattice_keyvalue::KeyValue;

fn main() -> ExitCode {
    lattice_provider::run(|context| async { KeyValue::new(context) })
}
