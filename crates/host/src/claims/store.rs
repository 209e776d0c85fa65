//! The claims in memory, and the bucket they come from.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_nats::jetstream::{
    self,
    kv::{Config, Entry, Operation, Store},
};
use futures::StreamExt;
use lattice_claims::ModuleClaims;
use lattice_protocol::{ActorKey, CallAlias, LatticeName};
use tokio_util::sync::CancellationToken;

use super::shape::{Known, entry_key, subject_of};
use crate::{defaults::START_TIMEOUT, error::StartError};

/// The claims known to the lattice; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct ClaimsStore {
    bucket: Store,
    known: Arc<Mutex<BTreeMap<String, Known>>>,
}

impl ClaimsStore {
    /// Opens the lattice's bucket, or makes it with the settings of published hosts.
    pub(crate) async fn open(nats: async_nats::Client, lattice: &LatticeName) -> Result<Self, StartError> {
        let mut jetstream = jetstream::new(nats);
        jetstream.set_timeout(START_TIMEOUT);
        jetstream.query_account().await.map_err(|source| StartError::NoJetStream { source: Box::new(source) })?;
        let bucket = format!("LATTICEDATA_{lattice}");
        let store = open_or_create(&jetstream, &bucket).await;
        let bucket = store.map_err(|source| StartError::Bucket { bucket, source })?;
        Ok(Self { bucket, known: Arc::default() })
    }

    /// Follows the bucket until told to stop.
    pub(crate) async fn follow(self, stop: CancellationToken) {
        // Cancel-safe: the watch is abandoned together with the store's task.
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.follow_for_ever() => {}
        }
    }

    async fn follow_for_ever(&self) {
        loop {
            match self.bucket.watch_with_history(">").await {
                Ok(mut entries) => {
                    while let Some(entry) = entries.next().await {
                        match entry {
                            Ok(entry) => self.apply(&entry),
                            Err(error) => tracing::warn!(%error, "the watch of the lattice's bucket stumbled"),
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "cannot watch the lattice's bucket"),
            }
            tokio::time::sleep(START_TIMEOUT).await;
        }
    }

    fn apply(&self, entry: &Entry) {
        let Some(subject) = subject_of(&entry.key) else { return };
        match entry.operation {
            Operation::Put => match Known::from_entry(&entry.value) {
                Ok(known) => drop(self.lock().insert(subject.to_owned(), known)),
                Err(error) => tracing::warn!(key = entry.key, %error, "claims in the lattice's bucket are unreadable"),
            },
            Operation::Delete | Operation::Purge => drop(self.lock().remove(subject)),
        }
    }

    /// Makes an actor's claims known to the lattice. Failing costs the others the claims, not the actor.
    pub(crate) async fn put(&self, claims: &ModuleClaims) {
        let known = Known::of_actor(claims);
        let subject = claims.subject.to_string();
        if self.lock().insert(subject.clone(), known.clone()).as_ref() == Some(&known) {
            return;
        }
        if let Err(error) = self.bucket.put(entry_key(&subject), known.to_entry().into()).await {
            self.lock().remove(&subject);
            tracing::warn!(actor = subject, %error, "claims not stored, other hosts do not know this actor");
        }
    }

    /// All claims as `get.claims` answers.
    pub(crate) fn for_query(&self) -> Vec<BTreeMap<String, Option<String>>> {
        self.lock().values().map(Known::for_query).collect()
    }

    /// The actor that can be called under an alias; the smallest key if several claim it.
    pub(crate) fn aliased(&self, alias: &CallAlias) -> Option<ActorKey> {
        self.lock().values().find(|known| known.call_alias().as_ref() == Some(alias)).and_then(Known::actor)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock().expect("nothing panics while it holds the claims")
    }
}

/// Existing buckets are used as they are found, for an operator may have set replicas.
async fn open_or_create(
    jetstream: &jetstream::Context,
    bucket: &str,
) -> Result<Store, Box<dyn std::error::Error + Send + Sync>> {
    if let Ok(store) = jetstream.get_key_value(bucket).await {
        return Ok(store);
    }
    let config = Config { bucket: bucket.to_owned(), ..Config::default() };
    match jetstream.create_key_value(config).await {
        Ok(store) => Ok(store),
        // Another host may have made it in between, with other settings.
        Err(error) => jetstream.get_key_value(bucket).await.map_err(|_| error.into()),
    }
}
