//! Contracts between actors and capability providers.

pub mod lattice_control;
