//! From a reference to code that can run: fetch, verify, compile, each noted as a phase of its operation.

use lattice_artifact::{Artifact, Digest, FetchError, Reference};
use lattice_protocol::OperationPhase;
use lattice_runtime::{CompileError, Module, Runtime};

use super::images::Images;
use crate::{artifacts::Artifacts, operations::Operation};

/// Makes modules ready to run; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Preparer {
    artifacts: Artifacts,
    runtime: Runtime,
    images: Images,
}

impl Preparer {
    pub(crate) fn new(artifacts: Artifacts, runtime: Runtime) -> Self {
        let images = Images::new(artifacts.clone());
        Self { artifacts, runtime, images }
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
        let verified = self.artifacts.module(reference, digest, operation).await;
        verified.inspect(|artifact| self.images.note(artifact))
    }

    pub(crate) async fn compile(&self, artifact: &Artifact, operation: &Operation) -> Result<Module, CompileError> {
        operation.reach(OperationPhase::Compiling);
        self.runtime.compile(artifact.bytes.clone(), &artifact.digest.to_string()).await
    }
}
