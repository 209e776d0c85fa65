//! What became of a link that an operation put, whoever asks for the operation.

use lattice_client::{Gathered, RequestError, VersionDelivery};
use lattice_protocol::{Items, OperationRecord};
use tokio::time::{self, Instant};

use super::{
    Delivery, State,
    wait::{FIRST_PAUSE, LONGEST_PAUSE},
};
use crate::{connect::Lattice, printer::Printer};

/// What is known of an operation's link.
#[derive(Debug)]
pub(crate) struct OfPut {
    /// Each instance that was told of the link, by host; none if the operation put none.
    pub(crate) deliveries: Option<Vec<Delivery>>,
    /// Why there may be more.
    pub(crate) errors: Vec<String>,
    /// Whether nothing more is waited for; otherwise the time was over.
    pub(crate) ended: bool,
}

impl OfPut {
    /// Nothing is known, for this reason.
    pub(crate) fn untold(error: String) -> Self {
        Self { deliveries: None, errors: vec![error], ended: true }
    }
}

/// Waits until every provider that was told of the link has got it as the operation put it, or failed to, as long as the
/// end of a command is waited for.
///
/// # Errors
/// The hosts could not be asked.
pub(crate) async fn until_known(
    lattice: &Lattice,
    record: &OperationRecord,
    printer: Printer,
) -> Result<OfPut, RequestError> {
    let until = Instant::now() + lattice.target.patience;
    let mut pause = FIRST_PAUSE;
    loop {
        let Some(told) = lattice.client.deliveries_of(record).await? else {
            return Ok(OfPut { deliveries: None, errors: Vec::new(), ended: true });
        };
        let told = of(told);
        // A host may not have begun to tell its providers of a link that is new to it.
        let is_believed = pause > FIRST_PAUSE || told.deliveries.as_ref().is_some_and(|told| !told.is_empty());
        if (told.ended && is_believed) || Instant::now() >= until {
            printer.end_progress();
            return Ok(told);
        }
        printer.progress("waiting for providers to take the link ...");
        time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn of(told: Gathered<Items<VersionDelivery>>) -> OfPut {
    let silent = told.missing.iter().map(|host| format!("no answer from {host}, which may run providers"));
    let mut errors: Vec<String> = told.errors.iter().map(ToString::to_string).chain(silent).collect();
    let mut deliveries = Vec::new();
    for Items { good, bad } in told.items {
        deliveries.extend(good.into_iter().map(Delivery::from));
        errors.extend(bad);
    }
    deliveries.sort_by(|a, b| a.host_id.cmp(&b.host_id));
    let ended = deliveries.iter().all(|delivery| delivery.state != State::Pending);
    OfPut { deliveries: Some(deliveries), errors, ended }
}
