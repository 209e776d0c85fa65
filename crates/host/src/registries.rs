//! Credentials for registries, as the lattice was told: in memory, and sealed in a bucket for hosts that join later or start
//! again. Which of them a server gets is decided in `lattice-artifact`, whose handle is fed here.
//!
//! Every host is told, takes the change at once, and sees to it that the bucket holds it: one of them is the first to write, and
//! the others find that it was done. From then on all have what the bucket holds, so that two who say different things at the
//! same moment leave every host with the same. Where the bucket cannot be used a host has what it was told itself.

mod book;
mod change;
mod vault;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use async_nats::jetstream;
use lattice_artifact::{Credentials, Layer};
use lattice_claims::ClusterSeed;
use lattice_protocol::{HostKey, KnownRegistries, LatticeName, OperationId, error_chain};
use tokio::time::timeout;

use crate::{
    bucket::{AnyError, Entry, Follower, View},
    defaults::START_TIMEOUT,
    operations::{Fingerprint, marked_fingerprint},
    turns::{Turn, Turns},
};
use book::Book;
pub(crate) use book::TooManyRegistries;
pub(crate) use change::{Change, ChangeId};
use vault::Vault;

/// The credentials that the lattice was told; cheap to clone. `Debug` does not show them.
#[derive(Clone)]
pub(crate) struct RegistryCredentials {
    shelf: Shelf,
    /// Where they are kept for others; none where that cannot be used.
    vault: Option<Vault>,
    turns: Turns,
    cluster: ClusterSeed,
}

/// What is known, and who uses it.
#[derive(Clone)]
struct Shelf {
    state: Arc<Mutex<State>>,
    credentials: Credentials,
}

#[derive(Default)]
struct State {
    book: Book,
    /// Whether somebody is changing it: what the bucket shows meanwhile is looked at when that is over.
    is_busy: bool,
    shown: Option<Book>,
    /// Whether it is not what the bucket holds, for that could not be written.
    is_unsaved: bool,
    /// The book's number with the latest change that this host was told.
    told: u64,
}

/// Keeps the credentials equal to the bucket.
pub(crate) struct RegistriesView {
    shelf: Shelf,
    vault: Vault,
}

impl RegistryCredentials {
    /// Opens the lattice's bucket, or makes it, and reads what it holds. Where that fails credentials are kept in memory alone,
    /// which is logged: a host that needs none is not to be kept from starting.
    pub(crate) async fn open(
        jetstream: &jetstream::Context,
        (lattice, host): (&LatticeName, HostKey),
        cluster: &ClusterSeed,
        credentials: Credentials,
    ) -> (Self, Option<Follower<RegistriesView>>) {
        let shelf = Shelf { state: Arc::default(), credentials };
        let opened = timeout(START_TIMEOUT, async {
            let vault = Vault::open(jetstream, lattice, host, cluster.clone()).await?;
            let view = RegistriesView { shelf: shelf.clone(), vault: vault.clone() };
            Ok::<_, AnyError>((Follower::open(vault.bucket().clone(), view).await?, vault))
        });
        let (follower, vault) = match opened.await.map_err(AnyError::from).flatten() {
            Ok((follower, vault)) => (Some(follower), Some(vault)),
            Err(error) => {
                tracing::warn!(
                    bucket = Vault::name(lattice),
                    error = error_chain(error.as_ref()),
                    "credentials for registries are kept in memory alone, for their bucket cannot be used: this host has \
                     none of earlier ones, and forgets those that it is told when it stops"
                );
                (None, None)
            }
        };
        (Self { shelf, vault, turns: Turns::default(), cluster: cluster.clone() }, follower)
    }

    /// What stands for a command with credentials when its operation id comes again.
    pub(crate) fn fingerprint(&self, subject: &str, body: &[u8]) -> Fingerprint {
        marked_fingerprint(&self.cluster, subject, body)
    }

    /// Lines up for a change: they take place in the order in which this is called. Also returns the number of the book as it is
    /// known then.
    pub(crate) fn line_up(&self) -> (Turn, u64) {
        (self.turns.take(""), self.shelf.lock().book.serial())
    }

