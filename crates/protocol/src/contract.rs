//! Contracts between actors and capability providers.

#[macro_use]
mod operations;
mod body;
mod lenient_bytes;

pub mod http_server;
pub mod keyvalue;
pub mod lattice_control;
pub mod messaging;

pub use lenient_bytes::lenient_bytes;
