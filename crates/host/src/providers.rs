//! The capability providers of a host: taking commands on, running and watching their processes, bringing them links.
//!
//! ```text
//! control ── Submission ──> Coordinator ── Job ──> Supervisor (one per provider and link name) ── owns ──> Process
//!                               │  finds programs            │                                     ▲
//!                               └────────< Finished ─────────┤── health, Courier ──────────────────┘ over NATS
//!                                       Board, Deliveries <──┘  read by inventory, heartbeat, state, get links
//! ```

mod announce;
mod backoff;
mod board;
mod command;
mod coordinator;
mod courier;
mod deliveries;
mod exits;
mod health;
mod image;
mod output;
mod outputs;
mod process;
mod program;
mod supervisor;
mod tools;

use std::time::Duration;

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

pub(crate) use announce::Announcer;
pub(crate) use board::{ProviderBoard, ProviderView, ProviderViews};
pub(crate) use command::{InstanceKey, ProviderCommand, Refusal, StartProvider, StopProvider};
pub(crate) use deliveries::Deliveries;
pub(crate) use exits::Exits;
pub(crate) use image::Images;
pub(crate) use output::{Line, Output};
pub(crate) use tools::{Lattice, Tools};

use crate::{actors::Capacity, defaults::COMMAND_QUEUE, operations::Operation};
use coordinator::{Coordinator, Submission};
use outputs::Outputs;

/// Takes commands for providers on, and tells of them; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Providers {
    submissions: mpsc::Sender<Submission>,
    told: Told,
    tools: Tools,
}

/// What is told of providers beside what runs; cheap to clone.
#[derive(Clone, Debug, Default)]
struct Told {
    deliveries: Deliveries,
    outputs: Outputs,
}

/// Everything that runs of providers. It stops in order when every [`Providers`] is dropped, and at once when this is.
#[derive(Debug)]
pub(crate) struct ProvidersTask {
    task: JoinHandle<()>,
    cut_off: CancellationToken,
}

/// Starts taking commands on.
pub(crate) fn start(tools: Tools, capacity: Capacity) -> (Providers, ProvidersTask) {
    let (submissions, receiver) = mpsc::channel(COMMAND_QUEUE);
    let (told, cut_off) = (Told::default(), CancellationToken::new());
    let coordinator = Coordinator::new(tools.clone(), capacity, told.clone(), receiver, cut_off.clone());
    let task = tokio::spawn(coordinator.run());
    (Providers { submissions, told, tools }, ProvidersTask { task, cut_off })
}

impl Providers {
    /// Has a command taken on; its operation tells what becomes of it.
    ///
    /// # Errors
    /// [`Refusal`] says why the command is not taken on; nothing has been tried then.
    pub(crate) async fn submit(&self, command: ProviderCommand, operation: Operation) -> Result<(), Refusal> {
        let stopping = || Refusal::Host(crate::actors::Refusal::Stopping);
        let (answer, answered) = oneshot::channel();
        match self.submissions.send(Submission { command, operation, answer }).await {
            Ok(()) => answered.await.unwrap_or_else(|_| Err(stopping())),
            Err(unsent) => {
                let refusal = stopping();
                unsent.0.operation.refused(refusal.code(), refusal.to_string());
                Err(refusal)
            }
        }
    }

    /// Which links have arrived.
    pub(crate) fn deliveries(&self) -> &Deliveries {
        &self.told.deliveries
    }

    /// What a provider has printed, if it ran since the host started and not too many others have stopped since.
    pub(crate) fn output(&self, key: &InstanceKey) -> Option<Output> {
        self.told.outputs.get(key)
    }

    /// What runs.
    pub(crate) fn board(&self) -> &ProviderBoard {
        &self.tools.board
    }

    /// Finds programs.
    pub(crate) fn images(&self) -> &Images {
        &self.tools.images
    }

    /// Whose provider a reference names, as far as this host can tell without fetching it.
    pub(crate) fn key_of(&self, reference: &lattice_artifact::Reference) -> Option<lattice_protocol::ProviderKey> {
        self.tools.key_of(reference)
    }
}

impl ProvidersTask {
    /// Waits until everything has stopped: each provider gets what it is given to shut down, all at the same time; after
    /// `limit` what still runs is killed.
    pub(crate) async fn end(&mut self, limit: Duration) {
        let mut task = &mut self.task;
        let ended = match tokio::time::timeout(limit, &mut task).await {
            Ok(ended) => ended,
            Err(_) => {
                self.cut_off.cancel();
                task.await
            }
        };
        if let Err(error) = ended {
            tracing::error!(%error, "the task of the providers panicked");
        }
    }
}

impl Drop for ProvidersTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}
