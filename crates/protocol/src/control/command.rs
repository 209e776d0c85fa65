//! Commands to one host.

use serde::{Deserialize, Serialize};

use super::{
    Annotations, Count, MAX_PROVIDER_REQUEST, MAX_REQUEST,
    lenient::{empty_as_none, nil_as_default},
};
use crate::{
    id::{ActorKey, ContractId, HostKey, LatticeName, LinkName, ProviderKey},
    subject::CommandVerb,
};

/// The header that makes a host do what it would refuse to spare the user a mistake: `true` in an update takes an older
/// revision, in a link it replaces the link of another provider, in an upload the artifact that lies there.
pub const FORCE_HEADER: &str = "Lattice-Force";

/// What all commands have in common.
pub trait Command: Serialize + serde::de::DeserializeOwned + Send + 'static {
    /// The command's place in the subject.
    const VERB: CommandVerb;
    /// The command's name in error texts, as wasmCloud 0.82 words them.
    const NAME: &'static str;
    /// Bytes that its body may have.
    const MAX_SIZE: usize = MAX_REQUEST;

    /// The lattice that the body names, if it names one.
    fn lattice_id(&self) -> Option<&LatticeName>;
}

macro_rules! command {
    ($type:ty, $verb:expr, $name:literal $(, $size:expr)?) => {
        impl Command for $type {
            const VERB: CommandVerb = $verb;
            const NAME: &'static str = $name;
            $(const MAX_SIZE: usize = $size;)?

            fn lattice_id(&self) -> Option<&LatticeName> {
                self.lattice_id.as_ref()
            }
        }
    };
}

/// Start instances of an actor; they add to what runs already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartActor {
    /// The image to start.
    #[serde(alias = "actorRef")]
    pub actor_ref: String,
    /// What to note on the instances; also their identity among instances of the same actor.
    #[serde(default, deserialize_with = "nil_as_default", skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// How many instances to add; 0 means 1.
    #[serde(default)]
    pub count: Count,
    /// The host, repeated from the subject.
    #[serde(default, alias = "hostId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub host_id: Option<HostKey>,
    /// The lattice, repeated from the subject.
    #[serde(default, alias = "latticeId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub lattice_id: Option<LatticeName>,
}
command!(StartActor, CommandVerb::StartActor, "actor start command");

/// Set how many instances of an actor run with exactly these annotations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScaleActor {
    /// The actor, if the sender knows its key; must be the key of what `actor_ref` resolves to.
    #[serde(default, alias = "actorId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<ActorKey>,
    /// The image; may be empty for an actor that runs already.
    #[serde(default, alias = "actorRef", deserialize_with = "nil_as_default")]
    pub actor_ref: String,
    /// The annotations of the instances that are meant.
    #[serde(default, deserialize_with = "nil_as_default", skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// How many instances shall run; 0 means none.
    #[serde(alias = "max_instances", alias = "maxInstances", alias = "max_concurrent", alias = "maxConcurrent")]
    pub count: Count,
    /// The host, repeated from the subject.
    #[serde(default, alias = "hostId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub host_id: Option<HostKey>,
    /// The lattice, repeated from the subject.
    #[serde(default, alias = "latticeId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub lattice_id: Option<LatticeName>,
}
command!(ScaleActor, CommandVerb::ScaleActor, "actor scale command");

/// Stop instances of an actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopActor {
    /// The actor's key. The published JSON calls it `actor_ref`, the interface file `actorId`.
    #[serde(rename = "actor_ref", alias = "actorRef", alias = "actor_id", alias = "actorId")]
    pub actor_id: ActorKey,
    /// Annotations that instances must have to be meant; none means all instances.
    #[serde(default, deserialize_with = "nil_as_default", skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// How many instances to stop; 0 means all that are meant.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub count: Count,
    /// The host, repeated from the subject.
    #[serde(default, alias = "hostId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub host_id: Option<HostKey>,
    /// The lattice, repeated from the subject.
    #[serde(default, alias = "latticeId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub lattice_id: Option<LatticeName>,
}
command!(StopActor, CommandVerb::StopActor, "actor stop command");

