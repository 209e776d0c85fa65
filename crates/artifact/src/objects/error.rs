//! Why something could not be done with the lattice's own artifacts.

use crate::digest::Digest;

/// Why an artifact of the lattice could not be found, read, stored or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// Nothing lies under the name.
    #[error("there is no `{reference}` in the lattice; `lattice get artifacts` shows what there is")]
    Missing {
        /// The reference.
        reference: String,
    },
    /// Other bytes lie under the name.
    #[error(
        "`{reference}` is taken by another artifact, {digest}; use another name or tag, or force it to be replaced"
    )]
    Taken {
        /// The reference.
        reference: String,
        /// The digest of what lies there.
        digest: Digest,
    },
    /// Others changed the same at the same time, again and again.
    #[error("`{reference}` is being changed by others at the same time; try again")]
    Overtaken {
        /// The reference.
        reference: String,
    },
    /// It was replaced or removed while it was read.
    #[error("`{reference}` was replaced or removed while it was read; try again")]
    Changed {
        /// The reference.
        reference: String,
    },
    /// What is stored is not what was put there.
    #[error("`{reference}` is damaged in the lattice's store: {reason}; push it again and force it to be replaced")]
    Damaged {
        /// The reference.
        reference: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// More bytes than are fetched.
    #[error("`{reference}` has {size} bytes, at most {max} are fetched")]
    TooLarge {
        /// The reference.
        reference: String,
        /// Its bytes.
        size: u64,
        /// The bytes allowed.
        max: u64,
    },
    /// JetStream does not answer, which it does not either to who may not ask.
    #[error("cannot {attempt} the object store bucket `{bucket}`: no answer in time, or this account may not do that")]
    NoAnswer {
        /// The bucket.
        bucket: String,
        /// What was attempted with it.
        attempt: &'static str,
    },
    /// JetStream or the connection says no.
    #[error("cannot {attempt} the object store bucket `{bucket}`")]
    Failed {
        /// The bucket.
        bucket: String,
        /// What was attempted with it.
        attempt: &'static str,
        /// In their words.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
