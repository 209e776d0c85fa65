//! Following a command that a host took on to its end, and telling how it went.

mod about;
mod ended;

use futures::StreamExt;
use lattice_client::{Operation, Recording, RequestError, Settled, WaitError};
use lattice_protocol::{ActorKey, HostKey, ImageFetch, OperationId, OperationPhase, OperationRecord, RefusalCode};

use crate::{
    connect::Lattice,
    fault::{Code, Fault},
    printer::Printer,
    stored::percent,
    unanswered,
};
use about::About;
pub(crate) use about::{Provider, actors, instances};
use ended::Outcome;
pub(crate) use ended::{Deed, Ended};

/// What a command is to bring about, and whether its end is waited for.
#[derive(Debug)]
pub(crate) struct Intent {
    pub(crate) deed: Deed,
    pub(crate) actor: Option<ActorKey>,
    pub(crate) no_wait: bool,
}

/// As [`settle`], of a command to one host, which may not have taken it on.
pub(crate) async fn settle_at(
    lattice: &Lattice,
    host: &HostKey,
    answer: Result<Operation, RequestError>,
    intent: Intent,
    printer: Printer,
) -> anyhow::Result<()> {
    let operation = answer.map_err(|error| unanswered::command_to(lattice, host, error))?;
    settle(lattice, operation, intent, printer).await
}

/// Waits for the end, if that is wanted, and prints it.
///
/// # Errors
/// It failed, or its end is not known.
pub(crate) async fn settle(
    lattice: &Lattice,
    operation: Operation,
    intent: Intent,
    printer: Printer,
) -> anyhow::Result<()> {
    Ok(printer.show(&ended(lattice, operation, intent, printer).await?)?)
}

/// As [`settle`], without printing it.
///
/// # Errors
/// It failed, or its end is not known.
pub(crate) async fn ended(
    lattice: &Lattice,
    operation: Operation,
    intent: Intent,
    printer: Printer,
) -> anyhow::Result<Ended> {
    let Intent { deed, actor, no_wait } = intent;
    let (operation_id, host_id) = (operation.id().clone(), operation.host().cloned());
    let unrecorded = operation.accepted().recording == Recording::Host;
    // A host that has stopped no longer tells its name.
    let before = match (&deed, &host_id) {
        (Deed::HostStopped, Some(host)) if !printer.is_json() => About::ask(lattice, host, None, &deed).await,
        _ => About::default(),
    };
    let mut record = None;
    let outcome = if no_wait {
        Outcome::Accepted
    } else {
        let settled = wait(lattice, operation, &deed, printer).await?;
        let outcome = outcome_of(&settled);
        record = record_of(settled);
        outcome
    };
    let host_id = record.as_ref().map(|record| record.host_id.clone()).or(host_id);
    let actor_id = record.as_ref().and_then(|record| record.actor_id.clone()).or(actor);
    let link_revision = record.as_ref().and_then(|record| record.link_revision);
    let swap_micros = record.and_then(|record| record.swap_micros);
    // Programs get keys, people names too. Whose key a provider has is not in the record.
    let is_asked = !printer.is_json() || (matches!(deed, Deed::ProviderStarted(..)) && outcome != Outcome::Accepted);
    let now = match &host_id {
        Some(host) if is_asked => About::ask(lattice, host, actor_id.as_ref(), &deed).await,
        _ => About::default(),
    };
    let about = About { host_name: now.host_name.or(before.host_name), ..now };
    let (provider_id, link_name) = deed.provider(&about);
    Ok(Ended {
        operation_id,
        host_id,
        actor_id,
        provider_id,
        link_name,
        deliveries: None,
        swap_micros,
        outcome,
        unrecorded,
        deed,
        link_revision,
        about,
    })
}

async fn wait(lattice: &Lattice, operation: Operation, deed: &Deed, printer: Printer) -> anyhow::Result<Settled> {
    let id = operation.id().clone();
    settled(lattice, operation, printer).await.map_err(|error| explain(error, &id, deed))
}

