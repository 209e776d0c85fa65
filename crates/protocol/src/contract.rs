//! Contracts between actors and capability providers.

pub mod http_server;
pub mod lattice_control;
mod lenient_bytes;

pub use lenient_bytes::lenient_bytes;
