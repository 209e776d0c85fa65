//! Commands for actors as the host understands them, free of any encoding.

use lattice_artifact::{Digest, Reference};
use lattice_protocol::{ActorKey, Annotations, RefusalCode};

use crate::auction::StaleBid;

/// What is to happen to an actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ActorCommand {
    /// Add instances.
    Start(Start),
    /// Set the number of instances with exactly these annotations.
    Scale(Scale),
    /// Stop instances.
    Stop(Stop),
    /// Have instances run another image of the same actor.
    Update(Update),
}

impl ActorCommand {
    /// The image that the command names.
    pub(crate) fn reference(&self) -> Option<&Reference> {
        match self {
            ActorCommand::Start(start) => Some(&start.reference),
            ActorCommand::Scale(Scale { target: ScaleTarget::Image(reference), .. }) => Some(reference),
            ActorCommand::Scale(Scale { target: ScaleTarget::Both(_, reference), .. }) => Some(reference),
            ActorCommand::Update(update) => Some(&update.reference),
            ActorCommand::Scale(_) | ActorCommand::Stop(_) => None,
        }
    }
}

/// Add instances of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) reference: Reference,
    /// The content to prefer to what the reference says now; set when what ran before is restored.
    pub(crate) digest: Option<Digest>,
    pub(crate) annotations: Annotations,
    /// How many; at least 1.
    pub(crate) count: u16,
    /// The token of the bid that it follows.
    pub(crate) bid: Option<String>,
}

/// Set the number of instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scale {
    pub(crate) target: ScaleTarget,
    pub(crate) annotations: Annotations,
    pub(crate) count: u16,
}

/// Which actor is to be scaled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ScaleTarget {
    /// One that runs.
    Running(ActorKey),
    /// Whatever the reference resolves to.
    Image(Reference),
    /// The reference, which must resolve to the key.
    Both(ActorKey, Reference),
}

/// Stop instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    pub(crate) actor: ActorKey,
    /// Instances are meant that have at least these.
    pub(crate) annotations: Annotations,
    /// How many; 0 means all that are meant.
    pub(crate) count: u16,
}

/// Have instances run another image of the same actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Update {
    pub(crate) actor: ActorKey,
    pub(crate) reference: Reference,
    /// Instances are meant that have at least these.
    pub(crate) annotations: Annotations,
    /// Whether a lower revision than the one that runs is taken.
    pub(crate) force: bool,
}

/// Why a command is refused before anything is tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    // The first four texts are those of wasmCloud 0.82.
    #[error("actor is not running on this host")]
    NotRunning,
    #[error("no actors with matching annotations found to stop")]
    NoMatch,
    #[error("actor not found")]
    ActorNotFound,
    #[error("actor instance with matching annotations not found")]
    InstanceNotFound,
    #[error("actor {actor} is not running on this host with these annotations, and no reference says what to start")]
    NothingToStart { actor: ActorKey },
    #[error("`{reference}` runs on this host as actor {found}, it is not {expected}")]
    OtherActor { reference: String, expected: ActorKey, found: ActorKey },
    #[error("{unfinished} commands are unfinished, the host takes no more until some are done")]
    TooMany { unfinished: usize },
    #[error("the host may run {limit} instances, {taken} run or are about to, and there is no room for {wanted} more")]
    Full { limit: u32, taken: u64, wanted: u32 },
    #[error(transparent)]
    BidStale(#[from] StaleBid),
    #[error("the host is stopping and takes no more commands")]
    Stopping,
}

impl Refusal {
    pub(crate) fn code(&self) -> RefusalCode {
        match self {
            Refusal::NotRunning
            | Refusal::NoMatch
            | Refusal::ActorNotFound
            | Refusal::InstanceNotFound
            | Refusal::NothingToStart { .. } => RefusalCode::NotRunning,
            Refusal::OtherActor { .. } => RefusalCode::Conflict,
            Refusal::TooMany { .. } | Refusal::Full { .. } => RefusalCode::Full,
            Refusal::BidStale(_) => RefusalCode::BidStale,
            Refusal::Stopping => RefusalCode::Stopping,
        }
    }
}
