//! The events of actors.

use lattice_artifact::Reference;
use lattice_claims::ModuleClaims;
use lattice_protocol::{
    ActorKey, Annotations, Count, HostKey, OperationId,
    event::{
        ActorClaims, ActorScaleFailed, ActorScaled, ActorStarted, ActorsStartFailed, ActorsStarted, ActorsStopped,
        EventData,
    },
};
use uuid::Uuid;

use super::board::ActorView;
use crate::{events::Events, operations::causes};

/// What published hosts write where an actor's key is not known.
const UNKNOWN_KEY: &str = "N/A";
/// What later published hosts write for the interface version of early modules.
const NO_API_VERSION: &str = "n/a";

/// Publishes what happens to actors; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Announcer {
    host: HostKey,
    events: Events,
}

/// The group that changed, as it is after the change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a> {
    pub(crate) actor: &'a ActorKey,
    pub(crate) annotations: &'a Annotations,
    pub(crate) reference: &'a Reference,
    pub(crate) claims: Option<&'a ModuleClaims>,
    pub(crate) count: u16,
    pub(crate) operation: Option<&'a OperationId>,
}

/// A command that failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure<'a> {
    /// The actor, if its key became known.
    pub(crate) actor: Option<&'a ActorKey>,
    pub(crate) reference: Option<&'a Reference>,
    pub(crate) annotations: &'a Annotations,
    pub(crate) error: &'a (dyn std::error::Error + 'static),
    pub(crate) operation: &'a OperationId,
}

impl Announcer {
    pub(crate) fn new(host: HostKey, events: Events) -> Self {
        Self { host, events }
    }

    /// Instances were added; `listed` are the ids of the new ones that are announced one by one.
    pub(crate) fn grew(&self, change: Change<'_>, listed: &[Uuid], added: u16) {
        for instance in listed {
            self.publish(change, EventData::ActorStarted(self.actor_started(change, instance)));
        }
        self.publish(change, EventData::ActorsStarted(self.actors_started(change, added)));
        self.publish(change, EventData::ActorScaled(self.actor_scaled(change)));
    }

    /// Instances were stopped.
    pub(crate) fn shrank(&self, change: Change<'_>, stopped: u16) {
        let data = ActorsStopped {
            annotations: change.annotations.clone(),
            count: stopped.into(),
            host_id: self.host.clone(),
            image_ref: change.reference.to_string(),
            public_key: change.actor.clone(),
            remaining: change.count.into(),
        };
        self.publish(change, EventData::ActorsStopped(data));
        self.publish(change, EventData::ActorScaled(self.actor_scaled(change)));
    }

    /// Instances are gone without having been stopped.
    pub(crate) fn lost(&self, actor: &ActorKey, view: &ActorView) {
        for group in &view.groups {
            let change = Change {
                actor,
                annotations: &group.annotations,
                reference: &group.reference,
                claims: group.claims.as_deref(),
                count: 0,
                operation: None,
            };
            self.shrank(change, group.count);
        }
    }

    /// Instances could not be started.
    pub(crate) fn start_failed(&self, failure: Failure<'_>) {
        let image = failure.image();
        let data = ActorsStartFailed {
            actor_ref: image.clone(),
            annotations: failure.annotations.clone(),
            error: causes(failure.error).join(": "),
            host_id: self.host.clone(),
            image_ref: image,
            public_key: failure.key(),
        };
        self.events.publish_for(Some(failure.operation), EventData::ActorsStartFailed(data));
    }

    /// The number of instances could not be set to `count`.
    pub(crate) fn scale_failed(&self, failure: Failure<'_>, count: u16) {
        let image = failure.image();
        let data = ActorScaleFailed {
            actor_ref: image.clone(),
            annotations: failure.annotations.clone(),
            error: causes(failure.error).join(": "),
            host_id: self.host.clone(),
            image_ref: image,
            max_instances: count.into(),
            public_key: failure.key(),
        };
        self.events.publish_for(Some(failure.operation), EventData::ActorScaleFailed(data));
    }

    fn publish(&self, change: Change<'_>, data: EventData) {
        self.events.publish_for(change.operation, data);
    }

    fn actor_started(&self, change: Change<'_>, instance: &Uuid) -> ActorStarted {
        ActorStarted {
            annotations: change.annotations.clone(),
            api_version: NO_API_VERSION.to_owned(),
            claims: change.claims(),
            host_id: Some(self.host.clone()),
            image_ref: change.reference.to_string(),
            instance_id: instance.to_string(),
            public_key: change.actor.clone(),
        }
    }

    fn actors_started(&self, change: Change<'_>, added: u16) -> ActorsStarted {
        ActorsStarted {
            annotations: change.annotations.clone(),
            claims: change.claims(),
            count: added.into(),
            host_id: self.host.clone(),
            image_ref: change.reference.to_string(),
            public_key: change.actor.clone(),
        }
    }

    fn actor_scaled(&self, change: Change<'_>) -> ActorScaled {
        ActorScaled {
            annotations: change.annotations.clone(),
            claims: change.claims(),
            host_id: self.host.clone(),
            image_ref: change.reference.to_string(),
            max_instances: Count::from(change.count),
            public_key: change.actor.clone(),
        }
    }
}

impl Change<'_> {
    fn claims(&self) -> ActorClaims {
        self.claims.map(crate::claims::for_event).unwrap_or_default()
    }
}

impl Failure<'_> {
    fn image(&self) -> String {
        self.reference.map(ToString::to_string).unwrap_or_default()
    }

    fn key(&self) -> String {
        self.actor.map_or_else(|| UNKNOWN_KEY.to_owned(), ToString::to_string)
    }
}
