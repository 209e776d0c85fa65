//! What a round found and did: a map for who called, a line for the log.

use std::fmt;

use lattice_guest::lattice_control::ControlError;
use lattice_guest::msgpack::Value;

use crate::plan::Host;
use crate::settings::Settings;
use crate::survey::Survey;

/// What a round found and did.
pub(crate) struct Report {
    name: String,
    actor: String,
    wanted: u16,
    /// The hosts that may have instances or had some, each with how many it had.
    hosts: Vec<(Host, u32)>,
    missing: Vec<String>,
    unreadable: u64,
    problems: Vec<(String, ControlError)>,
    changed: bool,
    is_informed: bool,
}

impl Report {
    /// Reports on the hosts as they are after the round, and on what they `had` before.
    pub(crate) fn new(settings: &Settings, survey: Survey, had: &[u32], changed: bool) -> Self {
        let hosts = survey.hosts.into_iter().zip(had.iter().copied());
        Self {
            name: settings.name.clone(),
            actor: settings.actor.clone(),
            wanted: settings.instances,
            hosts: hosts.filter(|(host, had)| host.is_eligible() || *had > 0).collect(),
            missing: survey.missing,
            unreadable: survey.unreadable,
            problems: survey.problems,
            changed,
            is_informed: survey.is_whole,
        }
    }

    /// Whether all hosts were asked, so that the numbers mean something.
    pub(crate) fn is_informed(&self) -> bool {
        self.is_informed
    }

    /// Whether the log should have it.
    pub(crate) fn is_news(&self) -> bool {
        self.changed || !self.problems.is_empty()
    }

    /// Returns the report as `Keeper.Keep` answers it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let hosts = self.hosts.iter().map(|(host, had)| {
            Value::map([("host", Value::Str(&host.id)), ("had", (*had).into()), ("has", host.has.into())])
        });
        let problems = self.problems.iter().map(|(host, error)| {
            Value::map([
                ("host", Value::Str(host)),
                ("code", Value::Str(error.code.as_str())),
                ("error", Value::Str(&error.text)),
            ])
        });
        Value::map([
            ("wanted", u32::from(self.wanted).into()),
            ("running", total(self.hosts.iter().map(|(host, _)| host.has)).into()),
            ("hosts", Value::Array(hosts.collect())),
            ("missing", Value::Array(self.missing.iter().map(|host| Value::Str(host)).collect())),
            ("unreadable", self.unreadable.into()),
            ("problems", Value::Array(problems.collect())),
            ("changed", Value::Bool(self.changed)),
        ])
        .encode()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let had = total(self.hosts.iter().map(|(_, had)| *had));
        write!(formatter, "{}: {} of {} instances of {} ran", self.name, had, self.wanted, self.actor)?;
        for (host, had) in self.hosts.iter().filter(|(host, had)| host.has != *had) {
            write!(formatter, "; {} had {} and gets {}", host.id, had, host.has)?;
        }
        for host in &self.missing {
            write!(formatter, "; {} is missing", host)?;
        }
        if self.unreadable > 0 {
            write!(formatter, "; the answers of {} hosts are unreadable", self.unreadable)?;
        }
        self.problems.iter().try_for_each(|(host, error)| write!(formatter, "; {} says: {}", host, error))
    }
}

fn total(instances: impl Iterator<Item = u32>) -> u64 {
    instances.map(u64::from).sum()
}
