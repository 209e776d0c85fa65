//! [`run`]: the provider as a process.

use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::server::HttpServer;

/// Runs the provider as the process that a host has started, with as many open files as the system lets it have: each
/// connection is one. See [`lattice_provider::run`].
pub fn run() -> ExitCode {
    let limit = getrlimit(Resource::Nofile);
    // If that is refused, connections beyond the limit are.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    lattice_provider::run(|context| async { Ok(HttpServer::new(context)) })
}
