//! How a command ended, as people and programs are told.

use lattice_protocol::{ActorKey, Count, HostKey, LinkName, OperationId, ProviderKey};
use serde::Serialize;

use super::about::{About, Provider};
use crate::{deliveries::Delivery, detail::Detail, printer::Show};

/// How a command ended.
#[derive(Debug, Serialize)]
pub(crate) struct Ended {
    /// The operation at the host.
    pub(super) operation_id: OperationId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) host_id: Option<HostKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) actor_id: Option<ActorKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) provider_id: Option<ProviderKey>,
    /// The link name under which the provider serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) link_name: Option<LinkName>,
    /// Of a link: how the running providers stand to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deliveries: Option<Vec<Delivery>>,
    /// In an update: how long calls met neither version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) swap_micros: Option<u64>,
    pub(super) outcome: Outcome,
    /// Whether no record of it outlives the host.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) unrecorded: bool,
    #[serde(skip)]
    pub(super) deed: Deed,
    /// Of a link: the revision at which it stands.
    #[serde(skip)]
    pub(crate) link_revision: Option<u64>,
    /// What people are told beside it.
    #[serde(skip)]
    pub(super) about: About,
}

/// What is known of the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// The host took it on; nobody waited.
    Accepted,
    /// The host's record says that it was done.
    Done,
    /// An event says so; the host keeps no records.
    DoneByEvent,
}

/// What a command did if it went well.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// Started so many instances from this reference.
    Started(u16, String),
    /// Scaled to this count.
    Scaled(Count),
    /// Stopped instances.
    Stopped,
    /// Updated to this reference.
    Updated(String),
    /// Started a provider from this reference under this link name.
    ProviderStarted(String, LinkName),
    /// Stopped a provider.
    ProviderStopped(Provider),
    /// Stopped the host.
    HostStopped,
    /// What is said of the actor now.
    Changed(String),
    /// What holds of the lattice now.
    Holds(String),
    /// What is said of the host now.
    HostChanged(String),
}

impl Deed {
    /// Whose key and link name programs are told, if it is about a provider.
    pub(super) fn provider(&self, about: &About) -> (Option<ProviderKey>, Option<LinkName>) {
        match self {
            Deed::ProviderStarted(_, link) => {
                (about.provider.as_ref().map(|provider| provider.key.clone()), Some(link.clone()))
            }
            Deed::ProviderStopped(provider) => (Some(provider.key.clone()), Some(provider.link.clone())),
            _ => (None, None),
        }
    }
}

impl Show for Ended {
    fn text(&self) -> String {
        self.told(Detail::Brief)
    }

    fn wide(&self) -> String {
        self.told(Detail::Whole)
    }
}

impl Ended {
    /// With how the running providers stand to the link that was changed.
    #[must_use]
    pub(crate) fn with_deliveries(self, provider: ProviderKey, deliveries: Vec<Delivery>) -> Self {
        Self { provider_id: Some(provider), deliveries: Some(deliveries), ..self }
    }

    /// What was done, and below it how the running providers stand to the link.
    fn told(&self, detail: Detail) -> String {
        let deliveries = self.deliveries.iter().flatten().map(|delivery| delivery.line(detail));
        std::iter::once(self.sentence(detail)).chain(deliveries).collect::<Vec<_>>().join("\n")
    }

    fn sentence(&self, detail: Detail) -> String {
        let key = self.host_id.as_ref().map_or("-", |host| host.as_str());
        let host = detail.named(self.about.host_name.as_deref(), key);
        let text = match self.outcome {
            Outcome::Accepted => format!("accepted by host {host} as operation {}", self.operation_id),
            Outcome::Done => self.done(&host, detail),
            Outcome::DoneByEvent => format!("{} (an event of the host says so)", self.done(&host, detail)),
        };
        match self.unrecorded {
            true => format!("{text}; no record of it outlives the host, for JetStream does not take it"),
            false => text,
        }
    }

