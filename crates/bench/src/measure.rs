//! What can be measured, in what unit, and with which budget.

use std::{fmt, str::FromStr};

use serde::Serialize;

use crate::{budget::Budget, defaults::FETCH_ROUNDS};

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
    /// A start of an actor of the field that the host has compiled before.
    #[serde(rename = "start-180k-warm")]
    Start180kWarm,
    /// A start of an actor of the field that the host has never seen.
    #[serde(rename = "start-180k-cold")]
    Start180kCold,
    /// The fetch of a large module from the lattice's own store.
    #[serde(rename = "fetch-1m")]
    Fetch1M,
    /// The fetch of something as large as a provider archive.
    #[serde(rename = "fetch-20m")]
    Fetch20M,
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
    pub const ALL: [Measure; 19] = [
        Measure::Floor,
        Measure::Query,
        Measure::Gather10,
        Measure::Gather100,
        Measure::Gather1000,
        Measure::Auction,
        Measure::StartWarm,
        Measure::StartCold,
        Measure::Start180kWarm,
        Measure::Start180kCold,
        Measure::Fetch1M,
        Measure::Fetch20M,
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
            Measure::Start180kWarm => "start-180k-warm",
            Measure::Start180kCold => "start-180k-cold",
            Measure::Fetch1M => "fetch-1m",
            Measure::Fetch20M => "fetch-20m",
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
            Measure::Start180kWarm => "the same of a published actor of 180 kB, compiled before",
            Measure::Start180kCold => "the same of a published actor of 180 kB, never seen before",
            Measure::Fetch1M => {
                "host fetches 1 MiB from the lattice's store, up to 5 rounds; floor in bare answers of 128 KiB"
            }
            Measure::Fetch20M => {
                "host fetches 20 MiB from the lattice's store, up to 5 rounds; floor in bare answers of 128 KiB"
            }
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

    /// How many rounds of it are taken where so many are wanted.
    pub fn rounds(self, wanted: usize) -> usize {
        match self {
            Measure::Fetch1M | Measure::Fetch20M => wanted.min(FETCH_ROUNDS),
            _ => wanted,
        }
    }

    /// The unit of its figures.
    pub fn unit(self) -> Unit {
        match self {
            Measure::Call32 | Measure::Http50 => Unit::PerSecond,
            Measure::Fetch1M | Measure::Fetch20M => Unit::BytesPerSecond,
            _ => Unit::Microseconds,
        }
    }

    /// What it is to keep to.
    pub fn budget(self) -> Option<Budget> {
        match self {
            Measure::Floor | Measure::Gather100 | Measure::Auction | Measure::Provider | Measure::Http => None,
            Measure::StartCold | Measure::Start180kCold | Measure::Fetch1M | Measure::Fetch20M => None,
            Measure::Gather10 => Some(Budget::AboveFloorAtMost(10_000.0)),
            Measure::Gather1000 => Some(Budget::MeasuredAtMost(500_000.0)),
            Measure::Query => Some(Budget::RatioAtMost(1.3)),
            // Meant for the time in the host, which is less than what the client sees.
            Measure::StartWarm | Measure::Start180kWarm | Measure::UpdatePause => Some(Budget::MeasuredAtMost(5_000.0)),
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
    /// How many bytes in a second: the more the better.
    BytesPerSecond,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::{CROWD, HTTP_CONNECTIONS, MEGABYTE, PAYLOAD, PIECE, TWENTY_MEGABYTES};

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
        for (measure, bytes) in [(Measure::Fetch1M, MEGABYTE), (Measure::Fetch20M, TWENTY_MEGABYTES)] {
            assert_eq!(measure.name(), format!("fetch-{}m", bytes >> 20));
            for told in
                [format!("{} MiB", bytes >> 20), format!("{} KiB", PIECE >> 10), format!("{FETCH_ROUNDS} rounds")]
            {
                assert!(measure.what().contains(&told), "{measure}: {told}");
            }
            assert_eq!((measure.rounds(1), measure.rounds(20)), (1, FETCH_ROUNDS));
        }
        assert_eq!(Measure::Call32.name(), format!("call-{CROWD}"));
        assert!(Measure::Call32.what().starts_with(&format!("{CROWD} callers")));
        assert_eq!(Measure::Http50.name(), format!("http-{HTTP_CONNECTIONS}"));
        assert!(Measure::Http50.what().starts_with(&format!("{HTTP_CONNECTIONS} connections")));
    }
}
