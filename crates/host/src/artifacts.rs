//! Where this host's images come from and which of them it takes: the store, under the host's own rules.

use std::{path::PathBuf, time::SystemTime};

use lattice_artifact::{Artifact, Digest, FetchError, Fetched, Kind, Policy, ProviderArtifact, Pull, Reference, Store};
use lattice_protocol::{OperationPhase, PullPolicy};

use crate::{config::BeforeFetch, operations::Operation};

/// The images that this host can have; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Artifacts {
    store: Store,
    rules: Rules,
}

/// Which images a host takes, and how it fetches them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) policy: Policy,
    /// Unless a command says otherwise.
    pub(crate) pull: PullPolicy,
    pub(crate) before_fetch: Option<BeforeFetch>,
}

/// What was fetched without knowing what it is.
#[derive(Debug)]
pub(crate) enum Prefetched {
    Module(Artifact),
    Provider(ProviderArtifact),
}

impl Artifacts {
    pub(crate) fn new(store: Store, rules: Rules) -> Self {
        Self { store, rules }
    }

    /// Whether the host takes references of that kind, which can be told without fetching.
    pub(crate) fn admit(&self, reference: &Reference) -> Result<(), FetchError> {
        self.store.admit(reference, &self.rules.policy)
    }

    /// Whether the bytes are in the cache.
    pub(crate) fn holds(&self, digest: &Digest) -> bool {
        self.store.holds(digest)
    }

    /// The verified module behind a reference; the cached one with this digest if there is one.
    pub(crate) async fn module(
        &self,
        reference: &Reference,
        digest: Option<&Digest>,
        operation: &Operation,
    ) -> Result<Artifact, FetchError> {
        let fetched = self.fetch(reference, Kind::Module, digest, operation).await?;
        self.store.verify(fetched, &self.rules.policy, SystemTime::now()).await
    }

    /// The verified provider behind a reference; the cached one with this digest if there is one.
    pub(crate) async fn provider(
        &self,
        reference: &Reference,
        digest: Option<&Digest>,
        operation: &Operation,
    ) -> Result<ProviderArtifact, FetchError> {
        let fetched = self.fetch(reference, Kind::Provider, digest, operation).await?;
        self.store.verify_provider(fetched, &self.rules.policy, SystemTime::now()).await
    }

    /// Whatever is behind a reference, verified and in the cache.
    pub(crate) async fn any(&self, reference: &Reference, operation: &Operation) -> Result<Prefetched, FetchError> {
        let fetched = self.fetch(reference, Kind::Any, None, operation).await?;
        let kept = fetched.clone();
        let verified = match fetched.kind() {
            Kind::Module => {
                let verified = self.store.verify(fetched, &self.rules.policy, SystemTime::now()).await?;
                Prefetched::Module(verified)
            }
            _ => {
                Prefetched::Provider(self.store.verify_provider(fetched, &self.rules.policy, SystemTime::now()).await?)
            }
        };
        self.store.keep(kept).await?;
        Ok(verified)
    }

    /// The provider whose archive had that digest, from the cache or, if that has lost it, from where it came from, unless the
    /// host never asks there; none if it is another by now.
    pub(crate) async fn provider_again(
        &self,
        reference: &Reference,
        digest: &Digest,
    ) -> Result<Option<ProviderArtifact>, FetchError> {
        let policy = &self.rules.policy;
        let fetched = match self.store.by_digest(reference, digest, policy).await? {
            Some(fetched) => fetched,
            None => {
                let pull = Pull::new(Kind::Provider).policy(self.rules.pull);
                self.store.fetch_bytes(reference, policy, &pull).await?
            }
        };
        if fetched.digest() != *digest {
            return Ok(None);
        }
        self.store.verify_provider(fetched, &self.rules.policy, SystemTime::now()).await.map(Some)
    }

    /// The file with a provider's executable.
    pub(crate) async fn executable(&self, provider: &ProviderArtifact) -> Result<PathBuf, FetchError> {
        self.store.executable(provider).await
    }

    /// The file with the executable of that digest, if it is there.
    pub(crate) async fn executable_by_digest(&self, digest: &Digest) -> Result<Option<PathBuf>, FetchError> {
        self.store.executable_by_digest(digest).await
    }

    async fn fetch(
        &self,
        reference: &Reference,
        kind: Kind,
        digest: Option<&Digest>,
        operation: &Operation,
    ) -> Result<Fetched, FetchError> {
        operation.reach(OperationPhase::Fetching);
        if let Some(before) = &self.rules.before_fetch {
            before.wait().await;
        }
        let cached = match digest {
            Some(digest) => self.store.by_digest(reference, digest, &self.rules.policy).await?,
            None => None,
        };
        let fetched = match cached {
            Some(fetched) => fetched,
            None => self.pull(reference, kind, operation).await?,
        };
        operation.fetched(&fetched);
        operation.reach(OperationPhase::Verifying);
        Ok(fetched)
    }

    async fn pull(&self, reference: &Reference, kind: Kind, operation: &Operation) -> Result<Fetched, FetchError> {
        let policy = operation.pull().unwrap_or(self.rules.pull);
        let pull = Pull::new(kind).policy(policy).progress(operation.progress());
        let fetched = self.store.fetch_bytes(reference, &self.rules.policy, &pull).await?;
        if let Some(before) = fetched.moved_from() {
            let now = fetched.version().map(|version| version.to_string());
            tracing::warn!(%reference, %before, now, "the reference names something else than when it was last fetched");
        }
        Ok(fetched)
    }
}
