//! `lattice label`.

use anyhow::Context;
use lattice_client::{Operation, RequestError};
use lattice_protocol::HostKey;

use crate::{
    cli::{DeleteLabels, Label, PutLabels},
    connect::Lattice,
    placement,
    settings::Settings,
    settle::{Deed, Sent, settle},
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
    for (key, value) in &put.labels {
        let accepted = lattice.client.put_label(&host, key, value).await;
        let operation = taken(lattice, &host, accepted).with_context(|| format!("label `{key}` was not set"))?;
        last = Some(operation);
    }
    let labels: Vec<String> = put.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    finish(lattice, last, format!("has {}", labels.join(" ")), settings).await
}

async fn delete(lattice: &Lattice, delete: &DeleteLabels, settings: &Settings) -> anyhow::Result<()> {
    let host = placement::named_host(lattice, &delete.host).await?;
    let mut last = None;
    for key in &delete.labels {
        let accepted = lattice.client.delete_label(&host, key).await;
        let operation = taken(lattice, &host, accepted).with_context(|| format!("label `{key}` was not removed"))?;
        last = Some(operation);
    }
    finish(lattice, last, format!("has {} no more", delete.labels.join(" ")), settings).await
}

fn taken(lattice: &Lattice, host: &HostKey, accepted: Result<Operation, RequestError>) -> anyhow::Result<Operation> {
    accepted.map_err(|error| placement::command_error(lattice, host, error))
}

/// A host changes labels in the order in which it is asked, so that with the last all are done.
async fn finish(lattice: &Lattice, last: Option<Operation>, what: String, settings: &Settings) -> anyhow::Result<()> {
    let Some(operation) = last else { return Ok(()) };
    let deed = Deed::HostChanged(what);
    settle(lattice, Sent { operation, deed, actor: None, no_wait: false }, settings.printer()).await
}
