//! `lattice update actor`.

use lattice_client::UpdateOptions;
use lattice_protocol::{ActorKey, Annotations, UpdateActor as Command};

use crate::{
    cli::{Update, UpdateActor},
    connect::Lattice,
    image::Image,
    module::{Looked, Named},
    placement,
    settings::Settings,
    settle::{Deed, Intent, settle},
    unanswered::{self, NotDone},
};

mod everywhere;

/// Replaces a running actor by another image of it, and tells how it went.
pub(crate) async fn run(update: Update, settings: &Settings) -> anyhow::Result<()> {
    let Update::Actor(update) = update;
    let looked = Looked::at(&update.reference)?;
    let lattice = Lattice::reach(settings.target()?).await?.pulling(update.pull);
    let actor = placement::actor(&lattice, &update.actor).await?;
    let reference = looked.signed(&settings.data_dir()?, settings.printer())?;
    let mut image = Image::new(reference, Named::path(&update.reference), update.push, "module")?;
    let updated = match update.all_hosts {
        true => everywhere::run(&lattice, &update, &actor, &mut image, settings.printer()).await,
        false => on_one_host(&lattice, &update, actor, &mut image, settings).await,
    };
    updated.map_err(|error| image.explain(error)).not_done(|| format!("`{}` was not updated", update.actor))
}

async fn on_one_host(
    lattice: &Lattice,
    update: &UpdateActor,
    actor: ActorKey,
    image: &mut Image,
    settings: &Settings,
) -> anyhow::Result<()> {
    let host = placement::running(lattice, &actor, update.host.as_deref()).await?;
    let operation = image.hand(lattice, settings.printer(), async |reference| {
        let command = Command {
            actor_id: actor.clone(),
            annotations: Annotations::from_iter(update.annotations.clone()),
            host_id: None,
            lattice_id: None,
            new_actor_ref: reference.to_string(),
        };
        let answer = lattice.client.update_actor(&host, command, options(update)).await;
        answer.map_err(|error| unanswered::command_to(lattice, &host, error))
    });
    let operation = operation.await?;
    let deed = Deed::Updated(image.reference().to_string());
    let intent = Intent { deed, actor: Some(actor), no_wait: update.no_wait };
    settle(lattice, operation, intent, settings.printer()).await
}

fn options(update: &UpdateActor) -> UpdateOptions {
    UpdateOptions::default().force(update.force)
}
