//! Keeping on disk what runs, and starting it again.

use std::{collections::BTreeMap, sync::Arc};

use lattice_protocol::{ActorKey, OperationId, OperationPhase, OperationRecord};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{ActorCommand, Actors, Start, Stop, board::Board};
use crate::{
    defaults::LONGEST_WAIT,
    operations::Operations,
    state::{Running, RunningActor, StateDir},
};

/// What ran before and does not run yet, or could not be started again; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Absent {
    actors: Arc<watch::Sender<Vec<RunningActor>>>,
}

impl Absent {
    pub(crate) fn new(before: &Running) -> Self {
        Self { actors: Arc::new(watch::channel(before.actors.clone()).0) }
    }

    /// Forgets what a stop command means, and tells whether there was anything.
    pub(crate) fn forget(&self, stop: &Stop) -> bool {
        let meant = |entry: &RunningActor| entry.actor == stop.actor && entry.annotations.contains(&stop.annotations);
        self.forget_where(meant)
    }

    fn forget_where(&self, meant: impl Fn(&RunningActor) -> bool) -> bool {
        self.actors.send_if_modified(|actors| {
            let before = actors.len();
            actors.retain(|entry| !meant(entry));
            actors.len() < before
        })
    }
}

/// Notes what runs whenever it changes.
pub(crate) struct Keeper {
    state: Arc<StateDir>,
    board: Board,
    /// Noted too, so that a crash while restoring forgets nothing.
    absent: Absent,
}

impl Keeper {
    pub(crate) fn new(state: StateDir, board: Board, absent: Absent) -> Self {
        Self { state: Arc::new(state), board, absent }
    }

    /// Notes every change until told to stop; what stops after that is to run again next time.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let (mut running, mut absent) = (self.board.changes(), self.absent.actors.subscribe());
        loop {
            // Cancel-safe: a change that is not seen here is still unseen below.
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Ok(()) = running.changed() => {}
                Ok(()) = absent.changed() => {}
            }
            self.save().await;
        }
        if running.has_changed().unwrap_or(false) || absent.has_changed().unwrap_or(false) {
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
        let absent = self.absent.actors.borrow().clone();
        let absent = absent.into_iter().filter(|entry| !actors.iter().any(|actor| same_group(actor, entry)));
        let absent: Vec<_> = absent.collect();
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
pub(crate) async fn restore(before: Running, actors: Actors, operations: Operations, absent: Absent) {
    let mut pending = BTreeMap::new();
    for entry in before.actors {
        let operation = operations.begin_own();
        let id = operation.id();
        match actors.submit(command_for(&entry), operation).await {
            Ok(()) => drop(pending.insert(id, entry)),
            Err(error) => tracing::warn!(actor = %entry.actor, %error, "not restored"),
        }
    }
    for (id, entry) in pending {
        match ended(&operations, &id).await {
            Some(record) if record.phase == OperationPhase::Running => {
                tracing::info!(actor = %entry.actor, count = entry.count, "restored");
                absent.forget_where(|other| same_group(other, &entry));
            }
            Some(record) => tracing::warn!(actor = %entry.actor, error = record.causes.join(": "), "not restored"),
            None => tracing::warn!(actor = %entry.actor, "not restored, its operation is forgotten"),
        }
    }
}

fn command_for(entry: &RunningActor) -> ActorCommand {
    ActorCommand::Start(Start {
        reference: entry.reference.clone(),
        digest: Some(entry.digest),
        annotations: entry.annotations.clone(),
        count: entry.count.max(1),
    })
}

async fn ended(operations: &Operations, id: &OperationId) -> Option<OperationRecord> {
    loop {
        match operations.wait(id, LONGEST_WAIT).await {
            Some(record) if !record.phase.is_final() => {}
            record => return record,
        }
    }
}
