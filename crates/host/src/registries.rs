//! Credentials for registries, as the lattice was told: in memory, and sealed in a bucket for hosts that join later or start
//! again. Which of them a server gets is decided in `lattice-artifact`, whose handle is fed here.
//!
//! Every host is told, takes the change at once, and sees to it that the bucket holds it: one of them is the first to write, and
//! the others find that it was done. From then on all have what the bucket holds, so that two who say different things at the
//! same moment leave every host with the same. While the bucket cannot be used a host has what it was told itself, and tries again.

mod book;
mod change;
mod unsaved;
mod vault;

use std::{
    convert::Infallible,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use async_nats::jetstream;
use lattice_artifact::{Credentials, Layer};
use lattice_claims::ClusterSeed;
use lattice_protocol::{HostKey, KnownRegistries, LatticeName, OperationId, error_chain};
use tokio::{sync::Notify, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    bucket::{AnyError, Entry, Follower, View},
    defaults::{LONGEST_SAVE_PAUSE, SAVE_PAUSE, START_TIMEOUT},
    operations::{Fingerprint, marked_fingerprint},
    turns::{Turn, Turns},
};
use book::Book;
pub(crate) use book::TooManyRegistries;
pub(crate) use change::{Change, ChangeId};
use unsaved::Unsaved;
use vault::{NotKept, Vault};

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
    /// Told when a change could not be saved.
    failed: Arc<Notify>,
    /// Told when the bucket is seen.
    seen: Arc<Notify>,
}

#[derive(Default)]
struct State {
    /// What counts: what the bucket holds, and the changes that it does not.
    book: Book,
    stored: Book,
    unsaved: Unsaved,
    /// Whether the bucket showed something since a save began.
    is_shown: bool,
    /// Whether the bucket's entry is gone or cannot be read.
    is_gone: bool,
    /// The book's number with the latest change that this host was told.
    told: u64,
}

/// Keeps the credentials equal to the bucket, and has the bucket hold what it did not take at first.
pub(crate) struct RegistriesKeeper {
    follower: Follower<RegistriesView>,
    registries: RegistryCredentials,
}

/// Shows what the bucket holds.
struct RegistriesView {
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
    ) -> (Self, Option<RegistriesKeeper>) {
        let shelf = Shelf::new(credentials);
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
        let own = Self { shelf, vault, turns: Turns::default(), cluster: cluster.clone() };
        let keeper = follower.map(|follower| RegistriesKeeper { follower, registries: own.clone() });
        (own, keeper)
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

    /// Carries a change out: here at once, and in the bucket as far as that can be used. Tells whether the bucket holds it; if
    /// not, it is tried again and again.
    ///
    /// To be called by one after the other.
    ///
    /// # Errors
    /// There is no room; nothing has changed then.
    pub(crate) async fn put(&self, told: Told) -> Result<bool, TooManyRegistries> {
        let id = told.id.clone();
        let since = self.shelf.begin(told)?;
        let saved = self.save().await;
        if let Err(error) = saved {
            let error = error_chain(&error);
            tracing::warn!(error, "credentials for registries were set here, and cannot be kept for other hosts yet");
            self.shelf.failed.notify_one();
        }
        if let Some(since) = since {
            self.shelf.end(&id, since);
        }
        Ok(self.shelf.is_saved())
    }

    /// Has the bucket hold what it does not. To be called by one after the other.
    async fn save(&self) -> Result<(), NotKept> {
        let Some(vault) = &self.vault else { return Ok(()) };
        let Some((unsaved, whole)) = self.shelf.begin_save() else { return Ok(()) };
        let stored = vault.keep(&unsaved, &whole).await?;
        self.shelf.saved(stored);
        Ok(())
    }

    /// Tries again to save what could not be saved: after pauses that grow, and when the bucket is seen.
    async fn save_at_last(&self) -> Infallible {
        let mut pause = SAVE_PAUSE;
        loop {
            if self.shelf.is_saved() {
                pause = SAVE_PAUSE;
                self.shelf.failed.notified().await;
            }
            // Either way the wait ends it is tried.
            let _ = timeout(pause, self.shelf.seen.notified()).await;
            let _turn = self.turns.take("").await;
            if self.shelf.is_saved() {
                continue;
            }
            match self.save().await {
                Ok(()) => tracing::info!("credentials for registries are kept for other hosts"),
                Err(error) => tracing::debug!(error = error_chain(&error), "credentials cannot be kept yet"),
            }
            pause = (pause * 2).min(LONGEST_SAVE_PAUSE);
        }
    }

    /// For which registries there are credentials.
    pub(crate) fn known(&self) -> KnownRegistries {
        let state = self.shelf.lock();
        let stored = self.vault.is_some() && state.unsaved.is_empty() && !state.is_gone;
        KnownRegistries { registries: state.book.known(), stored }
    }
}

