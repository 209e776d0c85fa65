//! `lattice config`.

use lattice_client::{Operation, RequestError};

use crate::{
    cli::{Config, DeleteConfig, PutConfig},
    connect::Lattice,
    input, placement,
    settings::Settings,
    settle::{Deed, Intent, settle},
    unanswered::{self, NotDone},
};

/// Sets or removes what is kept for an actor or provider.
pub(crate) async fn run(config: Config, settings: &Settings) -> anyhow::Result<()> {
    match config {
        Config::Put(put) => self::put(put, settings).await,
        Config::Del(delete) => self::delete(delete, settings).await,
    }
}

async fn put(put: PutConfig, settings: &Settings) -> anyhow::Result<()> {
    let value = input::value(&put.value)?;
    let lattice = Lattice::reach(settings.target()?).await?;
    let what = format!("`{}` of {}", put.key, put.entity);
    let size = if value.len() == 1 { "1 byte".to_owned() } else { format!("{} bytes", value.len()) };
    let deed = Deed::Holds(format!("{what} is set, {size}"));
    let entity = placement::entity(&lattice, &put.entity).await?;
    let accepted = lattice.client.put_config(&entity, &put.key, value).await;
    finish(&lattice, accepted, deed, settings).await.not_done(|| format!("{what} was not set"))
}

async fn delete(delete: DeleteConfig, settings: &Settings) -> anyhow::Result<()> {
    let lattice = Lattice::reach(settings.target()?).await?;
    let entity = placement::entity(&lattice, &delete.entity).await?;
    let (accepted, what) = match &delete.key {
        Some(key) => (lattice.client.delete_config(&entity, key).await, format!("`{key}` of {}", delete.entity)),
        None => (lattice.client.clear_config(&entity).await, format!("the configuration of {}", delete.entity)),
    };
    let deed = Deed::Holds(format!("{what} is removed"));
    finish(&lattice, accepted, deed, settings).await.not_done(|| format!("{what} was not removed"))
}

async fn finish(
    lattice: &Lattice,
    accepted: Result<Operation, RequestError>,
    deed: Deed,
    settings: &Settings,
) -> anyhow::Result<()> {
    let operation = accepted.map_err(|error| unanswered::command(lattice, error))?;
    settle(lattice, operation, Intent { deed, actor: None, no_wait: false }, settings.printer()).await
}
