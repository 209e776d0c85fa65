//! A bench's report as people see it.

use lattice_bench::{Budget, Figures, InHost, Outcome, Report, Row, Summary, Unit, Verdict};
use lattice_protocol::OperationPhase;
use serde::Serialize;

use crate::{
    printer::Show,
    table::{dense, facts, or_dash, printable, table},
};

/// A report, which programs get as it is.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Shown<'a>(pub(super) &'a Report);

impl Show for Shown<'_> {
    fn text(&self) -> String {
        let titles = ["measure", "floor", "measured", "ratio", "of rounds", "budget", "verdict"];
        let rows = table(titles, self.0.measures.iter().map(cells));
        let notes = facts(self.0.measures.iter().map(|row| (row.name.name(), note(row))));
        let warning = if self.0.optimised { "" } else { "\na debug build: its figures say little\n" };
        let text = format!("{}\n{warning}\n{rows}\n\n{notes}", printable(&headline(self.0)));
        match in_host(self.0) {
            Some(starts) => format!("{text}\n\n{starts}"),
            None => text,
        }
    }
}

/// The phases that a start goes through before it runs.
const PHASES: [OperationPhase; 5] = [
    OperationPhase::Accepted,
    OperationPhase::Fetching,
    OperationPhase::Verifying,
    OperationPhase::Compiling,
    OperationPhase::Starting,
];

/// Where the time of starts goes in the host.
fn in_host(report: &Report) -> Option<String> {
    let starts = report.measures.iter().filter_map(|row| Some((row, row.in_host.as_ref()?)));
    let rows: Vec<_> = starts.map(|(row, found)| phase_cells(row, found)).collect();
    let titles = ["in the host", "of starts", "accepted", "fetching", "verifying", "compiling", "starting", "in all"];
    (!rows.is_empty()).then(|| dense(titles, rows))
}

fn phase_cells(row: &Row, found: &InHost) -> [String; 8] {
    let median = |time: &Summary| value_text(time.median, Unit::Microseconds);
    let times = PHASES.map(|phase| {
        let time = found.phases.iter().find(|time| time.phase == phase);
        or_dash(time.map(|time| median(&time.time)))
    });
    let [accepted, fetching, verifying, compiling, starting] = times;
    let (name, starts, total) = (row.name.to_string(), found.starts.to_string(), median(&found.total));
    [name, starts, accepted, fetching, verifying, compiling, starting, total]
}

fn headline(report: &Report) -> String {
    let Report { lattice, host, server, machine, version, rounds, .. } = report;
    let name = if host.friendly_name.is_empty() { host.id.as_str() } else { &host.friendly_name };
    let cpu = machine.cpu.as_ref().map(|cpu| format!(" ({cpu})")).unwrap_or_default();
    let cpus = if machine.cpus == 1 { "CPU" } else { "CPUs" };
    format!(
        "lattice `{lattice}`, host {name}, nats-server {}; {} {} with {} {cpus}{cpu}; lattice {version}, {rounds} rounds",
        server.version, machine.os, machine.arch, machine.cpus
    )
}

fn cells(row: &Row) -> [String; 7] {
    let name = row.name.to_string();
    let budget = row.budget.map_or_else(dash, |budget| budget_text(budget, row.unit));
    let verdict = verdict_text(row.verdict);
    match &row.outcome {
        Outcome::Measured(Figures { floor, measured, ratio }) => {
            let value = |summary: &Summary| value_text(summary.median, row.unit);
            let spread = format!("{} to {}", ratio_text(ratio.min, row.unit), ratio_text(ratio.max, row.unit));
            [name, value(floor), value(measured), ratio_text(ratio.median, row.unit), spread, budget, verdict]
        }
        Outcome::NotMeasured { .. } => [name, dash(), dash(), dash(), dash(), budget, verdict],
    }
}

fn note(row: &Row) -> String {
    match &row.outcome {
        Outcome::NotMeasured { reason } => format!("not measured: {reason}"),
        Outcome::Measured(_) => row.what.to_owned(),
    }
}

fn dash() -> String {
    "-".to_owned()
}

fn value_text(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Microseconds if value >= 1000.0 => format!("{:.2} ms", value / 1000.0),
        Unit::Microseconds => format!("{value:.1} µs"),
        Unit::BytesPerSecond => format!("{:.1} MB/s", value / 1e6),
        _ => format!("{value:.0}/s"),
    }
}

/// Times are multiples of the floor, throughput is a share of it.
fn ratio_text(ratio: f64, unit: Unit) -> String {
    match unit {
        Unit::Microseconds => format!("{ratio:.2}"),
        _ => format!("{:.1} %", ratio * 100.0),
    }
}

fn budget_text(budget: Budget, unit: Unit) -> String {
    match budget {
        Budget::RatioAtMost(most) => format!("at most {}", ratio_text(most, unit)),
        Budget::RatioAtLeast(least) => format!("at least {}", ratio_text(least, unit)),
        Budget::AboveFloorAtMost(most) => format!("at most {} above", value_text(most, unit)),
        Budget::MeasuredAtMost(most) => format!("at most {}", value_text(most, unit)),
        _ => dash(),
    }
}

fn verdict_text(verdict: Verdict) -> String {
    let text = match verdict {
        Verdict::Within => "within",
        Verdict::Exceeded => "EXCEEDED",
        Verdict::NotMeasured => "not measured",
        _ => "-",
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_unit_that_people_read() {
        assert_eq!(value_text(61.24, Unit::Microseconds), "61.2 µs");
        assert_eq!(value_text(5000.0, Unit::Microseconds), "5.00 ms");
        assert_eq!(value_text(41_234.5, Unit::PerSecond), "41234/s");
        assert_eq!(value_text(123_456_789.0, Unit::BytesPerSecond), "123.5 MB/s");
        assert_eq!(budget_text(Budget::RatioAtMost(1.3), Unit::Microseconds), "at most 1.30");
        assert_eq!(budget_text(Budget::RatioAtLeast(0.15), Unit::PerSecond), "at least 15.0 %");
        assert_eq!(budget_text(Budget::MeasuredAtMost(5000.0), Unit::Microseconds), "at most 5.00 ms");
    }
}
