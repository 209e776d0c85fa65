//! Requests and replies of the control interface, generation v0.
//!
//! One type serves both encodings and both spellings; fields stand in alphabetical order, as published hosts and the
//! interface file write them. Source of every field: the `wasmcloud-control-interface` crate 0.33 `types.rs` (JSON)
//! and `lattice-control-interface.smithy` (MessagePack).

mod ack;
mod artifact;
mod auction;
mod command;
mod config;
mod count;
mod delivery;
mod inventory;
mod items;
pub(crate) mod lenient;
mod link;
mod log;
mod loose;
mod member;
mod metadata;
mod pull;
mod query;
mod registry;

pub use ack::{Ack, RefusalCode};
pub use artifact::{
    ArtifactKind, ArtifactQuery, Artifacts, BYTES_TYPE, BeginUpload, FinishUpload, OFFSET_HEADER, POSITION_HEADER,
    PartQuery, StoredArtifact, UPLOAD_HEADER, UploadBegun,
};
pub use auction::{ActorAuction, ActorBid, BID_HEADER, Bid, Declined, ProviderAuction, ProviderBid};
pub(crate) use command::link_name;
pub use command::{
    Command, FORCE_HEADER, Prefetch, ScaleActor, StartActor, StartProvider, StopActor, StopHost, StopProvider,
    UpdateActor,
};
pub use config::{ConfigValue, ConfigValues};
pub(crate) use count::clamped;
pub use count::{Count, CountError};
pub use delivery::{DeliveryState, LinkDeliveries, LinkDelivery};
pub use inventory::{
    ActorDescription, ActorInstance, Host, HostInventory, ProviderDescription, ProviderProcess, ProviderState,
};
pub use items::Items;
pub use link::{DeleteLink, LinkDefinition, Links};
pub use log::{LogLine, LogLines, LogQuery};
pub use member::{Member, Members};
pub use metadata::{Annotations, Constraints, Labels, LinkValues};
pub use pull::{PULL_HEADER, PullPolicy, UnknownPullPolicy};
pub use query::{Claims, LatticeQuery};
pub use registry::{
    CredentialKind, KnownRegistries, KnownRegistry, LabelChange, MERGE_HEADER, PutRegistries, Registries,
    RegistryCredential,
};

/// Bytes that a control request may have.
///
/// Every published request fits many times, and what is too large within it can still be named; a provider's
/// configuration, up to 500,000 characters, is the exception.
pub const MAX_REQUEST: usize = 2 << 20;
/// Bytes that a request to start a provider may have: 500,000 characters of up to four bytes, and what stands around.
pub const MAX_PROVIDER_REQUEST: usize = 2_500_000;

#[cfg(test)]
mod tests;
