//! The links that the provider has, and how they change.

mod changes;
mod message;

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
};

use lattice_protocol::ActorKey;

use crate::provider::Link;

pub(crate) use changes::Changes;
pub(crate) use message::{Change, is_meant, reply};

/// The links that were taken, by actor: what published SDKs know links by. The changes write it, calls read it.
#[derive(Debug, Default)]
pub(crate) struct Table {
    links: RwLock<HashMap<ActorKey, Arc<Link>>>,
}

impl Table {
    pub(crate) fn get(&self, actor: &ActorKey) -> Option<Arc<Link>> {
        self.links.read().expect("nothing panics while it holds the links").get(actor).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Link>> {
        self.links.read().expect("nothing panics while it holds the links").values().cloned().collect()
    }

    fn put(&self, link: Arc<Link>) {
        let mut links = self.links.write().expect("nothing panics while it holds the links");
        links.insert(link.actor_id.clone(), link);
    }

    fn remove(&self, actor: &ActorKey) -> Option<Arc<Link>> {
        self.links.write().expect("nothing panics while it holds the links").remove(actor)
    }
}
