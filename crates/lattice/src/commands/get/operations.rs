//! `lattice get operations`.

use std::time::SystemTime;

use lattice_protocol::{ActorKey, OperationRecord, OperationRecords, OperationsQuery};
use serde::Serialize;

use crate::{
    cli::Operations as Flags,
    connect::Lattice,
    detail::{Detail, KeyColumn},
    placement,
    printer::{Printer, Show},
    table::{dense, or_dash},
    unanswered,
};

/// Characters of a cause in a table, of which there is a whole elsewhere.
const LONGEST_CAUSE: usize = 48;

/// Commands by their names in the protocol, and as they are typed.
const TYPED: [(&str, &str); 15] = [
    ("la", "start actor"),
    ("sa", "stop actor"),
    ("scale", "scale actor"),
    ("upd", "update actor"),
    ("lp", "start provider"),
    ("sp", "stop provider"),
    ("stop", "stop host"),
    ("linkdefs.put", "link put"),
    ("linkdefs.del", "link del"),
    ("labels.put", "label put"),
    ("labels.del", "label del"),
    ("config.put", "config put"),
    ("config.del", "config del"),
    ("config.clear", "config del --all"),
    ("registries.put", "registry"),
];

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
    let answer = lattice.client.operations(query).await;
    let OperationRecords { more, operations } = answer.map_err(|error| unanswered::question(lattice, error))?;
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
        let actors = detail
            .keys(self.operations.iter().filter_map(|record| record.actor_id.as_ref()).map(|actor| actor.as_str()));
        let rows = self.operations.iter().map(|record| row(record, detail, (hosts, actors)));
        let began = if detail == Detail::Whole { "began" } else { "age" };
        dense([began, "operation", "command", "phase", "took", "host", "actor", "reference", "by", "why"], rows)
    }
}

fn row(record: &OperationRecord, detail: Detail, (hosts, actors): (KeyColumn, KeyColumn)) -> [String; 10] {
    let is_whole = detail == Detail::Whole;
    let began = record.phases.first().map(|first| first.at.as_str());
    [
        or_dash(if is_whole { began.map(str::to_owned) } else { began.and_then(age) }),
        record.operation_id.to_string(),
        command_text(&record.command).to_owned(),
        record.phase.as_str().to_owned(),
        or_dash(took(record)),
        hosts.of(record.host_id.as_str()),
        or_dash(record.actor_id.as_ref().map(|actor| actors.of(actor.as_str()))),
        or_dash(record.reference.as_ref().filter(|_| is_whole)),
        or_dash(record.requester.as_ref().map(|requester| by(requester, detail))),
        or_dash(if is_whole { all_causes(record) } else { why(record) }),
    ]
}

/// Who wanted it: a person by name, an actor by its key, which is as short as others.
fn by(requester: &str, detail: Detail) -> String {
    match requester.strip_prefix("actor ").filter(|key| key.parse::<ActorKey>().is_ok()) {
        Some(key) => format!("actor {}", detail.key(key)),
        None => requester.to_owned(),
    }
}

fn all_causes(record: &OperationRecord) -> Option<String> {
    Some(record.causes.join(": ")).filter(|causes| !causes.is_empty())
}

/// The first words of the last cause, which is the one that started it all. Those are not to be a reference.
fn why(record: &OperationRecord) -> Option<String> {
    let cause = record.causes.last()?;
    let reference = record.reference.as_ref().map(|reference| format!("`{reference}`"));
    Some(match reference.and_then(|reference| cause.strip_prefix(&reference)) {
        Some(rest) => shortened(&format!("it{rest}")),
        None => shortened(cause),
    })
}

fn shortened(cause: &str) -> String {
    match cause.char_indices().nth(LONGEST_CAUSE) {
        Some((end, _)) => format!("{}…", cause[..end].trim_end()),
        None => cause.to_owned(),
    }
}

/// How long ago something was, by this machine's clock: `5s`, `12m`, `3h`.
pub(super) fn age(at: &str) -> Option<String> {
    let at = humantime::parse_rfc3339(at).ok()?;
    let seconds = SystemTime::now().duration_since(at).unwrap_or_default().as_secs();
    Some(match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        _ => format!("{}h", seconds / 3600),
    })
}

/// What people type for a command that is recorded under its name in the protocol.
pub(in crate::commands) fn command_text(name: &str) -> &str {
    let typed = TYPED.iter().find(|(known, _)| *known == name);
    typed.map_or(name, |(_, typed)| typed)
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
    use std::time::Duration;

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

    #[test]
    fn a_cause_is_told_in_a_few_words() {
        let mut record: OperationRecord = serde_json::from_value(serde_json::json!({
            "host_id": "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA", "operation_id": "a", "phase": "failed",
            "reference": "file:///srv/hello.wasm",
            "causes": ["the operation", "`file:///srv/hello.wasm` is revision 1, and revision 2 runs from another place"],
        }))
        .expect("a record");
        assert_eq!(why(&record).as_deref(), Some("it is revision 1, and revision 2 runs from anoth…"));
        record.causes = vec!["no".to_owned()];
        assert_eq!(why(&record).as_deref(), Some("no"));
        record.causes.clear();
        assert_eq!(why(&record), None);
    }

    #[test]
    fn actors_that_want_something_are_told_shortly() {
        let actor = "actor MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";
        assert_eq!(by(actor, Detail::Brief), "actor MDNX3CB6…");
        assert_eq!(by(actor, Detail::Whole), actor);
        assert_eq!(by("actor of the year", Detail::Brief), "actor of the year");
    }

    #[test]
    fn commands_are_told_as_they_are_typed() {
        assert_eq!(command_text("la"), "start actor");
        assert_eq!(command_text("restore"), "restore");
    }

    #[test]
    fn ages_are_short() {
        let ago =
            |seconds| humantime::format_rfc3339_millis(SystemTime::now() - Duration::from_secs(seconds)).to_string();
        // Half a unit more than what is told, so that the clock may go on meanwhile.
        assert_eq!(age(&ago(150)).as_deref(), Some("2m"));
        assert_eq!(age(&ago(3600 * 5 + 1800)).as_deref(), Some("5h"));
        // Clocks differ.
        assert_eq!(age("2999-01-01T00:00:00Z").as_deref(), Some("0s"));
        assert_eq!(age("soon"), None);
    }
}
