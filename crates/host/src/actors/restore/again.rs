//! Starting again what ran before the host restarted: everything once, and providers until they serve or are stopped.

use std::time::Duration;

use futures::{StreamExt, future::join_all};
use lattice_protocol::{OperationPhase, OperationRecord};
use tokio::{sync::watch, time::sleep};

use super::Absent;
use crate::{
    actors::{ActorCommand, Actors, Start},
    defaults::{LONGEST_RESTORE, RESTORE_AGAIN, RESTORED_AT_ONCE},
    operations::{Operations, RESTORE},
    providers::{ProviderCommand, Providers, StartProvider},
    state::{Running, RunningActor, RunningProvider},
};

/// Starts again what ran before.
pub(crate) struct Restorer {
    pub(crate) absent: Absent,
    pub(crate) actors: Actors,
    pub(crate) providers: Providers,
    pub(crate) operations: Operations,
}

impl Restorer {
    /// Starts what ran before, some at a time, and returns when each has come up or failed.
    ///
    /// What fails stays noted: its image may be there again at the next start.
    pub(crate) async fn all(&self, before: Running) {
        // Providers first: what an actor does may need them.
        let each = |entry| self.provider(entry);
        futures::stream::iter(before.providers).for_each_concurrent(RESTORED_AT_ONCE, each).await;
        let each = |entry| self.actor(entry);
        futures::stream::iter(before.actors).for_each_concurrent(RESTORED_AT_ONCE, each).await;
    }

    /// Tries the providers that failed again and again, and returns when each serves or has been stopped: what they need,
    /// a registry or a database, may come up later than this host.
    pub(crate) async fn providers_until_they_serve(&self) {
        join_all(self.absent.providers().into_iter().map(|entry| self.provider_until_it_serves(entry))).await;
    }

    async fn provider_until_it_serves(&self, entry: RunningProvider) {
        let mut pause = RESTORE_AGAIN;
        while self.absent.awaits_provider(&entry.key) {
            sleep(pause).await;
            pause = longer(pause);
            // A command may have started it meanwhile, from something else perhaps.
            if self.providers.board().get(&entry.key).is_none() {
                self.provider(entry.clone()).await;
            }
        }
    }

    async fn provider(&self, entry: RunningProvider) {
        if !self.absent.awaits_provider(&entry.key) {
            return;
        }
        let RunningProvider { key, reference, digest, annotations, configuration } = entry;
        let operation = self.operations.begin_own(RESTORE, Some(reference.to_string()));
        let record = operation.watch();
        let start = StartProvider { reference, digest, link: key.link.clone(), annotations, configuration };
        let outcome = match self.providers.submit(ProviderCommand::Start(start), operation).await {
            Ok(()) => outcome(record).await,
            Err(refusal) => Err(refusal.to_string()),
        };
        tell(&outcome, &format!("provider {key}"));
        if let Err(error) = outcome {
            self.absent.provider_failed(&key, error);
        }
    }

    async fn actor(&self, entry: RunningActor) {
        // As many as are still wanted: a command may have stopped some meanwhile.
        let Some(entry) = self.absent.awaited(&entry) else { return };
        let operation = self.operations.begin_own(RESTORE, Some(entry.reference.to_string()));
        let record = operation.watch();
        let outcome = match self.actors.submit(command_for(&entry), operation).await {
            Ok(()) => outcome(record).await,
            Err(refusal) => Err(refusal.to_string()),
        };
        tell(&outcome, &format!("{} of actor {}", entry.count, entry.actor));
    }
}

fn longer(pause: Duration) -> Duration {
    (pause * 2).min(LONGEST_RESTORE)
}

/// How an operation ends: well, or why not.
async fn outcome(mut record: watch::Receiver<OperationRecord>) -> Result<(), String> {
    // An error means that the operation has ended, for nobody else drops the sender.
    let _ = record.wait_for(|record| record.phase.is_final()).await;
    let record = record.borrow();
    match record.phase {
        OperationPhase::Running => Ok(()),
        phase if record.causes.is_empty() => Err(phase.as_str().to_owned()),
        _ => Err(record.causes.join(": ")),
    }
}

fn tell(outcome: &Result<(), String>, what: &str) {
    match outcome {
        Ok(()) => tracing::info!(what, "restored"),
        Err(error) => tracing::warn!(what, error, "not restored"),
    }
}

fn command_for(entry: &RunningActor) -> ActorCommand {
    ActorCommand::Start(Start {
        reference: entry.reference.clone(),
        digest: Some(entry.digest),
        annotations: entry.annotations.clone(),
        count: entry.count.max(1),
        bid: None,
    })
}
