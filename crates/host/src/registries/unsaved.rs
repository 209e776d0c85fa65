//! Changes that took effect here, and of which it is not known that the bucket holds them. They stay in effect whatever the
//! bucket shows meanwhile, until it shows them too.

use std::sync::Arc;

use lattice_protocol::OperationId;

use super::{
    book::{Book, TooManyRegistries},
    change::{Change, ChangeId},
};
use crate::defaults::REMEMBERED_REGISTRY_CHANGES;

/// The changes, in the order in which they came.
#[derive(Clone, Default)]
pub(super) struct Unsaved(Vec<Pending>);

/// One of them.
#[derive(Clone)]
struct Pending {
    change: Arc<Change>,
    id: ChangeId,
    operation: OperationId,
    /// Where it stands after this number of the bucket's book, somebody else has carried it out.
    since: u64,
}

impl Unsaved {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one that is not in the bucket's book before this number.
    pub(super) fn add(&mut self, change: Arc<Change>, (id, operation): (ChangeId, OperationId), since: u64) {
        self.0.push(Pending { change, id, operation, since });
        if self.0.len() > REMEMBERED_REGISTRY_CHANGES {
            // The oldest two become one.
            let oldest = self.0.remove(0);
            let next = &mut self.0[0];
            next.change = Arc::new(oldest.change.then(&next.change));
        }
    }

    /// The operation of the latest.
    pub(super) fn operation(&self) -> Option<&OperationId> {
        self.0.last().map(|pending| &pending.operation)
    }

    /// Whether nothing of what is kept matters any more, unless it was written for one of them.
    pub(super) fn replaces(&self, written_for: Option<&OperationId>) -> bool {
        let mut replacing = self.0.iter().filter(|pending| !pending.change.is_merge).peekable();
        replacing.peek().is_some() && replacing.all(|pending| Some(&pending.operation) != written_for)
    }

    /// A book with those that it lacks; none if it has all.
    pub(super) fn over(&self, book: &Book) -> Result<Option<Book>, TooManyRegistries> {
        let mut lacking = self.0.iter().filter(|pending| !pending.is_in(book)).peekable();
        if lacking.peek().is_none() {
            return Ok(None);
        }
        lacking.try_fold(book.clone(), |book, pending| book.with(&pending.change, &pending.id)).map(Some)
    }

    /// Forgets those that are in the bucket's book, and those for which that has no room, and returns the book with the others.
    pub(super) fn settle(&mut self, stored: &Book) -> Book {
        self.0.retain(|pending| !pending.is_in(stored));
        let mut book = stored.clone();
        self.0.retain(|pending| match book.with(&pending.change, &pending.id) {
            Ok(next) => {
                book = next;
                true
            }
            Err(error) => {
                let operation = pending.operation.as_str();
                tracing::warn!(operation, %error, "credentials that were set here are given up, others left no room");
                false
            }
        });
        book
    }
}

impl Pending {
    fn is_in(&self, book: &Book) -> bool {
        book.applied_at(&self.id, self.since).is_some()
    }
}
