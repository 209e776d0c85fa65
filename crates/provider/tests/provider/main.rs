//! Providers, whose host is the test: in the test's own process, and as the processes that they are.

mod lattice;
mod peers;
mod process;
mod serving;
