//! Who belongs to the lattice: the host's own note, those of other projects' hosts, and what is read of all.

mod foreign;
mod look;
mod note;
mod roll;

use std::sync::Arc;

use async_nats::jetstream::{self, kv::Config};
use lattice_protocol::{HostKey, LatticeName, Member};
use serde::Serialize;

pub(crate) use foreign::Watcher;
pub(crate) use note::Noter;
pub(crate) use roll::Roll;

use crate::{
    bucket::{AnyError, OwnBucket, read_all},
    defaults::{MEMBERS_AGE, START_TIMEOUT},
    error::StartError,
};
use look::Look;
use roll::Leaving;

/// The members of the lattice; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    bucket: OwnBucket,
    host: HostKey,
    look: Arc<Look<Roll>>,
}

impl Members {
    /// Opens the bucket of the members, or makes it.
    pub(crate) async fn open(
        jetstream: &jetstream::Context,
        lattice: &LatticeName,
        host: HostKey,
    ) -> Result<Self, StartError> {
        let bucket = format!("LATTICEHOSTS_{lattice}");
        let config = Config { bucket, max_age: MEMBERS_AGE, ..Config::default() };
        let bucket = OwnBucket::open(jetstream, config).await?;
        Ok(Self { bucket, host, look: Arc::default() })
    }

    /// Who is there now. Many who ask at the same time are answered from one look at the bucket.
    pub(crate) async fn current(&self) -> Result<Arc<Roll>, AnyError> {
        self.look.at(async { Ok(Roll::read(&read_all(self.bucket.store()).await?)) }).await
    }

    async fn put(&self, member: &Member) -> Result<(), AnyError> {
        match self.note(member).await {
            Err(_) if self.bucket.was_remade().await => self.note(member).await,
            noted => noted,
        }
    }

    async fn note(&self, member: &Member) -> Result<(), AnyError> {
        self.store(member.host_id.as_str(), member).await
    }

    /// Takes a host that stops off the members, and notes that it is still at work.
    async fn leave(&self, note: &Leaving) -> Result<(), AnyError> {
        // In this order, so that it is always the one or the other.
        self.store(&format!("{}.leaving", note.host_id), note).await?;
        self.remove(&note.host_id).await
    }

    async fn store(&self, key: &str, note: &impl Serialize) -> Result<(), AnyError> {
        let bytes = serde_json::to_vec(note)?;
        tokio::time::timeout(START_TIMEOUT, self.bucket.store().put(key, bytes.into())).await??;
        Ok(())
    }

    async fn remove(&self, host: &HostKey) -> Result<(), AnyError> {
        tokio::time::timeout(START_TIMEOUT, self.bucket.store().purge(host.as_str())).await??;
        Ok(())
    }
}
