//! A lattice host as a library: it runs actors, answers the control interface and tells the lattice what happens.
//!
//! [`Host::start`] takes a [`HostConfig`], with connections that are already made, and returns a host that serves.
//! Flags, files and signals are the business of whoever embeds it.

mod about;
mod actors;
mod artifacts;
mod auction;
mod bucket;
mod claims;
mod config;
mod control;
mod defaults;
mod depot;
mod entity_config;
mod error;
mod events;
mod host;
mod labels;
mod lattice_data;
mod lent_keys;
mod links;
mod members;
mod operations;
mod prefetch;
mod providers;
mod registries;
mod state;
mod turns;

pub use config::{
    BeforeFetch, Builtin, HostConfig, HostDirs, HostIdentity, Mode, ProviderNats, ProviderSettings, UnknownMode,
};
pub use error::StartError;
pub use host::{Host, StopReport};
