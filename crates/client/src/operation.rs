//! What becomes of a command that a host took on.

mod expected;

use std::time::Duration;

use lattice_protocol::{Ack, HostKey, OperationId, OperationPhase, OperationQuery, OperationRecord, event::CloudEvent};
use tokio::time::{self, Instant};

use crate::{
    client::Client,
    defaults::{HOST_RETURN, HOST_RETURN_PAUSE, LAST_WORDS, LONG_POLL},
    request::{Outgoing, RequestError, closed},
};
use expected::Verdict;
pub(crate) use expected::{Awaited, Expected};

/// A command that a host took on, and may still be working at.
///
/// Dropping it changes nothing at the host; [`Client::operation`] takes it up again by its id.
#[derive(Debug)]
pub struct Operation {
    client: Client,
    host: HostKey,
    id: OperationId,
    /// Whether the host keeps a record of it; only hosts of this project do.
    recorded: bool,
    /// How often the connection had come about when the host was last known to be there.
    connections: u64,
    /// The events that tell how it went, where the record alone does not.
    events: Option<Awaited>,
}

/// How an operation came to a good end, and how that is known.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Settled {
    /// The host's own record of the operation says so.
    ByOperation(OperationRecord),
    /// An event of the host fits the command. That is inferred: a like command of somebody else causes a like event.
    ByEvent(CloudEvent),
}

/// Why waiting for an operation did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The operation failed.
    #[error("operation {id} failed on host {host}")]
    Failed {
        /// The operation.
        id: OperationId,
        /// The host.
        host: HostKey,
        /// The record or event that says so.
        settled: Box<Settled>,
        /// Why, as the host tells it.
        source: Cause,
    },
    /// The operation had not ended when the time was over. It may still end well, or fail.
    #[error("operation {id} on host {host} had not ended after {waited:?}")]
    Unknown {
        /// The operation.
        id: OperationId,
        /// The host.
        host: HostKey,
        /// How long was waited.
        waited: Duration,
        /// How it stood when the host last told.
        last: Option<Box<OperationRecord>>,
    },
    /// The host is gone, and with it what it knew of the operation.
    #[error("host {host} is gone, and how far operation {id} got is not known")]
    HostGone {
        /// The operation.
        id: OperationId,
        /// The host.
        host: HostKey,
    },
    /// The host could not be asked.
    #[error("operation {id} on host {host} could not be followed")]
    Request {
        /// The operation.
        id: OperationId,
        /// The host.
        host: HostKey,
        /// What went wrong.
        source: Box<RequestError>,
    },
}

/// A reason with its own reasons: a host's list of causes as an error chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Cause {
    text: String,
    source: Option<Box<Cause>>,
}

impl Cause {
    /// The chain of these causes, outermost first.
    fn of(causes: &[String]) -> Self {
        match causes {
            [] => Self { text: "the host gives no reason".to_owned(), source: None },
            [text] => Self { text: text.clone(), source: None },
            [text, rest @ ..] => Self { text: text.clone(), source: Some(Box::new(Self::of(rest))) },
        }
    }
}

impl Client {
    /// Takes up an operation that was started before, perhaps by another process.
    ///
    /// ```no_run
    /// # async fn example(client: lattice_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// let host = client.resolve_host("quiet-river-1234").await?;
    /// let operation = client.operation(&host, "0194c4a5-7f5e-7d7c-a8c5-5c0c8f0e8a11".parse()?);
    /// operation.wait(Duration::from_secs(30)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn operation(&self, host: &HostKey, id: OperationId) -> Operation {
        let (client, connections) = (self.clone(), self.connections());
        Operation { client, host: host.clone(), id, recorded: true, connections, events: None }
    }

    /// How an operation stands. The host answers when it ends, and at the latest after `wait`.
    ///
    /// # Errors
    /// [`RequestError::Refused`] if the host does not know the operation, [`RequestError::NoResponders`] if it is gone
    /// or keeps no records.
    pub async fn operation_record(
        &self,
        host: &HostKey,
        id: &OperationId,
        wait: Duration,
    ) -> Result<OperationRecord, RequestError> {
        let query =
            OperationQuery { operation_id: id.clone(), past: None, wait: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX) };
        let request = Outgoing::with_body(self, self.subjects().operation(host), &query);
        self.request(request.timeout(wait.saturating_add(self.settings().timeout))).await
    }
}

impl Operation {
    pub(crate) fn accepted(client: Client, host: HostKey, ack: Ack, sent: OperationId, events: Awaited) -> Self {
        let recorded = ack.operation_id.is_some();
        let id = ack.operation_id.unwrap_or(sent);
        // A host that stops may be gone before it can be asked, so its last event is kept in view.
        let events = (!recorded || events.expects_host_to_go()).then_some(events);
        let connections = client.connections();
        Self { client, host, id, recorded, connections, events }
    }

    /// The operation's id. Hosts of other projects do not know it.
    pub fn id(&self) -> &OperationId {
        &self.id
    }

    /// The host that took the command on.
    pub fn host(&self) -> &HostKey {
        &self.host
    }

    /// Whether the host records the operation. If not, [`wait`](Self::wait) infers from events how it went.
    pub fn is_recorded(&self) -> bool {
        self.recorded
    }

