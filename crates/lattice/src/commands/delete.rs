//! `lattice delete artifact`.

use lattice_artifact::Reference;

use crate::{
    cli::Delete,
    connect::Lattice,
    settings::Settings,
    settle::{Deed, Intent, settle},
    stored,
    unanswered::NotDone,
};

/// Removes an artifact from the lattice.
pub(crate) async fn run(delete: Delete, settings: &Settings) -> anyhow::Result<()> {
    let Delete::Artifact(delete) = delete;
    let reference: Reference = delete.reference.parse()?;
    if !stored::is_in_the_lattice(&reference) {
        return Err(stored::not_in_the_lattice(&reference).into());
    }
    let lattice = Lattice::reach(settings.target()?).await?;
    let removed = async {
        let taken = lattice.client.delete_artifact(reference.as_str()).await;
        let operation = taken.map_err(|error| stored::refused(&lattice, error))?;
        let deed = Deed::Holds(format!("{reference} is removed from the lattice"));
        settle(&lattice, operation, Intent { deed, actor: None, no_wait: false }, settings.printer()).await
    };
    removed.await.not_done(|| format!("{reference} was not removed"))
}
