//! Which links the providers of this host have got, as everybody reads it and their couriers write it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use lattice_protocol::{DeliveryState, LinkDefinition, LinkDelivery};

use super::command::InstanceKey;
use crate::links::Standing;

/// Which links have arrived; cheap to clone, the same for all clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deliveries {
    states: Arc<Mutex<BTreeMap<(InstanceKey, String), Delivery>>>,
}

/// How a provider stands to a link, and which link that is. What is told names the revision at which the link was sent.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) link: Arc<LinkDefinition>,
    pub(super) told: LinkDelivery,
}

impl Deliveries {
    /// All of them, as they count for the links as they stand now.
    pub(crate) fn all(&self, standing: impl Fn(&str) -> Option<Standing>) -> Vec<LinkDelivery> {
        let states: Vec<_> = self.lock().values().cloned().collect();
        states.into_iter().map(|delivery| delivery.for_now(&standing)).collect()
    }

    pub(super) fn set(&self, key: &InstanceKey, delivery: Delivery) {
        self.lock().insert((key.clone(), delivery.told.id.clone()), delivery);
    }

    pub(super) fn remove(&self, key: &InstanceKey, link: &LinkDefinition) {
        self.lock().remove(&(key.clone(), link.id()));
    }

    /// Forgets all that a provider had got, for its process is gone.
    pub(super) fn forget(&self, key: &InstanceKey) {
        self.lock().retain(|(other, _), _| other != key);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(InstanceKey, String), Delivery>> {
        self.states.lock().expect("nothing panics while it holds deliveries")
    }
}

impl Delivery {
    /// What is told of it where the link stands like this. What became of another version says nothing of the one that
    /// stands, for which the courier has not set out yet; but for values that the provider has, however often they are put.
    fn for_now(self, standing: impl Fn(&str) -> Option<Standing>) -> LinkDelivery {
        let Self { link, told } = self;
        let is_over = |now: &Standing| told.state == DeliveryState::Failed && told.revision != Some(now.revision);
        match standing(&told.id) {
            Some(now) if *now.link == *link && !is_over(&now) => LinkDelivery { revision: Some(now.revision), ..told },
            Some(now) if now.link.provider_id == link.provider_id => {
                LinkDelivery { error: None, revision: Some(now.revision), state: DeliveryState::Pending, ..told }
            }
            _ => LinkDelivery { revision: None, ..told },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(value: &str) -> Arc<LinkDefinition> {
        let json = serde_json::json!({
            "actor_id": "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR",
            "provider_id": "VDOQYLDQEYPWEBC76G4NMONCTOKFYS7YELMFF6LPDVUO5HQF6O53ZI2M",
            "link_name": "default", "contract_id": "acme:cache", "values": {"value": value},
        });
        Arc::new(serde_json::from_value(json).expect("a link"))
    }

    /// A delivery that failed at revision 7.
    fn failed(link: &Arc<LinkDefinition>) -> Delivery {
        let told = LinkDelivery {
            actor_id: link.actor_id.clone(),
            contract_id: link.contract_id.clone(),
            error: Some("why".to_owned()),
            host_id: "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA".parse().expect("a published key"),
            id: link.id(),
            link_name: link.link_name.clone(),
            provider_id: link.provider_id.clone(),
            revision: Some(7),
            state: DeliveryState::Failed,
        };
        Delivery { link: Arc::clone(link), told }
    }

    #[track_caller]
    fn check(now: Option<(Arc<LinkDefinition>, u64)>, expect: (DeliveryState, Option<&str>, Option<u64>)) {
        let told = failed(&link("old")).for_now(|_| {
            let (link, revision) = now.clone()?;
            Some(Standing { link, revision })
        });
        assert_eq!((told.state, told.error.as_deref(), told.revision), expect);
    }

    #[test]
    fn what_became_of_an_earlier_version_is_not_told_of_the_one_that_stands() {
        check(Some((link("old"), 7)), (DeliveryState::Failed, Some("why"), Some(7)));
        check(Some((link("new"), 8)), (DeliveryState::Pending, None, Some(8)));
        check(None, (DeliveryState::Failed, Some("why"), None));
    }

    /// History: a link that was put again was told as failed for the reason that it had before.
    #[test]
    fn a_failure_is_not_told_of_the_same_link_put_again() {
        check(Some((link("old"), 8)), (DeliveryState::Pending, None, Some(8)));
        let taken = Delivery {
            told: LinkDelivery { state: DeliveryState::Confirmed, ..failed(&link("old")).told },
            ..failed(&link("old"))
        };
        let told = taken.for_now(|_| Some(Standing { link: link("old"), revision: 8 }));
        assert_eq!((told.state, told.revision), (DeliveryState::Confirmed, Some(8)));
    }
}
