//! `lattice config`.

use anyhow::Context;

use crate::{
    cli::{Config, DeleteConfig, PutConfig},
    connect::Lattice,
    input, placement,
    settings::Settings,
    settle::{Deed, Sent, settle},
};

/// Sets or removes what is kept for an actor or provider.
pub(crate) async fn run(config: Config, settings: &Settings) -> anyhow::Result<()> {
    match config {
        Config::Put(put) => self::put(put, settings).await,
        Config::Del(delete) => self::delete(delete, settings).await,
    }
}

async fn put(put: PutConfig, settings: &Settings) -> anyhow::Result<()> {
    let PutConfig { entity, key, value } = put;
    let value = input::value(&value)?;
    let lattice = Lattice::reach(settings.target()?).await?;
    let deed = Deed::Changed(format!("{} bytes are kept for {entity} under `{key}`", value.len()));
    let accepted = lattice.client.put_config(&entity, &key, value).await;
    let operation = accepted
        .map_err(|error| placement::lattice_error(&lattice, error))
        .with_context(|| format!("`{key}` was not set"))?;
    settle(&lattice, Sent { operation, deed, actor: None, no_wait: false }, settings.printer()).await
}

async fn delete(delete: DeleteConfig, settings: &Settings) -> anyhow::Result<()> {
    let DeleteConfig { entity, key, .. } = delete;
    let lattice = Lattice::reach(settings.target()?).await?;
    let (accepted, what) = match &key {
        Some(key) => (lattice.client.delete_config(&entity, key).await, format!("`{key}`")),
        None => (lattice.client.clear_config(&entity).await, "everything".to_owned()),
    };
    let operation = accepted
        .map_err(|error| placement::lattice_error(&lattice, error))
        .with_context(|| format!("{what} kept for {entity} was not removed"))?;
    let deed = Deed::Changed(format!("{what} kept for {entity} is removed"));
    settle(&lattice, Sent { operation, deed, actor: None, no_wait: false }, settings.printer()).await
}
