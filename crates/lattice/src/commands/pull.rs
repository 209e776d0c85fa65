//! `lattice pull`.

use std::path::PathBuf;

use lattice_artifact::{Reference, Target};
use lattice_client::PullError;
use lattice_protocol::{ArtifactKind, StoredArtifact};
use serde::Serialize;

use crate::{
    cli::PullArtifact,
    connect::Lattice,
    detail::Detail,
    fault::{Code, Fault},
    printer::Show,
    settings::{Settings, write_file},
    stored::{self, percent, size},
    unanswered::NotDone,
};

#[derive(Serialize)]
struct Pulled {
    reference: String,
    digest: String,
    size: u64,
    kind: ArtifactKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    file: PathBuf,
}

/// Fetches an artifact into a file.
pub(crate) async fn run(pull: PullArtifact, settings: &Settings) -> anyhow::Result<()> {
    let reference: Reference = pull.reference.parse()?;
    match reference.target() {
        Target::Object(_) => from_the_lattice(&pull, &reference, settings).await,
        _ => Err(stored::not_in_the_lattice(&reference).into()),
    }
}

async fn from_the_lattice(pull: &PullArtifact, reference: &Reference, settings: &Settings) -> anyhow::Result<()> {
    let printer = settings.printer();
    let lattice = Lattice::reach(settings.target()?).await?;
    let show = |done, total| printer.progress(&percent("fetching", done, total));
    let pulled = lattice.client.pull_artifact(reference.as_str(), show).await;
    printer.end_progress();
    let pulled = pulled.map_err(|error| match error {
        PullError::Request { source, .. } => stored::refused(&lattice, *source),
        error => error.into(),
    });
    let (artifact, bytes) = pulled.not_done(|| format!("{reference} was not fetched"))?;
    write_file(&pull.out, &bytes).map_err(|error| {
        Fault::new(Code::Failed, format!("the file {} cannot be written", pull.out.display())).caused_by(error)
    })?;
    Ok(printer.show(&Pulled::new(artifact, pull.out.clone()))?)
}

impl Pulled {
    fn new(artifact: StoredArtifact, file: PathBuf) -> Self {
        let StoredArtifact { digest, key, kind, name, reference, size, .. } = artifact;
        Self { reference, digest, size, kind, key, name, file }
    }

    fn sentence(&self, detail: Detail) -> String {
        let (digest, size) = (detail.digest(&self.digest), size(self.size));
        format!("{} is in {} ({digest}, {size})", self.reference, self.file.display())
    }
}

impl Show for Pulled {
    fn text(&self) -> String {
        self.sentence(Detail::Brief)
    }

    fn wide(&self) -> String {
        self.sentence(Detail::Whole)
    }
}
