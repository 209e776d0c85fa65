//! What becomes of a command that a host took on.

mod expected;
mod follow;

use std::time::Duration;

use futures::{StreamExt, stream, stream::BoxStream};
use lattice_protocol::{Ack, HostKey, OperationId, OperationPhase, OperationRecord, RefusalCode, event::CloudEvent};
use tokio::time;

use crate::{
    client::Client,
    defaults::LAST_WORDS,
    request::{RequestError, closed},
};
use expected::Verdict;
pub(crate) use expected::{Awaited, Expected};
pub(crate) use follow::Absence;
use follow::{Follower, NoRecord};

/// A command that a host took on, and may still be working at.
///
/// Dropping it changes nothing at the host; [`Client::operation`] takes it up again by its id.
///
/// ```no_run
/// # async fn example(operation: lattice_client::Operation) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use futures::StreamExt;
///
/// let mut phases = operation.watch();
/// while let Some(record) = phases.next().await {
///     println!("{}", record?.phase.as_str());
/// }
/// operation.wait(Duration::from_secs(10)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Operation {
    client: Client,
    accepted: Accepted,
    /// How often the connection had come about when the host was last known to be there.
    connections: u64,
    /// The events that tell how it went, where the record alone does not.
    events: Option<Awaited>,
    /// Whether the host had done it when it answered, so that the answer counts where nothing tells more.
    done_when_answered: bool,
}

/// What is known of a command as soon as it is taken on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// The operation that the command became. Hosts of other projects do not know it.
    pub id: OperationId,
    /// The host that took it on; not known of commands that go to any host, such as those about links.
    pub host: Option<HostKey>,
    /// Where it is recorded how it goes.
    pub recording: Recording,
}

/// Where it is recorded how an operation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recording {
    /// In the lattice, for a day, whatever becomes of the host.
    Lattice,
    /// In the memory of the host that took it on: JetStream does not take the record.
    Host,
    /// Nowhere: a host of another project took it on.
    None,
}

/// How an operation came to a good end, and how that is known.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Settled {
    /// The host's own record of the operation says so.
    ByOperation(OperationRecord),
    /// An event of the host fits the command. That is inferred: a like command of somebody else causes a like event.
    ByEvent(CloudEvent),
    /// The host had done it when it answered, and nothing tells more.
    ByAnswer,
}

/// Why waiting for an operation did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The operation failed.
    #[error("operation {id} failed{}", on(host))]
    Failed {
        /// The operation.
        id: OperationId,
        /// The host.
        host: Option<HostKey>,
        /// What kind of failure it is, if the host tells.
        code: Option<RefusalCode>,
        /// The record or event that says so.
        settled: Box<Settled>,
        /// Why, as the host tells it.
        source: Cause,
    },
    /// The host went away before the operation had ended, and how far it got is not known.
    #[error("operation {id} was lost{}", on(host))]
    Lost {
        /// The operation.
        id: OperationId,
        /// The host.
        host: Option<HostKey>,
        /// The record, which tells how far it is known to have got.
        record: Box<OperationRecord>,
        /// Why, as another host tells it.
        source: Cause,
    },
    /// The operation had not ended when the time was over. It may still end well, or fail.
    #[error("operation {id}{} had not ended after {waited:?}", on(host))]
    Unknown {
        /// The operation.
        id: OperationId,
        /// The host.
        host: Option<HostKey>,
        /// How long was waited.
        waited: Duration,
        /// How it stood when the host last told.
        last: Option<Box<OperationRecord>>,
    },
    /// The host is gone, and with it what it knew of the operation: no host that is left has a record of it.
    #[error("{} is gone, and how far operation {id} got is not known", whoever(host))]
    HostGone {
        /// The operation.
        id: OperationId,
        /// The host.
        host: Option<HostKey>,
    },
    /// A host of another project took the command on, and keeps no record that could be followed.
    #[error("operation {id}{} is not recorded, so that its phases cannot be followed", on(host))]
    NotRecorded {
        /// The operation.
        id: OperationId,
        /// The host.
        host: Option<HostKey>,
    },
    /// The host could not be asked.
    #[error("operation {id}{} could not be followed", on(host))]
    Request {
        /// The operation.
        id: OperationId,
        /// The host.
        host: Option<HostKey>,
        /// What went wrong.
        source: Box<RequestError>,
    },
}

