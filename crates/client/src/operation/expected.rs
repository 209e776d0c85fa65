//! The events that tell how a command went, for hosts that keep no record of it.
//!
//! Source: wasmCloud 0.82 `crates/host/src/wasmbus/mod.rs`, wasmcloud-otp 0.63 `actor_supervisor.ex`,
//! `lattice_server.ex`. They disagree on which events they send and on which keys these have, so data is read key by
//! key and an absent key does not count against an event.

use futures::StreamExt;
use lattice_protocol::{
    ActorKey, Annotations, ContractId, DeleteLink, HostKey, LinkDefinition, LinkName, ProviderKey, ScaleActor,
    StartActor, StartProvider, StopActor, StopProvider, UpdateActor, event::CloudEvent,
};
use serde_json::Value;

use crate::events::EventStream;

/// What to look for.
#[derive(Debug)]
pub(crate) enum Expected {
    Started {
        actor_ref: String,
        annotations: Annotations,
    },
    Scaled {
        actor: Option<ActorKey>,
        actor_ref: String,
        annotations: Annotations,
    },
    Stopped {
        actor: ActorKey,
        annotations: Annotations,
    },
    Updated {
        actor: ActorKey,
        actor_ref: String,
        annotations: Annotations,
    },
    ProviderStarted {
        provider_ref: String,
        link: LinkName,
        annotations: Annotations,
    },
    ProviderStopped {
        provider: ProviderKey,
        link: LinkName,
        annotations: Annotations,
    },
    HostStopped,
    /// Hosts of other projects know no such command, so that no event tells of it.
    Prefetched,
    LinkSet(LinkPlace),
    LinkDeleted(LinkPlace),
    /// No event tells more than the answer.
    Nothing,
}

/// What a link is known by.
#[derive(Debug)]
pub(crate) struct LinkPlace {
    actor: ActorKey,
    contract: ContractId,
    link: LinkName,
}

/// What an event says.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    Done(CloudEvent),
    Failed {
        event: CloudEvent,
        error: String,
    },
    /// No more events will come: the connection is closed.
    StreamEnded,
}

/// An expectation and the events in which it is looked for.
#[derive(Debug)]
pub(crate) struct Awaited {
    expected: Expected,
    /// Whose events count; anybody's if that is not known.
    host: Option<HostKey>,
    /// None where nothing is expected.
    events: Option<EventStream>,
}

impl Awaited {
    pub(crate) fn new(expected: Expected, host: Option<HostKey>, events: Option<EventStream>) -> Self {
        Self { expected, host, events }
    }

    pub(super) fn expects_host_to_go(&self) -> bool {
        matches!(self.expected, Expected::HostStopped)
    }

    pub(super) fn expects_nothing(&self) -> bool {
        self.expected.is_nothing()
    }

    /// Whether a host that takes the command on has done it by then. Hosts of other projects, which have no records, do
    /// more of that than those of this one.
    pub(super) fn is_done_when_answered(&self, is_recorded: bool) -> bool {
        match &self.expected {
            Expected::LinkSet(_) | Expected::LinkDeleted(_) | Expected::Nothing => true,
            Expected::Updated { .. } | Expected::ProviderStopped { .. } | Expected::Prefetched => !is_recorded,
            Expected::Started { .. }
            | Expected::Scaled { .. }
            | Expected::Stopped { .. }
            | Expected::ProviderStarted { .. }
            | Expected::HostStopped => false,
        }
    }

    pub(super) async fn verdict(&mut self) -> Verdict {
        let Some(events) = &mut self.events else { return Verdict::StreamEnded };
        while let Some(item) = events.next().await {
            let Ok(event) = item else { continue };
            match self.expected.meets(self.host.as_ref(), &event) {
                Met::Not => {}
                Met::Done => return Verdict::Done(event),
                Met::Failed(error) => return Verdict::Failed { event, error },
            }
        }
        Verdict::StreamEnded
    }
}

#[derive(Debug, PartialEq)]
enum Met {
    Not,
    Done,
    Failed(String),
}

impl Expected {
    pub(crate) fn start(command: &StartActor) -> Self {
        Expected::Started { actor_ref: command.actor_ref.clone(), annotations: command.annotations.clone() }
    }

    pub(crate) fn scale(command: &ScaleActor) -> Self {
        Expected::Scaled {
            actor: command.actor_id.clone(),
            actor_ref: command.actor_ref.clone(),
            annotations: command.annotations.clone(),
        }
    }

    pub(crate) fn stop(command: &StopActor) -> Self {
        Expected::Stopped { actor: command.actor_id.clone(), annotations: command.annotations.clone() }
    }

    pub(crate) fn update(command: &UpdateActor) -> Self {
        Expected::Updated {
            actor: command.actor_id.clone(),
            actor_ref: command.new_actor_ref.clone(),
            annotations: command.annotations.clone(),
        }
    }

    pub(crate) fn start_provider(command: &StartProvider) -> Self {
        Expected::ProviderStarted {
            provider_ref: command.provider_ref.clone(),
            link: command.link_name.clone(),
            annotations: command.annotations.clone(),
        }
    }

    pub(crate) fn stop_provider(command: &StopProvider) -> Self {
        Expected::ProviderStopped {
            provider: command.provider_id.clone(),
            link: command.link_name.clone(),
            annotations: command.annotations.clone(),
        }
    }

