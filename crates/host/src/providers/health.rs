//! Asking a provider how it is: first until it serves, then from time to time.

use std::time::Duration;

use async_nats::{HeaderMap, Request, RequestErrorKind};
use lattice_protocol::{HealthCheckResponse, INSTANCE_HEADER};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use super::{command::InstanceKey, tools::Lattice};
use crate::defaults::{
    HEALTH_INTERVAL, HEALTH_PATIENCE, LATE_LOOK, NOBODY_LOOK, NOBODY_PATIENCE, READY_ANSWER, READY_LOOK, READY_PATIENCE,
};

/// What was learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It serves, or is taken to; with what it answered, if it did.
    Ready(Option<HealthCheckResponse>),
    /// It was asked again; nothing if it did not answer in time.
    Health(Option<HealthCheckResponse>),
}

/// Asks as long as anybody wants to know.
pub(super) async fn watch(lattice: Lattice, key: InstanceKey, instance_id: String, findings: mpsc::Sender<Finding>) {
    let subject = lattice.subjects().health(&key.provider, &key.link);
    let question = Question { nats: lattice.nats, subject, instance_id };
    let ready = question.until_answered(READY_PATIENCE, READY_LOOK).await;
    let is_silent = ready.is_none();
    if findings.send(Finding::Ready(ready)).await.is_err() {
        return;
    }
    if is_silent {
        let late = question.until_answered(HEALTH_INTERVAL, LATE_LOOK).await;
        if findings.send(Finding::Health(late)).await.is_err() {
            return;
        }
    }
    loop {
        sleep(HEALTH_INTERVAL).await;
        let health = question.ask(HEALTH_PATIENCE).await;
        if findings.send(Finding::Health(health)).await.is_err() {
            return;
        }
    }
}

/// Whether no process of a provider serves anywhere, so that nobody is left who could answer what one was asked that ended.
pub(super) async fn nobody_serves(lattice: &Lattice, key: &InstanceKey) -> bool {
    let subject = lattice.subjects().health(&key.provider, &key.link);
    let deadline = Instant::now() + NOBODY_PATIENCE;
    while Instant::now() < deadline {
        let request = Request::new().timeout(Some(NOBODY_LOOK));
        match lattice.nats.send_request(subject.clone(), request).await {
            Ok(_) => return false,
            Err(error) if error.kind() == RequestErrorKind::NoResponders => return true,
            Err(_) => sleep(NOBODY_LOOK).await,
        }
    }
    false
}

/// What one process is asked.
struct Question {
    nats: async_nats::Client,
    subject: String,
    instance_id: String,
}

impl Question {
    /// The first answer of a process that was just started; none if it answers nothing for too long.
    async fn until_answered(&self, patience: Duration, look: Duration) -> Option<HealthCheckResponse> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            // Another process of the provider hears each question too, and lets it be: so it is asked again and again.
            if let Some(answer) = self.ask(READY_ANSWER).await {
                return Some(answer);
            }
            sleep(look).await;
        }
        None
    }

    /// What it answers.
    async fn ask(&self, patience: Duration) -> Option<HealthCheckResponse> {
        let mut headers = HeaderMap::new();
        headers.insert(INSTANCE_HEADER, self.instance_id.as_str());
        let request = Request::new().headers(headers).timeout(Some(patience));
        let answer = self.nats.send_request(self.subject.clone(), request).await.ok()?;
        Some(read(&answer.payload))
    }
}

/// An answer that cannot be read comes from something that is not well.
fn read(answer: &[u8]) -> HealthCheckResponse {
    rmp_serde::from_slice(answer).unwrap_or_else(|error| HealthCheckResponse {
        healthy: false,
        message: Some(format!("its answer to the health check cannot be read: {error}")),
        lattice_sdk: None,
    })
}
