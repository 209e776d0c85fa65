//! [`LatticeController`]: the links, and from a call to its answer.

use std::{fmt, sync::Arc, time::SystemTime};

use bytes::Bytes;
use lattice_protocol::contract::lattice_control::{CONTRACT_ID, ErrorCode};
use lattice_provider::{Context, Defaults, Failure, HandlerError, Link, Provider, ProviderCall, Settings};
use tokio::{
    task::JoinHandle,
    time::{interval, timeout_at},
};

use crate::{
    defaults::{ANSWERING, FETCHED_BYTES, SWEEP},
    desk::Desk,
    error::Refusal,
    grants::{Grants, KNOWN},
};

/// The provider for `wasmcloud:latticecontrol`.
pub struct LatticeController {
    desk: Arc<Desk>,
    sweeper: JoinHandle<()>,
}

impl LatticeController {
    /// The provider, without a link; it knows what its other instances know.
    ///
    /// It takes no configuration: who may start providers would grant itself what links do not say.
    ///
    /// # Errors
    /// NATS does not take its subscriptions.
    pub async fn new(context: Context) -> Result<Self, Failure> {
        if context.configuration().is_some_and(|text| !text.trim().is_empty()) {
            tracing::warn!("the configuration means nothing: what is granted stands in links");
        }
        let desk = Arc::new(Desk::open(context).await?);
        let sweeper = tokio::spawn(sweep(Arc::clone(&desk)));
        Ok(Self { desk, sweeper })
    }

    /// A grant with a slip of the pen in it would grant something else than was meant, so that it is no link.
    fn read_grants(&self, link: &Link) -> Result<Grants, Failure> {
        if link.contract_id.as_str() != CONTRACT_ID {
            return Err(Failure::new(format!("the link is for `{}`; this is `{CONTRACT_ID}`", link.contract_id)));
        }
        let settings = Settings::new(&link.values, &Defaults::default());
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
        let deadline = ANSWERING.before(self.desk.waits_until(&call));
        let answer = timeout_at(deadline, self.desk.answer(&call, deadline)).await;
        Ok(answer.unwrap_or_else(|_| Err(too_late()))?)
    }

    fn largest_argument(&self) -> Option<usize> {
        Some(FETCHED_BYTES)
    }

    async fn shutdown(&self) {
        self.sweeper.abort();
        self.desk.peers.leave().await;
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

fn too_late() -> Refusal {
    let text = "no answer before the caller's deadline; what was sent may be acted on all the same";
    Refusal::new(ErrorCode::TimedOut, text)
}

/// Forgets what has expired and closes what is idle, from time to time.
async fn sweep(desk: Arc<Desk>) {
    let mut ticks = interval(SWEEP);
    loop {
        ticks.tick().await;
        desk.sweep(SystemTime::now());
    }
}
