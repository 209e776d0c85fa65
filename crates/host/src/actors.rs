//! The actors of a host: taking commands on, carrying them out in order, serving calls.
//!
//! ```text
//! control ── Submission ──> Coordinator ── Job ──> Worker (one per actor) ── owns ──> Groups ──> runtime
//!                               │  fetches what has no key yet,                │
//!                               │  makes updates ready                         │
//!                               └──────────────< Finished ─────────────────────┤
//!                                                                 Board <──────┘  read by inventory, heartbeat, state
//! ```

mod announce;
mod board;
mod capabilities;
mod capacity;
mod command;
mod coordinator;
mod groups;
mod history;
mod images;
mod imports;
mod job;
mod prepare;
mod restore;
mod service;
mod serving;
mod settings;
mod update;
mod worker;

use std::time::Duration;

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

pub(crate) use announce::Announcer;
pub(crate) use board::Board;
pub(crate) use capacity::{Capacity, Place, Room};
pub(crate) use command::{ActorCommand, Refusal, Scale, ScaleTarget, Start, Stop, Update};
pub(crate) use images::{Images, KnownImage};
pub(crate) use prepare::Preparer;
pub(crate) use restore::{Absent, Keeper, Notes, Restorer};
pub(crate) use serving::{Directory, Serving};
pub(crate) use worker::Tools;

use crate::{
    auction::{Objection, Offer, Question},
    defaults::{AUCTION_QUEUE, COMMAND_QUEUE},
    operations::Operation,
};
use coordinator::{Coordinator, Submission};

/// Takes commands for actors on; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Actors {
    submissions: mpsc::Sender<Submission>,
    questions: mpsc::Sender<Question>,
    capacity: Capacity,
}

/// Everything that runs of actors. It stops in order when every [`Actors`] is dropped, and at once when this is.
#[derive(Debug)]
pub(crate) struct ActorsTask {
    task: JoinHandle<()>,
    cut_off: CancellationToken,
}

/// Starts taking commands on.
pub(crate) fn start(tools: Tools) -> (Actors, ActorsTask) {
    let (submissions, receiver) = mpsc::channel(COMMAND_QUEUE);
    let (questions, asked) = mpsc::channel(AUCTION_QUEUE);
    let cut_off = CancellationToken::new();
    let capacity = tools.capacity.clone();
    let task = tokio::spawn(Coordinator::new(tools, receiver, asked, cut_off.clone()).run());
    (Actors { submissions, questions, capacity }, ActorsTask { task, cut_off })
}

impl Actors {
    /// What the host can still take on.
    pub(crate) fn capacity(&self) -> &Capacity {
        &self.capacity
    }

    /// Has a command taken on; its operation tells what becomes of it.
    ///
    /// Commands are numbered in the order in which this is called.
    ///
    /// # Errors
    /// [`Refusal`] says why the command is not taken on; nothing has been tried then.
    pub(crate) async fn submit(&self, command: ActorCommand, operation: Operation) -> Result<(), Refusal> {
        let (answer, answered) = oneshot::channel();
        let submission = Submission { command, operation, answer };
        match self.submissions.send(submission).await {
            Ok(()) => answered.await.unwrap_or(Err(Refusal::Stopping)),
            Err(unsent) => {
                let refusal = Refusal::Stopping;
                unsent.0.operation.refused(refusal.code(), refusal.to_string());
                Err(refusal)
            }
        }
    }

    /// A bid for a start, if it would be taken on now; otherwise everything that speaks against it, with what did already.
    ///
    /// `version` is that of the host before anything was looked at.
    pub(crate) async fn consider(
        &self,
        start: Start,
        version: u64,
        objections: Vec<Objection>,
    ) -> Result<Offer, Vec<Objection>> {
        let stopping = || Err(vec![Refusal::Stopping.into()]);
        let (answer, answered) = oneshot::channel();
        let question = Question { start, version, objections, answer };
        match self.questions.send(question).await {
            Ok(()) => answered.await.unwrap_or_else(|_| stopping()),
            Err(_) => stopping(),
        }
    }
}

impl ActorsTask {
    /// Waits until everything has stopped, and tells whether it did so by itself: after `limit` what still runs is cut
    /// off. Every event of actors was published when this returns.
    pub(crate) async fn end(&mut self, limit: Duration) -> bool {
        let mut task = &mut self.task;
        let (ended, by_itself) = match tokio::time::timeout(limit, &mut task).await {
            Ok(ended) => (ended, true),
            Err(_) => {
                self.cut_off.cancel();
                (task.await, false)
            }
        };
        if let Err(error) = &ended {
            tracing::error!(%error, "the task of the actors panicked");
        }
        by_itself && ended.is_ok()
    }
}

impl Drop for ActorsTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}
