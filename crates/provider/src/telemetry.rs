//! Logging: to standard error, where hosts look for it.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt};

/// What to log, as a filter of `tracing-subscriber`: `debug`, or `warn,my_provider=trace`.
const LOG_VARIABLE: &str = "RUST_LOG";
/// What is logged when nobody says. What the transport has to say of its connection is told here in other words.
const USUAL: &str = "info,async_nats=error";

/// Starts logging. Lines are JSON if that is wanted.
pub(crate) fn start(json: bool) {
    let asked_for = std::env::var(LOG_VARIABLE).ok().filter(|text| !text.is_empty()).map(EnvFilter::try_new);
    let refused = matches!(asked_for, Some(Err(_)));
    let filter = asked_for.and_then(Result::ok).unwrap_or_else(|| EnvFilter::new(USUAL));
    let builder = fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    // A program that logs in its own way has begun to do so already, and keeps it.
    let _ = if json { builder.json().try_init() } else { builder.try_init() };
    if refused {
        tracing::warn!("{LOG_VARIABLE} is no filter that can be read; `{USUAL}` is logged");
    }
}
