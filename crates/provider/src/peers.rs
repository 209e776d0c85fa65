//! [`Peers`]: the other instances of this provider in the lattice, and what all of them know together.
//!
//! Calls of one actor reach any instance, on any host. What an actor has told one of them and the next call needs is therefore
//! told to all, sealed, before the actor is answered; and an instance that starts, or was cut off, hears what the others know
//! before it goes on. Nothing is stored: when the last instance goes it is gone.
//!
//! Each instance listens on a subject that all share, on which it is greeted, and on one of its own, on which it is told. All
//! messages are sealed with a seed that the instances of this provider alone have, see
//! [`ClusterSeed::of_instances`](lattice_claims::ClusterSeed::of_instances), for whom and to which question they are meant
//! included: nobody else reads them or makes them up, and an answer is one to its own question. What is shared says by itself
//! which of two pieces counts, so that repeating one changes nothing.

mod attend;
mod circle;
mod greeting;
mod message;

use std::{fmt, sync::Arc};

use futures::future::join_all;
use lattice_protocol::HostKey;
use tokio::{task::JoinHandle, time::Instant};
use zeroize::Zeroizing;

use crate::{Context, error::Failure, error::StartError};
use attend::Attendance;
use circle::Circle;
use message::Told;

/// What the instances of a provider know together, as one of them holds it.
///
/// Pieces of it travel between them. Each has to say by itself which one counts where two contradict each other, for they may
/// come in any order and more than once.
pub trait Shared: Send + Sync + 'static {
    /// Everything that this instance knows, in pieces of some KiB at most.
    fn pieces(&self) -> Vec<Zeroizing<Vec<u8>>>;

    /// Takes a piece that another instance tells.
    ///
    /// # Errors
    /// It cannot be taken; whoever shares it is told.
    fn take(&self, piece: &[u8]) -> Result<(), Failure>;
}

/// Why another instance does not know what was shared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotShared {
    /// It did not answer in time; it may know it all the same.
    #[error("the instance of the provider on host {host} does not answer")]
    Silent {
        /// Its host.
        host: HostKey,
    },
    /// It answered that it does not take it.
    #[error("the instance of the provider on host {host} does not take it: {reason}")]
    Refused {
        /// Its host.
        host: HostKey,
        /// Why, in its words.
        reason: String,
    },
    /// There is no connection over which it could be told.
    #[error("the instance of the provider on host {host} cannot be told: {reason}")]
    Unreachable {
        /// Its host.
        host: HostKey,
        /// What the NATS client or the system says.
        reason: String,
    },
}

/// The other instances of this provider. Dropping it leaves them.
pub struct Peers {
    circle: Arc<Circle>,
    task: JoinHandle<()>,
}

impl Peers {
    /// Joins the other instances, and hears what they know. To be called when a provider is made, so that no call is served
    /// before.
    ///
    /// Instances that are there and silent are waited for up to 3 s; then this goes on, and [`caught_up`](Self::caught_up) waits
    /// on.
    ///
    /// # Errors
    /// The subscriptions are not made.
    pub async fn join<S: Shared>(context: &Context, shared: Arc<S>) -> Result<Self, StartError> {
        let circle = Arc::new(Circle::new(context, shared)?);
        let is_alone = greeting::is_alone(&circle).await;
        circle.expect_somebody(!is_alone);
        let attendance = Attendance::begin(Arc::clone(&circle)).await?;
        let task = tokio::spawn(attendance.run());
        greeting::first(&circle, is_alone).await;
        Ok(Self { circle, task })
    }

    /// How many other instances there are, as far as this one knows.
    pub fn others(&self) -> usize {
        self.circle.peers().len()
    }

    /// Waits until this instance knows what the others do: at once, unless it has just started or was cut off from them. Others
    /// that are there and silent are waited for up to 10 s more.
    pub async fn caught_up(&self) {
        self.circle.caught_up().await;
    }

    /// Leaves the others, who need not find out by themselves. To be called when a provider shuts down.
    pub async fn leave(&self) {
        // Or what it answers yet would tell them that it is there.
        self.task.abort();
        self.circle.say_goodbye().await;
    }

    /// Tells the other instances a piece, and waits until each of them has it. One that is gone is none of them any more, and
    /// neither is one that is silent and has missed its greeting.
    ///
    /// # Errors
    /// The first of those that do not have it, as far as is known; the others may.
    pub async fn share(&self, piece: &[u8], deadline: Instant) -> Result<(), NotShared> {
        let peers = self.circle.peers();
        let (asked, mut failure) = (Instant::now(), None);
        let told = peers.iter().map(|peer| self.circle.tell(peer, piece, deadline));
        for (peer, told) in peers.iter().zip(join_all(told).await) {
            match told {
                Ok(Told::Taken) => {}
                Ok(Told::Gone) => self.circle.forget(&peer.id, asked),
                // It has missed its greeting: where others listen to all subjects, no server says that it is gone.
                Err(NotShared::Silent { .. }) if !self.circle.was_heard_lately(&peer.id) => {
                    self.circle.forget(&peer.id, asked)
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(()), Err)
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers").field("others", &self.others()).finish_non_exhaustive()
    }
}
