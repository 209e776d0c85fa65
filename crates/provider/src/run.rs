//! [`run`]: a provider as a process.

use std::{
    error::Error,
    io::{self, BufRead as _, Write as _},
    process::ExitCode,
};

use lattice_protocol::{HostData, error_chain};
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
};

use crate::{
    Context, Failure,
    defaults::{LONGEST_LINE, THREADS_LIMIT},
    error::StartError,
    provider::Provider,
    serve::{Ended, serve},
    telemetry,
};

/// Runs the provider that `make` makes, as the process that a host has started: all that is left for `main` to do.
///
/// Reads the host's data from standard input, logs to standard error (`RUST_LOG` says what; JSON if the host wants that),
/// serves until the host asks to shut down or SIGTERM or SIGINT comes, and then ends in order. That standard input closes
/// means nothing: published hosts close it at once.
///
/// The exit code is 0 after an orderly end. It is 1 with a line on standard error if the provider does not start, and if
/// it loses its connection for good.
pub fn run<P, M, F>(make: M) -> ExitCode
where
    P: Provider,
    M: FnOnce(Context) -> F,
    F: Future<Output = Result<P, Failure>>,
{
    match start(make) {
        Ok(Ended::Shutdown) => ExitCode::SUCCESS,
        Ok(ended) => {
            tracing::error!(?ended, "the provider ends");
            ExitCode::FAILURE
        }
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn start<P, M, F>(make: M) -> Result<Ended, StartError>
where
    P: Provider,
    M: FnOnce(Context) -> F,
    F: Future<Output = Result<P, Failure>>,
{
    let data = read(io::stdin().lock())?;
    telemetry::start(data.structured_logging);
    let threads = Runtime::new().map_err(|source| StartError::Runtime { source })?;
    let ended = threads.block_on(serve_until_told(data, make));
    threads.shutdown_timeout(THREADS_LIMIT);
    ended
}

async fn serve_until_told<P, M, F>(data: HostData, make: M) -> Result<Ended, StartError>
where
    P: Provider,
    M: FnOnce(Context) -> F,
    F: Future<Output = Result<P, Failure>>,
{
    let mut signals = Signals::new().map_err(|source| StartError::Runtime { source })?;
    // Cancel-safe: what was begun ends with the program.
    let mut serving = tokio::select! {
        serving = serve(data, make) => serving?,
        () = signals.come() => return Ok(Ended::Shutdown),
    };
    // Cancel-safe: both wait for what does not get lost.
    tokio::select! {
        ended = serving.ended() => return Ok(ended),
        () = signals.come() => {}
    }
    Ok(serving.shutdown().await)
}

fn read(input: impl io::BufRead) -> Result<HostData, StartError> {
    let mut line = String::new();
    let read = input.take(LONGEST_LINE).read_line(&mut line);
    read.map_err(|source| StartError::Input { source })?;
    HostData::from_line(&line).map_err(|source| StartError::HostData { source })
}

/// To whoever starts the provider by hand as to the host; the log may not have begun.
fn complain(error: &dyn Error) {
    // If even that fails, the exit code has to do.
    let _ = writeln!(io::stderr(), "error: {}", error_chain(error));
}

/// SIGTERM and SIGINT, from the moment this is made.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Returns when one comes.
    async fn come(&mut self) {
        // Cancel-safe: receiving is.
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_host_data_is_told_without_repeating_it() {
        let check = |input: &[u8], expect: &str| {
            let text = error_chain(&read(input).expect_err("no host data"));
            assert!(text.contains(expect), "{text}");
        };
        check(b"", "the line is empty");
        check(b"\r\n", "the line is empty");
        check(b"plain text\n", "not base64");
        check(b"e30K\n", "not of the right form");
        check(b"\xff\n", "cannot be read");
    }
}
