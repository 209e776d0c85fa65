//! Tickets: who may enter, and as whom.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lattice_protocol::DirectAccess;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::frame::VERSION;
use crate::entity::Entity;

/// Characters of a ticket: 122 random bits, as hexadecimal digits.
pub(super) const TICKET: usize = 32;

/// A visitor who is inside, and alone with its ticket.
pub(super) struct Entered {
    pub(super) visitor: Entity,
    /// Comes when the pass is taken back.
    pub(super) ended: CancellationToken,
    _alone: OwnedSemaphorePermit,
}

/// Whose calls come with a ticket, and whether somebody has come.
struct Ticket {
    visitor: Entity,
    ended: CancellationToken,
    alone: Arc<Semaphore>,
}

/// The tickets that are good. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Tickets {
    good: Arc<Mutex<HashMap<String, Ticket>>>,
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").finish_non_exhaustive()
    }
}

impl Tickets {
    pub(super) fn issue(&self, socket: &str, visitor: Entity) -> DirectPass {
        let ticket = Uuid::new_v4().simple().to_string();
        let ended = CancellationToken::new();
        let entry = Ticket { visitor, ended: ended.clone(), alone: Arc::new(Semaphore::new(1)) };
        self.good().insert(ticket.clone(), entry);
        let access = DirectAccess { version: VERSION, socket: socket.to_owned(), ticket };
        DirectPass { access, tickets: self.clone(), _ended: ended.drop_guard() }
    }

    /// Lets somebody in with a ticket that is good, and with which nobody is inside.
    pub(super) fn enter(&self, ticket: &str) -> Option<Entered> {
        let good = self.good();
        let Ticket { visitor, ended, alone } = good.get(ticket)?;
        let alone = Arc::clone(alone).try_acquire_owned().ok()?;
        Some(Entered { visitor: visitor.clone(), ended: ended.clone(), _alone: alone })
    }

    fn good(&self) -> MutexGuard<'_, HashMap<String, Ticket>> {
        self.good.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A ticket for one process of a provider. When this is dropped it is good no more, and who came with it is shown out.
pub struct DirectPass {
    access: DirectAccess,
    tickets: Tickets,
    _ended: DropGuard,
}

impl DirectPass {
    /// What the process is to be told. Secret: whoever knows it calls in the provider's name.
    pub fn access(&self) -> &DirectAccess {
        &self.access
    }
}

impl fmt::Debug for DirectPass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectPass").finish_non_exhaustive()
    }
}

impl Drop for DirectPass {
    fn drop(&mut self) {
        self.tickets.good().remove(&self.access.ticket);
    }
}
