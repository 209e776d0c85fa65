//! Which links the providers of this host have got, as everybody reads it and their couriers write it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use lattice_protocol::{LinkDefinition, LinkDelivery};

use super::command::InstanceKey;

/// Which links have arrived; cheap to clone, the same for all clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deliveries {
    states: Arc<Mutex<BTreeMap<(InstanceKey, String), LinkDelivery>>>,
}

impl Deliveries {
    /// All of them.
    pub(crate) fn all(&self) -> Vec<LinkDelivery> {
        self.lock().values().cloned().collect()
    }

    pub(super) fn set(&self, key: &InstanceKey, delivery: LinkDelivery) {
        self.lock().insert((key.clone(), delivery.id.clone()), delivery);
    }

    pub(super) fn remove(&self, key: &InstanceKey, link: &LinkDefinition) {
        self.lock().remove(&(key.clone(), link.id()));
    }

    /// Forgets all that a provider had got, for its process is gone.
    pub(super) fn forget(&self, key: &InstanceKey) {
        self.lock().retain(|(other, _), _| other != key);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(InstanceKey, String), LinkDelivery>> {
        self.states.lock().expect("nothing panics while it holds deliveries")
    }
}
