//! What commands on many hosts tell of each, and how they end.

use lattice_client::{HostError, RequestError, WaitError};
use lattice_protocol::{OperationId, error_chain};

use crate::{
    fault::{Code, Fault, Told},
    printer::Printer,
};

/// What stands for a host on which it went well.
pub(super) const DONE: &str = "done";

/// The operation that did not end well, if a host has one.
pub(super) fn operation_of(error: &HostError) -> Option<OperationId> {
    let HostError::Wait(error) = error else { return None };
    match &**error {
        WaitError::Failed { id, .. } | WaitError::Lost { id, .. } | WaitError::Unknown { id, .. } => Some(id.clone()),
        _ => None,
    }
}

/// Why it failed. Which host and operation that was stands beside it.
pub(super) fn reason(error: &HostError) -> String {
    match error {
        HostError::Request(error) => match &**error {
            RequestError::Refused { error, .. } => error.clone(),
            error => error_chain(error),
        },
        HostError::Wait(error) => match &**error {
            WaitError::Failed { source, .. } => error_chain(source),
            error => error_chain(error),
        },
        error => error_chain(error),
    }
}

/// How it went on all hosts together.
pub(super) struct Sum<'a> {
    /// What stands for each host.
    pub(super) outcomes: Vec<&'static str>,
    /// Whether every host that is meant is among them.
    pub(super) complete: bool,
    /// What is to be said where it is not.
    pub(super) unknown: &'static str,
    /// What those on which it did not go well do.
    pub(super) failed: &'static str,
    /// What may help those.
    pub(super) hint: Option<&'a str>,
}

impl Sum<'_> {
    /// The end of a command whose document has been printed.
    ///
    /// # Errors
    /// It did not go well everywhere, or it is not known where it was to go.
    pub(super) fn judge(self, printer: Printer) -> anyhow::Result<()> {
        let failed = self.outcomes.iter().filter(|outcome| **outcome != DONE).count();
        let complaint = match failed {
            0 if self.complete => return Ok(()),
            0 => self.unknown.to_owned(),
            failed => format!("{failed} of {} hosts {}", self.outcomes.len(), self.failed),
        };
        let fault = Fault::new(Code::Failed, complaint);
        match (printer.is_json(), self.hint) {
            (true, _) => Err(Told(Code::Failed).into()),
            (false, Some(hint)) => Err(fault.hint(hint).into()),
            (false, None) => Err(fault.into()),
        }
    }
}
