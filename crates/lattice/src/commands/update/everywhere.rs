//! `lattice update actor --all-hosts`.

use std::num::NonZeroUsize;

use futures::StreamExt;
use lattice_artifact::Reference;
use lattice_client::{HostUpdate, Settled, UpdateError, UpdateEverywhere};
use lattice_protocol::{ActorKey, Annotations, HostKey};
use serde::Serialize;

use crate::{
    cli::UpdateActor,
    commands::get::missing_texts,
    connect::Lattice,
    detail::Detail,
    fault::{Code, Fault, Told},
    placement,
    printer::{Printer, Show},
    table::dense,
};

#[derive(Serialize)]
struct Updates {
    updates: Vec<Update>,
    /// Hosts that did not say what they run, and may go on with the old image.
    missing: Vec<String>,
    complete: bool,
}

#[derive(Serialize)]
struct Update {
    host_id: HostKey,
    host_name: String,
    /// `done`, `failed` or `not_begun`.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    swap_micros: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Updates an actor on every host that runs it, and tells how it went on each. After a failure no further host begins.
pub(super) async fn run(
    lattice: &Lattice,
    flags: &UpdateActor,
    actor: &ActorKey,
    reference: &Reference,
    printer: Printer,
) -> anyhow::Result<()> {
    let update = UpdateEverywhere {
        actor_id: actor.clone(),
        new_actor_ref: reference.to_string(),
        annotations: Annotations::from_iter(flags.annotations.clone()),
        max_parallel: NonZeroUsize::new(flags.max_parallel.into()).unwrap_or(NonZeroUsize::MIN),
        force: flags.force,
        stop_on_failure: true,
        deadline: lattice.target.patience,
    };
    let begun = lattice.client.update_everywhere(update).await;
    let mut rollout = begun.map_err(|error| placement::lattice_error(lattice, error))?;
    let count = rollout.hosts().len();
    if count == 0 {
        return Err(Fault::new(Code::NotFound, "no host runs it")
            .hint("`lattice get inventory` shows what runs")
            .into());
    }
    let (missing, complete) = (missing_texts(rollout.missing()), rollout.is_complete());
    let mut updates = Vec::with_capacity(count);
    while let Some(update) = rollout.next().await {
        updates.push(Update::of(update));
        printer.progress(&format!("updated {} of {count} hosts ...", updates.len()));
    }
    finish(Updates { updates, missing, complete }, printer)
}

fn finish(updates: Updates, printer: Printer) -> anyhow::Result<()> {
    if !updates.missing.is_empty() {
        printer.warn(&format!("no answer from {}: the old image may still run there", updates.missing.join(", ")));
    }
    let failed = updates.updates.iter().filter(|update| update.outcome != DONE).count();
    let (count, complete) = (updates.updates.len(), updates.complete);
    printer.show(&updates)?;
    let complaint = match failed {
        0 if complete => return Ok(()),
        0 => "not every host could be asked what it runs".to_owned(),
        failed => format!("{failed} of {count} hosts do not run the new image"),
    };
    match printer.is_json() {
        true => Err(Told(Code::Failed).into()),
        false => Err(Fault::new(Code::Failed, complaint).into()),
    }
}

const DONE: &str = "done";

impl Update {
    fn of(update: HostUpdate) -> Self {
        let (host_id, host_name) = (update.host_id, update.friendly_name);
        let (outcome, swap_micros, error) = match update.outcome {
            Ok(Settled::ByOperation(record)) => (DONE, record.swap_micros, None),
            Ok(_) => (DONE, None, None),
            Err(UpdateError::NotBegun) => ("not_begun", None, None),
            Err(error) => ("failed", None, Some(lattice_protocol::error_chain(&error))),
        };
        Self { host_id, host_name, outcome, swap_micros, error }
    }
}

impl Show for Updates {
    fn text(&self) -> String {
        self.table(Detail::Brief)
    }

    fn wide(&self) -> String {
        self.table(Detail::Whole)
    }
}

impl Updates {
    fn table(&self, detail: Detail) -> String {
        let keys = detail.keys(self.updates.iter().map(|update| update.host_id.as_str()));
        let row = |update: &Update| {
            [
                update.host_name.clone(),
                keys.of(update.host_id.as_str()),
                update.outcome.replace('_', " "),
                update.swap_micros.map_or_else(|| "-".to_owned(), |micros| format!("{micros} µs")),
                update.error.clone().unwrap_or_else(|| "-".to_owned()),
            ]
        };
        dense(["host", "id", "outcome", "swap", "why"], self.updates.iter().map(row))
    }
}
