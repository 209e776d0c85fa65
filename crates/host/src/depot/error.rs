//! Why an artifact was not taken, stored, handed out or removed, and what clients are told of it.

use lattice_artifact::{CheckError, Digest, ObjectError, ObjectReference, Stored};
use lattice_protocol::{Ack, RefusalCode, error_chain};

use crate::defaults::{MAX_UPLOAD, UPLOAD_IDLE, UPLOAD_LONGEST};

/// Why something could not be done with the lattice's artifacts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DepotError {
    /// Nothing is sent, or more than is taken.
    #[error("an artifact has from 1 to {MAX_UPLOAD} bytes, and not {size}")]
    Size { size: u64 },
    /// The host takes as many uploads as it can.
    #[error("the host takes as much as it can hold at once, try again")]
    Full,
    /// The upload ended, was given up, or never was.
    #[error(
        "there is no upload `{upload}` here; one that nothing is heard of for {UPLOAD_IDLE:?} is given up, and any after \
         {UPLOAD_LONGEST:?}"
    )]
    NoUpload { upload: String },
    /// A part that does not fit where it says that it belongs.
    #[error("a part of {length} bytes does not belong at byte {offset} of {size}, in parts of {chunk}")]
    Part { offset: u64, length: usize, size: usize, chunk: usize },
    /// Parts are missing.
    #[error("{missing} of the {parts} parts have not arrived")]
    Incomplete { missing: usize, parts: usize },
    /// The upload began with another reference.
    #[error("the upload is not one of `{reference}`")]
    OtherReference { reference: String },
    /// What arrived is not what was announced.
    #[error("what arrived has the digest {found}, and {announced} was announced")]
    Digest { announced: Digest, found: Digest },
    /// It is not sound.
    #[error("it is not stored")]
    Unsound(#[from] CheckError),
    /// The store says no.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The host is stopping.
    #[error("the host is stopping")]
    Stopping,
}

impl DepotError {
    /// That another artifact lies under the name.
    pub(super) fn taken(reference: &ObjectReference, stored: &Stored) -> Self {
        let reference = reference.to_string();
        match stored.digest {
            Some(digest) => ObjectError::Taken { reference, digest }.into(),
            None => ObjectError::Damaged { reference, reason: "it has no digest" }.into(),
        }
    }

    /// What clients are told.
    pub(crate) fn refusal(&self) -> Ack {
        Ack::refused(error_chain(self)).with_code(self.code())
    }

    fn code(&self) -> RefusalCode {
        match self {
            DepotError::Full => RefusalCode::Full,
            DepotError::NoUpload { .. } => RefusalCode::NotFound,
            DepotError::Unsound(CheckError::Unsigned | CheckError::Untrusted(_)) => RefusalCode::NotAllowed,
            DepotError::Stopping => RefusalCode::Stopping,
            DepotError::Object(error) => code_of(error),
            _ => RefusalCode::Invalid,
        }
    }
}

fn code_of(error: &ObjectError) -> RefusalCode {
    match error {
        ObjectError::Missing { .. } => RefusalCode::NotFound,
        ObjectError::Taken { .. } | ObjectError::Overtaken { .. } | ObjectError::Changed { .. } => {
            RefusalCode::Conflict
        }
        ObjectError::TooLarge { .. } => RefusalCode::Invalid,
        _ => RefusalCode::Unavailable,
    }
}