/// Waits for the end and shows, on a terminal, how far it is.
///
/// # Errors
/// It failed, or its end is not known.
pub(crate) async fn settled(lattice: &Lattice, operation: Operation, printer: Printer) -> Result<Settled, WaitError> {
    let watched = operation.is_recorded() && printer.shows_progress();
    let (phases, patience) = (operation.watch(), lattice.target.patience);
    let show = phases.for_each(|record| {
        record.iter().for_each(|record| printer.progress(&phase_text(record)));
        std::future::ready(())
    });
    // Cancel-safe: both only read. The wait alone decides, and goes on when there is nothing more to show.
    let mut settled = std::pin::pin!(operation.wait(patience));
    let settled = tokio::select! {
        settled = &mut settled => settled,
        () = show, if watched => settled.await,
    };
    printer.end_progress();
    settled
}

/// Follows an operation to its last record, however it ended, and shows, on a terminal, how far it is.
///
/// # Errors
/// Nobody can tell how it ended.
pub(crate) async fn follow(
    lattice: &Lattice,
    operation: &Operation,
    printer: Printer,
) -> Result<OperationRecord, WaitError> {
    let mut last = None;
    let mut phases = operation.watch();
    let until = tokio::time::Instant::now() + lattice.target.patience;
    while let Ok(Some(record)) = tokio::time::timeout_at(until, phases.next()).await {
        let record = record.inspect_err(|_| printer.end_progress())?;
        printer.progress(&phase_text(&record));
        last = Some(record);
    }
    printer.end_progress();
    match last {
        Some(record) if record.phase.is_final() => Ok(record),
        last => Err(WaitError::Unknown {
            id: operation.id().clone(),
            host: operation.host().cloned(),
            waited: lattice.target.patience,
            last: last.map(Box::new),
        }),
    }
}

fn phase_text(record: &OperationRecord) -> String {
    let text = match record.phase {
        OperationPhase::Accepted => "accepted ...",
        OperationPhase::Fetching => return fetching_text(record.fetch.as_ref()),
        OperationPhase::Verifying => "verifying ...",
        OperationPhase::Compiling => "compiling ...",
        OperationPhase::Starting => "starting ...",
        OperationPhase::Swapping => "swapping ...",
        _ => "",
    };
    text.to_owned()
}

fn fetching_text(fetch: Option<&ImageFetch>) -> String {
    match fetch {
        Some(ImageFetch { fetched, size, .. }) if *size > 0 => percent("fetching", *fetched, *size),
        _ => "fetching ...".to_owned(),
    }
}

/// What an update that does not follow what runs can be helped with.
pub(crate) const FORCE_HINT: &str = "--force takes a lower revision too, but never another actor";

fn explain(error: WaitError, id: &OperationId, deed: &Deed) -> anyhow::Error {
    match error {
        WaitError::Unknown { .. } => {
            Fault::new(Code::TimedOut, format!("operation {id} goes on, and how it ends is not known yet"))
                .hint(format!("`lattice operation watch {id}` follows it; --timeout waits longer"))
                .caused_by(error)
                .into()
        }
        WaitError::Lost { .. } | WaitError::HostGone { .. } => {
            Fault::new(Code::TimedOut, format!("how operation {id} ended is not known"))
                .hint("`lattice get inventory` shows what runs now")
                .caused_by(error)
                .into()
        }
        WaitError::Failed { source, code, .. } => {
            let fault = Fault::new(Code::Failed, format!("operation {id} failed")).caused_by(source);
            match (deed, code) {
                (Deed::Updated(_), Some(RefusalCode::Conflict)) => fault.hint(FORCE_HINT).into(),
                _ => fault.into(),
            }
        }
        error => error.into(),
    }
}

fn outcome_of(settled: &Settled) -> Outcome {
    match settled {
        Settled::ByEvent(_) => Outcome::DoneByEvent,
        _ => Outcome::Done,
    }
}

fn record_of(settled: Settled) -> Option<OperationRecord> {
    match settled {
        Settled::ByOperation(record) => Some(record),
        _ => None,
    }
}
