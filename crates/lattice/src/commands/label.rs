//! `lattice label`.

use lattice_client::{Operation, RequestError};
use lattice_protocol::HostKey;

use crate::{
    cli::{DeleteLabels, Label, PutLabels},
    connect::Lattice,
    placement,
    settings::Settings,
    settle::{Deed, Intent, settle},
    unanswered::{self, NotDone},
};

/// Sets or removes labels of a host, one after the other; what was done before one is refused stays done.
pub(crate) async fn run(label: Label, settings: &Settings) -> anyhow::Result<()> {
    let lattice = Lattice::reach(settings.target()?).await?;
    match label {
        Label::Put(put) => self::put(&lattice, &put, settings).await,
        Label::Del(delete) => self::delete(&lattice, &delete, settings).await,
    }
}

async fn put(lattice: &Lattice, put: &PutLabels, settings: &Settings) -> anyhow::Result<()> {
    let host = placement::named_host(lattice, &put.host).await?;
    let mut last = None;
    let mut done = Vec::new();
    for (key, value) in &put.labels {
        let accepted = lattice.client.put_label(&host, key, value).await;
        let not_set = || partly(format!("label `{key}` was not set"), &done, "set");
        last = Some(taken(lattice, &host, accepted).not_done(not_set)?);
        done.push(format!("{key}={value}"));
    }
    finish(lattice, last, format!("has {}", done.join(" ")), settings).await
}

async fn delete(lattice: &Lattice, delete: &DeleteLabels, settings: &Settings) -> anyhow::Result<()> {
    let host = placement::named_host(lattice, &delete.host).await?;
    let mut last = None;
    let mut done = Vec::new();
    for key in &delete.labels {
        let accepted = lattice.client.delete_label(&host, key).await;
        let not_removed = || partly(format!("label `{key}` was not removed"), &done, "removed");
        last = Some(taken(lattice, &host, accepted).not_done(not_removed)?);
        done.push(key.clone());
    }
    finish(lattice, last, format!("has {} no more", done.join(" ")), settings).await
}

/// What failed, and what was done before it and stays so.
fn partly(failed: String, done: &[String], how: &str) -> String {
    match done {
        [] => failed,
        [one] => format!("{failed}; {one} was {how}"),
        several => format!("{failed}; {} were {how}", several.join(" ")),
    }
}

fn taken(lattice: &Lattice, host: &HostKey, accepted: Result<Operation, RequestError>) -> anyhow::Result<Operation> {
    accepted.map_err(|error| unanswered::command_to(lattice, host, error))
}

/// A host changes labels in the order in which it is asked, so that with the last all are done.
async fn finish(lattice: &Lattice, last: Option<Operation>, what: String, settings: &Settings) -> anyhow::Result<()> {
    let Some(operation) = last else { return Ok(()) };
    let intent = Intent { deed: Deed::HostChanged(what), actor: None, no_wait: false };
    settle(lattice, operation, intent, settings.printer()).await
}
