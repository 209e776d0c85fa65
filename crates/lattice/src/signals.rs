//! The signals that ask the program to stop.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::fault::{Code, Fault};

/// SIGINT, SIGTERM and SIGHUP, from the moment this is made.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// Takes them over from their default, which is to end the process.
    ///
    /// # Errors
    /// The system does not let go of them.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Returns when one comes. Cancel-safe: one that is not taken is taken by the next call.
    pub(crate) async fn stop(&mut self) {
        // Cancel-safe: receiving is.
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }

    /// Returns when Ctrl-C comes while it stops already. Only a person at the terminal means that by it: `down` twice, or
    /// a closed terminal before a SIGTERM, asks for no more than the first time. Cancel-safe.
    pub(crate) async fn again(&mut self) {
        self.interrupt.recv().await;
    }

    /// What it means.
    pub(crate) fn cut_short() -> Fault {
        Fault::new(Code::Interrupted, "interrupted again: stopped at once, calls that ran were cut off")
    }
}
