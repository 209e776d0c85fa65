//! Which links the providers of this host have got, as everybody reads it and their couriers write it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use lattice_protocol::{DeliveryState, HostKey, LinkDefinition, LinkDelivery};

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

    pub(super) fn set(
        &self,
        host: &HostKey,
        key: &InstanceKey,
        link: &LinkDefinition,
        state: DeliveryState,
        error: Option<String>,
    ) {
        let id = link.id();
        let delivery = LinkDelivery {
            actor_id: link.actor_id.clone(),
            contract_id: link.contract_id.clone(),
            error,
            host_id: host.clone(),
            id: id.clone(),
            link_name: link.link_name.clone(),
            provider_id: key.provider.clone(),
            state,
        };
        self.lock().insert((key.clone(), id), delivery);
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
