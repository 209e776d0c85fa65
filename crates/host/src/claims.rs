//! The claims known to the lattice: kept in a bucket that older hosts share, and read from its copy in memory.
//!
//! Written is the shape that all published hosts read: the spelling of the earlier ones with every value a text.
//! Source: wasmcloud-otp 0.63 `claims/manager.ex`, wasmCloud 0.82 `crates/host/src/wasmbus/mod.rs`.

mod shape;
mod store;
mod table;

pub(crate) use shape::{for_event, subject_of};
pub(crate) use store::ClaimsStore;
pub(crate) use table::Table;
