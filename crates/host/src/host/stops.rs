//! Commands to stop the host: each is an operation that ends with the host.

use std::sync::{Arc, Mutex};

use crate::operations::Operation;

/// The operations of accepted stop commands, until the host has stopped; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stops {
    operations: Arc<Mutex<Vec<Operation>>>,
}

impl Stops {
    pub(crate) fn add(&self, operation: Operation) {
        self.lock().push(operation);
    }

    /// All of them, in the order in which they were accepted.
    pub(super) fn take(&self) -> Vec<Operation> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Operation>> {
        self.operations.lock().expect("nothing panics while it holds the list")
    }
}
