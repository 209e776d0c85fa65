//! Following a command that a host took on to its end, and telling how it went.

use std::{convert::Infallible, time::Duration};

use lattice_client::{Operation, Settled, WaitError};
use lattice_protocol::{ActorKey, HostInventory, HostKey, OperationId, OperationPhase};
use serde::Serialize;

use crate::{
    connect::Lattice,
    fault::{Code, Fault},
    printer::{Printer, Show},
    table::printable,
};

/// The pause between two looks at an operation's phase: quicker than people read.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// How a command ended.
#[derive(Debug, Serialize)]
pub(crate) struct Ended {
    /// The operation at the host.
    operation_id: OperationId,
    host_id: HostKey,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor_id: Option<ActorKey>,
    outcome: Outcome,
    /// What happened, with `{actor}` and `{host}` to be filled in.
    #[serde(skip)]
    sentence: String,
    /// What runs on the host now, for the names in it.
    #[serde(skip)]
    inventory: Option<HostInventory>,
}

/// What is known of the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// The host took it on; nobody waited.
    Accepted,
    /// The host's record says that it was done.
    Done,
    /// An event says so; the host keeps no records.
    DoneByEvent,
}

/// A command that was sent, and how long its end is waited for.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) operation: Operation,
    /// What happened if it went well, for people; `{actor}` and `{host}` are filled in.
    pub(crate) sentence: String,
    pub(crate) actor: Option<ActorKey>,
    pub(crate) no_wait: bool,
}

/// Waits for the end, if that is wanted, and prints it.
///
/// # Errors
/// It failed, or its end is not known.
pub(crate) async fn settle(lattice: &Lattice, sent: Sent, printer: Printer) -> anyhow::Result<()> {
    let Sent { operation, sentence, actor, no_wait } = sent;
    let (operation_id, host_id) = (operation.id().clone(), operation.host().clone());
    let (outcome, actor_id) = if no_wait {
        (Outcome::Accepted, actor)
    } else {
        let settled = wait(lattice, operation, printer).await?;
        (outcome_of(&settled), actor_of(&settled).or(actor))
    };
    // Programs get keys, people names too.
    let inventory = if printer.is_json() { None } else { lattice.client.inventory(&host_id).await.ok() };
    let ended = Ended { operation_id, host_id, actor_id, outcome, sentence, inventory };
    Ok(printer.show(&ended)?)
}

impl Show for Ended {
    fn text(&self) -> String {
        let sentence = self.sentence.replace("{actor}", &self.actor()).replace("{host}", &self.host());
        match self.outcome {
            Outcome::Done => sentence,
            Outcome::DoneByEvent => format!("{sentence} (an event of the host says so)"),
            Outcome::Accepted => format!("accepted by host {} as operation {}", self.host(), self.operation_id),
        }
    }
}

impl Ended {
    fn host(&self) -> String {
        named(self.inventory.as_ref().map(|inventory| inventory.friendly_name.as_str()), self.host_id.as_str())
    }

    fn actor(&self) -> String {
        let Some(id) = &self.actor_id else { return "-".to_owned() };
        let actors = self.inventory.iter().flat_map(|inventory| &inventory.actors);
        let name = actors.filter(|actor| actor.id == *id).find_map(|actor| actor.name.as_deref());
        named(name, id.as_str())
    }
}

/// A name with its key, or the key alone.
fn named(name: Option<&str>, key: &str) -> String {
    match name.filter(|name| !name.is_empty()) {
        Some(name) => format!("{} ({key})", printable(name)),
        None => key.to_owned(),
    }
}

/// Waits for the end and shows, on a terminal, how far it is.
async fn wait(lattice: &Lattice, operation: Operation, printer: Printer) -> anyhow::Result<Settled> {
    let (id, host) = (operation.id().clone(), operation.host().clone());
    let watched = operation.is_recorded() && printer.shows_progress();
    let patience = lattice.target.patience;
    // Cancel-safe: both only read, and the wait alone decides.
    let settled = tokio::select! {
        settled = operation.wait(patience) => settled,
        never = show_phases(lattice, &host, &id, printer), if watched => match never {},
    };
    printer.end_progress();
    settled.map_err(|error| explain(error, &id))
}

async fn show_phases(lattice: &Lattice, host: &HostKey, id: &OperationId, printer: Printer) -> Infallible {
    loop {
        if let Ok(record) = lattice.client.operation_record(host, id, Duration::ZERO).await {
            printer.progress(phase_text(record.phase));
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
}

fn phase_text(phase: OperationPhase) -> &'static str {
    match phase {
        OperationPhase::Accepted => "accepted ...",
        OperationPhase::Fetching => "fetching ...",
        OperationPhase::Verifying => "verifying ...",
        OperationPhase::Compiling => "compiling ...",
        OperationPhase::Starting => "starting ...",
        _ => "",
    }
}

fn explain(error: WaitError, id: &OperationId) -> anyhow::Error {
    match error {
        WaitError::Unknown { .. } | WaitError::HostGone { .. } => {
            Fault::new(Code::TimedOut, format!("how operation {id} ended is not known"))
                .hint("`lattice get inventory` shows what runs now; --timeout waits longer")
                .caused_by(error)
                .into()
        }
        error => error.into(),
    }
}

fn outcome_of(settled: &Settled) -> Outcome {
    match settled {
        Settled::ByEvent(_) => Outcome::DoneByEvent,
        _ => Outcome::Done,
    }
}

fn actor_of(settled: &Settled) -> Option<ActorKey> {
    match settled {
        Settled::ByOperation(record) => record.actor_id.clone(),
        _ => None,
    }
}
