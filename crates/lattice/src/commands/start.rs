//! `lattice start actor` and `lattice start provider`.

mod provider;

use lattice_client::{Operation, PlaceError};
use lattice_protocol::{Annotations, StartActor as Command};

use crate::{
    cli::{StartActor, Wish},
    commands::auction::{constraints, rule},
    connect::Lattice,
    image::Image,
    module::{Looked, Named},
    placement,
    settings::Settings,
    settle::{Deed, Intent, settle},
    unanswered::{self, NotDone},
};

pub(super) use provider::start as provider;

/// Starts an actor and tells how it went.
pub(crate) async fn run(start: StartActor, settings: &Settings) -> anyhow::Result<()> {
    let printer = settings.printer();
    let data_dir = settings.data_dir()?;
    let looked = Looked::at(&start.reference)?;
    let lattice = Lattice::reach(settings.target()?).await?.pulling(start.pull);
    let mut image =
        Image::new(looked.signed(&data_dir, printer)?, Named::path(&start.reference), start.push, "module")?;
    let operation = image.hand(&lattice, printer, async |reference| {
        let command = Command {
            actor_ref: reference.to_string(),
            annotations: Annotations::from_iter(start.annotations.clone()),
            count: start.count,
            host_id: None,
            lattice_id: None,
        };
        match &start.host {
            Some(name) => on(&lattice, name, command).await,
            None => placed(&lattice, &start.wish, command).await,
        }
    });
    let ended = match operation.await {
        Ok(operation) => {
            // The protocol starts one where none is asked for.
            let deed = Deed::Started(start.count.get().max(1), image.reference().to_string());
            let intent = Intent { deed, actor: None, no_wait: start.no_wait };
            settle(&lattice, operation, intent, printer).await
        }
        Err(error) => Err(error),
    };
    ended.map_err(|error| image.explain(error)).not_done(|| format!("`{}` was not started", start.reference))
}

/// Starts it on the host that is named.
async fn on(lattice: &Lattice, name: &str, command: Command) -> anyhow::Result<Operation> {
    let host = placement::named_host(lattice, name).await?;
    let started = lattice.client.start_actor(&host, command).await;
    started.map_err(|error| unanswered::command_to(lattice, &host, error))
}

/// Starts it on the host that an auction chooses.
async fn placed(lattice: &Lattice, wish: &Wish, command: Command) -> anyhow::Result<Operation> {
    let placed = lattice.client.place_actor(command, constraints(wish), rule(wish), lattice.target.patience).await;
    placed.map_err(|error| not_placed(lattice, error))
}

/// Why no host that an auction chose has taken it.
fn not_placed(lattice: &Lattice, error: PlaceError) -> anyhow::Error {
    match error {
        PlaceError::NobodyBids { ref declined, ref missing, ref errors, .. }
            if declined.is_empty() && missing.is_empty() && errors.is_empty() =>
        {
            lattice.nobody().into()
        }
        PlaceError::Auction { source, .. } => unanswered::question(lattice, *source),
        PlaceError::Start { host, source, .. } => unanswered::command_to(lattice, &host, *source),
        error => error.into(),
    }
}
