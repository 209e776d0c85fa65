//! [`Change`]: an actor's credentials for a lattice become others, on every instance of the provider or on none.

use std::{sync::Arc, time::SystemTime};

use async_nats::Client;
use lattice_protocol::contract::lattice_control::ErrorCode;
use tokio::{
    sync::{OwnedMutexGuard, oneshot},
    time::{Instant, timeout_at},
};

use crate::{
    connections::Line,
    credentials::{Credentials, Given},
    defaults::REVERTING,
    desk::Desk,
    error::Refusal,
    keychain::{Piece, State},
    linked::Linked,
};

/// A change of credentials.
pub(crate) struct Change {
    desk: Arc<Desk>,
    linked: Arc<Linked>,
    line: Line,
    /// When its outcome is to be known.
    deadline: Instant,
}

impl Change {
    pub(crate) fn new(desk: Arc<Desk>, linked: Arc<Linked>, line: Line, deadline: Instant) -> Self {
        Self { desk, linked, line, deadline }
    }

    /// Makes the change: when this returns well, the next call of the actor has these, whichever instance it reaches.
    ///
    /// None at all for the provider's own lattice mean that it is steered over the provider's own connection again. An actor
    /// changes one at a time: until one is undone that failed, the next waits.
    pub(crate) async fn to(self, given: Given) -> Result<(), Refusal> {
        let credentials = Credentials::read(given, SystemTime::now())?;
        let alone = timeout_at(self.deadline, Arc::clone(&self.linked.changes).lock_owned());
        let alone =
            alone.await.map_err(|_| Refusal::new(ErrorCode::TimedOut, "another change of credentials is under way"))?;
        // What counts now has to be known here, or it would not be what is put back, nor older than what is set.
        let caught_up = timeout_at(self.deadline, self.desk.peers.caught_up()).await;
        caught_up.map_err(|_| {
            Refusal::new(ErrorCode::TimedOut, "what other instances of the provider know is not known here yet")
        })?;
        let is_own = self.line.1 == *self.desk.own() && credentials == Credentials::default();
        let nats = match is_own {
            true => None,
            false => Some(self.desk.connections.attempt(&self.line, &credentials, self.deadline).await?),
        };
        let state = if is_own { State::Forgotten } else { State::Set(credentials) };
        let (tell, told) = oneshot::channel();
        // Once begun it is brought to an end, also when whoever asked for it no longer waits: it ends by its own deadlines, and
        // there is one for each actor.
        tokio::spawn(self.carry_out(state, nats, alone, tell));
        told.await.unwrap_or_else(|_| Err(Refusal::new(ErrorCode::Failed, "changing the credentials failed")))
    }

    async fn carry_out(
        self,
        state: State,
        nats: Option<Client>,
        _alone: OwnedMutexGuard<()>,
        tell: oneshot::Sender<Result<(), Refusal>>,
    ) {
        let (actor, lattice) = &self.line;
        let before = self.desk.keychain.get(actor, lattice).map_or(State::Forgotten, |known| known.state);
        let outcome = match self.desk.keychain.set(actor, lattice, state, || self.is_linked()) {
            Ok(piece) => self.share(&piece, nats).await.map_err(|refusal| (refusal, Some(piece))),
            Err(refusal) => Err((refusal, None)),
        };
        // Whoever no longer waits is not told.
        match outcome {
            Ok(()) => drop(tell.send(Ok(()))),
            Err((refusal, piece)) => {
                drop(tell.send(Err(refusal)));
                if let Some(piece) = piece {
                    self.undo(&piece, before).await;
                }
            }
        }
    }

    /// Has it in effect here, and tells the others.
    async fn share(&self, piece: &Piece, nats: Option<Client>) -> Result<(), Refusal> {
        match nats {
            Some(nats) => self.desk.connections.put(&self.line, piece.version(), nats),
            None => self.desk.connections.close(|line| *line == self.line),
        }
        if !self.is_linked() {
            self.desk.connections.close(|line| *line == self.line);
        }
        Ok(self.desk.peers.share(&piece.bytes(), self.deadline).await?)
    }

    /// Whether the link still stands over which this was asked for.
    fn is_linked(&self) -> bool {
        self.desk.is_linked_as(&self.line.0, &self.linked)
    }

    /// Puts back what there was, here and wherever else it can be told, unless it was changed again meanwhile.
    async fn undo(&self, made: &Piece, before: State) {
        let (actor, lattice) = &self.line;
        let undone = self.desk.keychain.undo(made, before, || self.is_linked());
        let Some(piece) = undone else { return };
        self.desk.connections.close(|line| *line == self.line);
        if let Err(error) = self.desk.peers.share(&piece.bytes(), Instant::now() + REVERTING).await {
            tracing::warn!(%actor, %lattice, %error, "that credentials do not count is not known everywhere");
        }
    }
}
