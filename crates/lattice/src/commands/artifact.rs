//! `lattice artifact prefetch`.

use std::num::NonZeroUsize;

use futures::StreamExt;
use lattice_artifact::Reference;
use lattice_client::{HostError, HostOutcome, PrefetchEverywhere, Rollout, Settled};
use lattice_protocol::{Constraints, HostKey, ImageFetch, OperationId};
use serde::Serialize;

use super::{
    get::{missing_texts, texts},
    rollout::{DONE, Sum, operation_of, reason},
};
use crate::{
    cli::{Artifact, Prefetch},
    connect::Lattice,
    detail::Detail,
    fault::{Code, Fault},
    placement,
    printer::{Printer, Show},
    settings::Settings,
    settle::settled,
    table::dense,
    unanswered::{self, NotDone},
};

#[derive(Serialize)]
struct Fetches {
    prefetches: Vec<Fetch>,
    /// What was wrong with what hosts said of themselves.
    errors: Vec<String>,
    /// Hosts that did not answer.
    missing: Vec<String>,
    complete: bool,
}

#[derive(Serialize)]
struct Fetch {
    host_id: HostKey,
    host_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_id: Option<OperationId>,
    /// `done` or `failed`.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Has hosts fetch an image, and tells how it went on each.
pub(crate) async fn run(artifact: Artifact, settings: &Settings) -> anyhow::Result<()> {
    let Artifact::Prefetch(prefetch) = artifact;
    let reference: Reference = prefetch.reference.parse()?;
    let lattice = Lattice::reach(settings.target()?).await?.pulling(prefetch.pull);
    let fetched = match &prefetch.host {
        Some(host) => on_one_host(&lattice, host, &reference, settings.printer()).await,
        None => everywhere(&lattice, &prefetch, &reference, settings.printer()).await,
    };
    fetched.not_done(|| format!("`{}` was not fetched", prefetch.reference))
}

/// Tells of one host what is told of each of many, but that it can be followed on a terminal.
async fn on_one_host(lattice: &Lattice, host: &str, reference: &Reference, printer: Printer) -> anyhow::Result<()> {
    let host = placement::named_host(lattice, host).await?;
    let answer = lattice.client.prefetch(&host, reference.as_str()).await;
    let operation = answer.map_err(|error| unanswered::command_to(lattice, &host, error))?;
    let outcome = settled(lattice, operation, printer).await.map_err(|error| HostError::Wait(Box::new(error)));
    // Names are a comfort, as elsewhere.
    let name = lattice.client.inventory(&host).await.map(|inventory| inventory.friendly_name).unwrap_or_default();
    let prefetches = vec![Fetch::of(host, name, outcome)];
    finish(Fetches { prefetches, errors: Vec::new(), missing: Vec::new(), complete: true }, printer)
}

async fn everywhere(
    lattice: &Lattice,
    flags: &Prefetch,
    reference: &Reference,
    printer: Printer,
) -> anyhow::Result<()> {
    let wanted = PrefetchEverywhere {
        image_ref: reference.to_string(),
        constraints: Constraints::from_iter(flags.constraints.clone()),
        max_parallel: NonZeroUsize::new(flags.max_parallel.into()).unwrap_or(NonZeroUsize::MIN),
        deadline: lattice.target.patience,
    };
    let begun = lattice.client.prefetch_everywhere(wanted).await;
    let prefetches = begun.map_err(|error| unanswered::command(lattice, error))?;
    require_a_host(lattice, flags, &prefetches).await?;
    let (errors, missing) = (texts(prefetches.errors()), missing_texts(prefetches.missing()));
    let complete = prefetches.is_complete();
    finish(Fetches { prefetches: all(prefetches, printer).await, errors, missing, complete }, printer)
}

async fn require_a_host(lattice: &Lattice, flags: &Prefetch, prefetches: &Rollout) -> anyhow::Result<()> {
    if !prefetches.is_empty() {
        return Ok(());
    }
    lattice.hosts().await?;
    let wanted: Vec<_> = flags.constraints.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let what = format!("no host has {}", wanted.join(" and "));
    Err(Fault::new(Code::NotFound, what).hint("`lattice get hosts` shows their labels").into())
}

async fn all(mut prefetches: Rollout, printer: Printer) -> Vec<Fetch> {
    let count = prefetches.hosts().len();
    let mut fetches = Vec::with_capacity(count);
    printer.progress(&format!("fetching on {count} hosts ..."));
    while let Some(prefetch) = prefetches.next().await {
        let HostOutcome { host_id, friendly_name, outcome, .. } = prefetch;
        fetches.push(Fetch::of(host_id, friendly_name, outcome));
        printer.progress(&format!("fetched on {} of {count} hosts ...", fetches.len()));
    }
    printer.end_progress();
    fetches
}

fn finish(fetches: Fetches, printer: Printer) -> anyhow::Result<()> {
    fetches.errors.iter().for_each(|error| printer.warn(error));
    if !fetches.missing.is_empty() {
        printer.warn(&format!("no answer from {}", fetches.missing.join(", ")));
    }
    printer.show(&fetches)?;
    let sum = Sum {
        outcomes: fetches.prefetches.iter().map(|fetch| fetch.outcome).collect(),
        complete: fetches.complete,
        unknown: "not every host could be asked",
        failed: "do not have it",
        hint: None,
    };
    sum.judge(printer)
}

impl Fetch {
    fn of(host_id: HostKey, host_name: String, outcome: Result<Settled, HostError>) -> Self {
        let failed = outcome.as_ref().err().map(reason);
        let (operation_id, fetch) = match outcome {
            Ok(Settled::ByOperation(record)) => (Some(record.operation_id.clone()), record.fetch.clone()),
            Ok(_) => (None, None),
            Err(error) => (operation_of(&error), None),
        };
        let (digest, size) = fetch.map_or((None, None), |ImageFetch { digest, size, .. }| (digest, Some(size)));
        let outcome = if failed.is_some() { "failed" } else { DONE };
        Self { host_id, host_name, operation_id, outcome, digest, size, error: failed }
    }
}

impl Show for Fetches {
    fn text(&self) -> String {
        self.table(Detail::Brief)
    }

    fn wide(&self) -> String {
        self.table(Detail::Whole)
    }
}

impl Fetches {
    fn table(&self, detail: Detail) -> String {
        let keys = detail.keys(self.prefetches.iter().map(|fetch| fetch.host_id.as_str()));
        let dash = || "-".to_owned();
        let row = |fetch: &Fetch| {
            [
                fetch.host_name.clone(),
                keys.of(fetch.host_id.as_str()),
                fetch.outcome.to_owned(),
                fetch.size.map_or_else(dash, |size| size.to_string()),
                fetch.digest.as_ref().map_or_else(dash, |digest| detail.digest(digest)),
                fetch.error.clone().unwrap_or_else(dash),
            ]
        };
        dense(["host", "id", "outcome", "bytes", "digest", "why"], self.prefetches.iter().map(row))
    }
}
