//! The provider on real lattices: hosts, nats-servers and other instances are real, its own host and its actors are the test.

mod bad_input;
mod contract;
mod credentials;
mod defects;
mod gathering;
mod grants;
mod instances;
mod stage;
