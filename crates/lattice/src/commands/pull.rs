//! `lattice pull`.

use std::path::{Path, PathBuf};

use lattice_artifact::{Fetched, Kind, Policy, Progress, Pull, Reference, Target};
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
    /// What its source calls this very version: the digest of a manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
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
        Target::Oci(_) | Target::Bindle(_) => from_a_registry(&pull, &reference, settings).await,
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
    write(&pull.out, &bytes)?;
    Ok(printer.show(&Pulled::new(artifact, pull.out.clone()))?)
}

/// Whoever fetches something to look at it need not trust it yet: nothing of it is checked but its digest.
async fn from_a_registry(pull: &PullArtifact, reference: &Reference, settings: &Settings) -> anyhow::Result<()> {
    let printer = settings.printer();
    let store = settings.store(pull.registries.clone())?;
    let progress = Progress::new(move |done, total| printer.progress(&percent("fetching", done, total)));
    let fetched = store.fetch_bytes(reference, &Policy::default(), &Pull::new(Kind::Any).progress(progress)).await;
    printer.end_progress();
    let fetched = fetched.map_err(anyhow::Error::from).not_done(|| format!("{reference} was not fetched"))?;
    write(&pull.out, fetched.bytes())?;
    Ok(printer.show(&Pulled::fetched(&fetched, pull.out.clone()))?)
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let failed = || Fault::new(Code::Failed, format!("the file {} cannot be written", file.display()));
    write_file(file, bytes).map_err(|error| failed().caused_by(error))
}

impl Pulled {
    fn new(artifact: StoredArtifact, file: PathBuf) -> Self {
        let StoredArtifact { digest, key, kind, name, reference, size, .. } = artifact;
        Self { reference, digest, size, kind, version: None, key, name, file }
    }

    fn fetched(fetched: &Fetched, file: PathBuf) -> Self {
        let kind = match fetched.kind() {
            Kind::Module => ArtifactKind::Module,
            _ => ArtifactKind::Provider,
        };
        Self {
            reference: fetched.reference().to_string(),
            digest: fetched.digest().to_string(),
            size: fetched.size() as u64,
            kind,
            version: fetched.version().map(|version| version.to_string()),
            key: None,
            name: None,
            file,
        }
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
