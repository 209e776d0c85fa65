//! Who belongs to the lattice: the host's own note, those of other projects' hosts, and what is read of all.

mod foreign;
mod look;
mod note;

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{
    self,
    kv::{Config, Entry},
};
use lattice_protocol::{HostKey, LatticeName, Member};

pub(crate) use foreign::Watcher;
pub(crate) use note::Noter;

use crate::{
    bucket::{AnyError, OwnBucket, read_all},
    defaults::{MEMBERS_AGE, START_TIMEOUT},
    error::StartError,
};
use look::Look;

/// The members of the lattice; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    bucket: OwnBucket,
    host: HostKey,
    look: Arc<Look<lattice_protocol::Members>>,
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
    pub(crate) async fn current(&self) -> Result<Arc<lattice_protocol::Members>, AnyError> {
        self.look.at(self.read()).await
    }

    async fn read(&self) -> Result<lattice_protocol::Members, AnyError> {
        let entries = read_all(self.bucket.store()).await?;
        Ok(lattice_protocol::Members { members: present(&entries).into() })
    }

    async fn put(&self, member: &Member) -> Result<(), AnyError> {
        match self.note(member).await {
            Err(_) if self.bucket.was_remade().await => self.note(member).await,
            noted => noted,
        }
    }

    async fn note(&self, member: &Member) -> Result<(), AnyError> {
        let bytes = serde_json::to_vec(member)?;
        tokio::time::timeout(START_TIMEOUT, self.bucket.store().put(member.host_id.as_str(), bytes.into())).await??;
        Ok(())
    }

    async fn remove(&self, host: &HostKey) -> Result<(), AnyError> {
        tokio::time::timeout(START_TIMEOUT, self.bucket.store().purge(host.as_str())).await??;
        Ok(())
    }
}

/// Those whose notes are fresh, by key. A note is as old as the newest of all is newer: the server stored both, so that no
/// other clock counts, and a host that reads has noted itself within its interval.
fn present(entries: &[Entry]) -> Vec<Member> {
    let Some(newest) = entries.iter().map(|entry| entry.created).max() else { return Vec::new() };
    let member = |entry: &Entry| {
        let age = Duration::try_from(newest - entry.created).unwrap_or_default();
        let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let member: Member = serde_json::from_slice(&entry.value).ok()?;
        member.is_fresh(age).then_some(Member { age: Some(age), ..member })
    };
    let mut members: Vec<Member> = entries.iter().filter_map(member).collect();
    members.sort_by(|a, b| a.host_id.cmp(&b.host_id));
    members
}
