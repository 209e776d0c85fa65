//! Following an operation by its record: at its host, and when that is gone at any other.

use std::time::Duration;

use lattice_protocol::{
    ControlSubject, HostKey, OperationId, OperationPhase, OperationQuery, OperationRecord, RefusalCode,
};
use tokio::time::{self, Instant};

use super::{Accepted, WaitError};
use crate::{
    client::Client,
    defaults::{FETCH_POLL, HOST_RETURN, HOST_RETURN_PAUSE, LONG_POLL, LOST_POLL},
    request::RequestError,
};

/// Asks for the record of one operation.
pub(super) struct Follower {
    client: Client,
    id: OperationId,
    /// The host that took it on; any host is asked if that is not known.
    host: Option<HostKey>,
    absence: Absence,
    /// How long the next question may be held. The first tells how the operation stands, should the time be over before
    /// a held one is answered.
    wait: Duration,
}

/// Why there is no record.
#[derive(Debug)]
pub(super) enum NoRecord {
    /// Whoever took the command on is gone, and nobody else knows of it.
    HostGone,
    /// Whoever was asked does not know of it.
    Unknown(RequestError),
    /// Nobody could be asked.
    Request(RequestError),
}

impl NoRecord {
    pub(super) fn into_error(self, (id, host): (OperationId, Option<HostKey>)) -> WaitError {
        match self {
            NoRecord::HostGone => WaitError::HostGone { id, host },
            NoRecord::Unknown(source) | NoRecord::Request(source) => {
                WaitError::Request { id, host, source: Box::new(source) }
            }
        }
    }
}

impl Follower {
    pub(super) fn new(client: Client, accepted: Accepted, connections: u64) -> Self {
        let Accepted { id, host, .. } = accepted;
        Self { client, id, host, absence: Absence::new(connections), wait: Duration::ZERO }
    }

    /// The record once it is final; how it stands until then is noted in `last`.
    pub(super) async fn end(mut self, last: &mut Option<OperationRecord>) -> Result<OperationRecord, NoRecord> {
        loop {
            let record = self.ask(None).await?;
            if record.phase.is_final() {
                return Ok(record);
            }
            *last = Some(record);
        }
    }

    /// The record once it tells of another phase than the last one, or that more of an image was fetched.
    pub(super) async fn past(&mut self, last: Option<&OperationRecord>) -> Result<OperationRecord, NoRecord> {
        loop {
            // Bytes that arrive are no phase that a question could be held for.
            if last.is_some_and(|last| last.phase == OperationPhase::Fetching) {
                self.wait = FETCH_POLL;
            }
            let record = self.ask(last.map(|last| last.phase)).await?;
            let is_news = |last: &OperationRecord| last.phase != record.phase || last.fetch != record.fetch;
            if record.phase.is_final() || last.is_none_or(is_news) {
                return Ok(record);
            }
        }
    }

    /// Asks until there is an answer that is news, or was held as long as it was to be. A host that has no place left to
    /// hold the question answers at once, and is not to be asked again at once.
    async fn ask(&mut self, past: Option<OperationPhase>) -> Result<OperationRecord, NoRecord> {
        let (began, wait) = (Instant::now(), self.wait);
        let record = self.ask_any(past).await?;
        if !record.is_past(past) && began.elapsed() < wait / 2 {
            time::sleep(HOST_RETURN_PAUSE).await;
        }
        Ok(record)
    }

    /// Asks until there is an answer. Silence is no end: the host may be busy, or the connection may come back.
    async fn ask_any(&mut self, past: Option<OperationPhase>) -> Result<OperationRecord, NoRecord> {
        loop {
            let subject = match &self.host {
                Some(host) => ControlSubject::Operation { host: host.clone() },
                None => ControlSubject::AnyOperation,
            };
            let answer = self.question(&subject, past, self.wait).await;
            self.wait = LONG_POLL;
            match answer {
                Ok(record) => return Ok(record),
                Err(error) if error.is_silence() => {}
                Err(RequestError::NoResponders { .. }) if self.absence.may_end(self.client.connections()) => {
                    time::sleep(HOST_RETURN_PAUSE).await;
                }
                Err(error) => {
                    if let Some(record) = self.ask_others(past, no_record(error)?).await? {
                        return Ok(record);
                    }
                }
            }
        }
    }

    /// Asks any host. Until the one that is gone counts as gone among them too, they answer as if it still worked.
    async fn ask_others(
        &self,
        past: Option<OperationPhase>,
        without: NoRecord,
    ) -> Result<Option<OperationRecord>, NoRecord> {
        if self.host.is_none() {
            return Err(without);
        }
        let answer = self.question(&ControlSubject::AnyOperation, past, LOST_POLL).await;
        if !answer.as_ref().is_ok_and(|record| record.phase.is_final()) {
            time::sleep(HOST_RETURN_PAUSE).await;
        }
        match answer {
            Ok(record) => Ok(Some(record)),
            Err(error) if error.is_silence() => Ok(None),
            Err(_) => Err(without),
        }
    }

    async fn question(
        &self,
        subject: &ControlSubject,
        past: Option<OperationPhase>,
        wait: Duration,
    ) -> Result<OperationRecord, RequestError> {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let query = OperationQuery { operation_id: self.id.clone(), past, wait };
        self.client.record(self.client.subjects().build(subject), query).await
    }
}

/// Why others are asked for a record: the host is gone, or has forgotten it in favour of later ones.
fn no_record(error: RequestError) -> Result<NoRecord, NoRecord> {
    match error {
        RequestError::NoResponders { .. } => Ok(NoRecord::HostGone),
        error if error.refusal_code() == Some(RefusalCode::NotFound) => Ok(NoRecord::Unknown(error)),
        error => Err(NoRecord::Request(error)),
    }
}

/// Whether a host that does not listen may be about to: after a server's restart its clients come back one by one.
#[derive(Debug)]
pub(crate) struct Absence {
    connections: u64,
    /// Until when it may come back after the latest restart.
    until: Option<Instant>,
}

impl Absence {
    /// The connection had come about so often when the host was there.
    pub(crate) fn new(connections: u64) -> Self {
        Self { connections, until: None }
    }

    /// Whether the absence may end, the connection having come about so often by now.
    pub(crate) fn may_end(&mut self, connections: u64) -> bool {
        if self.connections != connections {
            self.connections = connections;
            self.until = Some(Instant::now() + HOST_RETURN);
        }
        self.until.is_some_and(|until| Instant::now() < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_host_has_time_to_come_back_after_each_reconnection() {
        let mut absence = Absence::new(1);
        assert!(!absence.may_end(1));
        for connections in [2, 3] {
            assert!(absence.may_end(connections));
            time::advance(HOST_RETURN).await;
            assert!(!absence.may_end(connections));
        }
    }
}
