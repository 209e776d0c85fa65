//! One operation of this host: how far it got, and how it ends.

use std::time::Duration;

use lattice_artifact::{Fetched, Progress};
use lattice_protocol::{
    Ack, ActorKey, ImageFetch, OperationId, OperationPhase, OperationRecord, PullPolicy, RefusalCode, error_chain,
};
use tokio::sync::watch;

use super::{Fingerprint, Operations, ledger::Entry, reached, repeated};

/// The one right to change an operation's record. Dropping it unfinished marks the operation as failed.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(super) record: watch::Sender<OperationRecord>,
    pub(super) operations: Operations,
    pub(super) fingerprint: Fingerprint,
    pub(super) pull: Option<PullPolicy>,
    /// Whether the client named it, so that the ledger knew it before it was accepted.
    pub(super) named: bool,
    /// Whether it was taken back, and is not to be remembered.
    pub(super) refused: bool,
}

impl Operation {
    pub(crate) fn id(&self) -> OperationId {
        self.record.borrow().operation_id.clone()
    }

    /// The answer that it was taken on.
    pub(crate) fn ack(&self) -> Ack {
        repeated(&self.record.borrow())
    }

    /// Its record, as it changes.
    pub(crate) fn watch(&self) -> watch::Receiver<OperationRecord> {
        self.record.subscribe()
    }

    /// Has the ledger hear that it is taken on and not refused; one that its client named is there already.
    pub(crate) fn taken_on(&self) {
        if !self.named {
            self.note();
        }
    }

    /// Notes how far it got.
    pub(crate) fn reach(&self, phase: OperationPhase) {
        self.record.send_modify(|record| {
            record.phase = phase;
            record.phases.push(reached(phase));
        });
        self.note();
    }

    /// When the source of its image is asked, if the client said so.
    pub(crate) fn pull(&self) -> Option<PullPolicy> {
        self.pull
    }

    /// Notes how far the fetch of its image is, for who asks this host; the ledger hears what came of it.
    pub(crate) fn progress(&self) -> Progress {
        let record = self.record.clone();
        Progress::new(move |fetched, size| {
            record.send_if_modified(|record| {
                record.fetch = Some(ImageFetch { fetched, size, ..ImageFetch::default() });
                // Nobody waits for this: who asks anew sees it.
                false
            });
        })
    }

    /// Notes what was fetched.
    pub(crate) fn fetched(&self, fetched: &Fetched) {
        let size = fetched.size() as u64;
        let fetch = ImageFetch {
            digest: Some(fetched.digest().to_string()),
            fetched: size,
            moved_from: fetched.moved_from().map(|digest| digest.to_string()),
            size,
            unkept: fetched.unkept().map(|unkept| error_chain(unkept)),
            version: fetched.version().map(|digest| digest.to_string()),
        };
        self.record.send_modify(|record| record.fetch = Some(fetch));
    }

    /// Notes which actor it is about.
    pub(crate) fn concerns(&self, actor: &ActorKey) {
        self.record.send_modify(|record| record.actor_id = Some(actor.clone()));
    }

    /// Notes how long calls met neither version.
    pub(crate) fn swapped_within(&self, pause: Duration) {
        let micros = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
        self.record.send_modify(|record| record.swap_micros = Some(micros));
    }

    /// Notes at which revision of the lattice's bucket a link stands.
    pub(crate) fn stands_at(&self, link: String, revision: u64) {
        self.record.send_modify(|record| {
            record.link_id = Some(link);
            record.link_revision = Some(revision);
        });
    }

    /// Ends it well: what was to run runs.
    pub(crate) fn running(self) {
        self.reach(OperationPhase::Running);
    }

    /// Ends it well: what was to stop has stopped.
    pub(crate) fn stopped(self) {
        self.reach(OperationPhase::Stopped);
    }

    /// Ends it well: what was to change has changed.
    pub(crate) fn done(self) {
        self.reach(OperationPhase::Done);
    }

    /// Ends it with a failure of a kind that programs know, if there is one, and all its causes.
    pub(crate) fn failed(self, code: Option<RefusalCode>, error: &dyn std::error::Error) {
        self.fail(code, causes(error));
    }

    /// Takes it back: the command was refused before it began.
    pub(crate) fn refused(mut self, code: RefusalCode, text: String) {
        self.refused = true;
        self.fail(Some(code), vec![text]);
    }

    /// Ends it with the answer to a command that is done when it is answered, which this returns.
    pub(crate) fn answered(mut self, outcome: Result<(), Ack>) -> Ack {
        match outcome {
            Ok(()) => {
                let ack = self.ack();
                self.done();
                ack
            }
            Err(refusal) => {
                self.refused = true;
                self.fail(refusal.code, vec![refusal.error.clone()]);
                refusal
            }
        }
    }

    fn fail(&self, code: Option<RefusalCode>, causes: Vec<String>) {
        self.record.send_modify(|record| {
            record.code = code;
            record.causes = causes;
        });
        self.reach(OperationPhase::Failed);
    }

    /// Has the ledger hear of it as it is now. What was refused and had no name of its own leaves no trace.
    fn note(&self) {
        if self.named || !self.refused {
            self.operations.shared.ledger.note(self.entry());
        }
    }

    pub(super) fn entry(&self) -> Entry {
        Entry { fingerprint: self.fingerprint, refused: self.refused, record: self.record.borrow().clone() }
    }

    /// Takes it back as if it had never been: its id is somebody else's.
    pub(super) fn forget(mut self) {
        self.refused = true;
        self.named = false;
        self.fail(None, Vec::new());
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        if !self.record.borrow().phase.is_final() {
            let text = "the host gave it up before it was done, for it is stopping or failed within";
            self.fail(None, vec![text.to_owned()]);
        }
        let id = self.id();
        match self.refused {
            true => drop(self.operations.lock().entries.remove(&id)),
            false => self.operations.finished(id),
        }
    }
}

/// The texts of an error and its sources, outermost first.
fn causes(error: &dyn std::error::Error) -> Vec<String> {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect()
}
