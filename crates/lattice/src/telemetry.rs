//! Logging: to standard error, by what was asked for.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt};

use crate::settings::Settings;

/// What a command logs that nobody asked to log more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Commands that people watch: what they need to know is printed anyway.
    Warnings,
    /// Daemons, whose log is all that is seen of them.
    Notices,
}

/// Starts logging. Lines are JSON if that is wanted.
pub(crate) fn start(settings: &Settings, level: Level, json: bool) {
    let default = match (level, settings.verbosity()) {
        (_, 2..) => "debug",
        (Level::Warnings, 0) => "warn",
        _ => "info",
    };
    let asked_for = settings.log(level == Level::Notices).map(EnvFilter::try_new);
    if let Some(Err(error)) = &asked_for {
        settings.printer().warn(&format!("what is to be logged cannot be read: {error}"));
    }
    let filter = asked_for.and_then(Result::ok);
    // The transport logs each reconnection attempt, and what it means is said elsewhere. So is what becomes of a broker.
    let quiet = if level == Level::Warnings && default == "warn" { ",lattice_broker=error" } else { "" };
    let filter = filter.unwrap_or_else(|| EnvFilter::new(format!("{default},async_nats=error{quiet}")));
    let builder = fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    // A second start, which only tests can cause, keeps the first.
    let _ = if json { builder.json().try_init() } else { builder.try_init() };
}
