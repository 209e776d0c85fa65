//! From a reference to a program that can be started, and what is known of whose it is.

use std::{
    collections::HashMap,
    ffi::OsString,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};

use lattice_artifact::{Digest, FetchError, ProviderArtifact, Reference, Target};
use lattice_protocol::{ContractId, OperationPhase, ProviderKey};

use super::program::{Archive, Program, ProgramError};
use crate::{artifacts::Artifacts, config::Builtin, defaults::REMEMBERED_IMAGES, operations::Operation};

/// A provider that can be started.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) reference: Reference,
    /// The digest of its archive; none for a part of the host's own program.
    pub(crate) digest: Option<Digest>,
    pub(crate) key: ProviderKey,
    pub(crate) contract: ContractId,
    pub(crate) name: Option<String>,
    pub(crate) revision: i32,
    pub(crate) version: Option<String>,
    /// Who issued its claims.
    pub(crate) issuer: String,
    program: Program,
}

impl Image {
    /// What to run, and with which arguments. Asked before each start.
    pub(super) async fn program(&self) -> Result<(PathBuf, Vec<OsString>), ProgramError> {
        self.program.get().await
    }
}

/// Why there is no program behind a reference.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageError {
    #[error("there is no builtin provider `{name}`; there are {known}")]
    NoBuiltin { name: String, known: String },
    #[error(
        "the archive claims to be provider {key}, which is `builtin://{name}` of this host and no archive's; \
         `par create` gives it a key of its own"
    )]
    BuiltinKey { key: ProviderKey, name: String },
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

/// Finds programs; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Images {
    artifacts: Artifacts,
    builtins: Arc<[Builtin]>,
    /// What archives were when they were last fetched.
    seen: Arc<Mutex<HashMap<Reference, Seen>>>,
}

/// What an archive was when it was last fetched.
#[derive(Clone, Debug)]
struct Seen {
    provider: ProviderKey,
    digest: Digest,
}

impl Images {
    pub(crate) fn new(artifacts: Artifacts, builtins: &[Builtin]) -> Self {
        Self { artifacts, builtins: builtins.into(), seen: Arc::default() }
    }

    /// Whose provider a reference names, if that can be told without fetching it.
    pub(crate) fn known_key(&self, reference: &Reference) -> Option<ProviderKey> {
        match reference.target() {
            Target::Builtin(name) => self.builtin(name.name()).map(|builtin| builtin.key.clone()),
            _ => self.seen().get(reference).map(|seen| seen.provider.clone()),
        }
    }

    /// Whether what a reference was when it was last fetched is here: in the cache, or a part of the host's own program.
    pub(crate) fn are_cached(&self, reference: &Reference) -> bool {
        match reference.target() {
            Target::Builtin(_) => true,
            _ => {
                let digest = self.seen().get(reference).map(|seen| seen.digest);
                digest.is_some_and(|digest| self.artifacts.holds(&digest))
            }
        }
    }

    /// What can be told of a reference without fetching it.
    ///
    /// # Errors
    /// It is of a kind that this host does not take, or names a builtin that there is not.
    pub(crate) fn admit(&self, reference: &Reference) -> Result<(), ImageError> {
        match reference.target() {
            Target::Builtin(name) => match self.builtin(name.name()) {
                Some(_) => Ok(()),
                None => Err(self.no_builtin(name.name())),
            },
            _ => Ok(self.artifacts.admit(reference)?),
        }
    }

    /// The program behind a reference.
    pub(crate) async fn find(
        &self,
        reference: &Reference,
        digest: Option<&Digest>,
        operation: &Operation,
    ) -> Result<Image, ImageError> {
        match reference.target() {
            Target::Builtin(name) => {
                operation.reach(OperationPhase::Fetching);
                let builtin = self.builtin(name.name()).ok_or_else(|| self.no_builtin(name.name()))?;
                Ok(of_builtin(reference, builtin))
            }
            _ => self.fetch(reference, digest, operation).await,
        }
    }

    async fn fetch(
        &self,
        reference: &Reference,
        digest: Option<&Digest>,
        operation: &Operation,
    ) -> Result<Image, ImageError> {
        let artifact = self.artifacts.provider(reference, digest, operation).await?;
        self.require_own_key(&artifact)?;
        self.note(&artifact);
        // Its bytes go with the artifact; the file stays.
        self.artifacts.executable(&artifact).await?;
        Ok(of_archive(Archive::new(self.artifacts.clone(), &artifact), artifact))
    }

    /// An archive that is taken for a builtin would be given its links, and what its instances tell each other.
    fn require_own_key(&self, artifact: &ProviderArtifact) -> Result<(), ImageError> {
        let key = &artifact.claims.subject;
        match self.builtins.iter().find(|builtin| builtin.key == *key) {
            Some(builtin) => Err(ImageError::BuiltinKey { key: key.clone(), name: builtin.name.clone() }),
            None => Ok(()),
        }
    }

    /// Remembers some, and forgets them all when they become many: what is not known costs an auction its certainty alone.
    pub(crate) fn note(&self, artifact: &ProviderArtifact) {
        let what = Seen { provider: artifact.claims.subject.clone(), digest: artifact.digest };
        let mut seen = self.seen();
        if seen.len() >= REMEMBERED_IMAGES {
            seen.clear();
        }
        seen.insert(artifact.reference.clone(), what);
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<Reference, Seen>> {
        self.seen.lock().expect("nothing panics while it holds references")
    }

    fn builtin(&self, name: &str) -> Option<&Builtin> {
        self.builtins.iter().find(|builtin| builtin.name == name)
    }

    fn no_builtin(&self, name: &str) -> ImageError {
        let known: Vec<_> = self.builtins.iter().map(|builtin| format!("`{}`", builtin.name)).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        ImageError::NoBuiltin { name: name.to_owned(), known }
    }
}

fn of_builtin(reference: &Reference, builtin: &Builtin) -> Image {
    Image {
        reference: reference.clone(),
        digest: None,
        key: builtin.key.clone(),
        contract: builtin.contract.clone(),
        name: Some(builtin.title.clone()),
        revision: builtin.revision,
        version: Some(builtin.version.clone()),
        issuer: String::new(),
        program: Program::Builtin { exe: builtin.exe.clone(), arguments: builtin.arguments.clone() },
    }
}

fn of_archive(archive: Archive, artifact: ProviderArtifact) -> Image {
    let claims = &artifact.claims;
    Image {
        reference: artifact.reference.clone(),
        digest: Some(artifact.digest),
        key: claims.subject.clone(),
        contract: claims.contract.clone(),
        name: claims.name.clone(),
        revision: claims.revision.unwrap_or(0),
        version: claims.version.clone(),
        issuer: claims.issuer.to_string(),
        program: Program::Archive(Box::new(archive)),
    }
}
