//! What runs of providers, as everybody reads it and their supervisors write it.

use std::{collections::BTreeMap, fmt};

use lattice_artifact::{Digest, Reference};
use lattice_protocol::{Annotations, ContractId, ProviderDescription, ProviderKey, ProviderProcess};
use tokio::sync::watch;

use super::{command::InstanceKey, image::Image};

/// What runs, by key.
pub(crate) type ProviderViews = BTreeMap<InstanceKey, ProviderView>;

/// What runs; cheap to clone, the same for all clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProviderBoard {
    views: watch::Sender<ProviderViews>,
}

/// What is known of one provider. `Debug` does not show its configuration.
#[derive(Clone)]
pub(crate) struct ProviderView {
    pub(crate) reference: Reference,
    pub(crate) digest: Option<Digest>,
    pub(crate) contract: ContractId,
    pub(crate) name: Option<String>,
    pub(crate) revision: i32,
    pub(crate) annotations: Annotations,
    /// What it was started with; may hold secrets.
    pub(crate) configuration: Option<String>,
    pub(crate) process: ProviderProcess,
}

impl fmt::Debug for ProviderView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderView")
            .field("reference", &self.reference)
            .field("annotations", &self.annotations)
            .field("process", &self.process)
            .finish_non_exhaustive()
    }
}

impl ProviderView {
    pub(super) fn new(
        image: &Image,
        annotations: &Annotations,
        configuration: &Option<String>,
        process: ProviderProcess,
    ) -> Self {
        Self {
            reference: image.reference.clone(),
            digest: image.digest,
            contract: image.contract.clone(),
            name: image.name.clone(),
            revision: image.revision,
            annotations: annotations.clone(),
            configuration: configuration.clone(),
            process,
        }
    }

    fn describe(&self, key: &InstanceKey) -> ProviderDescription {
        ProviderDescription {
            annotations: self.annotations.clone(),
            contract_id: Some(self.contract.clone()),
            digest: self.digest.map(|digest| digest.to_string()),
            id: key.provider.clone(),
            image_ref: Some(self.reference.to_string()),
            link_name: key.link.clone(),
            name: self.name.clone(),
            process: Some(self.process.clone()),
            revision: self.revision,
        }
    }
}

impl ProviderBoard {
    /// What the inventory lists.
    pub(crate) fn descriptions(&self) -> Vec<ProviderDescription> {
        self.views.borrow().iter().map(|(key, view)| view.describe(key)).collect()
    }

    /// Everything that runs.
    pub(crate) fn views(&self) -> ProviderViews {
        self.views.borrow().clone()
    }

    pub(crate) fn get(&self, key: &InstanceKey) -> Option<ProviderView> {
        self.views.borrow().get(key).cloned()
    }

    /// Whose provider runs from a reference.
    pub(crate) fn running_from(&self, reference: &Reference) -> Option<ProviderKey> {
        self.views.borrow().iter().find(|(_, view)| view.reference == *reference).map(|(key, _)| key.provider.clone())
    }

    /// Hears of every change.
    pub(crate) fn changes(&self) -> watch::Receiver<ProviderViews> {
        self.views.subscribe()
    }

    pub(super) fn set(&self, key: &InstanceKey, view: ProviderView) {
        self.views.send_modify(|views| drop(views.insert(key.clone(), view)));
    }

    pub(super) fn change(&self, key: &InstanceKey, change: impl FnOnce(&mut ProviderProcess)) {
        self.views.send_if_modified(|views| match views.get_mut(key) {
            Some(view) => {
                let before = view.process.clone();
                change(&mut view.process);
                view.process != before
            }
            None => false,
        });
    }

    pub(super) fn remove(&self, key: &InstanceKey) {
        self.views.send_if_modified(|views| views.remove(key).is_some());
    }
}
