//! `lattice scale actor`.

use lattice_artifact::Reference;
use lattice_protocol::{ActorKey, Annotations, HostKey, ScaleActor as Command};

use crate::{
    cli::ScaleActor,
    connect::Lattice,
    diagnosis::Diagnosis,
    fault::{Code, Fault},
    image::Image,
    module::{Looked, Named},
    placement,
    settings::Settings,
    settle::{Deed, Intent, settle},
    unanswered::{self, NotDone},
};

/// Scales an actor and tells how it went.
pub(crate) async fn run(scale: ScaleActor, settings: &Settings) -> anyhow::Result<()> {
    let printer = settings.printer();
    let looked = scale.reference.as_deref().map(Looked::at).transpose()?;
    let lattice = Lattice::reach(settings.target()?).await?.pulling(scale.pull);
    let actor = placement::actor(&lattice, &scale.actor).await?;
    let host = find_host(&lattice, &scale, &actor).await?;
    let mut image = match looked {
        Some(looked) => Some(image(&scale, looked.signed(&settings.data_dir()?, printer)?)?),
        None => None,
    };
    let answer = async |reference: Option<&Reference>| {
        let command = Command {
            actor_id: Some(actor.clone()),
            actor_ref: reference.map(ToString::to_string).unwrap_or_default(),
            annotations: Annotations::from_iter(scale.annotations.clone()),
            count: scale.count,
            host_id: None,
            lattice_id: None,
        };
        let answer = lattice.client.scale_actor(&host, command).await;
        answer.map_err(|error| unanswered::command_to(&lattice, &host, error))
    };
    let operation = match &mut image {
        Some(image) => image.hand(&lattice, printer, async |reference| answer(Some(reference)).await).await,
        None => answer(None).await,
    };
    let intent = Intent { deed: Deed::Scaled(scale.count), actor: Some(actor.clone()), no_wait: scale.no_wait };
    let ended = match operation {
        Ok(operation) => settle(&lattice, operation, intent, printer).await,
        Err(error) => Err(error),
    };
    let ended = ended.map_err(|error| match &image {
        Some(image) => image.explain(error),
        None => error,
    });
    ended.not_done(|| format!("`{}` was not scaled", scale.actor))
}

fn image(scale: &ScaleActor, reference: Reference) -> Result<Image, Fault> {
    Image::new(reference, scale.reference.as_deref().and_then(Named::path), scale.push, "module")
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
