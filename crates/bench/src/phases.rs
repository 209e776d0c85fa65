//! Where the time of a start goes in the host, as the records of its operations tell.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use lattice_client::Settled;
use lattice_protocol::{OperationPhase, OperationRecord};
use serde::Serialize;

use crate::statistics::Summary;

/// Where the time of starts went in the host, in microseconds by its own clock.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InHost {
    /// How many starts this is of.
    pub starts: usize,
    /// From accepted to running.
    pub total: Summary,
    /// Each phase, in the order in which starts go through them.
    pub phases: Vec<PhaseTime>,
}

/// How long starts were in a phase.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PhaseTime {
    /// The phase.
    pub phase: OperationPhase,
    /// The time until the next one, over the starts that were in it.
    #[serde(flatten)]
    pub time: Summary,
}

/// How long one operation was in each of its phases.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Course(Vec<(OperationPhase, Duration)>);

impl Course {
    /// The course of an operation that has ended; `None` if its record does not tell.
    pub(crate) fn of(record: &OperationRecord) -> Option<Self> {
        let reached = record.phases.iter().map(|reached| Some((reached.phase, at(&reached.at)?)));
        let reached: Vec<(OperationPhase, SystemTime)> = reached.collect::<Option<_>>()?;
        let is_whole = reached.len() > 1 && reached.last().is_some_and(|(phase, _)| phase.is_final());
        // A clock that was set back meanwhile says nothing.
        let took = reached.windows(2).map(|pair| Some((pair[0].0, pair[1].1.duration_since(pair[0].1).ok()?)));
        Some(Self(took.collect::<Option<_>>()?)).filter(|_| is_whole)
    }

    /// How long it was in that phase; `None` if it was not.
    pub(crate) fn time_of(&self, phase: OperationPhase) -> Option<Duration> {
        let times = self.0.iter().filter(|(found, _)| *found == phase).map(|(_, time)| *time);
        times.reduce(|one, other| one + other)
    }

    fn total(&self) -> Duration {
        self.0.iter().map(|(_, time)| *time).sum()
    }
}

fn at(text: &str) -> Option<SystemTime> {
    humantime::parse_rfc3339(text).ok()
}

/// Notes the courses of starts; clones note in the same place.
#[derive(Clone, Debug, Default)]
pub(crate) struct CourseLog {
    courses: Arc<Mutex<Vec<Course>>>,
}

impl CourseLog {
    /// Notes a start, if the host has told its course. Hosts of other projects do not.
    pub(crate) fn note(&self, settled: &Settled) {
        if let Settled::ByOperation(record) = settled {
            self.lock().extend(Course::of(record));
        }
    }

    /// Forgets what was noted so far.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// What was noted; `None` if nothing was.
    pub(crate) fn in_host(&self) -> Option<InHost> {
        let courses = self.lock();
        let mut order: Vec<OperationPhase> = Vec::new();
        for (phase, _) in courses.iter().flat_map(|course| &course.0) {
            if !order.contains(phase) {
                order.push(*phase);
            }
        }
        let of = |phase| summary(courses.iter().filter_map(|course| course.time_of(phase)));
        let phases = order.into_iter().filter_map(|phase| Some(PhaseTime { phase, time: of(phase)? })).collect();
        Some(InHost { starts: courses.len(), total: summary(courses.iter().map(Course::total))?, phases })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Course>> {
        self.courses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn summary(times: impl IntoIterator<Item = Duration>) -> Option<Summary> {
    Summary::of(times.into_iter().map(|time| time.as_secs_f64() * 1e6))
}

#[cfg(test)]
mod tests {
    use lattice_claims::HostSeed;

    use super::*;

    /// The record of an operation that reached these phases at these parts of a second.
    fn record(phases: &[(&str, &str)]) -> OperationRecord {
        let at = |time| format!("2026-11-26T10:00:00.{time}Z");
        let reached: Vec<_> =
            phases.iter().map(|(phase, time)| serde_json::json!({"phase": phase, "at": at(time)})).collect();
        serde_json::from_value(serde_json::json!({
            "host_id": HostSeed::generate().public(),
            "operation_id": "1",
            "phase": phases.last().expect("there is one").0,
            "phases": reached,
        }))
        .expect("a record")
    }

    #[test]
    fn each_phase_lasts_until_the_next() {
        let log = CourseLog::default();
        assert_eq!(log.in_host(), None);
        log.note(&Settled::ByAnswer);
        let start = [("accepted", "001"), ("fetching", "001100"), ("compiling", "001500"), ("running", "003500")];
        log.note(&Settled::ByOperation(record(&start)));
        log.note(&Settled::ByOperation(record(&[("accepted", "1"), ("starting", "1003"), ("running", "1006")])));
        log.note(&Settled::ByOperation(record(&[("accepted", "1"), ("fetching", "2")])));
        log.note(&Settled::ByOperation(record(&[("accepted", "2"), ("running", "1")])));
        let found = log.in_host().expect("two of them tell");
        let names: Vec<_> = found.phases.iter().map(|time| time.phase.as_str()).collect();
        assert_eq!((found.starts, names), (2, vec!["accepted", "fetching", "compiling", "starting"]));
        let medians: Vec<_> = found.phases.iter().map(|time| time.time.median).collect();
        assert_eq!(medians, [200.0, 400.0, 2000.0, 300.0]);
        assert_eq!(found.total, Summary { median: 1550.0, min: 600.0, max: 2500.0 });
        log.clear();
        assert_eq!(log.in_host(), None);
    }

    #[test]
    fn programs_get_the_phases_by_name() {
        let log = CourseLog::default();
        log.note(&Settled::ByOperation(record(&[("accepted", "001"), ("running", "002")])));
        let json = serde_json::to_value(log.in_host()).expect("it has string keys");
        let time = serde_json::json!({"median": 1000.0, "min": 1000.0, "max": 1000.0});
        let phase = serde_json::json!({"phase": "accepted", "median": 1000.0, "min": 1000.0, "max": 1000.0});
        assert_eq!(json, serde_json::json!({"starts": 1, "total": time, "phases": [phase]}));
    }
}
