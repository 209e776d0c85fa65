//! Asking a provider how it is: first until it serves, then from time to time.

use std::time::Duration;

use lattice_protocol::HealthCheckResponse;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

use super::{command::InstanceKey, tools::Lattice};
use crate::defaults::{HEALTH_INTERVAL, HEALTH_PATIENCE, READY_LOOK, READY_PATIENCE};

/// What was learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It serves, or is taken to; with what it answered, if it did.
    Ready(Option<HealthCheckResponse>),
    /// It was asked again; nothing if it did not answer in time.
    Health(Option<HealthCheckResponse>),
}

/// Asks as long as anybody wants to know.
pub(super) async fn watch(lattice: Lattice, key: InstanceKey, findings: mpsc::Sender<Finding>) {
    let subject = lattice.subjects().health(&key.provider, &key.link);
    let ready = until_ready(&lattice.nats, &subject).await;
    if findings.send(Finding::Ready(ready)).await.is_err() {
        return;
    }
    loop {
        sleep(HEALTH_INTERVAL).await;
        let health = ask(&lattice.nats, &subject, HEALTH_PATIENCE).await;
        if findings.send(Finding::Health(health)).await.is_err() {
            return;
        }
    }
}

/// The first answer of a process that was just started; none if it answers nothing for too long.
async fn until_ready(nats: &async_nats::Client, subject: &str) -> Option<HealthCheckResponse> {
    let deadline = Instant::now() + READY_PATIENCE;
    while Instant::now() < deadline {
        let left = deadline.saturating_duration_since(Instant::now());
        if let Some(answer) = ask(nats, subject, left).await {
            return Some(answer);
        }
        sleep(READY_LOOK).await;
    }
    None
}

/// What it answers. An answer that cannot be read comes from something that is not well.
async fn ask(nats: &async_nats::Client, subject: &str, patience: Duration) -> Option<HealthCheckResponse> {
    let answer = timeout(patience, nats.request(subject.to_owned(), bytes::Bytes::new())).await.ok()?.ok()?;
    Some(rmp_serde::from_slice(&answer.payload).unwrap_or_else(|error| HealthCheckResponse {
        healthy: false,
        message: Some(format!("its answer to the health check cannot be read: {error}")),
        lattice_sdk: None,
    }))
}
