//! What is refused, and how often.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use lattice_claims::{InvocationError, TokenError};

/// Why an invocation is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RefusalKind {
    /// No invocation, or one without a usable host.
    Unreadable,
    /// Its payload is said to be in the object store and cannot be had.
    Chunked,
    /// It announces a larger payload than is taken; nothing was fetched.
    TooLarge,
    /// It is for somebody else.
    WrongTarget,
    /// Not signed, or not by a trusted cluster.
    Forged,
    /// Its claims are no longer, or not yet, valid.
    Expired,
    /// Its claims were made for another origin, operation or payload.
    Tampered,
    /// More calls at once than are worked on.
    Overloaded,
    /// Its sender is not linked with the provider that it calls.
    Unlinked,
    /// Its answer was to go where answers must not go. It gets none.
    ReplySubject,
}

impl RefusalKind {
    /// Every kind, in the order of their declaration.
    pub const ALL: [RefusalKind; 10] = [
        RefusalKind::Unreadable,
        RefusalKind::Chunked,
        RefusalKind::TooLarge,
        RefusalKind::WrongTarget,
        RefusalKind::Forged,
        RefusalKind::Expired,
        RefusalKind::Tampered,
        RefusalKind::Overloaded,
        RefusalKind::Unlinked,
        RefusalKind::ReplySubject,
    ];

    /// The kind's name in headers and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            RefusalKind::Unreadable => "unreadable",
            RefusalKind::Chunked => "chunked",
            RefusalKind::TooLarge => "too-large",
            RefusalKind::WrongTarget => "wrong-target",
            RefusalKind::Forged => "forged",
            RefusalKind::Expired => "expired",
            RefusalKind::Tampered => "tampered",
            RefusalKind::Overloaded => "overloaded",
            RefusalKind::Unlinked => "unlinked",
            RefusalKind::ReplySubject => "reply-subject",
        }
    }

    pub(crate) fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    pub(super) fn of(error: &InvocationError) -> Self {
        match error {
            InvocationError::Token { source: TokenError::Expired { .. } | TokenError::NotYetValid { .. } } => {
                RefusalKind::Expired
            }
            InvocationError::Target { .. } => RefusalKind::WrongTarget,
            InvocationError::Origin { .. } | InvocationError::Hash => RefusalKind::Tampered,
            _ => RefusalKind::Forged,
        }
    }
}

impl fmt::Display for RefusalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Counts refusals by kind.
#[derive(Debug, Default)]
pub struct Refusals {
    counts: [AtomicU64; RefusalKind::ALL.len()],
}

impl Refusals {
    /// How many of this kind there were.
    pub fn count(&self, kind: RefusalKind) -> u64 {
        self.counts[kind as usize].load(Ordering::Relaxed)
    }

    /// How many there were of each kind.
    pub fn snapshot(&self) -> [(RefusalKind, u64); RefusalKind::ALL.len()] {
        RefusalKind::ALL.map(|kind| (kind, self.count(kind)))
    }

    pub(crate) fn add(&self, kind: RefusalKind) {
        self.counts[kind as usize].fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_counted_apart() {
        let refusals = Refusals::default();
        for (times, kind) in RefusalKind::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| refusals.add(kind));
        }
        for (times, (kind, count)) in refusals.snapshot().into_iter().enumerate() {
            assert_eq!((kind, count), (RefusalKind::ALL[times], times as u64));
        }
    }

    #[test]
    fn kinds_are_read_back_from_their_names() {
        for kind in RefusalKind::ALL {
            assert_eq!(RefusalKind::from_text(&kind.to_string()), Some(kind));
        }
        assert_eq!(RefusalKind::from_text("nonsense"), None);
    }
}
