//! Having images in the cache before anything starts from them: fetched, verified, compiled or unpacked.

use lattice_artifact::{FetchError, Reference};
use lattice_protocol::RefusalCode;
use lattice_runtime::CompileError;
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    actors::Preparer,
    artifacts::{Artifacts, Prefetched},
    defaults::{PREFETCHED_AT_ONCE, PREFETCHES},
    operations::Operation,
    providers::Images as Archives,
};

/// Takes images to fetch; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Prefetches {
    wanted: mpsc::Sender<Wanted>,
}

#[derive(Debug)]
struct Wanted {
    reference: Reference,
    operation: Operation,
}

/// Why an image is not taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{PREFETCHES} images are waiting to be fetched already, try again when some are here")]
    Full,
    #[error("the host is stopping and takes no more commands")]
    Stopping,
}

impl Refusal {
    pub(crate) fn code(self) -> RefusalCode {
        match self {
            Refusal::Full => RefusalCode::Full,
            Refusal::Stopping => RefusalCode::Stopping,
        }
    }
}

/// Why an image could not be made ready.
#[derive(Debug, thiserror::Error)]
enum PrefetchError {
    #[error("cannot fetch `{reference}`")]
    Fetch { reference: String, source: FetchError },
    #[error("cannot compile `{reference}`")]
    Compile { reference: String, source: CompileError },
}

impl Prefetches {
    /// Has an image fetched in its turn; the operation tells what becomes of it.
    pub(crate) fn submit(&self, reference: Reference, operation: Operation) -> Result<(), Refusal> {
        let refusal = match self.wanted.try_reserve() {
            Ok(place) => {
                operation.taken_on();
                place.send(Wanted { reference, operation });
                return Ok(());
            }
            Err(TrySendError::Full(())) => Refusal::Full,
            Err(TrySendError::Closed(())) => Refusal::Stopping,
        };
        operation.refused(refusal.code(), refusal.to_string());
        Err(refusal)
    }
}

/// What makes images ready, and remembers them; cheap to clone.
#[derive(Clone, Debug)]
struct Tools {
    artifacts: Artifacts,
    preparer: Preparer,
    archives: Archives,
}

/// Makes images ready, some at a time.
#[derive(Debug)]
pub(crate) struct Prefetcher {
    tools: Tools,
    wanted: mpsc::Receiver<Wanted>,
}

impl Prefetcher {
    pub(crate) fn new(artifacts: Artifacts, preparer: Preparer, archives: Archives) -> (Prefetches, Self) {
        let (sender, wanted) = mpsc::channel(PREFETCHES);
        (Prefetches { wanted: sender }, Self { tools: Tools { artifacts, preparer, archives }, wanted })
    }

    /// Until it is told to stop. What is under way then is given up, and its operation says so.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut under_way = JoinSet::new();
        loop {
            // Cancel-safe: what was received is spawned before the next wait.
            tokio::select! {
                () = stop.cancelled() => return,
                Some(ended) = under_way.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "a prefetch panicked");
                    }
                }
                Some(wanted) = self.wanted.recv(), if under_way.len() < PREFETCHED_AT_ONCE => {
                    under_way.spawn(self.tools.clone().prefetch(wanted));
                }
            }
        }
    }
}

impl Tools {
    async fn prefetch(self, wanted: Wanted) {
        let Wanted { reference, operation } = wanted;
        match self.make_ready(&reference, &operation).await {
            Ok(()) => operation.done(),
            Err(error) => operation.failed(None, &error),
        }
    }

    async fn make_ready(&self, reference: &Reference, operation: &Operation) -> Result<(), PrefetchError> {
        let not_fetched = |source| PrefetchError::Fetch { reference: reference.to_string(), source };
        match self.artifacts.any(reference, operation).await.map_err(not_fetched)? {
            Prefetched::Module(artifact) => {
                self.preparer.images().note(&artifact);
                let compiled = self.preparer.compile(&artifact, operation).await;
                compiled.map_err(|source| PrefetchError::Compile { reference: reference.to_string(), source })?;
            }
            Prefetched::Provider(provider) => {
                self.archives.note(&provider);
                self.artifacts.executable(&provider).await.map_err(not_fetched)?;
            }
        }
        Ok(())
    }
}
