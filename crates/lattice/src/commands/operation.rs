//! `lattice operation`.

use lattice_client::WaitError;
use lattice_protocol::{ImageFetch, OperationPhase, OperationRecord};
use serde::Serialize;

use super::get::{command_text, took};
use crate::{
    cli::Operation,
    connect::Lattice,
    deliveries::{self, Delivery, OfPut},
    detail::Detail,
    fault::{Code, Fault, Told},
    printer::{Printer, Show},
    settings::Settings,
    settle::follow,
    stored::size,
    table::{facts, or_dash, table},
    unanswered,
};

/// A record, which programs get as it is, and of a link what became of it at the providers that run.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    record: OperationRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    deliveries: Option<Vec<Delivery>>,
    /// Why there may be more deliveries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<String>,
}

/// Follows an operation to its end.
pub(crate) async fn run(operation: Operation, settings: &Settings) -> anyhow::Result<()> {
    let Operation::Watch(watch) = operation;
    let lattice = Lattice::reach(settings.target()?).await?;
    let printer = settings.printer();
    let followed = lattice.client.operation_anywhere(watch.id.clone());
    let record = follow(&lattice, &followed, printer).await.map_err(|error| explain(&lattice, error))?;
    let phase = record.phase;
    let of_put = deliveries_of(&lattice, &record, printer).await;
    let OfPut { deliveries, errors, ended } = of_put;
    let shown = Shown { record, deliveries, errors };
    printer.show(&shown)?;
    judge(phase, printer)?;
    deliveries::judge(shown.deliveries.as_deref().unwrap_or_default(), ended, "is set", printer)
}

/// What became of the link, if the operation put one. Without it the record is the same.
async fn deliveries_of(lattice: &Lattice, record: &OperationRecord, printer: Printer) -> OfPut {
    let mut told = match deliveries::until_known(lattice, record, printer).await {
        Ok(told) => told,
        Err(error) => OfPut::untold(format!("which providers have the link is not known: {error}")),
    };
    told.errors.iter().for_each(|error| printer.warn(error));
    if let Some(deliveries) = told.deliveries.as_mut().filter(|of| !printer.is_json() && !of.is_empty()) {
        deliveries::name_hosts(lattice, deliveries.iter_mut()).await;
    }
    told
}

fn explain(lattice: &Lattice, error: WaitError) -> anyhow::Error {
    match error {
        WaitError::HostGone { host: None, .. } => lattice.nobody().into(),
        WaitError::Request { source, id, .. }
            if source.refusal_code() == Some(lattice_protocol::RefusalCode::NotFound) =>
        {
            Fault::new(Code::NotFound, format!("no host knows operation {id}"))
                .hint("`lattice get operations` shows those of the last day")
                .into()
        }
        WaitError::Request { source, .. } => unanswered::question(lattice, *source),
        WaitError::Unknown { ref id, .. } => {
            Fault::new(Code::TimedOut, format!("how operation {id} ends is not known yet"))
                .hint("--timeout waits longer")
                .caused_by(error)
                .into()
        }
        error => error.into(),
    }
}

/// What was fetched, or how far that is; and that its tag was moved.
fn fetched(fetch: &ImageFetch, detail: Detail) -> String {
    let bytes = match &fetch.digest {
        Some(digest) => format!("{}, {}", detail.digest(digest), size(fetch.size)),
        None => format!("{} of {}", size(fetch.fetched), size(fetch.size)),
    };
    let moved = fetch.moved_from.as_ref().map(|before| format!("the reference named {} before", detail.digest(before)));
    let unkept = fetch.unkept.as_ref().map(|why| format!("not kept in the cache: {why}"));
    [Some(bytes), moved, unkept].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// The command itself would have failed too.
fn judge(phase: OperationPhase, printer: Printer) -> anyhow::Result<()> {
    let (code, what) = match phase {
        OperationPhase::Failed => (Code::Failed, "the operation failed"),
        OperationPhase::Lost => (Code::TimedOut, "the operation was lost, and how far it got is not known"),
        _ => return Ok(()),
    };
    match printer.is_json() {
        true => Err(Told(code).into()),
        false => Err(Fault::new(code, what).into()),
    }
}

impl Show for Shown {
    fn text(&self) -> String {
        self.sheet(Detail::Brief)
    }

    fn wide(&self) -> String {
        self.sheet(Detail::Whole)
    }
}

impl Shown {
    fn sheet(&self, detail: Detail) -> String {
        let record = &self.record;
        let swap = record.swap_micros.map(|micros| format!("{micros} µs"));
        let causes = Some(record.causes.join("\nbecause: ")).filter(|causes| !causes.is_empty());
        let known = [
            ("operation", Some(record.operation_id.to_string())),
            ("command", Some(command_text(&record.command).to_owned()).filter(|command| !command.is_empty())),
            ("phase", Some(record.phase.as_str().to_owned())),
            ("host", Some(detail.key(record.host_id.as_str()))),
            ("actor", record.actor_id.as_ref().map(|actor| detail.key(actor.as_str()))),
            ("reference", record.reference.as_ref().map(|reference| detail.reference(reference))),
            ("fetched", record.fetch.as_ref().map(|fetch| fetched(fetch, detail))),
            ("by", record.requester.clone()),
            ("took", took(record)),
            ("swap", swap),
            ("why", causes),
        ];
        let known = facts(known.into_iter().filter_map(|(name, value)| Some((name, value?))));
        let phases = table(
            ["phase", "reached"],
            record.phases.iter().map(|reached| [reached.phase.as_str().to_owned(), or_dash(Some(&reached.at))]),
        );
        let deliveries = self.deliveries.iter().flatten().map(|delivery| delivery.line(detail));
        let deliveries = deliveries.collect::<Vec<_>>().join("\n");
        match deliveries.is_empty() {
            true => format!("{known}\n\n{phases}"),
            false => format!("{known}\n\n{phases}\n\n{deliveries}"),
        }
    }
}
