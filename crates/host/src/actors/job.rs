//! What the worker of one actor is given to do, and why it can fail.

use lattice_artifact::{Artifact, FetchError, Reference};
use lattice_protocol::{ActorKey, Annotations, RefusalCode};
use lattice_rpc::ServeError;
use lattice_runtime::{ActorError, CallError, CompileError};

use super::{
    capacity::{Place, Room},
    command::{Refusal, Stop, Update},
    groups::Image,
};
use crate::operations::Operation;

/// A command that was taken on.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// Its place in the host's order.
    pub(crate) number: u64,
    pub(crate) operation: Operation,
    pub(crate) reservation: Reservation,
}

impl Ticket {
    /// Room for so many instances, of what was reserved or else of what the host has.
    pub(super) fn room_for(&mut self, instances: u16) -> Result<Room, JobError> {
        Ok(self.reservation.room.part(instances.into())?)
    }

    /// The operation, to be ended. What is reserved goes back before: whoever waits for the end may count on it.
    pub(super) fn end(self) -> Operation {
        self.operation
    }
}

/// What is kept for a command until it has ended.
#[derive(Debug)]
pub(crate) struct Reservation {
    pub(super) room: Room,
    pub(super) _place: Place,
}

/// A command for one actor.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) ticket: Ticket,
    pub(crate) work: Work,
}

/// What a job is.
#[derive(Debug)]
pub(crate) enum Work {
    /// Add instances of a fetched image.
    Start(Addition),
    /// Set the number of instances.
    Scale(Wanted),
    /// Stop instances.
    Stop(Stop),
    /// Have instances run another image.
    Update(Replacement),
}

impl Work {
    /// Whether nothing is to run when it is done.
    pub(super) fn stops(&self) -> bool {
        match self {
            Work::Stop(_) => true,
            Work::Scale(wanted) => wanted.count == 0,
            Work::Start(_) | Work::Update(_) => false,
        }
    }

    /// The image that it names.
    pub(super) fn reference(&self) -> Option<&Reference> {
        match self {
            Work::Start(addition) => Some(&addition.artifact.reference),
            Work::Scale(wanted) => wanted.reference.as_ref(),
            Work::Update(replacement) => Some(&replacement.image.reference),
            Work::Stop(_) => None,
        }
    }

    /// The annotations that it names.
    pub(super) fn annotations(&self) -> &Annotations {
        match self {
            Work::Start(addition) => &addition.annotations,
            Work::Scale(wanted) => &wanted.annotations,
            Work::Update(replacement) => &replacement.update.annotations,
            Work::Stop(stop) => &stop.annotations,
        }
    }
}

/// Instances to add.
#[derive(Debug)]
pub(crate) struct Addition {
    pub(crate) artifact: Artifact,
    pub(crate) annotations: Annotations,
    pub(crate) count: u16,
}

/// The number of instances that is wanted.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// The image, if it was fetched.
    pub(crate) artifact: Option<Artifact>,
    /// Where the image is, to be fetched when it is needed.
    pub(crate) reference: Option<Reference>,
    pub(crate) annotations: Annotations,
    pub(crate) count: u16,
}

/// An update whose image is ready.
#[derive(Debug)]
pub(crate) struct Replacement {
    pub(crate) update: Update,
    pub(crate) image: Image,
}

/// Why a command for an actor failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    #[error("cannot fetch `{reference}`")]
    Fetch { reference: String, source: FetchError },
    #[error("cannot compile `{reference}`")]
    Compile { reference: String, source: CompileError },
    #[error("cannot run `{reference}`")]
    Run { reference: String, source: ActorError },
    #[error("cannot serve calls of actor {actor}")]
    Serve { actor: ActorKey, source: ServeError },
    #[error(
        "actor {actor} is running on this host with these annotations from another image, `{running}`; update it to \
         `{wanted}`, stop it first, or start that with other annotations"
    )]
    OtherImage { actor: ActorKey, running: String, wanted: String },
    #[error("{running} instances run with these annotations and {added} more are beyond the limit of 65535")]
    TooManyInstances { running: u16, added: u16 },
    #[error("`{reference}` is actor {found}, not {expected}")]
    OtherActor { reference: String, expected: ActorKey, found: ActorKey },
    #[error("actor {actor} does not run with these annotations, and no reference says what to start")]
    NothingToStart { actor: ActorKey },
    #[error("cannot make an instance of `{reference}`")]
    Instantiate { reference: String, source: CallError },
    #[error(
        "`{reference}` is revision {revision}, and revision {running_revision} runs from `{running}`; an update goes back \
         only when it is forced"
    )]
    OlderRevision { reference: String, revision: i32, running: String, running_revision: i32 },
    // What could have been told at once, had it been known by then.
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("a later command for the same actor was carried out first and cancels this one")]
    Superseded,
}

impl JobError {
    /// Fails if the artifact is not this actor's.
    pub(super) fn require_actor(artifact: &Artifact, expected: &ActorKey) -> Result<(), Self> {
        let found = &artifact.identity.key;
        if found == expected {
            return Ok(());
        }
        let (expected, found) = (expected.clone(), found.clone());
        Err(JobError::OtherActor { reference: artifact.reference.to_string(), expected, found })
    }

    /// Whether the same command could succeed after another one for the same actor.
    pub(super) fn depends_on_what_runs(&self) -> bool {
        match self {
            JobError::OtherImage { .. }
            | JobError::TooManyInstances { .. }
            | JobError::NothingToStart { .. }
            | JobError::OlderRevision { .. } => true,
            JobError::Refused(refusal) => {
                matches!(refusal, Refusal::ActorNotFound | Refusal::InstanceNotFound)
            }
            _ => false,
        }
    }

    /// What kind of failure it is, where there is a word for it.
    pub(super) fn code(&self) -> Option<RefusalCode> {
        match self {
            JobError::OtherImage { .. }
            | JobError::OtherActor { .. }
            | JobError::OlderRevision { .. }
            | JobError::Superseded => Some(RefusalCode::Conflict),
            JobError::NothingToStart { .. } => Some(RefusalCode::NotRunning),
            JobError::TooManyInstances { .. } => Some(RefusalCode::Full),
            JobError::Refused(refusal) => Some(refusal.code()),
            _ => None,
        }
    }
}
