//! Runs a child process that cannot outlive its owner.
//!
//! Between the two stands a *guard*: the owner's own binary run again, which holds one end of a socket. When the other
//! end closes, however the owner died, the guard kills and reaps every descendant of the program that it started, those
//! in sessions of their own included. It also carries out an orderly stop and reports how the program ended.
//!
//! The binary takes part by calling [`run_if_guard`] before anything else:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use lattice_guard::{Guarded, GuardedCommand, run_if_guard};
//!
//! fn main() -> ExitCode {
//!     if let Some(code) = run_if_guard() {
//!         return code;
//!     }
//!     owner()
//! }
//!
//! #[tokio::main]
//! async fn owner() -> ExitCode {
//!     let mut guarded = Guarded::spawn(GuardedCommand::new("sleep").arg("1")).await.expect("sleep starts");
//!     let status = guarded.wait().await.expect("the guard lives");
//!     if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
//! }
//! ```
//!
//! Linux gives the guard all that it needs: it becomes the parent of orphaned descendants, sees every process in `/proc`,
//! and if the guard itself is killed the system kills the program. On other Unix systems the guard kills the process
//! group of the program, which a descendant can leave.

mod defaults;
mod descendants;
mod guard;
mod owner;
mod wire;

use std::{env, process::ExitCode};

pub use owner::{GuardLost, Guarded, GuardedCommand, Output, SpawnError};

/// The first argument that makes the binary a guard. Not for people.
pub const ENTRY: &str = "__guard";

/// Does the guard's work if this process was started as a guard, and returns its exit code; none otherwise.
///
/// To be called first thing in `main`, while the process has one thread and has not touched its standard input.
pub fn run_if_guard() -> Option<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    (arguments.next()? == ENTRY).then(|| guard::run(arguments))
}
