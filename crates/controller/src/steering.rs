//! [`Steering`]: one call's way to a lattice: a client with the call's time, in the actor's name, and what it is granted there.

use std::{sync::Arc, time::Duration};

use lattice_client::{Client, Gathered, Missing, Operation, RequestError};
use lattice_protocol::{
    HostKey,
    contract::lattice_control::{CtlOperationAck, ErrorCode, Gathering, Shortfall},
};
use tokio::time::Instant;

use crate::{
    error::{NOBODY, Refusal},
    grants::Grants,
};

/// A way to a lattice.
pub(crate) struct Steering {
    /// Waits for one host as long as the call's time lets it.
    pub(crate) client: Client,
    /// When what is asked has to have an answer.
    pub(crate) deadline: Instant,
    pub(crate) grants: Arc<Grants>,
}

impl Steering {
    /// The same client, which waits for silent hosts as long as is granted, and no longer than there is time.
    pub(crate) fn gatherer(&self) -> Client {
        let left = self.deadline.saturating_duration_since(Instant::now());
        self.client.with(|settings| settings.timeout = whole_millis(left).min(self.grants.gather_limit))
    }

    /// Whether a host is one of those that are granted. Its labels are asked for anew each time, for they change.
    pub(crate) async fn require_host(&self, host: &HostKey) -> Result<(), Refusal> {
        if !self.grants.limits_hosts() {
            return Ok(());
        }
        let inventory = self.client.inventory(host).await.map_err(|error| of_host(&error))?;
        match self.grants.has_host(&inventory.labels) {
            true => Ok(()),
            false => Err(self.grants.no_such_labels(host)),
        }
    }
}

/// A time as it is told where it was not enough.
pub(crate) fn whole_millis(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// What asking one host came to.
pub(crate) fn of_host(error: &RequestError) -> Refusal {
    Refusal::of_request(error, ErrorCode::NoSuchHost)
}

/// What asking any host came to.
pub(crate) fn of_lattice(error: &RequestError) -> Refusal {
    Refusal::of_request(error, ErrorCode::NoHosts)
}

/// The answer to a command: what the host said. That it could not be asked is no answer but an error.
pub(crate) fn ack(outcome: Result<Operation, RequestError>, nobody: ErrorCode) -> Result<CtlOperationAck, Refusal> {
    match outcome {
        Ok(_) => Ok(CtlOperationAck { accepted: true, ..CtlOperationAck::default() }),
        Err(error @ RequestError::Refused { .. }) => Ok(Refusal::of_request(&error, nobody).into_ack()),
        Err(error) => Err(Refusal::of_request(&error, nobody)),
    }
}

/// What is missing in what hosts answered together, if anything is.
pub(crate) fn shortfall(missing: &[Missing], errors: &[RequestError], complete: bool) -> Option<Shortfall> {
    (!complete).then(|| Shortfall {
        missing: missing.iter().map(|host| host.host_id.clone()).collect(),
        unreadable: u64::try_from(errors.len()).unwrap_or(u64::MAX),
    })
}

/// A list with a note of what is missing; that there is nothing in it and not everybody was heard is an error.
pub(crate) fn noted<T: Gathering>(
    mut items: Vec<T>,
    missing: &[Missing],
    errors: &[RequestError],
    complete: bool,
) -> Result<Vec<T>, Refusal> {
    let Some(shortfall) = shortfall(missing, errors, complete) else { return Ok(items) };
    match items.first_mut() {
        Some(first) => first.note(shortfall),
        None => return Err(Refusal::new(ErrorCode::Incomplete, unheard(missing, errors))),
    }
    Ok(items)
}

/// Who was not heard, in words.
pub(crate) fn unheard(missing: &[Missing], errors: &[RequestError]) -> String {
    let silent = missing.iter().map(|host| format!("host {} does not answer", host.host_id));
    let odd = errors.iter().map(|error| lattice_protocol::error_chain(error));
    let all: Vec<String> = silent.chain(odd).take(TOLD).collect();
    match all.is_empty() {
        true => "nobody could tell which hosts there are".to_owned(),
        false => all.join("; "),
    }
}

/// How many of them are told in words.
const TOLD: usize = 10;

/// Whether nobody is there at all.
pub(crate) fn require_somebody<T>(gathered: &Gathered<T>) -> Result<(), Refusal> {
    if gathered.is_silent() { Err(nobody()) } else { Ok(()) }
}

/// That no host listens.
pub(crate) fn nobody() -> Refusal {
    Refusal::new(ErrorCode::NoHosts, NOBODY)
}
