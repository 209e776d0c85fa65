//! `lattice bench`, and the process that it starts for the floor.

use clap::{Args, builder::RangedU64ValueParser};
use lattice_bench::{MAX_ROUNDS, Measure, ROUNDS};

use super::SeedText;

/// Measure the lattice against the floor that its broker sets
///
/// The floor is a bare NATS request and its answer, on the same server with payloads of the same sizes, from a process of
/// its own. Rounds of the floor and of what is measured take turns; what counts is the median of the rounds' ratios.
///
/// Actors and providers are started on the host for this and stopped again, also on Ctrl-C; the actors' modules are signed
/// with development keys of the data directory and reach the host as files or, if it takes none, from the lattice's own
/// store, from which they are removed again. Calls are signed as those of `lattice call`. What cannot be measured says
/// why, and the rest is measured all the same.
#[derive(Debug, Args)]
#[command(after_help = "\
Measures:
  floor       the floor against itself: how much of the other figures is noise
  query       the inventory of a host; at most 1.3 times the floor
  gather-10, gather-100, gather-1000
              so many simulated hosts asked who is there; at most 10 ms above the floor for 10,
              500 ms for 1000
  auction     an auction for an actor
  start-warm  a start of an actor that the host has compiled before; at most 5 ms
  start-cold  a start of an actor that the host has never seen
  start-180k-warm, start-180k-cold
              the same of a published actor of 180 kB
  fetch-1m, fetch-20m
              1 MiB and 20 MiB fetched by the host from the lattice's own store; new bytes each time,
              which stay in the host's cache, in up to 5 rounds; the floor has them in bare answers
  update-pause
              how long calls meet neither version of an actor that is updated; at most 5 ms
  call        a call of an actor by one caller; at most 3 times the floor
  call-32     calls by 32 callers at the same time; at least 15 % of the floor's throughput
  provider    a call of an actor that calls a provider before it answers
  neighbour   a call of an actor beside one that is sent ten times what it can do; at most 1.2 times
              the same beside a bare responder that is sent as much
  http        a page by an actor over one connection; the floor is what its HTTP server answers itself
  http-50     the same over 50 connections; at least 20 % of that floor's throughput

Examples:
  lattice bench
  lattice bench --only query,call --rounds 50
  lattice bench --check -o json > figures.json")]
pub(crate) struct Bench {
    /// The host: its id, a unique start of it, or its friendly name [default: the only one]
    #[arg(long)]
    pub(crate) host: Option<String>,
    /// Only this measure; several with several, or with commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) only: Vec<Measure>,
    /// Rounds of each measure
    #[arg(long, value_name = "N", default_value_t = ROUNDS, value_parser = rounds())]
    pub(crate) rounds: usize,
    /// Exit with 1 if a budget is not kept, or could not be measured
    #[arg(long)]
    pub(crate) check: bool,
    /// The seed that signs calls (SC...), or a file with it
    #[arg(long, value_name = "FILE|SEED")]
    pub(crate) cluster_seed: Option<SeedText>,
}

fn rounds() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=MAX_ROUNDS as u64)
}

/// Answer bare requests for `bench`, which starts this
#[derive(Debug, Args)]
pub(crate) struct BenchResponder {
    /// What the subjects of the requests start with
    pub(crate) subject: String,
}
