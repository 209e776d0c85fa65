//! The claims in memory, and the bucket they come from.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_nats::jetstream::{
    self,
    kv::{Config, Entry, Operation, Store, Watch},
};
use futures::StreamExt;
use lattice_claims::ModuleClaims;
use lattice_protocol::{ActorKey, CallAlias, LatticeName};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    shape::{Known, entry_key, subject_of},
    table::Table,
};
use crate::{
    bucket::{AnyError, open_or_create},
    defaults::START_TIMEOUT,
    error::StartError,
};

/// The claims known to the lattice; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct ClaimsStore {
    bucket: Store,
    table: Arc<Mutex<Table>>,
}

/// Keeps a store equal to the bucket.
pub(crate) struct Follower {
    store: ClaimsStore,
    watch: Watch,
}

impl ClaimsStore {
    /// Opens the lattice's bucket, or makes it with the settings of published hosts, and reads what it holds.
    pub(crate) async fn open(
        jetstream: &jetstream::Context,
        lattice: &LatticeName,
    ) -> Result<(Self, Follower), StartError> {
        let bucket = format!("LATTICEDATA_{lattice}");
        let opened = async {
            let config = Config { bucket: bucket.clone(), ..Config::default() };
            let store = Self { bucket: open_or_create(jetstream, config).await?, table: Arc::default() };
            let watch = store.read().await?;
            Ok((store.clone(), Follower { store, watch }))
        };
        opened.await.map_err(|source| StartError::Bucket { bucket: bucket.clone(), source })
    }

    /// Replaces what is in memory by what the bucket holds, all at once, and returns the watch of what changes then.
    async fn read(&self) -> Result<Watch, AnyError> {
        let mut watch = self.bucket.watch_with_history(">").await?;
        // An empty bucket sends nothing, not even that it is empty.
        if self.bucket.status().await?.values() > 0 {
            *self.lock() = timeout(START_TIMEOUT, table_of(&mut watch)).await??;
        }
        Ok(watch)
    }

    /// Makes an actor's claims known to the lattice. Failing costs the others the claims, not the actor.
    pub(crate) async fn put(&self, claims: &ModuleClaims) {
        let known = Known::of_actor(claims);
        let subject = claims.subject.to_string();
        if self.lock().get(&subject) == Some(&known) {
            return;
        }
        let entry = known.to_entry();
        self.lock().insert(subject.clone(), known);
        if let Err(error) = self.bucket.put(entry_key(&subject), entry.into()).await {
            self.lock().remove(&subject);
            tracing::warn!(actor = subject, %error, "claims not stored, other hosts do not know this actor");
        }
    }

    /// All claims as `get.claims` answers.
    pub(crate) fn for_query(&self) -> Vec<BTreeMap<String, Option<String>>> {
        self.lock().iter().map(Known::for_query).collect()
    }

    /// The actor that can be called under an alias; the smallest key if several claim it.
    pub(crate) fn aliased(&self, alias: &CallAlias) -> Option<ActorKey> {
        self.lock().aliased(alias)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Table> {
        self.table.lock().expect("nothing panics while it holds the claims")
    }
}

impl Follower {
    /// Follows the bucket until told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        // The watch is abandoned together with the store's task.
        stop.run_until_cancelled(self.follow_for_ever()).await;
    }

    async fn follow_for_ever(mut self) {
        loop {
            let Err(error) = self.follow().await;
            tracing::warn!(%error, "the watch of the lattice's bucket ended, it is begun anew");
            // Not at once, for what failed now would fail again.
            sleep(START_TIMEOUT).await;
            match self.store.read().await {
                Ok(watch) => self.watch = watch,
                Err(error) => tracing::warn!(%error, "cannot read the lattice's bucket, claims may be outdated"),
            }
        }
    }

    /// Applies what changes, until the watch fails.
    async fn follow(&mut self) -> Result<std::convert::Infallible, AnyError> {
        loop {
            let entry = self.watch.next().await.ok_or("the connection is closed")??;
            apply(&mut self.store.lock(), &entry);
        }
    }
}

/// What a bucket that is not empty holds now.
async fn table_of(watch: &mut Watch) -> Result<Table, AnyError> {
    let mut table = Table::default();
    loop {
        let entry = watch.next().await.ok_or("the connection is closed")??;
        apply(&mut table, &entry);
        if entry.seen_current {
            return Ok(table);
        }
    }
}

fn apply(table: &mut Table, entry: &Entry) {
    let Some(subject) = subject_of(&entry.key) else { return };
    match entry.operation {
        Operation::Put => match Known::from_entry(&entry.value) {
            Ok(known) => table.insert(subject.to_owned(), known),
            Err(error) => tracing::warn!(key = entry.key, %error, "claims in the lattice's bucket are unreadable"),
        },
        Operation::Delete | Operation::Purge => table.remove(subject),
    }
}
