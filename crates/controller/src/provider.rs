//! [`LatticeController`]: the links, and from a call to its answer.

use std::{fmt, sync::Arc, time::SystemTime};

use bytes::Bytes;
use lattice_protocol::contract::lattice_control::ErrorCode;
use lattice_provider::{Context, Defaults, Failure, HandlerError, Link, Provider, ProviderCall, Settings};
use tokio::{
    task::JoinHandle,
    time::{Instant, interval, timeout_at},
};
use zeroize::Zeroize as _;

use crate::{
    defaults::{ANSWERING, ANSWERING_PART, SWEEP},
    desk::Desk,
    error::Refusal,
    grants::{Grants, KNOWN},
};

/// The provider for `wasmcloud:latticecontrol`.
pub struct LatticeController {
    desk: Arc<Desk>,
    defaults: Defaults,
    sweeper: JoinHandle<()>,
}

impl LatticeController {
    /// The provider, without a link; it knows what its other instances know.
    ///
    /// # Errors
    /// The configuration that it was started with is there and no JSON object, or NATS does not take its subscriptions.
    pub async fn new(context: Context) -> Result<Self, Failure> {
        let defaults = Defaults::read(context.configuration())?;
        let desk = Arc::new(Desk::open(context).await?);
        let sweeper = tokio::spawn(sweep(Arc::clone(&desk)));
        Ok(Self { desk, defaults, sweeper })
    }

    /// A grant with a slip of the pen in it would grant something else than was meant, so that it is no link.
    fn read_grants(&self, link: &Link) -> Result<Grants, Failure> {
        let settings = Settings::new(&link.values, &self.defaults);
        let unknown = settings.unknown(KNOWN);
        if !unknown.is_empty() {
            let (unknown, known) = (unknown.join(", "), KNOWN.join(", "));
            return Err(Failure::new(format!("link values that mean nothing here: {unknown}; there are {known}")));
        }
        Grants::read(&settings, self.desk.own())
    }
}

impl Provider for LatticeController {
    async fn put_link(&self, link: Arc<Link>) -> Result<(), Failure> {
        self.desk.link(&link.actor_id, self.read_grants(&link)?);
        Ok(())
    }

    async fn delete_link(&self, link: Arc<Link>) {
        self.desk.unlink(&link.actor_id);
    }

    async fn handle(&self, call: ProviderCall) -> Result<Bytes, HandlerError> {
        let deadline = answer_by(self.desk.waits_until(&call));
        let answer = timeout_at(deadline, self.desk.answer(&call, deadline)).await;
        erase(call.payload);
        Ok(answer.unwrap_or_else(|_| Err(too_late()))?)
    }

    async fn shutdown(&self) {
        self.sweeper.abort();
    }
}

impl Drop for LatticeController {
    fn drop(&mut self) {
        self.sweeper.abort();
    }
}

impl fmt::Debug for LatticeController {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LatticeController").finish_non_exhaustive()
    }
}

/// When to answer who waits until then.
fn answer_by(deadline: Instant) -> Instant {
    let left = deadline.saturating_duration_since(Instant::now());
    let (least, most) = ANSWERING;
    deadline.checked_sub((left / ANSWERING_PART).clamp(least, most)).unwrap_or(deadline)
}

fn too_late() -> Refusal {
    let text = "no answer before the caller's deadline; what was sent may be acted on all the same";
    Refusal::new(ErrorCode::TimedOut, text)
}

/// Overwrites an argument, which may hold secrets, if nobody else has it.
fn erase(payload: Bytes) {
    if let Ok(mut bytes) = payload.try_into_mut() {
        bytes.as_mut().zeroize();
    }
}

/// Forgets what has expired and closes what is idle, from time to time.
async fn sweep(desk: Arc<Desk>) {
    let mut ticks = interval(SWEEP);
    loop {
        ticks.tick().await;
        desk.sweep(SystemTime::now());
    }
}
