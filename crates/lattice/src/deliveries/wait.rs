//! Waiting until a changed link has reached every running instance of its provider.

use std::{collections::BTreeMap, time::Duration};

use lattice_client::{Gathered, RequestError};
use lattice_protocol::{
    DeliveryState, HostInventory, HostKey, LinkDefinition, LinkDeliveries, LinkDelivery, ProviderDescription,
    ProviderState,
};
use tokio::time::{self, Instant};

use super::{Delivery, State, all};
use crate::{connect::Lattice, printer::Printer};

/// How long between the first two looks: soon for people, and long beside what a change takes to every host. What the
/// first look shows may be of the link as it was before, so that it takes a second one to believe.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// How long between later ones, at the longest: every host is asked each time.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What came of waiting.
#[derive(Debug)]
pub(crate) struct Waited {
    /// Each instance that runs, by host.
    pub(crate) deliveries: Vec<Delivery>,
    /// Whether nothing more is waited for; otherwise the time was over.
    pub(crate) ended: bool,
}

/// What all hosts told at one moment.
struct Look {
    inventories: Gathered<HostInventory>,
    deliveries: Gathered<LinkDeliveries>,
}

/// Waits until every running instance of the link's provider has got it or failed to, as long as the end of a command is
/// waited for. What hosts tell of the link before it was put is not believed, if it is known when that was.
///
/// # Errors
/// The hosts could not be asked.
pub(crate) async fn until_arrived(
    lattice: &Lattice,
    link: &LinkDefinition,
    put_at: Option<u64>,
    printer: Printer,
) -> Result<Waited, RequestError> {
    until(lattice, "waiting for providers to take the link ...", printer, |look| look.stands(link, put_at)).await
}

/// Waits until those providers that had a link have been told that it is gone.
///
/// # Errors
/// The hosts could not be asked.
pub(crate) async fn until_removed(
    lattice: &Lattice,
    had_it: &BTreeMap<HostKey, LinkDelivery>,
    printer: Printer,
) -> Result<Waited, RequestError> {
    until(lattice, "waiting for providers to drop the link ...", printer, |look| look.left(had_it)).await
}

/// The instances that have a link of this id, or are to get it, by host.
///
/// # Errors
/// The hosts could not be asked.
pub(crate) async fn which_have_it(
    lattice: &Lattice,
    id: &str,
) -> Result<BTreeMap<HostKey, LinkDelivery>, RequestError> {
    let deliveries = lattice.client.link_deliveries().await?;
    Ok(of_link(&deliveries, id))
}

fn of_link(deliveries: &Gathered<LinkDeliveries>, id: &str) -> BTreeMap<HostKey, LinkDelivery> {
    let of_link = all(deliveries).filter(|delivery| delivery.id == id);
    of_link.map(|delivery| (delivery.host_id.clone(), delivery.clone())).collect()
}