/// Replace a running actor by another image of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateActor {
    /// The actor that runs.
    #[serde(alias = "actorId")]
    pub actor_id: ActorKey,
    /// The annotations of the instances that are meant.
    #[serde(default, deserialize_with = "nil_as_default", skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// The host, repeated from the subject.
    #[serde(default, alias = "hostId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub host_id: Option<HostKey>,
    /// The lattice, repeated from the subject.
    #[serde(default, alias = "latticeId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub lattice_id: Option<LatticeName>,
    /// The image that takes over.
    #[serde(alias = "newActorRef")]
    pub new_actor_ref: String,
}
command!(UpdateActor, CommandVerb::UpdateActor, "actor update command");

/// Start a capability provider.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartProvider {
    /// What to note on the instance.
    #[serde(default, deserialize_with = "nil_as_default", skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// Handed to the provider as it is, absent when empty; may hold secrets.
    #[serde(default, deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
    /// The host, repeated from the subject.
    #[serde(default, alias = "hostId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub host_id: Option<HostKey>,
    /// The lattice, repeated from the subject.
    #[serde(default, alias = "latticeId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub lattice_id: Option<LatticeName>,
    /// The link name under which it serves; `default` when absent or empty.
    #[serde(default, alias = "linkName", deserialize_with = "link_name")]
    pub link_name: LinkName,
    /// The image to start.
    #[serde(alias = "providerRef")]
    pub provider_ref: String,
}
command!(StartProvider, CommandVerb::StartProvider, "provider launch command", MAX_PROVIDER_REQUEST);

impl std::fmt::Debug for StartProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StartProvider")
            .field("provider_ref", &self.provider_ref)
            .field("link_name", &self.link_name)
            .field("annotations", &self.annotations)
            .field("host_id", &self.host_id)
            .field("configuration", &self.configuration.as_ref().map(|text| format!("{} bytes", text.len())))
            .finish_non_exhaustive()
    }
}

/// Stop a capability provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopProvider {
    /// Annotations that the instance must have to be meant.
    #[serde(default, deserialize_with = "nil_as_default", skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// The contract it serves; hosts do not need it.
    #[serde(
        default,
        alias = "contractId",
        deserialize_with = "empty_as_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub contract_id: Option<ContractId>,
    /// The host, repeated from the subject.
    #[serde(default, alias = "hostId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub host_id: Option<HostKey>,
    /// The lattice, repeated from the subject.
    #[serde(default, alias = "latticeId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub lattice_id: Option<LatticeName>,
    /// The link name under which it serves.
    #[serde(default, alias = "linkName", deserialize_with = "link_name")]
    pub link_name: LinkName,
    /// The provider's key. The published JSON calls it `provider_ref`, the interface file `providerId`.
    #[serde(rename = "provider_ref", alias = "providerRef", alias = "provider_id", alias = "providerId")]
    pub provider_id: ProviderKey,
}
command!(StopProvider, CommandVerb::StopProvider, "provider stop command");

/// Stop the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopHost {
    /// The host, repeated from the subject.
    #[serde(default, alias = "hostId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub host_id: Option<HostKey>,
    /// The lattice, repeated from the subject.
    #[serde(default, alias = "latticeId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub lattice_id: Option<LatticeName>,
    /// Seconds that running calls may take to end. Published clients mean milliseconds, so hosts cap it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
}
command!(StopHost, CommandVerb::StopHost, "stop command");

/// Reads a link name; nil and the empty string are `default`.
pub(crate) fn link_name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<LinkName, D::Error> {
    Ok(empty_as_none(deserializer)?.unwrap_or_default())
}

/// Have an image in a host's cache, checked and compiled, before anything starts from it. Of this project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prefetch {
    /// The host, repeated from the subject.
    #[serde(default, alias = "hostId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub host_id: Option<HostKey>,
    /// The image of an actor or a provider.
    #[serde(alias = "imageRef")]
    pub image_ref: String,
    /// The lattice, repeated from the subject.
    #[serde(default, alias = "latticeId", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub lattice_id: Option<LatticeName>,
}
command!(Prefetch, CommandVerb::Prefetch, "prefetch command");