fn on(host: &Option<HostKey>) -> String {
    host.as_ref().map_or(String::new(), |host| format!(" on host {host}"))
}

fn whoever(host: &Option<HostKey>) -> String {
    host.as_ref().map_or("every host".to_owned(), |host| format!("host {host}"))
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
        self.taken_up(Some(host.clone()), id)
    }

    /// Takes up an operation of which it is not known which host took it on; any host is asked for its record.
    pub fn operation_anywhere(&self, id: OperationId) -> Operation {
        self.taken_up(None, id)
    }

    fn taken_up(&self, host: Option<HostKey>, id: OperationId) -> Operation {
        let accepted = Accepted { id, host, recording: Recording::Lattice };
        let (client, connections) = (self.clone(), self.connections());
        Operation { client, accepted, connections, events: None, done_when_answered: false }
    }
}

impl Operation {
    /// What a host took on by this answer to what was sent under this id.
    pub(crate) fn accepted_by(
        client: Client,
        host: Option<HostKey>,
        ack: Ack,
        sent: OperationId,
        awaited: Awaited,
    ) -> Self {
        let recording = match (&ack.operation_id, ack.unrecorded) {
            (None, _) => Recording::None,
            (Some(_), true) => Recording::Host,
            (Some(_), false) => Recording::Lattice,
        };
        let is_recorded = recording != Recording::None;
        let done_when_answered = awaited.is_done_when_answered(is_recorded);
        // A host that stops may be gone before it can be asked, so its last event is kept in view.
        let events = (!is_recorded || awaited.expects_host_to_go()).then_some(awaited);
        let accepted = Accepted { id: ack.operation_id.unwrap_or(sent), host, recording };
        let connections = client.connections();
        Self { client, accepted, connections, events, done_when_answered }
    }

    /// What a host has a record of, although its answer did not arrive: nothing is known but the record.
    pub(crate) fn found(client: Client, record: &OperationRecord, awaited: Awaited) -> Self {
        let host = record.host_id.clone();
        let ack = Ack { unrecorded: record.unrecorded, ..Ack::operation(record.operation_id.clone()) };
        let found = Self::accepted_by(client, Some(host), ack, record.operation_id.clone(), awaited);
        Self { done_when_answered: false, ..found }
    }

    /// What the host said when it took the command on.
    pub fn accepted(&self) -> &Accepted {
        &self.accepted
    }

    /// The operation's id. Hosts of other projects do not know it.
    pub fn id(&self) -> &OperationId {
        &self.accepted.id
    }

    /// The host that took the command on; not known of commands that go to any host, such as those about links.
    pub fn host(&self) -> Option<&HostKey> {
        self.accepted.host.as_ref()
    }

    /// Whether a host records the operation. If not, [`wait`](Self::wait) infers from events how it went.
    pub fn is_recorded(&self) -> bool {
        self.accepted.recording != Recording::None
    }

