//! What the worker of one actor is given to do, and why it can fail.

use lattice_artifact::{Artifact, FetchError, Reference};
use lattice_protocol::{ActorKey, Annotations};
use lattice_rpc::ServeError;
use lattice_runtime::{ActorError, CompileError};

use super::{
    capacity::{Place, Room},
    command::{Refusal, Stop},
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
    /// This command and all whose actor is still unknown were taken on at this number or later.
    pub(crate) horizon: u64,
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
    /// The image, if it was fetched to learn whose it is.
    pub(crate) artifact: Option<Artifact>,
    /// Where the image is, to be fetched when it is needed.
    pub(crate) reference: Option<Reference>,
    pub(crate) annotations: Annotations,
    pub(crate) count: u16,
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
        "actor {actor} is running on this host with these annotations from another image, `{running}`; stop it first, or \
         start `{wanted}` with other annotations"
    )]
    OtherImage { actor: ActorKey, running: String, wanted: String },
    #[error("{running} instances run with these annotations and {added} more are beyond the limit of 65535")]
    TooManyInstances { running: u16, added: u16 },
    #[error("`{reference}` is actor {found}, not {expected}")]
    OtherActor { reference: String, expected: ActorKey, found: ActorKey },
    #[error("actor {actor} does not run with these annotations, and no reference says what to start")]
    NothingToStart { actor: ActorKey },
    #[error(transparent)]
    NoRoom(#[from] Refusal),
    #[error("a later command for the same actor was carried out first and cancels this one")]
    Superseded,
}
