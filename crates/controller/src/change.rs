//! [`Change`]: an actor's credentials for a lattice become others, on every instance of the provider or on none.

use std::{sync::Arc, time::SystemTime};

use lattice_protocol::contract::lattice_control::{ErrorCode, SetLatticeCredentials};
use tokio::time::Instant;

use crate::{
    connections::Line,
    credentials::Credentials,
    defaults::{REVERTING, SHARING},
    desk::Desk,
    error::Refusal,
    keychain::State,
    linked::Linked,
};

/// A change of credentials.
pub(crate) struct Change {
    desk: Arc<Desk>,
    linked: Arc<Linked>,
    line: Line,
    deadline: Instant,
}

impl Change {
    pub(crate) fn new(desk: Arc<Desk>, linked: Arc<Linked>, line: Line, deadline: Instant) -> Self {
        Self { desk, linked, line, deadline }
    }

    /// Makes the change: when this returns well, the next call of the actor has these, whichever instance it reaches.
    ///
    /// None at all for the provider's own lattice mean that it is steered over the provider's own connection again.
    pub(crate) async fn to(self, set: SetLatticeCredentials) -> Result<(), Refusal> {
        let credentials = Credentials::read(set, SystemTime::now())?;
        let is_own = self.line.1 == *self.desk.own() && credentials == Credentials::default();
        let nats = match is_own {
            true => None,
            false => Some(self.desk.connections.attempt(&self.line, &credentials, self.deadline).await?),
        };
        let state = if is_own { State::Forgotten } else { State::Set(credentials) };
        // Once begun it is brought to an end, also when whoever asked for it no longer waits: it ends by its own deadlines.
        let carried_out = tokio::spawn(self.carry_out(state, nats));
        carried_out.await.map_err(|_| Refusal::new(ErrorCode::Failed, "changing the credentials failed"))?
    }

    async fn carry_out(self, state: State, nats: Option<async_nats::Client>) -> Result<(), Refusal> {
        let _alone = self.linked.changes.lock().await;
        let (actor, lattice) = &self.line;
        let before = self.desk.keychain.get(actor, lattice).map_or(State::Forgotten, |known| known.state);
        let piece = self.desk.keychain.set(actor, lattice, state, || self.is_linked())?;
        match nats {
            Some(nats) => self.desk.connections.put(&self.line, piece.version(), nats).await,
            None => self.desk.connections.close(|line| *line == self.line),
        }
        // A little before whoever waits is told that it took too long, so that it hears what did.
        let deadline = self.deadline.checked_sub(SHARING).unwrap_or(self.deadline);
        match self.desk.peers.share(&piece.bytes(), deadline).await {
            Ok(()) => Ok(()),
            Err(error) => {
                self.undo(before).await;
                Err(error.into())
            }
        }
    }

    /// Whether the link still stands over which this was asked for.
    fn is_linked(&self) -> bool {
        self.desk.linked(&self.line.0).is_some_and(|linked| Arc::ptr_eq(&linked, &self.linked))
    }

    /// Puts back what there was, here and wherever else it can be told.
    async fn undo(&self, before: State) {
        let (actor, lattice) = &self.line;
        self.desk.connections.close(|line| *line == self.line);
        let Ok(piece) = self.desk.keychain.set(actor, lattice, before, || self.is_linked()) else { return };
        if let Err(error) = self.desk.peers.share(&piece.bytes(), Instant::now() + REVERTING).await {
            tracing::warn!(%actor, %lattice, %error, "that credentials do not count is not known everywhere");
        }
    }
}
