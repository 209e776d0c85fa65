//! Changes of the host's labels.

use lattice_protocol::{Ack, LabelVerb, LatticeName, RefusalCode};
use serde::Deserialize;

use super::{Answer, Desk, read_as, refused};
use crate::{actors::Refusal, control::request::Request, labels::LabelEdit};

/// A label to set. Unlike [`LabelChange`](lattice_protocol::LabelChange), by which clients send both changes, it is
/// nothing without a value.
#[derive(Deserialize)]
struct Put {
    key: String,
    value: String,
    #[serde(default, alias = "latticeId")]
    lattice_id: Option<LatticeName>,
}

/// A label to remove.
#[derive(Deserialize)]
struct Delete {
    key: String,
    #[serde(default, alias = "latticeId")]
    lattice_id: Option<LatticeName>,
}

impl Desk {
    pub(super) fn label(&self, verb: LabelVerb, request: &Request) -> Answer {
        self.change_label(verb, request).unwrap_or_else(Answer::from)
    }

    fn change_label(&self, verb: LabelVerb, request: &Request) -> Result<Answer, Ack> {
        if self.closed.is_cancelled() {
            return Err(refused(RefusalCode::Stopping, Refusal::Stopping.to_string()));
        }
        let edit = self.read_label(verb, request)?;
        let begun = Box::pin(self.begin(edit.command(), None, request)?);
        // Asked for here and not in the future below: changes are made in the order in which they came.
        let changed = self.parts.label_edits.change(edit, begun);
        let operations = self.parts.operations.clone();
        Ok(Answer::Later(Box::pin(async move { Some(operations.outcome(changed.await).await.into()) })))
    }

    fn read_label(&self, verb: LabelVerb, request: &Request) -> Result<LabelEdit, Ack> {
        match verb {
            LabelVerb::Put => {
                let Put { key, value, lattice_id } = read_as("put label request", request)?;
                self.check_lattice(lattice_id.as_ref())?;
                Ok(LabelEdit::Put { key, value })
            }
            LabelVerb::Delete => {
                let Delete { key, lattice_id } = read_as("delete label request", request)?;
                self.check_lattice(lattice_id.as_ref())?;
                Ok(LabelEdit::Delete { key })
            }
        }
    }
}
