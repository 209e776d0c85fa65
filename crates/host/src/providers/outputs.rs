//! What the providers of a host have printed, also the last of those that run no more.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use super::{command::InstanceKey, output::Output};
use crate::defaults::STOPPED_OUTPUTS;

/// What providers have printed; cheap to clone, the same for all clones.
#[derive(Clone, Debug, Default)]
pub(super) struct Outputs {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    by_key: BTreeMap<InstanceKey, Output>,
    /// Those that run no more, the one that stopped first in front.
    stopped: VecDeque<InstanceKey>,
}

impl Outputs {
    /// Where what a provider prints goes; what it printed before is still there.
    pub(super) fn open(&self, key: &InstanceKey) -> Output {
        let mut kept = self.lock();
        kept.stopped.retain(|stopped| stopped != key);
        kept.by_key.entry(key.clone()).or_insert_with(Output::new).clone()
    }

    /// Notes that a provider runs no more. The output of those that stopped long before may be forgotten.
    pub(super) fn close(&self, key: &InstanceKey) {
        let mut kept = self.lock();
        kept.stopped.push_back(key.clone());
        if kept.stopped.len() > STOPPED_OUTPUTS
            && let Some(first) = kept.stopped.pop_front()
        {
            kept.by_key.remove(&first);
        }
    }

    pub(super) fn get(&self, key: &InstanceKey) -> Option<Output> {
        self.lock().by_key.get(key).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("nothing panics while it holds outputs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_that_stopped_the_first_are_forgotten_and_none_that_runs() {
        let outputs = Outputs::default();
        let provider = lattice_claims::ProviderSeed::generate().public();
        let key = |number: usize| {
            let link = format!("link-{number}").parse().expect("a link name");
            InstanceKey { provider: provider.clone(), link }
        };
        (0..=STOPPED_OUTPUTS + 2).for_each(|number| drop(outputs.open(&key(number))));
        (0..STOPPED_OUTPUTS).for_each(|number| outputs.close(&key(number)));
        // The first of all runs again.
        outputs.open(&key(0));
        outputs.close(&key(STOPPED_OUTPUTS));
        assert!(outputs.get(&key(1)).is_some(), "they are not too many yet");
        outputs.close(&key(STOPPED_OUTPUTS + 1));
        let kept: Vec<_> = (0..=STOPPED_OUTPUTS + 2).filter(|number| outputs.get(&key(*number)).is_some()).collect();
        let expect: Vec<_> = (0..=STOPPED_OUTPUTS + 2).filter(|number| *number != 1).collect();
        assert_eq!(kept, expect);
    }
}
