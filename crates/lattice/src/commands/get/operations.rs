//! `lattice get operations`.

use lattice_protocol::{OperationRecord, OperationRecords, OperationsQuery};
use serde::Serialize;

use crate::{
    cli::Operations as Flags,
    connect::Lattice,
    detail::{Detail, KeyColumn},
    placement,
    printer::{Printer, Show},
    table::{dense, or_dash},
};

#[derive(Serialize)]
struct Operations {
    operations: Vec<OperationRecord>,
    /// Whether there are more than were wanted.
    more: bool,
    /// What was wrong with records that are not among them.
    errors: Vec<String>,
}

/// Prints what became of commands, newest first.
pub(super) async fn run(lattice: &Lattice, flags: Flags, printer: Printer) -> anyhow::Result<()> {
    let query = OperationsQuery {
        actor_id: match &flags.actor {
            Some(name) => Some(placement::actor(lattice, name).await?),
            None => None,
        },
        host_id: match &flags.host {
            Some(name) => Some(placement::named_host(lattice, name).await?),
            None => None,
        },
        lattice_id: None,
        limit: flags.limit,
        unfinished: flags.unfinished,
    };
    let OperationRecords { more, operations } = match lattice.client.operations(query).await {
        Err(lattice_client::RequestError::NoResponders { .. }) => return Err(lattice.nobody().into()),
        answer => answer?,
    };
    let operations = Operations { operations: operations.good, more, errors: operations.bad };
    operations.errors.iter().for_each(|error| printer.warn(error));
    printer.show(&operations)?;
    if more && !printer.is_json() {
        printer.note(&format!("the newest {}; --limit shows more", flags.limit));
    }
    Ok(())
}

impl Show for Operations {
    fn text(&self) -> String {
        self.table(Detail::Brief)
    }

    fn wide(&self) -> String {
        self.table(Detail::Whole)
    }
}

impl Operations {
    fn table(&self, detail: Detail) -> String {
        let hosts = detail.keys(self.operations.iter().map(|record| record.host_id.as_str()));
        let rows = self.operations.iter().map(|record| row(record, detail, hosts));
        dense(["began", "operation", "command", "phase", "took", "host", "actor", "reference", "by", "why"], rows)
    }
}

fn row(record: &OperationRecord, detail: Detail, hosts: KeyColumn) -> [String; 10] {
    let reference = record.reference.as_ref().map(|reference| detail.reference(reference));
    [
        or_dash(record.phases.first().map(|first| &first.at)),
        record.operation_id.to_string(),
        record.command.clone(),
        record.phase.as_str().to_owned(),
        or_dash(took(record)),
        hosts.of(record.host_id.as_str()),
        or_dash(record.actor_id.as_ref().map(|actor| detail.key(actor.as_str()))),
        or_dash(reference),
        or_dash(record.requester.as_ref()),
        or_dash(Some(record.causes.join(": ")).filter(|causes| !causes.is_empty())),
    ]
}

/// How long an operation took that has ended.
pub(in crate::commands) fn took(record: &OperationRecord) -> Option<String> {
    let (first, last) = (record.phases.first()?, record.phases.last()?);
    let at = |text: &str| humantime::parse_rfc3339(text).ok();
    let took = at(&last.at)?.duration_since(at(&first.at)?).ok()?;
    last.phase.is_final().then(|| format!("{} ms", took.as_millis()))
}

#[cfg(test)]
mod tests {
    use lattice_protocol::{OperationPhase, ReachedPhase};

    use super::*;

    #[test]
    fn what_has_ended_took_a_time() {
        let reached = |at: &str, phase| ReachedPhase { at: format!("2026-11-26T10:00:0{at}Z"), phase };
        let mut record: OperationRecord = serde_json::from_value(serde_json::json!({
            "host_id": "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA", "operation_id": "a", "phase": "running"
        }))
        .expect("a record");
        assert_eq!(took(&record), None);
        record.phases = vec![reached("0.000", OperationPhase::Accepted), reached("1.250", OperationPhase::Compiling)];
        assert_eq!(took(&record), None);
        record.phases.push(reached("2.500", OperationPhase::Running));
        assert_eq!(took(&record).as_deref(), Some("2500 ms"));
    }
}