    /// The record of the operation whenever its phase changes, from the one in which it is now to the one in which it
    /// ends; a phase that is over before it is asked for is left out, and stands in the phases of the next record. While an
    /// image is fetched, it also comes twice a second if there is more of it.
    ///
    /// That it failed or was lost is no error here but the last record's phase. The stream ends after that record, or
    /// after an error, for the reasons that [`wait`](Self::wait) names; silence is waited for without limit.
    pub fn watch(&self) -> BoxStream<'static, Result<OperationRecord, WaitError>> {
        if !self.is_recorded() {
            let (id, host) = self.names();
            return stream::once(async { Err(WaitError::NotRecorded { id, host }) }).boxed();
        }
        let watched = (self.follower(), Some(None));
        let names = self.names();
        stream::unfold(watched, move |(mut follower, past)| {
            let names = names.clone();
            async move {
                let record = follower.past(past?.as_ref()).await.map_err(|fault| fault.into_error(names));
                let next = record.as_ref().ok().filter(|record| !record.phase.is_final());
                let past = next.map(|record| Some(record.clone()));
                Some((record, (follower, past)))
            }
        })
        .boxed()
    }

    /// Waits until the operation has ended, at most for `deadline`.
    ///
    /// A command that had been done when the host answered, as those about links, labels and configuration, has its
    /// record by then; it takes one question. With a host of another project its event is waited for, and where there is
    /// none the answer counts.
    ///
    /// # Errors
    /// [`WaitError::Failed`] with the host's reasons, [`WaitError::Lost`] if the host went away over it,
    /// [`WaitError::Unknown`] when the time is over, [`WaitError::HostGone`] if nobody is left who knows. After the
    /// connection was down, the host has some seconds to come back to the server, too.
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
            Some(events) if self.is_recorded() => self.by_either(events, last).await,
            Some(events) if self.done_when_answered => self.by_event_soon(events).await,
            Some(mut events) => self.judge(events.verdict().await),
        }
    }

    async fn by_record(&self, last: &mut Option<OperationRecord>) -> Result<Settled, WaitError> {
        match self.follower().end(last).await {
            Ok(record) => self.judge_record(record),
            Err(NoRecord::Unknown(_) | NoRecord::HostGone) if self.done_when_answered => Ok(Settled::ByAnswer),
            Err(fault) => Err(fault.into_error(self.names())),
        }
    }

    async fn by_either(&self, mut events: Awaited, last: &mut Option<OperationRecord>) -> Result<Settled, WaitError> {
        // Cancel-safe: losing the question loses an answer that is not needed, and events wait in their queue.
        tokio::select! {
            verdict = events.verdict() => self.judge(verdict),
            settled = self.by_record(last) => match settled {
                Err(WaitError::HostGone { .. } | WaitError::Lost { .. }) => {
                    match time::timeout(LAST_WORDS, events.verdict()).await {
                        Ok(verdict) => self.judge(verdict),
                        Err(_) => settled,
                    }
                }
                _ => settled,
            },
        }
    }

    /// The event has been published or never will be, but may still be on its way.
    async fn by_event_soon(&self, mut events: Awaited) -> Result<Settled, WaitError> {
        if events.expects_nothing() {
            return Ok(Settled::ByAnswer);
        }
        match time::timeout(self.client.settings().timeout, events.verdict()).await {
            Ok(verdict) => self.judge(verdict),
            Err(_) => Ok(Settled::ByAnswer),
        }
    }

    fn follower(&self) -> Follower {
        Follower::new(self.client.clone(), self.accepted.clone(), self.connections)
    }

    fn judge_record(&self, record: OperationRecord) -> Result<Settled, WaitError> {
        let reason = Cause::of(&record.causes);
        match record.phase {
            OperationPhase::Failed => Err(self.failed(record.code, Settled::ByOperation(record), reason)),
            OperationPhase::Lost => {
                let (id, host) = self.names();
                Err(WaitError::Lost {
                    id,
                    host: host.or(Some(record.host_id.clone())),
                    record: record.into(),
                    source: reason,
                })
            }
            _ => Ok(Settled::ByOperation(record)),
        }
    }

    fn judge(&self, verdict: Verdict) -> Result<Settled, WaitError> {
        match verdict {
            Verdict::Done(event) => Ok(Settled::ByEvent(event)),
            Verdict::Failed { event, error } => Err(self.failed(None, Settled::ByEvent(event), Cause::of(&[error]))),
            Verdict::StreamEnded => {
                let fault = NoRecord::Request(closed(self.client.event_subjects().all()));
                Err(fault.into_error(self.names()))
            }
        }
    }

    fn failed(&self, code: Option<RefusalCode>, settled: Settled, source: Cause) -> WaitError {
        let (id, host) = self.names();
        WaitError::Failed { id, host, code, settled: Box::new(settled), source }
    }

    fn names(&self) -> (OperationId, Option<HostKey>) {
        (self.accepted.id.clone(), self.accepted.host.clone())
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

    #[test]
    fn causes_become_an_error_chain() {
        check(&["cannot start", "cannot fetch", "404"], &["cannot start", "cannot fetch", "404"]);
        check(&[], &["the host gives no reason"]);
    }
}
