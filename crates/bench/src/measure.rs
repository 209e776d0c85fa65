//! What can be measured, in what unit, and with which budget.

use std::{fmt, str::FromStr};

use serde::Serialize;

use crate::budget::Budget;

/// Something that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Measure {
    /// The floor against itself, which tells how much of the other figures is noise.
    Floor,
    /// A control query: the inventory of a host.
    Query,
    /// A gather of ten hosts, simulated ones.
    #[serde(rename = "gather-10")]
    Gather10,
    /// A gather of a hundred.
    #[serde(rename = "gather-100")]
    Gather100,
    /// A gather of a thousand.
    #[serde(rename = "gather-1000")]
    Gather1000,
    /// An auction for an actor.
    Auction,
    /// A start of an actor whose module the host has compiled before.
    StartWarm,
    /// A start of an actor whose module the host has never seen.
    StartCold,
    /// A live update of an actor under load: how long calls meet neither version.
    UpdatePause,
    /// Calls of an actor by one caller.
    Call,
    /// Calls of an actor by many callers at the same time.
    #[serde(rename = "call-32")]
    Call32,
    /// Calls of an actor that calls a provider itself before it answers.
    Provider,
    /// Calls of an actor while another one on the same host is sent ten times what it can do.
    Neighbour,
    /// HTTP requests on one connection, through a provider and an actor.
    Http,
    /// The same on many connections.
    #[serde(rename = "http-50")]
    Http50,
}

impl Measure {
    /// Everything, in the order in which it is measured.
    pub const ALL: [Measure; 15] = [
        Measure::Floor,
        Measure::Query,
        Measure::Gather10,
        Measure::Gather100,
        Measure::Gather1000,
        Measure::Auction,
        Measure::StartWarm,
        Measure::StartCold,
        Measure::UpdatePause,
        Measure::Call,
        Measure::Call32,
        Measure::Provider,
        Measure::Neighbour,
        Measure::Http,
        Measure::Http50,
    ];

    /// Its name for people and programs.
    pub fn name(self) -> &'static str {
        match self {
            Measure::Floor => "floor",
            Measure::Query => "query",
            Measure::Gather10 => "gather-10",
            Measure::Gather100 => "gather-100",
            Measure::Gather1000 => "gather-1000",
            Measure::Auction => "auction",
            Measure::StartWarm => "start-warm",
            Measure::StartCold => "start-cold",
            Measure::UpdatePause => "update-pause",
            Measure::Call => "call",
            Measure::Call32 => "call-32",
            Measure::Provider => "provider",
            Measure::Neighbour => "neighbour",
            Measure::Http => "http",
            Measure::Http50 => "http-50",
        }
    }

    /// What exactly is measured.
    pub fn what(self) -> &'static str {
        match self {
            Measure::Floor => "bare request and answer of 128 bytes, against itself",
            Measure::Query => "inventory of one host; floor with an answer of the same size",
            Measure::Gather10 => "10 simulated hosts asked who is there, until all have answered",
            Measure::Gather100 => "100 simulated hosts asked who is there, until all have answered",
            Measure::Gather1000 => "1000 simulated hosts asked who is there, until all have answered",
            Measure::Auction => "auction for an actor, until every host of the lattice has bid or declined",
            Measure::StartWarm => "command to running as the client sees it, module compiled before",
            Measure::StartCold => "command to running as the client sees it, module never seen before",
            Measure::UpdatePause => {
                "live update under 8 callers, how long calls meet neither version; no call may fail"
            }
            Measure::Call => "one caller, 128 bytes to an actor and back",
            Measure::Call32 => "32 callers, 128 bytes to an actor and back",
            Measure::Provider => "one caller, 128 bytes to an actor, from it to a provider, and back all the way",
            Measure::Neighbour => {
                "call beside an actor with ten times too much to do; floor beside a bare responder sent as much"
            }
            Measure::Http => "one connection, page of 5 bytes by an actor; floor by its HTTP server itself",
            Measure::Http50 => "50 connections, page of 5 bytes by an actor; floor by its HTTP server itself",
        }
    }

    /// The unit of its figures.
    pub fn unit(self) -> Unit {
        match self {
            Measure::Call32 | Measure::Http50 => Unit::PerSecond,
            _ => Unit::Microseconds,
        }
    }

    /// What it is to keep to.
    pub fn budget(self) -> Option<Budget> {
        match self {
            Measure::Floor | Measure::StartCold | Measure::Gather100 | Measure::Auction => None,
            Measure::Provider | Measure::Http => None,
            Measure::Gather10 => Some(Budget::AboveFloorAtMost(10_000.0)),
            Measure::Gather1000 => Some(Budget::MeasuredAtMost(500_000.0)),
            Measure::Query => Some(Budget::RatioAtMost(1.3)),
            // Meant for the time in the host, which is less than what the client sees.
            Measure::StartWarm | Measure::UpdatePause => Some(Budget::MeasuredAtMost(5_000.0)),
            Measure::Call => Some(Budget::RatioAtMost(3.0)),
            Measure::Call32 => Some(Budget::RatioAtLeast(0.15)),
            Measure::Http50 => Some(Budget::RatioAtLeast(0.2)),
            // No worse, and what noise makes of that.
            Measure::Neighbour => Some(Budget::RatioAtMost(1.2)),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no measure has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no measure `{name}`; there are {}", Measure::ALL.map(Measure::name).join(", "))]
pub struct UnknownMeasure {
    name: String,
}

impl FromStr for Measure {
    type Err = UnknownMeasure;

    fn from_str(name: &str) -> Result<Self, UnknownMeasure> {
        let found = Measure::ALL.into_iter().find(|measure| measure.name() == name);
        found.ok_or_else(|| UnknownMeasure { name: name.to_owned() })
    }
}

/// The unit of a measure's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unit {
    /// Microseconds for one: the less the better.
    Microseconds,
    /// How many in a second: the more the better.
    PerSecond,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::{CROWD, HTTP_CONNECTIONS, PAYLOAD};

    #[test]
    fn names_are_read_as_they_are_written() {
        for measure in Measure::ALL {
            assert_eq!(measure.to_string().parse(), Ok(measure));
            assert_eq!(serde_json::to_value(measure).expect("a name is a text"), measure.name());
        }
        let error = "speed".parse::<Measure>().expect_err("there is none of that name");
        assert!(error.to_string().contains("`speed`; there are floor, query, gather-10"), "{error}");
    }

    #[test]
    fn descriptions_tell_the_sizes_that_are_used() {
        for measure in [Measure::Floor, Measure::Call, Measure::Call32, Measure::Provider] {
            assert!(measure.what().contains(&format!("{PAYLOAD} bytes")), "{measure}");
        }
        assert_eq!(Measure::Call32.name(), format!("call-{CROWD}"));
        assert!(Measure::Call32.what().starts_with(&format!("{CROWD} callers")));
        assert_eq!(Measure::Http50.name(), format!("http-{HTTP_CONNECTIONS}"));
        assert!(Measure::Http50.what().starts_with(&format!("{HTTP_CONNECTIONS} connections")));
    }
}
