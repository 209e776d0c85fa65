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
    settle::{Deed, Intent, settle_at},
    unanswered::NotDone,
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
    let answer = lattice.client.update_actor(&host, command, options(update)).await;
    let deed = Deed::Updated(reference.to_string());
    let intent = Intent { deed, actor: Some(actor), no_wait: update.no_wait };
    let ended = settle_at(lattice, &host, answer, intent, settings.printer()).await;
    ended.map_err(|error| explain(error, reference, "modules"))
}

fn options(update: &UpdateActor) -> UpdateOptions {
    UpdateOptions::default().force(update.force)
}
