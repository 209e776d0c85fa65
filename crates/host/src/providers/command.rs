//! Commands for capability providers as the host understands them, free of any encoding.

use std::fmt;

use lattice_artifact::{Digest, Reference};
use lattice_protocol::{Annotations, LinkName, ProviderKey, RefusalCode};
use serde::{Deserialize, Serialize};

use crate::actors;

/// Which provider: one process of a host serves it under one link name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct InstanceKey {
    pub(crate) provider: ProviderKey,
    pub(crate) link: LinkName,
}

impl fmt::Display for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} under link name `{}`", self.provider, self.link)
    }
}

/// What is to happen to a provider.
#[derive(Debug)]
pub(crate) enum ProviderCommand {
    /// Start it.
    Start(StartProvider),
    /// Stop it.
    Stop(StopProvider),
}

impl ProviderCommand {
    /// The image that the command names.
    pub(crate) fn reference(&self) -> Option<&Reference> {
        match self {
            ProviderCommand::Start(start) => Some(&start.reference),
            ProviderCommand::Stop(_) => None,
        }
    }
}

/// Start a provider.
#[derive(Clone)]
pub(crate) struct StartProvider {
    pub(crate) reference: Reference,
    /// The content to prefer to what the reference says now; set when what ran before is restored.
    pub(crate) digest: Option<Digest>,
    pub(crate) link: LinkName,
    pub(crate) annotations: Annotations,
    /// Handed over as it is; may hold secrets.
    pub(crate) configuration: Option<String>,
}

impl fmt::Debug for StartProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartProvider")
            .field("reference", &self.reference)
            .field("link", &self.link)
            .field("annotations", &self.annotations)
            .field("configuration", &self.configuration.as_ref().map(String::len))
            .finish_non_exhaustive()
    }
}

/// Stop a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StopProvider {
    pub(crate) key: InstanceKey,
    /// The instance must have at least these.
    pub(crate) annotations: Annotations,
}

/// Why a command is refused before anything is tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("provider {0} is not running on this host")]
    NotRunning(InstanceKey),
    #[error("provider {0} is running on this host with other annotations")]
    NoMatch(InstanceKey),
    // Published hosts say these words, without the key.
    #[error("provider is already running: {0}, stop it first")]
    AlreadyRunning(InstanceKey),
    /// What is refused for actors too.
    #[error(transparent)]
    Host(#[from] actors::Refusal),
}

impl Refusal {
    pub(crate) fn code(&self) -> RefusalCode {
        match self {
            Refusal::NotRunning(_) | Refusal::NoMatch(_) => RefusalCode::NotRunning,
            Refusal::AlreadyRunning(_) => RefusalCode::Conflict,
            Refusal::Host(refusal) => refusal.code(),
        }
    }
}
