//! Keeping on disk what runs, and starting it again.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use lattice_protocol::{ActorKey, OperationPhase};
use tokio_util::sync::CancellationToken;

use super::{ActorCommand, Actors, Start, board::Board};
use crate::{
    defaults::LONGEST_WAIT,
    operations::Operations,
    state::{Running, RunningActor, StateDir},
};

/// What ran before and does not run yet, or again.
pub(crate) type Missing = Arc<Mutex<Vec<RunningActor>>>;

/// Notes what runs whenever it changes.
pub(crate) struct Keeper {
    state: Arc<StateDir>,
    board: Board,
    missing: Missing,
}

impl Keeper {
    /// A keeper that also notes what is still to be restored, so that a crash while restoring forgets nothing.
    pub(crate) fn new(state: Arc<StateDir>, board: Board, before: &Running) -> Self {
        Self { state, board, missing: Arc::new(Mutex::new(before.actors.clone())) }
    }

    pub(crate) fn missing(&self) -> Missing {
        Arc::clone(&self.missing)
    }

    /// Notes every change until told to stop; what stops after that is to run again next time.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut changes = self.board.changes();
        // Cancel-safe: a change that is not seen here is still unseen below.
        while let Some(Ok(())) = stop.run_until_cancelled(changes.changed()).await {
            self.save().await;
        }
        if changes.has_changed().unwrap_or(false) {
            self.save().await;
        }
    }

    async fn save(&self) {
        let (state, running) = (Arc::clone(&self.state), self.running());
        let saved = tokio::task::spawn_blocking(move || state.save(&running)).await;
        if let Err(error) = saved.map_err(std::io::Error::other).flatten() {
            tracing::warn!(%error, "what runs could not be noted, a restart may not restore it");
        }
    }

    fn running(&self) -> Running {
        let views = self.board.views();
        let mut actors: Vec<_> = views.iter().flat_map(|(actor, view)| running_of(actor, view)).collect();
        let missing = self.missing.lock().expect("nothing panics while it holds the list");
        let absent = missing.iter().filter(|entry| !actors.iter().any(|actor| same_group(actor, entry)));
        let absent: Vec<_> = absent.cloned().collect();
        actors.extend(absent);
        Running { actors }
    }
}

fn running_of<'a>(
    actor: &'a ActorKey,
    view: &'a super::board::ActorView,
) -> impl Iterator<Item = RunningActor> + use<'a> {
    view.groups.iter().map(|group| RunningActor {
        actor: actor.clone(),
        reference: group.reference.clone(),
        digest: group.digest,
        annotations: group.annotations.clone(),
        count: group.count,
    })
}

fn same_group(one: &RunningActor, other: &RunningActor) -> bool {
    one.actor == other.actor && one.annotations == other.annotations
}

/// Starts what ran before, everything at once, and returns when each has come up or failed.
///
/// What fails stays noted: its image may be there again at the next start.
pub(crate) async fn restore(before: Running, actors: Actors, operations: Operations, missing: Missing) {
    let mut pending = BTreeMap::new();
    for entry in before.actors {
        let operation = operations.begin_own();
        let id = operation.id();
        let command = ActorCommand::Start(Start {
            reference: entry.reference.clone(),
            digest: Some(entry.digest),
            annotations: entry.annotations.clone(),
            count: entry.count.max(1),
        });
        match actors.submit(command, operation).await {
            Ok(()) => drop(pending.insert(id, entry)),
            Err(error) => tracing::warn!(actor = %entry.actor, %error, "not restored"),
        }
    }
    for (id, entry) in pending {
        let record = loop {
            match operations.wait(&id, LONGEST_WAIT).await {
                Some(record) if !record.phase.is_final() => {}
                record => break record,
            }
        };
        match record {
            Some(record) if record.phase == OperationPhase::Running => {
                tracing::info!(actor = %entry.actor, count = entry.count, "restored");
                missing
                    .lock()
                    .expect("nothing panics while it holds the list")
                    .retain(|other| !same_group(other, &entry));
            }
            Some(record) => tracing::warn!(actor = %entry.actor, error = record.causes.join(": "), "not restored"),
            None => tracing::warn!(actor = %entry.actor, "not restored, its operation is forgotten"),
        }
    }
}
