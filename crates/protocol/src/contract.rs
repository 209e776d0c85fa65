//! Contracts between actors and capability providers.

#[macro_use]
mod operations;
mod body;

pub mod keyvalue;
pub mod lattice_control;
pub mod messaging;
