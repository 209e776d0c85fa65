//! The provider on a private nats-server, called by actors as a host would have it.

mod contract;
mod jetstream;
mod lattice;
mod redis;
mod resp;
