//! From a reference to code that can run: fetch, verify, compile, each noted as a phase of its operation.

use std::time::SystemTime;

use lattice_artifact::{Artifact, Digest, FetchError, Fetched, Policy, Reference, Store};
use lattice_protocol::OperationPhase;
use lattice_runtime::{CompileError, Module, Runtime};

use super::images::Images;
use crate::{config::BeforeFetch, operations::Operation};

/// Makes modules ready to run; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Preparer {
    store: Store,
    policy: Policy,
    runtime: Runtime,
    images: Images,
    before_fetch: Option<BeforeFetch>,
}

impl Preparer {
    pub(crate) fn new(store: Store, policy: Policy, runtime: Runtime, before_fetch: Option<BeforeFetch>) -> Self {
        let images = Images::new(store.clone());
        Self { store, policy, runtime, images, before_fetch }
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// What references were when they were last fetched.
    pub(crate) fn images(&self) -> &Images {
        &self.images
    }

    /// The verified module behind a reference; the cached one with this digest if there is one.
    pub(crate) async fn fetch(
        &self,
        reference: &Reference,
        digest: Option<&Digest>,
        operation: &Operation,
    ) -> Result<Artifact, FetchError> {
        operation.reach(OperationPhase::Fetching);
        if let Some(before) = &self.before_fetch {
            before.wait().await;
        }
        let fetched = match self.cached(reference, digest).await? {
            Some(fetched) => fetched,
            None => self.store.fetch_bytes(reference, &self.policy).await?,
        };
        operation.reach(OperationPhase::Verifying);
        let verified = self.store.verify(fetched, &self.policy, SystemTime::now()).await;
        verified.inspect(|artifact| self.images.note(artifact))
    }

    async fn cached(&self, reference: &Reference, digest: Option<&Digest>) -> Result<Option<Fetched>, FetchError> {
        match digest {
            Some(digest) => self.store.by_digest(reference, digest, &self.policy).await,
            None => Ok(None),
        }
    }

    pub(crate) async fn compile(&self, artifact: &Artifact, operation: &Operation) -> Result<Module, CompileError> {
        operation.reach(OperationPhase::Compiling);
        self.runtime.compile(artifact.bytes.clone(), &artifact.digest.to_string()).await
    }
}
