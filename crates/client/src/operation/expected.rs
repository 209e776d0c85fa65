//! The events that tell how a command went, for hosts that keep no record of it.
//!
//! Source: wasmCloud 0.82 `crates/host/src/wasmbus/mod.rs`, wasmcloud-otp 0.63 `actor_supervisor.ex`,
//! `lattice_server.ex`. They disagree on which events they send and on which keys these have, so data is read key by
//! key and an absent key does not count against an event.

use futures::StreamExt;
use lattice_protocol::{ActorKey, Annotations, HostKey, ScaleActor, StartActor, StopActor, event::CloudEvent};
use serde_json::Value;

use crate::events::EventStream;

/// What to look for.
#[derive(Debug)]
pub(crate) enum Expected {
    Started { actor_ref: String, annotations: Annotations },
    Scaled { actor: Option<ActorKey>, actor_ref: String, annotations: Annotations },
    Stopped { actor: ActorKey, annotations: Annotations },
    HostStopped,
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
    host: HostKey,
    events: EventStream,
}

impl Awaited {
    pub(crate) fn new(expected: Expected, host: HostKey, events: EventStream) -> Self {
        Self { expected, host, events }
    }

    pub(super) fn expects_host_to_go(&self) -> bool {
        matches!(self.expected, Expected::HostStopped)
    }

    pub(super) async fn verdict(&mut self) -> Verdict {
        while let Some(item) = self.events.next().await {
            let Ok(event) = item else { continue };
            match self.expected.meets(&self.host, &event) {
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

    fn meets(&self, host: &HostKey, event: &CloudEvent) -> Met {
        let told = Told(event);
        if !told.is_by(host) || !self.is_about(&told) {
            return Met::Not;
        }
        match (self, event.name()) {
            (Expected::Started { .. }, "actors_started")
            | (Expected::Scaled { .. }, "actor_scaled" | "actors_started" | "actors_stopped")
            | (Expected::Stopped { .. }, "actors_stopped" | "actor_stopped")
            | (Expected::HostStopped, "host_stopped") => Met::Done,
            (Expected::Started { .. } | Expected::Scaled { .. }, "actors_start_failed" | "actor_start_failed")
            | (Expected::Scaled { .. }, "actor_scale_failed") => Met::Failed(told.error()),
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
            Expected::HostStopped => true,
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
        self.text("error").unwrap_or("the event names no reason").to_owned()
    }
}

#[cfg(test)]
mod tests;
