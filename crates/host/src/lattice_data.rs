//! What the lattice knows of actors, providers and links: one bucket, shared with hosts of other projects, held in memory.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard},
};

use async_nats::jetstream;
use lattice_protocol::{HostKey, LatticeName};
use tokio::sync::watch;

use crate::{
    bucket::{Bucket, Entry, Follower, View},
    claims,
    error::StartError,
    links::{self, Change, Routes, Teller},
};

/// The copy in memory; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct LatticeData {
    tables: Arc<Mutex<Tables>>,
    /// The links as calls look them up, made anew after each change, and announced also when one was put again as it was.
    routes: watch::Sender<Arc<Routes>>,
}

/// What it holds, changed under one lock, so that nobody sees half of a change.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) claims: claims::Table,
    pub(crate) links: links::Table,
}

/// Keeps the copy equal to the bucket, and tells the lattice of links that others changed.
pub(crate) struct LatticeView {
    data: LatticeData,
    /// Missing until the host has started: what was there before is no news.
    teller: Option<Teller>,
    untold: Vec<Change>,
}

impl LatticeData {
    /// Opens the lattice's bucket, or makes it, and reads what it holds.
    pub(crate) async fn open(
        jetstream: &jetstream::Context,
        lattice: &LatticeName,
        host: HostKey,
    ) -> Result<(Self, Bucket, Follower<LatticeView>), StartError> {
        let name = format!("LATTICEDATA_{lattice}");
        let data = Self::default();
        let opened = async {
            let bucket = Bucket::open(jetstream, &name, host).await?;
            let view = LatticeView { data: data.clone(), teller: None, untold: Vec::new() };
            Ok((bucket.clone(), Follower::open(bucket, view).await?))
        };
        let (bucket, follower) = opened.await.map_err(|source| StartError::Bucket { bucket: name.clone(), source })?;
        Ok((data, bucket, follower))
    }

    /// The links as calls look them up, and every change of them. Reading takes no lock that the tables have.
    pub(crate) fn routes(&self) -> &watch::Sender<Arc<Routes>> {
        &self.routes
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().expect("nothing panics while it holds the lattice's data")
    }
}

impl LatticeView {
    /// Has changes of links told from now on.
    pub(crate) fn tell_through(&mut self, teller: Teller) {
        self.teller = Some(teller);
    }

    /// Notes a change that no host of this project made, for then nobody has told of it yet.
    fn note(&mut self, change: Option<Change>, entry: &Entry) {
        if self.teller.is_some() && entry.writer.is_none() {
            self.untold.extend(change);
        }
    }
}

impl View for LatticeView {
    fn show(&mut self, changes: Vec<Entry>) {
        let data = self.data.clone();
        let mut tables = data.lock();
        let (mut have_links_come, mut have_links_changed) = (false, false);
        for entry in &changes {
            // Others are of no use here: earlier hosts keep references of images.
            if let Some(subject) = claims::subject_of(&entry.key) {
                tables.claims.take(subject, entry);
            } else if let Some(id) = links::id_of(&entry.key) {
                let change = tables.links.take(id, entry);
                have_links_come = true;
                have_links_changed |= change.is_some();
                self.note(change, entry);
            }
        }
        let routes = have_links_changed.then(|| tables.links.routes());
        drop(tables);
        match routes {
            Some(routes) => drop(data.routes.send_replace(Arc::new(routes))),
            None if have_links_come => data.routes.send_modify(|_| {}),
            None => {}
        }
    }

    async fn shown(&mut self) {
        let untold = mem::take(&mut self.untold);
        if let Some(teller) = self.teller.as_ref().filter(|_| !untold.is_empty()) {
            teller.tell(untold).await;
        }
    }
}