impl RegistriesKeeper {
    /// Keeps them until told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let Self { follower, registries } = self;
        tokio::join!(follower.run(stop.clone()), stop.run_until_cancelled(registries.save_at_last()));
    }
}

/// A change that the host was told.
pub(crate) struct Told {
    pub(crate) change: Change,
    pub(crate) id: ChangeId,
    /// The operation that it is for this host.
    pub(crate) operation: OperationId,
    /// The number of the book when the host was told.
    pub(crate) arrived_at: u64,
}

impl Shelf {
    fn new(credentials: Credentials) -> Self {
        Self { state: Arc::default(), credentials, failed: Arc::default(), seen: Arc::default() }
    }

    /// Has a change take effect here, and returns after which number of the book it does. None if it had before.
    fn begin(&self, told: Told) -> Result<Option<u64>, TooManyRegistries> {
        let Told { change, id, operation, arrived_at } = told;
        let mut state = self.lock();
        // One with a name is done once, however long ago. One without is another each time that it is said: what stands behind
        // the one before it, and behind what was known when it came, is this one.
        let since = if id.is_named() { 0 } else { state.told.max(arrived_at) };
        if let Some(serial) = state.book.applied_at(&id, since) {
            state.told = serial;
            return Ok(None);
        }
        let book = state.book.with(&change, &id)?;
        // The bucket's numbers do not count what it does not hold.
        let stored_since = since.min(state.stored.serial());
        state.unsaved.add(Arc::new(change), (id, operation), stored_since);
        self.set(&mut state, book);
        tracing::info!(registries = ?state.book.names(), "credentials for registries were set");
        Ok(Some(since))
    }

    /// Ends it.
    fn end(&self, id: &ChangeId, since: u64) {
        let mut state = self.lock();
        state.told = state.book.applied_at(id, since).unwrap_or_else(|| state.book.serial());
    }

    /// What is to be saved, and the whole book with it. None if nothing is.
    fn begin_save(&self) -> Option<(Unsaved, Book)> {
        let mut state = self.lock();
        state.is_shown = false;
        (!state.unsaved.is_empty()).then(|| (state.unsaved.clone(), state.book.clone()))
    }

    /// Takes what the bucket holds after a save.
    fn saved(&self, stored: Book) {
        let mut state = self.lock();
        if !state.is_shown || state.stored.serial() <= stored.serial() {
            self.adopt(&mut state, stored);
        }
    }

    /// Takes what the bucket shows.
    fn show(&self, book: Book) {
        let mut state = self.lock();
        state.is_shown = true;
        self.adopt(&mut state, book);
    }

    /// The bucket holds nothing that can be used: what is known stays.
    fn gone(&self) {
        self.lock().is_gone = true;
    }

    fn is_saved(&self) -> bool {
        self.lock().unsaved.is_empty()
    }

    fn adopt(&self, state: &mut State, stored: Book) {
        let book = state.unsaved.settle(&stored);
        state.stored = stored;
        state.is_gone = false;
        state.told = state.told.min(book.serial());
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
        self.shelf.seen.notify_one();
        let Some(newest) = changes.iter().rfind(|entry| self.vault.is_it(entry)) else { return };
        // What is gone was not removed by a host: they store an empty map.
        let Some(sealed) = &newest.value else { return self.shelf.gone() };
        match self.vault.read(sealed) {
            Ok(book) => self.shelf.show(book),
            Err(error) => {
                self.shelf.gone();
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
