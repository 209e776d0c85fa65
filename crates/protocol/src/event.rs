//! Events: CloudEvents 1.0 in structured JSON, and the data of each kind.
//!
//! Source: wasmCloud 0.82 `crates/host/src/wasmbus/event.rs`, wasmcloud-otp 0.63 `cloud_event.ex`. The extensions
//! `operationid`, `hostepoch` and `sequence` are of this project.

mod cloud_event;
mod data;
mod provider;

pub use cloud_event::{CloudEvent, EventError};
pub use data::{
    ActorClaims, ActorScaleFailed, ActorScaled, ActorStarted, ActorUpdateFailed, ActorUpdated, ActorsStartFailed,
    ActorsStarted, ActorsStopped, ConfigChange, EventData, HostStarted, HostStopped, LabelsChanged, LinkdefChange,
};
pub use provider::{
    HealthCheck, ProviderClaims, ProviderExited, ProviderStartFailed, ProviderStarted, ProviderStopped,
};

#[cfg(test)]
mod tests;
