//! `lattice scale actor`.

use lattice_protocol::{ActorKey, Annotations, HostKey, ScaleActor as Command};

use crate::{
    cli::ScaleActor,
    commands::start::explain,
    connect::Lattice,
    diagnosis::Diagnosis,
    fault::Code,
    module::Looked,
    placement,
    settings::Settings,
    settle::{Deed, Intent, settle_at},
    unanswered::NotDone,
};

/// Scales an actor and tells how it went.
pub(crate) async fn run(scale: ScaleActor, settings: &Settings) -> anyhow::Result<()> {
    let printer = settings.printer();
    let looked = scale.reference.as_deref().map(Looked::at).transpose()?;
    let lattice = Lattice::reach(settings.target()?).await?;
    let actor = placement::actor(&lattice, &scale.actor).await?;
    let host = find_host(&lattice, &scale, &actor).await?;
    let reference = match looked {
        Some(looked) => Some(looked.signed(&settings.data_dir()?, printer)?),
        None => None,
    };
    let command = Command {
        actor_id: Some(actor.clone()),
        actor_ref: reference.as_ref().map(ToString::to_string).unwrap_or_default(),
        annotations: Annotations::from_iter(scale.annotations),
        count: scale.count,
        host_id: None,
        lattice_id: None,
    };
    let answer = lattice.client.scale_actor(&host, command).await;
    let intent = Intent { deed: Deed::Scaled(scale.count), actor: Some(actor), no_wait: scale.no_wait };
    let ended = settle_at(&lattice, &host, answer, intent, printer).await;
    let ended = ended.map_err(|error| match &reference {
        Some(reference) => explain(error, reference, "modules"),
        None => error,
    });
    ended.not_done(|| format!("`{}` was not scaled", scale.actor))
}

/// With a reference the actor need not run anywhere yet.
async fn find_host(lattice: &Lattice, scale: &ScaleActor, actor: &ActorKey) -> anyhow::Result<HostKey> {
    let host = scale.host.as_deref();
    match (placement::running(lattice, actor, host).await, &scale.reference) {
        (Err(error), Some(_)) if Diagnosis::of(&error).code == Code::NotFound => {
            placement::to_start(lattice, host).await
        }
        (found, _) => found,
    }
}
