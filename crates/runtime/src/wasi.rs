//! WASI preview 1 for modules that import it: nothing of the machine but its clock and randomness.
//!
//! No arguments, environment, files or sockets; standard input is at its end, and lines written to standard output and
//! error become log lines of the actor.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime::Linker;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p1::{self, WasiP1Ctx};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{WasiCtxBuilder, p0};

use crate::defaults::{MAX_LOG_LINE, WASI_CALL_BYTES};
use crate::guest::Guest;
use crate::log::Log;

/// The names under which modules import WASI.
pub(crate) const IMPORT_MODULES: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

/// Defines both generations of preview 1.
pub(crate) fn define(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    p1::add_to_linker_async(linker, Guest::wasi)?;
    p0::add_to_linker_async(linker, Guest::wasi)
}

/// The world as one instance sees it.
pub(crate) fn context(log: &Arc<Log>) -> WasiP1Ctx {
    let mut builder = WasiCtxBuilder::new();
    builder.stdout(LogStream::new(log)).stderr(LogStream::new(log));
    builder.allow_tcp(false).allow_udp(false).max_random_size(WASI_CALL_BYTES as u64);
    builder.build_p1()
}

/// An output stream whose lines go to a log. All streams made from it share one line.
#[derive(Clone, Debug)]
struct LogStream {
    line: Arc<Mutex<Line>>,
}

/// What was written since the last end of a line.
#[derive(Debug)]
struct Line {
    log: Arc<Log>,
    text: Vec<u8>,
}

impl LogStream {
    fn new(log: &Arc<Log>) -> Self {
        Self { line: Arc::new(Mutex::new(Line { log: Arc::clone(log), text: Vec::new() })) }
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn push(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            // One byte more than fits is kept, so that the log knows that the line was longer.
            let room = (MAX_LOG_LINE + 1).saturating_sub(self.text.len());
            let text = piece.strip_suffix(b"\n").unwrap_or(piece);
            self.text.extend_from_slice(&text[..text.len().min(room)]);
            if piece.ends_with(b"\n") {
                self.end();
            }
        }
    }

    fn end(&mut self) {
        self.log.text(&self.text);
        self.text.clear();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.text.is_empty() {
            self.end();
        }
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    // The default would start a task for each stream.
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.lock().push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WASI_CALL_BYTES)
    }
}

impl AsyncWrite for LogStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.lock().push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
