//! The store: fetches by reference, checks, and keeps what was good in the cache.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use bytes::Bytes;
use lattice_protocol::error_chain;

use crate::{
    archive::{self, Opened},
    artifact::{Artifact, Fetched, Policy, ProviderArtifact},
    blocking::blocking,
    cache::{Cache, StoreError, Unkept},
    defaults::{CACHE_CAPACITY, MAX_ARTIFACT},
    digest::Digest,
    error::FetchError,
    identity::identify,
    kind::Kind,
    objects::Objects,
    oci::Push,
    progress::Progress,
    pull::Pull,
    reference::{Reference, Target},
    source::{self, SourceSettings, Sources},
};

/// How large things may be, and where they come from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoreSettings {
    /// The most bytes that the cache keeps of artifacts, and again of executables; 2 GiB.
    pub cache_capacity: u64,
    /// The most bytes that an artifact may have; 256 MiB.
    pub max_artifact: u64,
    /// Where artifacts may come from.
    pub sources: SourceSettings,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { cache_capacity: CACHE_CAPACITY, max_artifact: MAX_ARTIFACT, sources: SourceSettings::default() }
    }
}

impl StoreSettings {
    /// Sets the most bytes that the cache keeps of artifacts, and again of executables.
    #[must_use]
    pub fn cache_capacity(mut self, bytes: u64) -> Self {
        self.cache_capacity = bytes;
        self
    }

    /// Sets where artifacts may come from.
    #[must_use]
    pub fn sources(mut self, sources: SourceSettings) -> Self {
        self.sources = sources;
        self
    }

    /// Sets the most bytes that an artifact may have.
    #[must_use]
    pub fn max_artifact(mut self, bytes: u64) -> Self {
        self.max_artifact = bytes;
        self
    }
}

/// Fetches artifacts and keeps them. Clones are the same store; any number of processes may use the same directory.
///
/// File access and checking run on threads for blocking work. Dropping a future abandons its result; what had begun on
/// such a thread ends by itself.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::SystemTime;
///
/// use lattice_artifact::{Policy, Reference, Store, StoreSettings};
///
/// let dir = tempfile::tempdir()?;
/// let module = dir.path().join("module.wasm");
/// std::fs::write(&module, b"\0asm\x01\0\0\0")?;
///
/// let store = Store::open(&dir.path().join("artifacts"), StoreSettings::default())?;
/// let policy = Policy { allow_file: true, allow_unsigned: true, ..Policy::default() };
/// let reference = Reference::from_path(&module)?;
/// let artifact = store.fetch(&reference, &policy, SystemTime::now()).await?;
/// assert!(artifact.identity.claims.is_none());
///
/// std::fs::remove_file(&module)?;
/// assert!(store.by_digest(&reference, &artifact.digest, &policy).await?.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Store {
    cache: Arc<Cache>,
    sources: Sources,
    max_artifact: u64,
}

impl Store {
    /// The store whose cache lies in `directory`, which is created for its owner alone if it is not there.
    ///
    /// Blocks for a few file operations; meant for the start of a program.
    ///
    /// # Errors
    /// The directory is another user's, open to other users, no directory, or cannot be created or written.
    pub fn open(directory: &Path, settings: StoreSettings) -> Result<Self, StoreError> {
        let sources = Sources::new(settings.sources)?;
        let cache = Cache::open(directory, settings.cache_capacity)?;
        Ok(Self { cache: Arc::new(cache), sources, max_artifact: settings.max_artifact })
    }

    /// The same store, which also has the artifacts of a lattice. `lattice` tells it apart from others whose hosts may use the same
    /// cache, so that what names mean there can be remembered.
    #[must_use]
    pub fn with_objects(self, objects: Objects, lattice: String) -> Self {
        Self { sources: self.sources.with_objects(objects, lattice), ..self }
    }

    /// The checked artifact that `reference` names, with `now` as the time at which its claims must hold.
    ///
    /// It is [`fetch_bytes`](Self::fetch_bytes) and [`verify`](Self::verify) in one, for who does not report the phases.
    ///
    /// # Errors
    /// Those of the two.
    pub async fn fetch(&self, reference: &Reference, policy: &Policy, now: SystemTime) -> Result<Artifact, FetchError> {
        let fetched = self.fetch_bytes(reference, policy, &Pull::new(Kind::Module)).await?;
        self.verify(fetched, policy, now).await
    }

