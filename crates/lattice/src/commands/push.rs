//! `lattice push`.

use std::path::Path;

use lattice_artifact::{Digest, Kind, Progress, Reference, Target};
use lattice_client::{PushOptions, Pushed as Outcome};
use serde::Serialize;

use crate::{
    cli::Push,
    connect::Lattice,
    detail::Detail,
    fault::{Code, Fault},
    input,
    module::Looked,
    printer::Show,
    settings::Settings,
    settle::{Deed, Ended, Intent, ended},
    stored::{self, percent, size},
    unanswered::NotDone,
};

#[derive(Serialize)]
struct Pushed {
    reference: String,
    digest: String,
    size: u64,
    #[serde(flatten)]
    how: How,
}

#[derive(Serialize)]
#[serde(untagged)]
enum How {
    Ended(Box<Ended>),
    Unchanged { outcome: &'static str },
    Registry { version: String, outcome: &'static str },
}

/// Stores a file where hosts can fetch it.
pub(crate) async fn run(push: Push, settings: &Settings) -> anyhow::Result<()> {
    let reference: Reference = push.reference.parse()?;
    match reference.target() {
        Target::Object(_) => into_the_lattice(&push, &reference, settings).await,
        Target::Oci(_) => into_a_registry(&push, &reference, settings).await,
        _ => Err(Fault::new(Code::Usage, format!("nothing can be stored as `{reference}`"))
            .hint("nats://NAME:TAG is in the lattice itself, registry.host/name:tag in an OCI registry")
            .into()),
    }
}

async fn into_the_lattice(push: &Push, reference: &Reference, settings: &Settings) -> anyhow::Result<()> {
    let printer = settings.printer();
    let content = Content::of(&push.file)?;
    let lattice = Lattice::reach(settings.target()?).await?;
    let bytes = content.bytes(settings)?;
    let (digest, size) = (Digest::of(&bytes).to_string(), bytes.len() as u64);
    let options = PushOptions::default().force(push.force);
    let stored = async {
        Ok(match stored::push(&lattice, reference, bytes, options, printer).await? {
            Outcome::Unchanged(_) => How::Unchanged { outcome: "unchanged" },
            Outcome::Taken(operation) => {
                let deed = Deed::Holds(format!("{reference} is stored"));
                let intent = Intent { deed, actor: None, no_wait: false };
                How::Ended(Box::new(ended(&lattice, operation, intent, printer).await?))
            }
        })
    };
    let how = stored.await.not_done(|| format!("{} was not stored", push.file.display()))?;
    Ok(printer.show(&Pushed { reference: reference.to_string(), digest, size, how })?)
}

async fn into_a_registry(push: &Push, reference: &Reference, settings: &Settings) -> anyhow::Result<()> {
    let printer = settings.printer();
    let bytes = Content::of(&push.file)?.bytes(settings)?;
    let store = settings.store(push.registries.clone())?;
    let (digest, size) = (Digest::of(&bytes).to_string(), bytes.len() as u64);
    let title = push.file.file_name().unwrap_or_default().to_string_lossy();
    let progress = Progress::new(move |done, total| printer.progress(&percent("sending", done, total)));
    let pushed = store.push(reference, bytes.into(), &title, &progress).await;
    printer.end_progress();
    let pushed = pushed.map_err(anyhow::Error::from);
    let version = pushed.not_done(|| format!("{} was not pushed", push.file.display()))?.to_string();
    let how = How::Registry { version, outcome: "done" };
    Ok(printer.show(&Pushed { reference: reference.to_string(), digest, size, how })?)
}

/// What is in a file.
enum Content {
    /// A module, which may have to be signed.
    Module(Looked),
    /// Anything else is for the host to judge.
    Other(Vec<u8>),
}

impl Content {
    fn of(file: &Path) -> anyhow::Result<Self> {
        let bytes = input::file(&file.to_string_lossy())?;
        match Kind::of(&bytes) {
            Kind::Module => Looked::at_file(file).map(Content::Module),
            _ => Ok(Content::Other(bytes)),
        }
    }

    fn bytes(self, settings: &Settings) -> anyhow::Result<Vec<u8>> {
        let looked = match self {
            Content::Module(looked) => looked,
            Content::Other(bytes) => return Ok(bytes),
        };
        let reference = looked.signed(&settings.data_dir()?, settings.printer())?;
        match reference.target() {
            Target::File(file) => Ok(input::file(&file.path().to_string_lossy())?),
            _ => unreachable!("what was looked at is a file"),
        }
    }
}

impl Show for Pushed {
    fn text(&self) -> String {
        self.sentence(Detail::Brief)
    }

    fn wide(&self) -> String {
        self.sentence(Detail::Whole)
    }
}

impl Pushed {
    fn sentence(&self, detail: Detail) -> String {
        let (digest, size) = (detail.digest(&self.digest), size(self.size));
        let how = match &self.how {
            How::Ended(_) => "is stored in the lattice",
            How::Unchanged { .. } => "lies in the lattice already",
            How::Registry { version, .. } => {
                return format!("{} is pushed as {version} ({digest}, {size})", self.reference);
            }
        };
        format!("{} {how} ({digest}, {size})", self.reference)
    }
}