    /// Carries a change out: here at once, and in the bucket as far as that can be used.
    ///
    /// To be called by one after the other.
    ///
    /// # Errors
    /// There would be too many; nothing has changed then.
    pub(crate) async fn put(&self, told: &Told<'_>) -> Result<(), TooManyRegistries> {
        let Some(known) = self.shelf.begin(told)? else { return Ok(()) };
        let stored = match &self.vault {
            Some(vault) => vault.keep(told, &known).await.inspect_err(|error| {
                let error = error_chain(error);
                tracing::warn!(
                    error,
                    "credentials for registries were set here, and could not be kept for other hosts"
                );
            }),
            None => Err(vault::NotKept::NoBucket),
        };
        self.shelf.end(told.id, &known, stored.ok());
        Ok(())
    }

    /// For which registries there are credentials.
    pub(crate) fn known(&self) -> KnownRegistries {
        let state = self.shelf.lock();
        KnownRegistries { registries: state.book.known(), stored: self.vault.is_some() && !state.is_unsaved }
    }
}

/// A change that the host was told.
pub(crate) struct Told<'a> {
    pub(crate) change: &'a Change,
    pub(crate) id: &'a ChangeId,
    /// The operation that it is for this host.
    pub(crate) operation: &'a OperationId,
    /// The number of the book when the host was told.
    pub(crate) arrived_at: u64,
}

/// What a change begins with.
struct Known {
    /// Where the change stands after this number, somebody else has carried it out.
    since: u64,
    /// What there is in memory with it.
    book: Book,
    /// Whether there was something in memory that the bucket does not hold.
    was_unsaved: bool,
}

impl Shelf {
    /// Has a change take effect here. None if it had before.
    fn begin(&self, told: &Told<'_>) -> Result<Option<Known>, TooManyRegistries> {
        let Told { change, id, .. } = told;
        let mut state = self.lock();
        // One with a name is done once, however long ago. One without is another each time that it is said: what stands behind
        // the one before it, and behind what was known when it came, is this one.
        let since = if id.is_named() { 0 } else { state.told.max(told.arrived_at) };
        let is_to_be_stored = state.is_unsaved && state.book.ends_with(id);
        if let Some(serial) = state.book.applied_at(id, since).filter(|_| !is_to_be_stored) {
            state.told = serial;
            return Ok(None);
        }
        let book = state.book.with(change, id)?;
        let known = Known { since, book: book.clone(), was_unsaved: state.is_unsaved };
        state.is_busy = true;
        self.set(&mut state, book);
        tracing::info!(registries = ?state.book.names(), "credentials for registries were set");
        Ok(Some(known))
    }

    /// Ends it with what the bucket holds, if that holds it.
    fn end(&self, id: &ChangeId, known: &Known, stored: Option<Book>) {
        let mut state = self.lock();
        state.is_busy = false;
        let holder = stored.as_ref().unwrap_or(&known.book);
        state.told = holder.applied_at(id, known.since).unwrap_or_else(|| holder.serial());
        let shown = state.shown.take();
        match stored {
            None => state.is_unsaved = true,
            Some(stored) => {
                let newest = shown.filter(|shown| shown.serial() > stored.serial()).unwrap_or(stored);
                self.adopt(&mut state, newest);
            }
        }
    }

    /// Takes what the bucket shows.
    fn show(&self, book: Book) {
        let mut state = self.lock();
        match state.is_busy {
            true => state.shown = Some(book),
            false => self.adopt(&mut state, book),
        }
    }

    fn adopt(&self, state: &mut State, book: Book) {
        state.is_unsaved = false;
        self.set(state, book);
    }

    fn set(&self, state: &mut State, book: Book) {
        self.credentials.replace(Layer::Lattice, book.places());
        state.book = book;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the credentials")
    }
}

impl View for RegistriesView {
    fn show(&mut self, changes: Vec<Entry>) {
        // What is gone was not removed by a host: they store an empty map.
        let values = changes.iter().filter(|entry| self.vault.is_it(entry)).filter_map(|entry| entry.value.as_ref());
        let Some(newest) = values.last() else { return };
        match self.vault.read(newest) {
            Ok(book) => self.shelf.show(book),
            Err(error) => {
                let error = error_chain(&error);
                tracing::warn!(
                    error,
                    "the credentials for registries that the lattice keeps cannot be read; this host has those alone that \
                     it is told itself"
                );
            }
        }
    }
}

impl fmt::Debug for RegistryCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryCredentials").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
