//! `wasmcloud:latticecontrol`: the contract by which actors steer lattices.
//!
//! Its messages are MessagePack maps with camelCase keys ([`Format::MESSAGE_PACK`](crate::Format::MESSAGE_PACK)).
//! Most of its commands are those of the control interface ([`StartActor`](crate::StartActor),
//! [`ScaleActor`](crate::ScaleActor), …) with the lattice always named; what it adds is here. Its results hold fewer keys
//! than those of the control interface and are types of their own, made from them.
//! Source: `wasmcloud-interface-lattice-control` 0.20 `control.rs`.

mod code;
mod result;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    control::{LinkDefinition, RegistryCredential, lenient::empty_as_none},
    id::{HostKey, LatticeName},
};

pub use code::ErrorCode;
pub use result::{
    ActorAuctionAck, ActorDescription, ActorInstance, CtlOperationAck, Gathering, GetClaimsResponse, Host,
    HostInventory, ProviderAuctionAck, ProviderDescription, Shortfall,
};

/// The contract's id.
pub const CONTRACT_ID: &str = "wasmcloud:latticecontrol";

operations! {
    "LatticeController";
    /// [`ProviderAuction`](crate::ProviderAuction) to a list of [`ProviderAuctionAck`].
    AuctionProvider,
    /// [`ActorAuction`](crate::ActorAuction) to a list of [`ActorAuctionAck`].
    AuctionActor,
    /// A bare lattice name to a list of [`Host`].
    GetHosts,
    /// [`GetHostInventory`] to [`HostInventory`].
    GetHostInventory,
    /// A bare lattice name to [`GetClaimsResponse`].
    GetClaims,
    /// [`ScaleActor`](crate::ScaleActor) to [`CtlOperationAck`].
    ScaleActor,
    /// [`StartActor`](crate::StartActor) to [`CtlOperationAck`].
    StartActor,
    /// [`AdvertiseLink`] to [`CtlOperationAck`].
    AdvertiseLink,
    /// [`DeleteLink`](crate::DeleteLink) to [`CtlOperationAck`].
    RemoveLink,
    /// A bare lattice name to [`Links`](crate::Links).
    GetLinks,
    /// [`UpdateActor`](crate::UpdateActor) to [`CtlOperationAck`].
    UpdateActor,
    /// [`StartProvider`](crate::StartProvider) to [`CtlOperationAck`].
    StartProvider,
    /// [`StopProvider`](crate::StopProvider) to [`CtlOperationAck`].
    StopProvider,
    /// [`StopActor`](crate::StopActor) to [`CtlOperationAck`].
    StopActor,
    /// [`StopHost`](crate::StopHost) to [`CtlOperationAck`].
    StopHost,
    /// [`SetLatticeCredentials`] to [`CtlOperationAck`].
    SetLatticeCredentials,
    /// [`SetRegistryCredentials`] to nothing, zero bytes.
    SetRegistryCredentials,
}

/// Asks for what runs on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetHostInventory {
    /// The host.
    #[serde(alias = "hostId")]
    pub host_id: HostKey,
    /// The lattice.
    #[serde(alias = "latticeId")]
    pub lattice_id: LatticeName,
}

/// Sets a link in a lattice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvertiseLink {
    /// The lattice.
    #[serde(alias = "latticeId")]
    pub lattice_id: LatticeName,
    /// The link, its keys in snake_case.
    pub link: LinkDefinition,
}

/// Sets the credentials with which a lattice is steered from now on.
///
/// Actors in TinyGo send an empty text for what they leave out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetLatticeCredentials {
    /// The JetStream domain.
    #[serde(default, alias = "jsDomain", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub js_domain: Option<String>,
    /// The lattice.
    #[serde(alias = "latticeId")]
    pub lattice_id: LatticeName,
    /// Where its NATS is.
    #[serde(default, alias = "natsUrl", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub nats_url: Option<String>,
    /// The user's JWT, together with the seed or not at all.
    #[serde(default, alias = "userJwt", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub user_jwt: Option<String>,
    /// The user's seed, secret.
    #[serde(default, alias = "userSeed", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub user_seed: Option<String>,
}

impl std::fmt::Debug for SetLatticeCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetLatticeCredentials").field("lattice_id", &self.lattice_id).finish_non_exhaustive()
    }
}

/// Sets credentials for registries in a lattice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetRegistryCredentials {
    /// Credentials by registry host. Actors of wasmCloud 0.82 write a list of pairs, which is read too.
    #[serde(default, deserialize_with = "map_or_pairs", skip_serializing_if = "Option::is_none")]
    pub credentials: Option<BTreeMap<String, RegistryCredential>>,
    /// The lattice.
    #[serde(alias = "latticeId")]
    pub lattice_id: LatticeName,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Credentials {
    Map(BTreeMap<String, RegistryCredential>),
    Pairs(Vec<(String, RegistryCredential)>),
}

/// Source of the pairs: wasmCloud 0.82 `crates/providers/lattice-controller/wit/deps/lattice-control/lattice-control.wit`.
fn map_or_pairs<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<BTreeMap<String, RegistryCredential>>, D::Error> {
    Ok(Option::deserialize(deserializer)?.map(|credentials| match credentials {
        Credentials::Map(map) => map,
        Credentials::Pairs(pairs) => pairs.into_iter().collect(),
    }))
}

#[cfg(test)]
mod tests;
