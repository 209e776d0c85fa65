//! `lattice update actor --all-hosts`.

use std::num::NonZeroUsize;

use futures::StreamExt;
use lattice_artifact::Reference;
use lattice_client::{HostError, HostOutcome, Settled, UpdateEverywhere, WaitError};
use lattice_protocol::{ActorKey, Annotations, HostKey, OperationId, RefusalCode};
use serde::Serialize;

use crate::{
    cli::UpdateActor,
    commands::{
        get::{missing_texts, texts},
        rollout::{DONE, Sum, operation_of, reason},
    },
    connect::Lattice,
    detail::Detail,
    fault::{Code, Fault},
    image::{Image, file_refusal},
    printer::{Printer, Show},
    settle::FORCE_HINT,
    table::dense,
    unanswered,
};

#[derive(Debug, Serialize)]
struct Updates {
    updates: Vec<Update>,
    /// What was wrong with what hosts said of what they run.
    errors: Vec<String>,
    /// Hosts that did not say what they run, and may go on with the old image.
    missing: Vec<String>,
    complete: bool,
}

#[derive(Debug, Serialize)]
struct Update {
    host_id: HostKey,
    host_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_id: Option<OperationId>,
    /// `done`, `failed` or `not_begun`.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    swap_micros: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip)]
    can_be_forced: bool,
}

/// Updates an actor on every host that runs it, and tells how it went on each. After a failure no further host begins.
pub(super) async fn run(
    lattice: &Lattice,
    flags: &UpdateActor,
    actor: &ActorKey,
    image: &mut Image,
    printer: Printer,
) -> anyhow::Result<()> {
    // A host that takes no files refuses before it does anything, and none begins after it.
    let updates = image.hand(lattice, printer, async |reference| {
        let updates = everywhere(lattice, flags, actor, reference, printer).await?;
        match updates.refusal_of_files(reference) {
            Some(refusal) => Err(Refused { refusal, updates }.into()),
            None => Ok(updates),
        }
    });
    match updates.await {
        Ok(updates) => finish(updates, printer),
        // It may not be a file of this machine: then this is how it went.
        Err(error) => match error.downcast::<Refused>() {
            Ok(refused) => finish(refused.updates, printer),
            Err(error) => Err(error),
        },
    }
}

async fn everywhere(
    lattice: &Lattice,
    flags: &UpdateActor,
    actor: &ActorKey,
    reference: &Reference,
    printer: Printer,
) -> anyhow::Result<Updates> {
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
    let mut rollout = begun.map_err(|error| unanswered::command(lattice, error))?;
    let count = rollout.hosts().len();
    if rollout.is_empty() {
        // Who is not there runs nothing either.
        lattice.hosts().await?;
        let what =
            if flags.annotations.is_empty() { "no host runs it" } else { "no host runs it with these annotations" };
        return Err(Fault::new(Code::NotFound, what).hint("`lattice get inventory` shows what runs").into());
    }
    let (errors, missing) = (texts(rollout.errors()), missing_texts(rollout.missing()));
    let complete = rollout.is_complete();
    let mut updates = Vec::with_capacity(count);
    while let Some(update) = rollout.next().await {
        updates.push(Update::of(update));
        printer.progress(&format!("updated {} of {count} hosts ...", updates.len()));
    }
    printer.end_progress();
    Ok(Updates { updates, errors, missing, complete })
}

fn finish(updates: Updates, printer: Printer) -> anyhow::Result<()> {
    updates.errors.iter().for_each(|error| printer.warn(error));
    if !updates.missing.is_empty() {
        printer.warn(&format!("no answer from {}: the old image may still run there", updates.missing.join(", ")));
    }
    printer.show(&updates)?;
    let can_be_forced = updates.updates.iter().any(|update| update.can_be_forced);
    let sum = Sum {
        outcomes: updates.updates.iter().map(|update| update.outcome).collect(),
        complete: updates.complete,
        unknown: "not every host could be asked what it runs",
        failed: "do not run the new image",
        hint: can_be_forced.then_some(FORCE_HINT),
    };
    sum.judge(printer)
}

/// That a host takes no files, with how it went on all of them.
#[derive(Debug, thiserror::Error)]
#[error("{refusal}")]
struct Refused {
    refusal: String,
    updates: Updates,
}

impl Update {
    fn of(update: HostOutcome) -> Self {
        let (host_id, host_name) = (update.host_id, update.friendly_name);
        let told = match &update.outcome {
            Ok(Settled::ByOperation(record)) => Some((record.operation_id.clone(), record.swap_micros)),
            Ok(_) => None,
            Err(error) => operation_of(error).map(|id| (id, None)),
        };
        let (operation_id, swap_micros) = told.map_or((None, None), |(id, swap)| (Some(id), swap));
        let (outcome, error) = match &update.outcome {
            Ok(_) => (DONE, None),
            Err(HostError::NotBegun) => ("not_begun", None),
            Err(error) => ("failed", Some(reason(error))),
        };
        let can_be_forced = update.outcome.as_ref().is_err_and(is_conflict);
        Self { host_id, host_name, operation_id, outcome, swap_micros, error, can_be_forced }
    }
}

fn is_conflict(error: &HostError) -> bool {
    let HostError::Wait(error) = error else { return false };
    matches!(**error, WaitError::Failed { code: Some(RefusalCode::Conflict), .. })
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
    /// What a host says that takes no files, if one does.
    fn refusal_of_files(&self, reference: &Reference) -> Option<String> {
        let said = file_refusal(reference);
        self.updates.iter().find_map(|update| update.error.clone().filter(|error| error.contains(&said)))
    }

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
