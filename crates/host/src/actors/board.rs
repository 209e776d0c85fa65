//! What runs, for everybody to read: one writer per actor, one map, no lock across an await.

use std::{collections::BTreeMap, sync::Arc};

use lattice_artifact::{Digest, Reference};
use lattice_claims::ModuleClaims;
use lattice_protocol::{ActorDescription, ActorInstance, ActorKey, Annotations};
use tokio::sync::watch;
use uuid::Uuid;

/// What runs, by key.
pub(crate) type BoardViews = BTreeMap<ActorKey, Arc<ActorView>>;

/// The actors of a host, as their workers last said; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    actors: Arc<watch::Sender<BoardViews>>,
}

/// An actor that runs.
#[derive(Clone, Debug)]
pub(crate) struct ActorView {
    pub(crate) groups: Vec<GroupView>,
}

/// The instances of an actor with the same annotations.
#[derive(Clone, Debug)]
pub(crate) struct GroupView {
    pub(crate) annotations: Annotations,
    pub(crate) reference: Reference,
    pub(crate) digest: Digest,
    pub(crate) claims: Option<Arc<ModuleClaims>>,
    pub(crate) count: u16,
    /// The ids of the instances that are listed one by one.
    pub(crate) instances: Vec<Uuid>,
}

impl Default for Board {
    fn default() -> Self {
        Self { actors: Arc::new(watch::channel(BTreeMap::new()).0) }
    }
}

impl Board {
    /// Replaces what is said of one actor; without groups it is gone.
    pub(crate) fn post(&self, key: &ActorKey, groups: Vec<GroupView>) {
        self.actors.send_modify(|actors| {
            if groups.is_empty() {
                actors.remove(key);
            } else {
                actors.insert(key.clone(), Arc::new(ActorView { groups }));
            }
        });
    }

    pub(crate) fn get(&self, key: &ActorKey) -> Option<Arc<ActorView>> {
        self.actors.borrow().get(key).cloned()
    }

    /// The actor that runs from this reference, if exactly one does.
    pub(crate) fn running_from(&self, reference: &Reference) -> Option<ActorKey> {
        let actors = self.actors.borrow();
        let mut keys = actors.iter().filter(|(_, view)| view.groups.iter().any(|group| group.reference == *reference));
        match (keys.next(), keys.next()) {
            (Some((key, _)), None) => Some(key.clone()),
            _ => None,
        }
    }

    pub(crate) fn views(&self) -> Vec<(ActorKey, Arc<ActorView>)> {
        self.actors.borrow().iter().map(|(key, view)| (key.clone(), Arc::clone(view))).collect()
    }

    /// Reports every change from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<BoardViews> {
        self.actors.subscribe()
    }

    /// The actors as inventories list them: up to `at_most` instances of an annotation set one by one.
    pub(crate) fn descriptions(&self, at_most: usize) -> Vec<ActorDescription> {
        self.views().iter().map(|(key, view)| view.describe(key, at_most)).collect()
    }
}

impl ActorView {
    fn describe(&self, key: &ActorKey, at_most: usize) -> ActorDescription {
        let newest = self.groups.iter().max_by_key(|group| group.revision());
        ActorDescription {
            id: key.clone(),
            image_ref: newest.map(|group| group.reference.to_string()),
            instances: self.groups.iter().flat_map(|group| group.describe(at_most)).collect(),
            name: newest.and_then(|group| group.claims.as_ref()?.name.clone()),
            revision: newest.map_or(0, GroupView::revision),
        }
    }
}

impl GroupView {
    pub(crate) fn revision(&self) -> i32 {
        self.claims.as_ref().and_then(|claims| claims.revision).unwrap_or(0)
    }

    /// One element for each instance, or one for all above the bound.
    fn describe(&self, at_most: usize) -> Vec<ActorInstance> {
        if usize::from(self.count) > at_most {
            return self.instances.first().map(|id| self.instance(id, self.count)).into_iter().collect();
        }
        self.instances.iter().map(|id| self.instance(id, 1)).collect()
    }

    fn instance(&self, id: &Uuid, bound: u16) -> ActorInstance {
        ActorInstance {
            annotations: self.annotations.clone(),
            digest: Some(self.digest.to_string()),
            image_ref: Some(self.reference.to_string()),
            instance_id: id.to_string(),
            max_concurrent: bound,
            max_instances: bound,
            revision: self.revision(),
        }
    }
}
