//! [`Ticker`]: the one thread that lets engines notice that time passes.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};

use wasmtime::{Store, UpdateDeadline};

use crate::defaults::EPOCH_TICK;
use crate::engine::Engines;
use crate::error::EngineError;
use crate::guest::Guest;

/// Name of the thread, as the system shows it.
const THREAD_NAME: &str = "lattice-epoch";

/// Advances the epoch of the engines until it is dropped.
#[derive(Debug)]
pub(crate) struct Ticker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub(crate) fn start(engines: &Engines) -> Result<Self, EngineError> {
        let engines: Vec<_> = engines.all().map(|host| host.engine.weak()).collect();
        let (stop, stopped) = mpsc::channel();
        let tick = move || {
            while stopped.recv_timeout(EPOCH_TICK) == Err(RecvTimeoutError::Timeout) {
                engines.iter().filter_map(|engine| engine.upgrade()).for_each(|engine| engine.increment_epoch());
            }
        };
        let thread = thread::Builder::new()
            .name(THREAD_NAME.to_owned())
            .spawn(tick)
            .map_err(|source| EngineError::Thread { name: THREAD_NAME, source: source.into() })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It ends at once, for its channel just closed, and it cannot have panicked.
            let _ = thread.join();
        }
    }
}

/// Has the guest of this store let other tasks run at every tick, and end when its time is up.
pub(crate) fn watch(store: &mut Store<Guest>) {
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|guest| {
        guest.data().check_time()?;
        // Tokio's own yield lets the timers and sockets of the worker have their turn too.
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
}