    /// The bytes that `reference` names, not yet checked.
    ///
    /// # Errors
    /// The policy does not allow it, this version cannot fetch it, or its source does not have it.
    pub async fn fetch_bytes(
        &self,
        reference: &Reference,
        policy: &Policy,
        pull: &Pull,
    ) -> Result<Fetched, FetchError> {
        self.admit(reference, policy)?;
        match reference.target() {
            Target::File(file) => source::read_file(reference.clone(), file.clone(), self.max_artifact).await,
            _ => self.sources.fetch(&self.cache, reference, pull, self.max_artifact).await,
        }
    }

    /// Pushes a module or a provider archive to the OCI registry that `reference` names, under its tag; the digest is that of the
    /// manifest, by which it can be pulled for good. `title` is the name of the file that it was.
    ///
    /// What it is is told by its first bytes, and nothing of it is checked.
    ///
    /// # Errors
    /// [`FetchError::Push`]: the registry does not take it; [`FetchError::NotPushable`].
    pub async fn push(
        &self,
        reference: &Reference,
        bytes: Bytes,
        title: &str,
        progress: &Progress,
    ) -> Result<Digest, FetchError> {
        let Target::Oci(oci) = reference.target() else {
            return Err(FetchError::NotPushable { reference: reference.to_string() });
        };
        let kind = Kind::of(&bytes);
        let push = Push { bytes, kind, title: title.to_owned(), annotations: BTreeMap::new() };
        let pushed = self.sources.push(oci, &push, progress).await;
        pushed.map_err(|source| FetchError::Push { source: Box::new(source) })
    }

    /// Whether a reference may be fetched at all, which can be told without fetching it.
    ///
    /// # Errors
    /// The policy does not allow it, or this store has no source for it.
    pub fn admit(&self, reference: &Reference, policy: &Policy) -> Result<(), FetchError> {
        self.sources.admit(reference, policy)
    }

    /// The bytes with that digest from the cache, not yet checked, if they are there: so that what ran can run again
    /// though its source is gone. `reference` is what they once were fetched by.
    ///
    /// # Errors
    /// The policy does not allow the reference, or the cache cannot be read. A damaged entry is none.
    pub async fn by_digest(
        &self,
        reference: &Reference,
        digest: &Digest,
        policy: &Policy,
    ) -> Result<Option<Fetched>, FetchError> {
        self.admit(reference, policy)?;
        let (cache, reference, digest) = (Arc::clone(&self.cache), reference.clone(), *digest);
        blocking(move || {
            let found = cache.get(&digest).map_err(|source| FetchError::Cache { digest, source })?;
            let cached = |bytes| Fetched {
                reference,
                digest,
                bytes,
                version: None,
                moved_from: None,
                is_cached: true,
                unkept: None,
                place: None,
            };
            Ok(found.map(cached))
        })
        .await
    }

    /// Has what was fetched in the cache, for a later start; [`verify`](Self::verify) goes on without.
    ///
    /// # Errors
    /// [`FetchError::NotKept`]
    pub async fn keep(&self, fetched: Fetched) -> Result<(), FetchError> {
        let cache = Arc::clone(&self.cache);
        blocking(move || {
            if cache.has_entry(&fetched.digest) {
                return Ok(());
            }
            let kept = cache.keep(&fetched.digest, &fetched.bytes);
            kept.map_err(|source| FetchError::NotKept { reference: fetched.reference.to_string(), source })
        })
        .await
    }

    /// Whether the cache has an entry of that digest: so that [`by_digest`](Self::by_digest) finds it, unless it is damaged.
    ///
    /// Blocks for one look at the file system, no longer than it takes to find a name.
    pub fn holds(&self, digest: &Digest) -> bool {
        self.cache.has_entry(digest)
    }

    /// The module, if its claims hold at the time `now`. It is then kept in the cache; if that fails, for the disk is
    /// full or read-only, only a warning is logged.
    ///
    /// # Errors
    /// It is no WebAssembly, its claims are not accepted, or it is unsigned and the policy wants it signed.
    pub async fn verify(&self, fetched: Fetched, policy: &Policy, now: SystemTime) -> Result<Artifact, FetchError> {
        let policy = policy.clone();
        let (fetched, identity) = self.accept(fetched, move |fetched| identify(fetched, &policy, now)).await?;
        let Fetched { reference, digest, bytes, .. } = fetched;
        Ok(Artifact { reference, digest, bytes, identity })
    }