    pub(crate) fn put_link(link: &LinkDefinition) -> Self {
        let (actor, contract) = (link.actor_id.clone(), link.contract_id.clone());
        Expected::LinkSet(LinkPlace { actor, contract, link: link.link_name.clone() })
    }

    pub(crate) fn delete_link(link: &DeleteLink) -> Self {
        let (actor, contract) = (link.actor_id.clone(), link.contract_id.clone());
        Expected::LinkDeleted(LinkPlace { actor, contract, link: link.link_name.clone() })
    }

    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Expected::Nothing)
    }

    fn meets(&self, host: Option<&HostKey>, event: &CloudEvent) -> Met {
        let told = Told(event);
        if !host.is_none_or(|host| told.is_by(host)) || !self.is_about(&told) {
            return Met::Not;
        }
        match (self, event.name()) {
            (Expected::Started { .. }, "actors_started")
            | (Expected::Scaled { .. }, "actor_scaled" | "actors_started" | "actors_stopped")
            | (Expected::Stopped { .. }, "actors_stopped" | "actor_stopped")
            | (Expected::Updated { .. }, "actor_updated" | "actors_started")
            | (Expected::ProviderStarted { .. }, "provider_started")
            | (Expected::ProviderStopped { .. }, "provider_stopped")
            | (Expected::LinkSet(_), "linkdef_set")
            | (Expected::LinkDeleted(_), "linkdef_deleted")
            | (Expected::HostStopped, "host_stopped") => Met::Done,
            (Expected::Started { .. } | Expected::Scaled { .. }, "actors_start_failed" | "actor_start_failed")
            | (Expected::Scaled { .. }, "actor_scale_failed")
            | (Expected::Updated { .. }, "actor_update_failed")
            | (Expected::ProviderStarted { .. }, "provider_start_failed") => Met::Failed(told.error()),
            _ => Met::Not,
        }
    }

    fn is_about(&self, told: &Told<'_>) -> bool {
        match self {
            Expected::Started { actor_ref, annotations } => {
                told.names_image(actor_ref) && told.has_exactly(annotations)
            }
            Expected::Scaled { actor, actor_ref, annotations } => {
                let is_actor = actor.as_ref().is_some_and(|actor| told.names_actor(actor));
                (is_actor || told.names_image(actor_ref)) && told.has_exactly(annotations)
            }
            Expected::Stopped { actor, annotations } => told.names_actor(actor) && told.has_at_least(annotations),
            // Some hosts say of an update only which actor it was of, others that they started its new image.
            Expected::Updated { actor, actor_ref, annotations } => {
                let names_another = told.image().is_some_and(|image| image != actor_ref);
                told.names_actor(actor) && !names_another && told.has_at_least(annotations)
            }
            Expected::ProviderStarted { provider_ref, link, annotations } => {
                let names_image = told.names_image(provider_ref) || told.text("provider_ref") == Some(provider_ref);
                names_image && told.serves(link) && told.has_exactly(annotations)
            }
            Expected::ProviderStopped { provider, link, annotations } => {
                let names_provider = told.text("public_key") == Some(provider.as_str());
                names_provider && told.serves(link) && told.has_at_least(annotations)
            }
            Expected::LinkSet(place) | Expected::LinkDeleted(place) => told.is_of(place),
            Expected::HostStopped => true,
            Expected::Prefetched | Expected::Nothing => false,
        }
    }
}

/// An event's data, read leniently.
struct Told<'a>(&'a CloudEvent);

impl Told<'_> {
    fn text(&self, key: &str) -> Option<&str> {
        self.0.data.get(key).and_then(Value::as_str)
    }

    fn is_by(&self, host: &HostKey) -> bool {
        self.text("host_id").unwrap_or(&self.0.source) == host.as_str()
    }

    fn names_actor(&self, actor: &ActorKey) -> bool {
        self.text("public_key") == Some(actor.as_str())
    }

    /// Hosts name the image under one key or the other, where it failed some name the actor's key instead.
    fn names_image(&self, image: &str) -> bool {
        !image.is_empty() && ["image_ref", "actor_ref"].into_iter().any(|key| self.text(key) == Some(image))
    }

    fn image(&self) -> Option<&str> {
        self.text("image_ref").filter(|image| !image.is_empty())
    }

    /// Hosts that were told no link name write none.
    fn serves(&self, link: &LinkName) -> bool {
        let told = self.text("link_name").filter(|name| !name.is_empty());
        told.is_none_or(|name| name == link.as_str())
    }

    fn is_of(&self, place: &LinkPlace) -> bool {
        self.text("actor_id") == Some(place.actor.as_str())
            && self.text("contract_id") == Some(place.contract.as_str())
            && self.serves(&place.link)
    }

    fn annotations(&self) -> Option<Annotations> {
        serde_json::from_value(self.0.data.get("annotations")?.clone()).ok()
    }

    fn has_exactly(&self, expected: &Annotations) -> bool {
        self.annotations().is_none_or(|annotations| annotations == *expected)
    }

    fn has_at_least(&self, expected: &Annotations) -> bool {
        self.annotations().is_none_or(|annotations| annotations.contains(expected))
    }

    fn error(&self) -> String {
        self.text("error").or(self.text("reason")).unwrap_or("the event names no reason").to_owned()
    }
}

#[cfg(test)]
mod tests;
