//! `lattice get artifacts`.

use lattice_protocol::StoredArtifact;
use serde::Serialize;

use super::operations::age;
use crate::{
    connect::Lattice,
    detail::Detail,
    printer::{Printer, Show},
    stored::size,
    table::{dense, or_dash},
    unanswered,
};

#[derive(Serialize)]
struct Artifacts {
    artifacts: Vec<StoredArtifact>,
    /// What was wrong with artifacts that are not among them.
    errors: Vec<String>,
}

/// Prints the artifacts that lie in the lattice.
pub(super) async fn run(lattice: &Lattice, printer: Printer) -> anyhow::Result<()> {
    let answer = lattice.client.artifacts().await.map_err(|error| unanswered::question(lattice, error))?.artifacts;
    let artifacts = Artifacts { artifacts: answer.good, errors: answer.bad };
    artifacts.errors.iter().for_each(|error| printer.warn(error));
    Ok(printer.show(&artifacts)?)
}

impl Show for Artifacts {
    fn text(&self) -> String {
        self.table(Detail::Brief)
    }

    fn wide(&self) -> String {
        self.table(Detail::Whole)
    }
}

impl Artifacts {
    fn table(&self, detail: Detail) -> String {
        let keys = detail.keys(self.artifacts.iter().filter_map(|artifact| artifact.key.as_deref()));
        let is_whole = detail == Detail::Whole;
        let row = |artifact: &StoredArtifact| {
            [
                artifact.reference.clone(),
                artifact.kind.as_str().to_owned(),
                or_dash(artifact.name.clone()),
                or_dash(artifact.key.as_ref().map(|key| keys.of(key))),
                size(artifact.size),
                detail.digest(&artifact.digest),
                or_dash(if is_whole { Some(artifact.pushed.clone()) } else { age(&artifact.pushed) }),
            ]
        };
        let titles = ["reference", "kind", "name", "key", "size", "digest", if is_whole { "pushed" } else { "age" }];
        dense(titles, self.artifacts.iter().map(row))
    }
}
