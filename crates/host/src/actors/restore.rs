//! Keeping on disk what runs, and starting it again.

mod absent;
mod again;

use std::sync::Arc;

use lattice_protocol::ActorKey;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::board::{Board, BoardViews};
use crate::{
    defaults::{NOTE_PATIENCE, SAVE_AGAIN},
    providers::{InstanceKey, ProviderBoard, ProviderView, ProviderViews},
    state::{Running, RunningActor, RunningProvider, StateDir},
};
pub(crate) use absent::Absent;
use absent::AwaitedProvider;
pub(crate) use again::Restorer;

/// Asks the keeper whether it has noted what runs; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Notes {
    questions: mpsc::UnboundedSender<oneshot::Sender<()>>,
}

impl Notes {
    /// Returns when what runs now is noted, so that a host that is killed in the next moment restores it.
    ///
    /// A disk that is slow or full delays commands a little and fails none.
    pub(crate) async fn noted(&self) {
        let (answer, answered) = oneshot::channel();
        if self.questions.send(answer).is_ok() {
            // An error means that the keeper has ended, and with it the noting.
            let _ = tokio::time::timeout(NOTE_PATIENCE, answered).await;
        }
    }
}

/// Notes what runs whenever it changes.
pub(crate) struct Keeper {
    state: Arc<StateDir>,
    board: Board,
    providers: ProviderBoard,
    /// Noted too, so that a crash while restoring forgets nothing.
    absent: Absent,
    questions: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
}

impl Keeper {
    pub(crate) fn new(state: Arc<StateDir>, board: Board, providers: ProviderBoard, absent: Absent) -> (Self, Notes) {
        // Unbounded, because workers must not wait here; each asks one question at a time.
        let (sender, questions) = mpsc::unbounded_channel();
        (Self { state, board, providers, absent, questions }, Notes { questions: sender })
    }

    /// Notes every change until told to stop; what stops after that is to run again next time.
    ///
    /// What could not be noted is tried again: a disk that was full does not stay so for ever.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut changes = self.changes();
        let mut noted = true;
        loop {
            // Cancel-safe: a change or question that is not seen here is still unseen below.
            let question = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Ok(()) = changes.actors.changed() => None,
                Ok(()) = changes.providers.changed() => None,
                Ok(()) = changes.absent.changed() => None,
                Ok(()) = changes.absent_providers.changed() => None,
                Some(question) = self.questions.recv() => Some(question),
                () = tokio::time::sleep(SAVE_AGAIN), if !noted => None,
            };
            // What a question is about changed before it was asked, and was most likely noted by now.
            if !noted || question.is_none() || changes.are_there() {
                changes.mark_seen();
                noted = self.save().await;
            }
            if let Some(question) = question {
                // Whoever asked may have stopped waiting.
                let _ = question.send(());
            }
        }
        if !noted || changes.are_there() {
            self.save().await;
        }
    }

    fn changes(&self) -> Changes {
        Changes {
            actors: self.board.changes(),
            providers: self.providers.changes(),
            absent: self.absent.actor_changes(),
            absent_providers: self.absent.provider_changes(),
        }
    }

    async fn save(&self) -> bool {
        let (state, running) = (Arc::clone(&self.state), self.running());
        let saved = tokio::task::spawn_blocking(move || state.save(&running)).await;
        saved.map_err(std::io::Error::other).flatten().inspect_err(|error| {
            let path = self.state.running_file();
            tracing::warn!(path = %path.display(), %error, "what runs could not be noted, a restart may not restore it");
        }).is_ok()
    }

    fn running(&self) -> Running {
        let views = self.board.views();
        let mut actors: Vec<_> = views.iter().flat_map(|(actor, view)| running_of(actor, view)).collect();
        let absent =
            self.absent.actors().into_iter().filter(|entry| !actors.iter().any(|actor| same_group(actor, entry)));
        let absent: Vec<_> = absent.collect();
        actors.extend(absent);
        Running { actors, providers: self.running_providers() }
    }

    fn running_providers(&self) -> Vec<RunningProvider> {
        let views = self.providers.views();
        let absent: Vec<_> =
            self.absent.providers().into_iter().filter(|entry| !views.contains_key(&entry.key)).collect();
        views.into_iter().map(running_provider).chain(absent).collect()
    }
}

/// What the keeper hears of.
struct Changes {
    actors: watch::Receiver<BoardViews>,
    providers: watch::Receiver<ProviderViews>,
    absent: watch::Receiver<Vec<RunningActor>>,
    absent_providers: watch::Receiver<Vec<AwaitedProvider>>,
}

impl Changes {
    fn are_there(&self) -> bool {
        let new = [
            self.actors.has_changed(),
            self.providers.has_changed(),
            self.absent.has_changed(),
            self.absent_providers.has_changed(),
        ];
        new.into_iter().any(|new| new.unwrap_or(false))
    }

    fn mark_seen(&mut self) {
        self.actors.mark_unchanged();
        self.providers.mark_unchanged();
        self.absent.mark_unchanged();
        self.absent_providers.mark_unchanged();
    }
}

fn running_provider((key, view): (InstanceKey, ProviderView)) -> RunningProvider {
    RunningProvider {
        key,
        reference: view.reference,
        digest: view.digest,
        annotations: view.annotations,
        configuration: view.configuration,
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lattice_protocol::Annotations;

    use super::*;

    const ACTOR: &str = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";

    fn entry() -> RunningActor {
        let digest = format!("sha256:{}", "0".repeat(64));
        let json = serde_json::json!({"actor": ACTOR, "reference": "ghcr.io/acme/a:1", "digest": digest, "count": 2});
        serde_json::from_value(json).expect("an entry")
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_noted_is_noted_later() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let state = StateDir::open(dir.path()).expect("the directory is free");
        let note = state.running_file();
        // A directory where the new file is to be written, as good as a full disk.
        let obstacle = note.with_extension("new");
        std::fs::create_dir(&obstacle).expect("the directory can be written");
        let running = Running { actors: vec![entry()], providers: Vec::new() };
        let absent = Absent::new(&running);
        let (keeper, _notes) = Keeper::new(Arc::new(state), Board::default(), ProviderBoard::default(), absent.clone());
        let stop = CancellationToken::new();
        let keeping = tokio::spawn(keeper.run(stop.clone()));
        tokio::task::yield_now().await;
        absent.forget_group(&ACTOR.parse().expect("a published key"), &Annotations::new());
        tokio::time::sleep(SAVE_AGAIN / 2).await;
        assert!(!note.exists());
        std::fs::remove_dir(&obstacle).expect("it is empty");
        tokio::time::sleep(SAVE_AGAIN + Duration::from_secs(1)).await;
        assert!(note.exists());
        stop.cancel();
        keeping.await.expect("no panic");
    }
}
