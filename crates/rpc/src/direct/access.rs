//! Tickets: who may enter, and as whom.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lattice_protocol::{DirectAccess, LinkName, ProviderKey};
use uuid::Uuid;

/// Characters of a ticket: 122 random bits, as hexadecimal digits.
pub(super) const TICKET: usize = 32;

/// Whose calls come through a connection.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) key: ProviderKey,
    pub(super) link: LinkName,
}

/// The tickets that are good. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Tickets {
    good: Arc<Mutex<HashMap<String, Visitor>>>,
}

impl Tickets {
    pub(super) fn issue(&self, socket: &str, visitor: Visitor) -> DirectPass {
        let ticket = Uuid::new_v4().simple().to_string();
        self.good().insert(ticket.clone(), visitor);
        let access = DirectAccess { socket: socket.to_owned(), ticket };
        DirectPass { access, tickets: self.clone() }
    }

    pub(super) fn visitor(&self, ticket: &str) -> Option<Visitor> {
        self.good().get(ticket).cloned()
    }

    fn good(&self) -> MutexGuard<'_, HashMap<String, Visitor>> {
        self.good.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A ticket for one process of a provider, which is good until this is dropped.
pub struct DirectPass {
    access: DirectAccess,
    tickets: Tickets,
}

impl DirectPass {
    /// What the process is to be told. Secret: whoever knows it calls in the provider's name.
    pub fn access(&self) -> &DirectAccess {
        &self.access
    }
}

impl std::fmt::Debug for DirectPass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DirectPass").finish_non_exhaustive()
    }
}

impl Drop for DirectPass {
    fn drop(&mut self) {
        self.tickets.good().remove(&self.access.ticket);
    }
}
