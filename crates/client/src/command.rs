//! Commands. An answer means that a host took the command on; the [`Operation`] tells how it went.

mod actor;
mod lattice;
mod provider;

use std::time::Duration;

use lattice_protocol::{
    Ack, BID_HEADER, Command, FORCE_HEADER, HostKey, LatticeName, OPERATION_HEADER, OperationId, OperationRecord,
    PULL_HEADER, Prefetch, REQUESTER_HEADER, StopHost,
};
use tokio::time;
use uuid::Uuid;

pub use actor::UpdateOptions;
pub(crate) use lattice::config_key;

use crate::{
    client::Client,
    defaults::HOST_RETURN_PAUSE,
    operation::{Absence, Awaited, Expected, Operation},
    request::{Outgoing, RequestError},
};

impl Client {
    /// Stops a host: it takes nothing more on, lets running calls end, stops what it runs and leaves.
    ///
    /// Host and lattice in the command are filled in.
    ///
    /// # Errors
    /// As [`start_actor`](Self::start_actor).
    pub async fn stop_host(&self, host: &HostKey, command: StopHost) -> Result<Operation, RequestError> {
        let command = StopHost { host_id: Some(host.clone()), lattice_id: self.lattice_id(), ..command };
        let request = self.to_host(host, &command);
        self.command(request, Some(host), Expected::HostStopped).await
    }

    fn lattice_id(&self) -> Option<LatticeName> {
        Some(self.lattice().clone())
    }

    /// Has a host fetch, check and compile an image, so that it is there when something starts from it.
    ///
    /// Host and lattice in the command are filled in.
    ///
    /// # Errors
    /// As [`start_actor`](Self::start_actor); hosts of other projects do not know this command.
    pub async fn prefetch(&self, host: &HostKey, image_ref: &str) -> Result<Operation, RequestError> {
        let (host_id, lattice_id) = (Some(host.clone()), self.lattice_id());
        let command = Prefetch { host_id, image_ref: image_ref.to_owned(), lattice_id };
        self.command(self.to_host(host, &command), Some(host), Expected::Prefetched).await
    }

    /// A command to one host as a request.
    fn to_host<C: Command>(&self, host: &HostKey, command: &C) -> Outgoing {
        let request = Outgoing::with_body(self, self.subjects().command(host, C::VERB), command);
        match self.settings().pull {
            Some(pull) => request.header(PULL_HEADER, pull.as_str()),
            None => request,
        }
    }

    /// Sends a command, listening to events from before it: a host of another project tells only there how it went.
    pub(crate) async fn command(
        &self,
        request: Outgoing,
        host: Option<&HostKey>,
        expected: Expected,
    ) -> Result<Operation, RequestError> {
        let events = match expected.is_nothing() || !self.settings().follow_events {
            true => None,
            false => Some(self.subscribe_events().await?),
        };
        let id = new_operation();
        let request = self.signed(request).header(OPERATION_HEADER, id.as_str());
        let taken = self.taken_on(request, host, &id).await?;
        let awaited = Awaited::new(expected, host.cloned(), events);
        Ok(match taken {
            Taken::Answered(ack) => Operation::accepted_by(self.clone(), host.cloned(), ack, id, awaited),
            Taken::Recorded(record) => Operation::found(self.clone(), &record, awaited),
        })
    }

    /// The request with the name of who makes it, if there is one.
    fn signed(&self, request: Outgoing) -> Outgoing {
        match &self.settings().requester {
            Some(requester) => request.header(REQUESTER_HEADER, requester),
            None => request,
        }
    }

    /// Sends a command until it is known whether it was taken on. A host with records does it once however often it
    /// comes, so one that says that it never had it gets it once more.
    async fn taken_on(
        &self,
        request: Outgoing,
        host: Option<&HostKey>,
        id: &OperationId,
    ) -> Result<Taken, RequestError> {
        let connections = self.connections();
        let silence = match self.request(request.clone()).await {
            Err(error) if error.is_silence() => error,
            answer => return answer.map(Taken::Answered),
        };
        match self.arrival(host, id, connections).await {
            Arrival::TakenOn(record) => Ok(Taken::Recorded(record)),
            Arrival::NotTold => Err(silence),
            Arrival::Lost => match self.request(request).await {
                Err(error) if error.is_silence() => match self.arrival(host, id, connections).await {
                    Arrival::TakenOn(record) => Ok(Taken::Recorded(record)),
                    _ => Err(error),
                },
                answer => answer.map(Taken::Answered),
            },
        }
    }

    /// Whether a command arrived whose answer did not. After the connection was down, the host may need some time to come
    /// back as well.
    async fn arrival(&self, host: Option<&HostKey>, id: &OperationId, connections: u64) -> Arrival {
        let mut absence = Absence::new(connections);
        loop {
            let record = match host {
                Some(host) => self.operation_record(host, id, Duration::ZERO).await,
                None => self.operation_by_id(id, Duration::ZERO).await,
            };
            match record {
                Ok(record) => return Arrival::TakenOn(Box::new(record)),
                Err(RequestError::Refused { .. }) => return Arrival::Lost,
                Err(RequestError::NoResponders { .. }) if absence.may_end(self.connections()) => {
                    time::sleep(HOST_RETURN_PAUSE).await;
                }
                Err(_) => return Arrival::NotTold,
            }
        }
    }
}

/// How it is known that a command was taken on.
enum Taken {
    Answered(Ack),
    /// The answer did not arrive, and a host has this record of it.
    Recorded(Box<OperationRecord>),
}

/// What became of a command whose answer did not arrive.
enum Arrival {
    TakenOn(Box<OperationRecord>),
    /// It did not arrive: its host has no record of it.
    Lost,
    /// Nobody keeps records there, or nobody answers.
    NotTold,
}

/// A request that does what would be refused otherwise, if that is wanted.
pub(crate) fn forced(request: Outgoing, force: bool) -> Outgoing {
    if force { request.header(FORCE_HEADER, "true") } else { request }
}

/// A start that follows this bid; none is named by an empty token.
fn following(request: Outgoing, token: &str) -> Outgoing {
    if token.is_empty() { request } else { request.header(BID_HEADER, token) }
}

fn new_operation() -> OperationId {
    Uuid::now_v7().to_string().parse().expect("a UUID is an operation id")
}