    /// Waits until the operation has ended, at most for `deadline`.
    ///
    /// # Errors
    /// [`WaitError::Failed`] with the host's reasons, [`WaitError::Unknown`] when the time is over,
    /// [`WaitError::HostGone`] if nobody is left to ask. After the connection was down, the host has some seconds to come
    /// back to the server, too.
    pub async fn wait(mut self, deadline: Duration) -> Result<Settled, WaitError> {
        let mut last = None;
        let events = self.events.take();
        let settled = time::timeout(deadline, self.settled(events, &mut last)).await;
        settled.unwrap_or_else(|_| {
            let (id, host) = self.names();
            Err(WaitError::Unknown { id, host, waited: deadline, last: last.map(Box::new) })
        })
    }

    async fn settled(&self, events: Option<Awaited>, last: &mut Option<OperationRecord>) -> Result<Settled, WaitError> {
        match events {
            None => self.by_record(last).await,
            Some(events) if self.recorded => self.by_either(events, last).await,
            Some(mut events) => self.judge(events.verdict().await),
        }
    }

    /// Asks the host until it says that the operation has ended. Silence is no end: the host may be busy, or the
    /// connection may come back.
    async fn by_record(&self, last: &mut Option<OperationRecord>) -> Result<Settled, WaitError> {
        // The first question tells how the operation stands, should the time be over before a held one is answered.
        let mut wait = Duration::ZERO;
        let mut absence = Absence { connections: self.connections, until: None };
        loop {
            match self.client.operation_record(&self.host, &self.id, wait).await {
                Ok(record) if record.phase.is_final() => return self.judge_record(record),
                Ok(record) => *last = Some(record),
                Err(RequestError::TimedOut { .. } | RequestError::Disconnected { .. }) => {}
                Err(RequestError::NoResponders { .. }) if absence.may_end(self.client.connections()) => {
                    time::sleep(HOST_RETURN_PAUSE).await;
                }
                Err(RequestError::NoResponders { .. }) => return Err(self.host_gone()),
                Err(source) => return Err(self.not_followed(source)),
            }
            wait = LONG_POLL;
        }
    }

    async fn by_either(&self, mut events: Awaited, last: &mut Option<OperationRecord>) -> Result<Settled, WaitError> {
        // Cancel-safe: losing the question loses an answer that is not needed, and events wait in their queue.
        tokio::select! {
            verdict = events.verdict() => self.judge(verdict),
            settled = self.by_record(last) => match settled {
                Err(WaitError::HostGone { .. }) => match time::timeout(LAST_WORDS, events.verdict()).await {
                    Ok(verdict) => self.judge(verdict),
                    Err(_) => settled,
                },
                _ => settled,
            },
        }
    }

    fn judge_record(&self, record: OperationRecord) -> Result<Settled, WaitError> {
        match record.phase {
            OperationPhase::Failed => {
                let reason = Cause::of(&record.causes);
                Err(self.failed(Settled::ByOperation(record), reason))
            }
            _ => Ok(Settled::ByOperation(record)),
        }
    }

    fn judge(&self, verdict: Verdict) -> Result<Settled, WaitError> {
        match verdict {
            Verdict::Done(event) => Ok(Settled::ByEvent(event)),
            Verdict::Failed { event, error } => Err(self.failed(Settled::ByEvent(event), Cause::of(&[error]))),
            Verdict::StreamEnded => Err(self.not_followed(closed(self.client.event_subjects().all()))),
        }
    }

    fn failed(&self, settled: Settled, source: Cause) -> WaitError {
        let (id, host) = self.names();
        WaitError::Failed { id, host, settled: Box::new(settled), source }
    }

    fn host_gone(&self) -> WaitError {
        let (id, host) = self.names();
        WaitError::HostGone { id, host }
    }

    fn not_followed(&self, source: RequestError) -> WaitError {
        let (id, host) = self.names();
        WaitError::Request { id, host, source: Box::new(source) }
    }

    fn names(&self) -> (OperationId, HostKey) {
        (self.id.clone(), self.host.clone())
    }
}

/// Whether a host that does not listen may be about to: after a server's restart its clients come back one by one.
struct Absence {
    connections: u64,
    /// Until when it may come back after the latest restart.
    until: Option<Instant>,
}

impl Absence {
    fn may_end(&mut self, connections: u64) -> bool {
        if self.connections != connections {
            self.connections = connections;
            self.until = Some(Instant::now() + HOST_RETURN);
        }
        self.until.is_some_and(|until| Instant::now() < until)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    fn check(causes: &[&str], expect: &[&str]) {
        let causes: Vec<String> = causes.iter().copied().map(str::to_owned).collect();
        let cause = Cause::of(&causes);
        let chain = std::iter::successors(Some(&cause as &dyn Error), |error| (*error).source());
        assert_eq!(chain.map(ToString::to_string).collect::<Vec<_>>(), expect);
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_has_time_to_come_back_after_each_reconnection() {
        let mut absence = Absence { connections: 1, until: None };
        assert!(!absence.may_end(1));
        for connections in [2, 3] {
            assert!(absence.may_end(connections));
            time::advance(HOST_RETURN).await;
            assert!(!absence.may_end(connections));
        }
    }

    #[test]
    fn causes_become_an_error_chain() {
        check(&["cannot start", "cannot fetch", "404"], &["cannot start", "cannot fetch", "404"]);
        check(&[], &["the host gives no reason"]);
    }
}
