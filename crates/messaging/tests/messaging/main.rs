//! The provider on a private nats-server, with actors and the host played by the tests.

mod lattice;
mod links;
mod messages;
mod timers;
