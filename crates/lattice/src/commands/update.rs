//! `lattice update actor`.

use lattice_artifact::Reference;
use lattice_client::UpdateOptions;
use lattice_protocol::{ActorKey, Annotations, UpdateActor as Command};

use crate::{
    cli::{Update, UpdateActor},
    commands::start::explain,
    connect::Lattice,
    module::Looked,
    placement,
    settings::Settings,
    settle::{Deed, Sent, settle},
    unanswered::{self, NotDone},
};

mod everywhere;

/// Replaces a running actor by another image of it, and tells how it went.
pub(crate) async fn run(update: Update, settings: &Settings) -> anyhow::Result<()> {
    let Update::Actor(update) = update;
    let looked = Looked::at(&update.reference)?;
    let lattice = Lattice::reach(settings.target()?).await?;
    let actor = placement::actor(&lattice, &update.actor).await?;
    let reference = looked.signed(&settings.data_dir()?, settings.printer())?;
    let updated = match update.all_hosts {
        true => everywhere::run(&lattice, &update, &actor, &reference, settings.printer()).await,
        false => on_one_host(&lattice, &update, actor, &reference, settings).await,
    };
    updated.not_done(|| format!("`{}` was not updated", update.actor))
}

async fn on_one_host(
    lattice: &Lattice,
    update: &UpdateActor,
    actor: ActorKey,
    reference: &Reference,
    settings: &Settings,
) -> anyhow::Result<()> {
    let host = placement::running(lattice, &actor, update.host.as_deref()).await?;
    let command = Command {
        actor_id: actor.clone(),
        annotations: Annotations::from_iter(update.annotations.clone()),
        host_id: None,
        lattice_id: None,
        new_actor_ref: reference.to_string(),
    };
    let accepted = lattice.client.update_actor(&host, command, options(update)).await;
    let ended = match accepted.map_err(|error| unanswered::command_to(lattice, &host, error)) {
        Ok(operation) => {
            let deed = Deed::Updated(reference.to_string());
            let sent = Sent { operation, deed, actor: Some(actor), no_wait: update.no_wait };
            settle(lattice, sent, settings.printer()).await
        }
        Err(error) => Err(error),
    };
    ended.map_err(|error| explain(error, reference))
}

fn options(update: &UpdateActor) -> UpdateOptions {
    UpdateOptions::default().force(update.force)
}
