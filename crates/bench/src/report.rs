//! What a bench has found, as a value to be shown or serialized.

use std::{fs, thread};

use lattice_protocol::{HostInventory, HostKey, LatticeName};
use serde::Serialize;

use crate::{
    budget::{Budget, Verdict},
    error::{BenchError, chain},
    measure::{Measure, Unit},
    phases::InHost,
    statistics::Figures,
};

/// What a bench has found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The lattice.
    pub lattice: LatticeName,
    /// The host that was measured.
    pub host: HostFacts,
    /// The NATS server that carried everything.
    pub server: ServerFacts,
    /// The machine on which the bench ran, which is the caller's side of every figure.
    pub machine: MachineFacts,
    /// The version of the bench.
    pub version: &'static str,
    /// Whether the bench is built with optimisations. Without them no figure says much.
    pub optimised: bool,
    /// Rounds of each measure.
    pub rounds: usize,
    /// The measures, in the order in which they were taken.
    pub measures: Vec<Row>,
}

impl Report {
    /// Whether every budget is kept. One whose measure could not be taken is not.
    pub fn keeps_budgets(&self) -> bool {
        self.measures.iter().all(Row::keeps_budget)
    }

    /// Whether there are figures of anything.
    pub fn has_figures(&self) -> bool {
        self.measures.iter().any(|row| row.verdict != Verdict::NotMeasured)
    }
}

/// One measure and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The measure.
    pub name: Measure,
    /// What exactly is measured.
    pub what: &'static str,
    /// The unit of floor and measured.
    pub unit: Unit,
    /// The figures, or why there are none.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Of starts: where the time goes in the host, if it tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_host: Option<InHost>,
    /// What it is to keep to.
    pub budget: Option<Budget>,
    /// Whether it does.
    pub verdict: Verdict,
}

/// What was taken of a measure.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) figures: Figures,
    pub(crate) in_host: Option<InHost>,
}

impl From<Figures> for Taken {
    fn from(figures: Figures) -> Self {
        Self { figures, in_host: None }
    }
}

/// What came of a measure.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Outcome {
    /// Figures.
    Measured(Figures),
    /// None.
    NotMeasured {
        /// Why, with all causes.
        reason: String,
    },
}

impl Row {
    /// The row of a measure and what came of it.
    pub(crate) fn new(measure: Measure, outcome: Result<Taken, BenchError>) -> Self {
        let budget = measure.budget();
        let (outcome, in_host, verdict) = match outcome {
            Ok(Taken { figures, in_host }) => (Outcome::Measured(figures), in_host, Verdict::of(&figures, budget)),
            Err(error) => (Outcome::NotMeasured { reason: chain(&error) }, None, Verdict::NotMeasured),
        };
        Self { name: measure, what: measure.what(), unit: measure.unit(), outcome, in_host, budget, verdict }
    }

    fn keeps_budget(&self) -> bool {
        self.budget.is_none() || self.verdict == Verdict::Within
    }
}

/// A host, as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostFacts {
    /// Its key.
    pub id: HostKey,
    /// The name people use; empty if it did not answer.
    pub friendly_name: String,
}

impl HostFacts {
    pub(crate) fn new(id: HostKey, inventory: Option<HostInventory>) -> Self {
        Self { id, friendly_name: inventory.map(|inventory| inventory.friendly_name).unwrap_or_default() }
    }
}

/// A NATS server, as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerFacts {
    /// Its version.
    pub version: String,
    /// Its name.
    pub name: String,
}

impl ServerFacts {
    pub(crate) fn of(nats: &async_nats::Client) -> Self {
        let info = nats.server_info();
        Self { version: info.version, name: info.server_name }
    }
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MachineFacts {
    /// Processors that this process may use.
    pub cpus: usize,
    /// What the processor calls itself, where the system tells.
    pub cpu: Option<String>,
    /// The architecture.
    pub arch: &'static str,
    /// The operating system.
    pub os: &'static str,
}

impl MachineFacts {
    pub(crate) fn of_this() -> Self {
        Self {
            cpus: thread::available_parallelism().map_or(1, usize::from),
            cpu: fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| cpu_name(&text)),
            arch: std::env::consts::ARCH,
            os: std::env::consts::OS,
        }
    }
}

fn cpu_name(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use lattice_claims::HostSeed;

    use super::*;
    use crate::statistics::Round;

    fn row(measure: Measure, floor: f64, measured: f64) -> Row {
        Row::new(measure, Ok(Figures::of(&[Round { floor, measured }]).expect("there is a round").into()))
    }

    fn report(measures: Vec<Row>) -> Report {
        Report {
            lattice: LatticeName::default(),
            host: HostFacts::new(HostSeed::generate().public(), None),
            server: ServerFacts { version: "2.10.0".to_owned(), name: "n".to_owned() },
            machine: MachineFacts::of_this(),
            version: "0.1.0",
            optimised: true,
            rounds: 1,
            measures,
        }
    }

    fn check(measures: Vec<Row>, keeps_budgets: bool, has_figures: bool) {
        let report = report(measures);
        assert_eq!((report.keeps_budgets(), report.has_figures()), (keeps_budgets, has_figures), "{report:?}");
    }

    #[test]
    fn budgets_are_kept_by_what_was_measured() {
        let missing = |measure| Row::new(measure, Err(BenchError::NoSigner));
        check(vec![row(Measure::Query, 10.0, 12.0), row(Measure::StartCold, 10.0, 1e9)], true, true);
        check(vec![row(Measure::Query, 10.0, 12.0), row(Measure::Call, 10.0, 31.0)], false, true);
        check(vec![row(Measure::Query, 10.0, 12.0), missing(Measure::Call)], false, true);
        check(vec![row(Measure::Query, 10.0, 12.0), missing(Measure::StartCold)], true, true);
        check(vec![missing(Measure::Call)], false, false);
    }

    #[test]
    fn programs_get_figures_or_a_reason() {
        let json = serde_json::to_value(row(Measure::Call32, 40_000.0, 8_000.0)).expect("it has string keys");
        let expect = serde_json::json!({
            "name": "call-32",
            "what": "32 callers, 128 bytes to an actor and back",
            "unit": "per_second",
            "floor": {"median": 40_000.0, "min": 40_000.0, "max": 40_000.0},
            "measured": {"median": 8_000.0, "min": 8_000.0, "max": 8_000.0},
            "ratio": {"median": 0.2, "min": 0.2, "max": 0.2},
            "budget": {"ratio_at_least": 0.15},
            "verdict": "within",
        });
        assert_eq!(json, expect);

        let json = serde_json::to_value(Row::new(Measure::Floor, Err(BenchError::NoSigner))).expect("string keys");
        let expect = serde_json::json!({
            "name": "floor",
            "what": "bare request and answer of 128 bytes, against itself",
            "unit": "microseconds",
            "reason": "calls are signed with a cluster seed, and none is known",
            "budget": null,
            "verdict": "not_measured",
        });
        assert_eq!(json, expect);
    }

    #[test]
    fn the_processor_is_named_where_the_system_tells() {
        assert_eq!(cpu_name("processor\t: 0\nmodel name\t: Fast CPU @ 3 GHz\n").as_deref(), Some("Fast CPU @ 3 GHz"));
        assert_eq!(cpu_name("BogoMIPS: 48.00\n"), None);
    }
}