    fn done(&self, host: &str, detail: Detail) -> String {
        let key = self.actor_id.as_ref().map_or("-", |id| id.as_str());
        let actor = detail.named(self.about.actor_name.as_deref(), key);
        match &self.deed {
            Deed::Started(count, reference) => {
                let instances = if *count == 1 { "instance" } else { "instances" };
                let from = if detail == Detail::Whole { format!(" from {reference}") } else { String::new() };
                format!("started {count} {instances} of actor {actor} on host {host}{from}")
            }
            Deed::Scaled(count) => format!("actor {actor} on host {host} is scaled to {count}"),
            Deed::Stopped => format!("stopped actor {actor} on host {host}{}", self.left()),
            Deed::Updated(reference) => {
                let swap = self.swap_micros.map(|micros| format!(", in {micros} µs")).unwrap_or_default();
                format!("actor {actor} on host {host} runs {} now{swap}", detail.reference(reference))
            }
            Deed::ProviderStarted(reference, link) => {
                let provider = self.about.provider.as_ref().map(|provider| provider.shown(detail));
                let provider = provider.unwrap_or_else(|| detail.reference(reference));
                let from = if detail == Detail::Whole { format!(" from {reference}") } else { String::new() };
                format!("started provider {provider} on host {host}{}{from}", under(link))
            }
            Deed::ProviderStopped(provider) => {
                format!("stopped provider {} on host {host}{}", provider.shown(detail), under(&provider.link))
            }
            Deed::HostStopped => format!("host {host} has stopped"),
            Deed::Changed(what) => format!("actor {actor} is {what}"),
            Deed::Holds(what) => what.clone(),
            Deed::HostChanged(what) => format!("host {host} {what}"),
        }
    }

    fn left(&self) -> String {
        match self.about.left {
            Some(0) => ", nothing of it is left".to_owned(),
            Some(left) => format!(", {left} of it left"),
            None => String::new(),
        }
    }
}

/// The link name is told where it is not what links are called that have no name.
fn under(link: &LinkName) -> String {
    if *link == LinkName::default() { String::new() } else { format!(" under link name `{link}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA";
    const ACTOR: &str = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";
    const PROVIDER: &str = "VDOQYLDQEYPWEBC76G4NMONCTOKFYS7YELMFF6LPDVUO5HQF6O53ZI2M";

    fn check(deed: Deed, left: u64, expect: &str) {
        let ended = Ended {
            operation_id: "01a1f989-76db-746f-89d4-02125a2f656c".parse().expect("an id"),
            host_id: Some(HOST.parse().expect("a published key")),
            swap_micros: None,
            unrecorded: false,
            actor_id: Some(ACTOR.parse().expect("a published key")),
            provider_id: None,
            link_name: None,
            deliveries: None,
            link_revision: None,
            outcome: Outcome::Done,
            deed,
            about: About {
                host_name: Some("otter".to_owned()),
                actor_name: Some("hello".to_owned()),
                provider: Some(provider("default")),
                left: Some(left),
            },
        };
        assert_eq!(ended.text(), expect);
        assert!(!ended.wide().contains('…'), "{}", ended.wide());
    }

    fn provider(link: &str) -> Provider {
        Provider {
            key: PROVIDER.parse().expect("a published key"),
            link: link.parse().expect("a link name"),
            name: Some("cache".to_owned()),
        }
    }

    #[test]
    fn people_are_told_of_providers() {
        let started = |link: &str| Deed::ProviderStarted("file:///srv/c.par.gz".to_owned(), provider(link).link);
        let on_host = "provider cache (VDOQYLDQ…) on host otter (NAWASHVA…)";
        check(started("default"), 0, &format!("started {on_host}"));
        check(started("web"), 0, &format!("started {on_host} under link name `web`"));
        check(Deed::ProviderStopped(provider("default")), 0, &format!("stopped {on_host}"));
        check(Deed::ProviderStopped(provider("web")), 0, &format!("stopped {on_host} under link name `web`"));
    }

    #[test]
    fn people_are_told_by_names() {
        let reference = "file:///home/ada/.local/share/lattice/demo/hello.wasm".to_owned();
        check(
            Deed::Started(2, reference),
            2,
            "started 2 instances of actor hello (MDNX3CB6…) on host otter (NAWASHVA…)",
        );
        let on_host = "actor hello (MDNX3CB6…) on host otter (NAWASHVA…)";
        check(Deed::Scaled(3.into()), 3, &format!("{on_host} is scaled to 3"));
        check(Deed::Stopped, 2, &format!("stopped {on_host}, 2 of it left"));
        check(Deed::Stopped, 0, &format!("stopped {on_host}, nothing of it is left"));
        check(Deed::HostStopped, 0, "host otter (NAWASHVA…) has stopped");
    }
}