async fn until(
    lattice: &Lattice,
    progress: &str,
    printer: Printer,
    stands: impl Fn(&Look) -> Vec<Stand>,
) -> Result<Waited, RequestError> {
    let until = Instant::now() + lattice.target.patience;
    let mut pause = FIRST_PAUSE;
    loop {
        let stands = stands(&Look::at(lattice).await?);
        let ended = stands.iter().all(|stand| stand.ended);
        let believed = pause > FIRST_PAUSE || stands.iter().all(|stand| stand.dated);
        if (ended && believed) || Instant::now() >= until {
            printer.end_progress();
            return Ok(Waited { deliveries: stands.into_iter().map(|stand| stand.delivery).collect(), ended });
        }
        printer.progress(progress);
        time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// How an instance stands, and whether that is how it stays.
#[derive(Debug, PartialEq)]
struct Stand {
    delivery: Delivery,
    ended: bool,
    /// Whether it is known to be about the link as it is now.
    dated: bool,
}

impl Look {
    async fn at(lattice: &Lattice) -> Result<Self, RequestError> {
        let (inventories, deliveries) = futures::join!(lattice.client.inventories(), lattice.client.link_deliveries());
        Ok(Self { inventories: inventories?, deliveries: deliveries? })
    }

    /// Every running instance of the link's provider.
    fn stands(&self, link: &LinkDefinition, put_at: Option<u64>) -> Vec<Stand> {
        let is_meant = |told: &&LinkDelivery| told.id == link.id() && told.provider_id == link.provider_id;
        let told = all(&self.deliveries).filter(is_meant).filter(|told| age(told, put_at) != Age::Earlier);
        let told: BTreeMap<&HostKey, &LinkDelivery> = told.map(|told| (&told.host_id, told)).collect();
        let serves =
            |provider: &&ProviderDescription| provider.id == link.provider_id && provider.link_name == link.link_name;
        let mut stands: Vec<Stand> = Vec::new();
        for host in &self.inventories.items {
            let Some(instance) = host.providers.iter().find(serves) else { continue };
            let told = told.get(&host.host_id).copied();
            let (state, error, ended) = stand(instance, link, told);
            let dated = told.is_some_and(|told| age(told, put_at) == Age::Current);
            stands.push(Stand { delivery: delivery(host, state, error), ended, dated });
        }
        stands.sort_by(|a, b| a.delivery.host_id.cmp(&b.delivery.host_id));
        stands
    }

    /// Those that had a link: whether they still have.
    fn left(&self, had_it: &BTreeMap<HostKey, LinkDelivery>) -> Vec<Stand> {
        let names: BTreeMap<&HostKey, &HostInventory> =
            self.inventories.items.iter().map(|host| (&host.host_id, host)).collect();
        let left = |(host, had): (&HostKey, &LinkDelivery)| {
            let told = all(&self.deliveries).find(|told| told.host_id == *host && told.id == had.id);
            let (state, error, ended) = match told {
                None => (State::Removed, None, true),
                Some(told) if told.state == DeliveryState::Failed => (State::Failed, told.error.clone(), true),
                Some(_) => (State::Pending, None, false),
            };
            let host_name = names.get(host).map(|host| host.friendly_name.clone());
            Stand { delivery: Delivery { host_id: host.clone(), state, error, host_name }, ended, dated: false }
        };
        had_it.iter().map(left).collect()
    }
}

/// Of which version of a link something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    /// One before the put.
    Earlier,
    /// The one that was put, or one after it.
    Current,
    Unknown,
}

fn age(told: &LinkDelivery, put_at: Option<u64>) -> Age {
    match (told.revision, put_at) {
        (Some(told), Some(put)) if told < put => Age::Earlier,
        (Some(_), Some(_)) => Age::Current,
        _ => Age::Unknown,
    }
}

fn delivery(host: &HostInventory, state: State, error: Option<String>) -> Delivery {
    Delivery { host_id: host.host_id.clone(), state, error, host_name: Some(host.friendly_name.clone()) }
}

/// How an instance stands to a link: the state, why, and whether nothing more is to be waited for.
fn stand(
    instance: &ProviderDescription,
    link: &LinkDefinition,
    told: Option<&LinkDelivery>,
) -> (State, Option<String>, bool) {
    let Some(process) = &instance.process else {
        return (State::Untold, Some("hosts of other projects do not tell".to_owned()), true);
    };
    if let Some(contract) = instance.contract_id.as_ref().filter(|contract| **contract != link.contract_id) {
        return (State::Failed, Some(format!("it serves contract `{contract}`")), true);
    }
    match told {
        Some(told) => (told.state.into(), told.error.clone(), told.state != DeliveryState::Pending),
        // It gets the link with the others when it serves again, and nobody knows when that is.
        None if !matches!(process.state, ProviderState::Running | ProviderState::Starting) => {
            (State::Pending, Some(format!("it is not serving ({})", process.state.as_str())), true)
        }
        None => (State::Pending, None, false),
    }
}

#[cfg(test)]
mod tests {
    use lattice_protocol::decode;

    use super::*;

    const HOST: &str = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA";
    const ACTOR: &str = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";
    const PROVIDER: &str = "VDOQYLDQEYPWEBC76G4NMONCTOKFYS7YELMFF6LPDVUO5HQF6O53ZI2M";
    const OTHER: &str = "VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW";

    fn link() -> LinkDefinition {
        LinkDefinition {
            actor_id: ACTOR.parse().expect("a key"),
            provider_id: PROVIDER.parse().expect("a key"),
            link_name: Default::default(),
            contract_id: "acme:cache".parse().expect("a contract"),
            values: Default::default(),
        }
    }

    /// A host that runs a provider in this state, and tells this of the link.
    fn look(provider: &str, process: Option<&str>, contract: &str, told: Option<(&str, &str)>) -> Look {
        let process = process.map_or(String::new(), |state| format!(r#","process":{{"state":"{state}"}}"#));
        let inventory = format!(
            r#"{{"host_id":"{HOST}","friendly_name":"otter","providers":[{{"id":"{provider}","link_name":"default",
            "contract_id":"{contract}"{process}}}]}}"#
        );
        let delivery = told.map_or(String::new(), |(provider, state)| {
            let LinkDefinition { actor_id, contract_id, .. } = link();
            let id = link().id();
            format!(
                r#"{{"actor_id":"{actor_id}","contract_id":"{contract_id}","host_id":"{HOST}","id":"{id}",
                "provider_id":"{provider}","state":"{state}","error":"why"}}"#
            )
        });
        let deliveries = format!(r#"{{"host_id":"{HOST}","deliveries":[{delivery}]}}"#);
        let (mut inventories, mut told) = (Gathered::default(), Gathered::default());
        inventories.items.push(decode(inventory.as_bytes()).expect("an inventory"));
        told.items.push(decode(deliveries.as_bytes()).expect("deliveries"));
        Look { inventories, deliveries: told }
    }

    #[track_caller]
    fn check(look: &Look, expect: Option<(State, &str, bool)>) {
        let stands = look.stands(&link(), None);
        let told = stands
            .first()
            .map(|stand| (stand.delivery.state, stand.delivery.error.as_deref().unwrap_or_default(), stand.ended));
        assert_eq!(told, expect);
    }

    #[test]
    fn each_instance_is_waited_for_until_it_has_the_link_or_never_will() {
        let ours = |process: &str, told| look(PROVIDER, Some(process), "acme:cache", told);
        check(&ours("running", Some((PROVIDER, "confirmed"))), Some((State::Confirmed, "why", true)));
        check(&ours("running", Some((PROVIDER, "failed"))), Some((State::Failed, "why", true)));
        check(&ours("running", Some((PROVIDER, "pending"))), Some((State::Pending, "why", false)));
        check(&ours("running", None), Some((State::Pending, "", false)));
        // What is told of the provider that had the link before says nothing.
        check(&ours("running", Some((OTHER, "confirmed"))), Some((State::Pending, "", false)));
        check(&ours("crash_loop", None), Some((State::Pending, "it is not serving (crash loop)", true)));
        let other = look(PROVIDER, Some("running"), "acme:other", None);
        check(&other, Some((State::Failed, "it serves contract `acme:other`", true)));
        check(
            &look(PROVIDER, None, "acme:cache", None),
            Some((State::Untold, "hosts of other projects do not tell", true)),
        );
        check(&look(OTHER, Some("running"), "acme:cache", None), None);
    }

    #[test]
    fn what_became_of_an_earlier_version_of_the_link_is_waited_past() {
        let mut look = look(PROVIDER, Some("running"), "acme:cache", Some((PROVIDER, "failed")));
        look.deliveries.items[0].deliveries.good[0].revision = Some(7);
        let stand = |put_at| look.stands(&link(), put_at).remove(0);
        let told = |stand: Stand| (stand.delivery.state, stand.ended, stand.dated);
        assert_eq!(told(stand(Some(8))), (State::Pending, false, false));
        assert_eq!(told(stand(Some(7))), (State::Failed, true, true));
        assert_eq!(told(stand(None)), (State::Failed, true, false));
    }

    #[test]
    fn what_is_gone_is_removed() {
        let had = look(PROVIDER, Some("running"), "acme:cache", Some((PROVIDER, "confirmed")));
        let had_it = of_link(&had.deliveries, &link().id());
        let state = |look: &Look| look.left(&had_it).first().map(|stand| (stand.delivery.state, stand.ended));
        assert_eq!(state(&had), Some((State::Pending, false)));
        let failed = look(PROVIDER, Some("running"), "acme:cache", Some((PROVIDER, "failed")));
        assert_eq!(state(&failed), Some((State::Failed, true)));
        let gone = look(PROVIDER, Some("running"), "acme:cache", None);
        assert_eq!(state(&gone), Some((State::Removed, true)));
        assert!(of_link(&gone.deliveries, &link().id()).is_empty());
    }
}