    /// The checked provider that `reference` names, for this machine, with `now` as the time at which its claims must hold.
    ///
    /// It is [`fetch_bytes`](Self::fetch_bytes) and [`verify_provider`](Self::verify_provider) in one, for who does not
    /// report the phases.
    ///
    /// # Errors
    /// Those of the two.
    pub async fn fetch_provider(
        &self,
        reference: &Reference,
        policy: &Policy,
        now: SystemTime,
    ) -> Result<ProviderArtifact, FetchError> {
        let fetched = self.fetch_bytes(reference, policy, &Pull::new(Kind::Provider)).await?;
        self.verify_provider(fetched, policy, now).await
    }

    /// The provider in an archive, if its claims hold at the time `now` and it has an executable for this machine that
    /// they name. The archive is then kept in the cache, as modules are.
    ///
    /// Of the policy its issuers count: an archive without claims is none.
    ///
    /// # Errors
    /// [`FetchError::Archive`]: it is no archive, its claims are not accepted, or it has nothing for this machine.
    /// [`FetchError::Untrusted`]: who signed it is not trusted here.
    pub async fn verify_provider(
        &self,
        fetched: Fetched,
        policy: &Policy,
        now: SystemTime,
    ) -> Result<ProviderArtifact, FetchError> {
        let policy = policy.clone();
        let (fetched, opened) = self.accept(fetched, move |fetched| open(fetched, &policy, now)).await?;
        let (Fetched { reference, digest, .. }, Opened { claims, executable }) = (fetched, opened);
        Ok(ProviderArtifact { reference, digest, claims, executable })
    }

    /// The path of a file with the provider's executable, which this user alone can read, change and run.
    ///
    /// The file is named by the digest of the executable, so that another build never runs in its place, whatever its
    /// revision. It is compared with the executable each time, and written anew if it is not there, damaged, a link, or has
    /// other permissions; so whoever starts the provider asks each time. No process has it open for writing when it gets
    /// its name: starting it does not fail with `ETXTBSY`, whatever other threads start meanwhile.
    ///
    /// The file may be removed once others were used since and take the capacity of the cache.
    ///
    /// # Errors
    /// [`FetchError::Executable`]: it cannot be written, for the disk is full or read-only.
    pub async fn executable(&self, provider: &ProviderArtifact) -> Result<PathBuf, FetchError> {
        let (cache, executable) = (Arc::clone(&self.cache), provider.executable.clone());
        let reference = provider.reference.clone();
        blocking(move || {
            let written = cache.executable(&executable.digest(), executable.bytes());
            written.map_err(|source| FetchError::Executable { reference: reference.to_string(), source })
        })
        .await
    }

    /// The file that [`executable`](Self::executable) wrote, known by the digest of the executable alone, if it is there and
    /// as it was written; so that who starts a provider again need not keep the executable in memory.
    ///
    /// # Errors
    /// The program is shutting down.
    pub async fn executable_by_digest(&self, digest: &Digest) -> Result<Option<PathBuf>, FetchError> {
        let (cache, digest) = (Arc::clone(&self.cache), *digest);
        blocking(move || Ok(cache.sound_executable(&digest))).await
    }

    /// What `check` finds in the bytes, which are kept in the cache if it finds them good and they are not there already.
    async fn accept<T: Send + 'static>(
        &self,
        fetched: Fetched,
        check: impl FnOnce(&Fetched) -> Result<T, FetchError> + Send + 'static,
    ) -> Result<(Fetched, T), FetchError> {
        let cache = Arc::clone(&self.cache);
        blocking(move || {
            let found = check(&fetched).inspect_err(|_| {
                // Or it would be taken for what the reference is until somebody asks anew.
                if let Some(place) = &fetched.place {
                    cache.forget_note(place);
                }
            })?;
            if !fetched.is_cached {
                log_unkept(&fetched, cache.keep(&fetched.digest, &fetched.bytes));
            }
            Ok((fetched, found))
        })
        .await
    }
}

fn open(fetched: &Fetched, policy: &Policy, now: SystemTime) -> Result<Opened, FetchError> {
    let opened = archive::open(&fetched.bytes, &archive::this_target(), now);
    let refused = |source| FetchError::Archive { reference: fetched.reference.to_string(), source: Box::new(source) };
    let opened = opened.map_err(refused)?;
    policy.trust.admit(&fetched.reference, &opened.claims.issuer)?;
    Ok(opened)
}

fn log_unkept(fetched: &Fetched, kept: Result<(), Unkept>) {
    if let Err(error) = kept {
        let Fetched { reference, digest, .. } = fetched;
        tracing::warn!(%digest, %reference, error = error_chain(&error), "the artifact is not kept in the cache");
    }
}
