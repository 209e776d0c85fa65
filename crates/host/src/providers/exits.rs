//! Providers that ended and left nobody who could answer, as those hear who wait for an answer.

use std::collections::VecDeque;

use lattice_protocol::LinkDefinition;
use tokio::sync::watch;

use super::command::InstanceKey;
use crate::defaults::REMEMBERED_EXITS;

/// Tells of providers that ended; cheap to clone, the same for all clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exits {
    told: watch::Sender<Told>,
}

/// The last that ended, counted.
#[derive(Debug, Default)]
struct Told {
    count: u64,
    last: VecDeque<Ended>,
}

#[derive(Debug)]
struct Ended {
    number: u64,
    key: InstanceKey,
    how: String,
}

/// Hears of the provider of one link.
pub(crate) struct Following<'a> {
    link: &'a LinkDefinition,
    told: watch::Receiver<Told>,
    since: u64,
}

impl Exits {
    /// Hears whether the provider of a link ends from now on. A lock is held for the read of a number.
    pub(crate) fn follow<'a>(&self, link: &'a LinkDefinition) -> Following<'a> {
        let told = self.told.subscribe();
        let since = told.borrow().count;
        Following { link, told, since }
    }

    pub(super) fn tell(&self, key: &InstanceKey, how: String) {
        self.told.send_modify(|told| {
            told.count += 1;
            told.last.push_back(Ended { number: told.count, key: key.clone(), how });
            if told.last.len() > REMEMBERED_EXITS {
                told.last.pop_front();
            }
        });
    }
}

impl Following<'_> {
    /// Returns how the provider ended, once it has. Cancel-safe.
    pub(crate) async fn ended(&mut self) -> String {
        loop {
            let how = self.told.borrow_and_update().find(self.link, self.since);
            if let Some(how) = how {
                return how;
            }
            if self.told.changed().await.is_err() {
                // The host has ended, and nobody will tell.
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Told {
    /// How the provider of a link ended, after so many had.
    fn find(&self, link: &LinkDefinition, since: u64) -> Option<String> {
        let is_meant = |ended: &&Ended| {
            let InstanceKey { provider, link: name } = &ended.key;
            ended.number > since && *provider == link.provider_id && *name == link.link_name
        };
        self.last.iter().find(is_meant).map(|ended| ended.how.clone())
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn link(name: &str) -> LinkDefinition {
        let json = serde_json::json!({
            "actor_id": "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR",
            "provider_id": "VDOQYLDQEYPWEBC76G4NMONCTOKFYS7YELMFF6LPDVUO5HQF6O53ZI2M",
            "link_name": name, "contract_id": "acme:cache",
        });
        serde_json::from_value(json).expect("a link")
    }

    fn key(link: &LinkDefinition) -> InstanceKey {
        InstanceKey { provider: link.provider_id.clone(), link: link.link_name.clone() }
    }

    #[test]
    fn who_waits_hears_of_the_end_of_that_provider_and_of_none_before() {
        let (exits, own, other) = (Exits::default(), link("own"), link("other"));
        exits.tell(&key(&own), "earlier".to_owned());
        let mut following = exits.follow(&own);
        exits.tell(&key(&other), "of another".to_owned());
        assert_eq!(following.ended().now_or_never(), None);
        exits.tell(&key(&own), "now".to_owned());
        assert_eq!(following.ended().now_or_never().as_deref(), Some("now"));
        (0..REMEMBERED_EXITS).for_each(|_| exits.tell(&key(&other), "of another".to_owned()));
        assert_eq!(exits.told.borrow().last.len(), REMEMBERED_EXITS);
    }
}
