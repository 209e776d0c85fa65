//! Measures a lattice against the floor that its own broker sets.
//!
//! The floor is a bare NATS request and its answer: on the same server, over the same connection, with payloads of the
//! same sizes, from a [`respond`]er that is a process of its own on the same client library. Rounds of the floor and of
//! what is measured take turns, so that whatever else the machine does weighs on both; what counts is the median of the
//! rounds' ratios. The floor of HTTP requests is what the same HTTP server answers by itself, on its health path.
//!
//! A [`Bench`] takes the measures of a [`Plan`] and makes a [`Report`] of them. It starts an actor and
//! providers of its own for that, and stores the actor's modules in the lattice where the host takes no files;
//! [`Bench::clean_up`] stops and removes what is left of them.

mod bench;
mod budget;
mod burst;
mod defaults;
mod error;
mod fetch;
mod guest;
mod http;
mod load;
mod measure;
mod modules;
mod neighbour;
mod phases;
mod provider;
mod report;
mod responder;
mod simulated;
mod starts;
mod statistics;
mod update;

pub use bench::{Bench, BenchSettings, Plan, Progress};
pub use budget::{Budget, Verdict};
pub use defaults::{MAX_ROUNDS, ROUNDS};
pub use error::{BenchError, ResponderError};
pub use measure::{Measure, Unit, UnknownMeasure};
pub use phases::{InHost, PhaseTime};
pub use report::{HostFacts, MachineFacts, Outcome, Report, Row, ServerFacts};
pub use responder::{Responder, respond};
pub use statistics::{Figures, Round, Summary};
