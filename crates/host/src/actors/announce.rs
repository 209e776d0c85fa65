//! The events of actors.

use lattice_artifact::Reference;
use lattice_claims::ModuleClaims;
use lattice_protocol::{
    ActorKey, Annotations, Count, HostKey, OperationId, error_chain,
    event::{
        ActorClaims, ActorScaleFailed, ActorScaled, ActorStarted, ActorUpdateFailed, ActorUpdated, ActorsStartFailed,
        ActorsStarted, ActorsStopped, EventData,
    },
};
use uuid::Uuid;

use super::{board::ActorView, groups::Image};
use crate::events::Events;

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
        self.publish(change, EventData::ActorsStopped(self.actors_stopped(change, change.reference, stopped)));
        self.publish(change, EventData::ActorScaled(self.actor_scaled(change)));
    }

    /// Calls of these instances go to another image than before.
    pub(crate) fn updated(&self, change: Change<'_>, instances: &[Uuid], old: &Image) {
        let data = ActorUpdated {
            annotations: change.annotations.clone(),
            host_id: Some(self.host.clone()),
            image_ref: change.reference.to_string(),
            instance_id: instances.first().map(Uuid::to_string).unwrap_or_default(),
            old_image_ref: old.reference.to_string(),
            old_revision: old.revision(),
            public_key: change.actor.clone(),
            revision: change.claims.and_then(|claims| claims.revision).unwrap_or(0),
        };
        self.publish(change, EventData::ActorUpdated(data));
    }

    /// The calls that the image before an update had have ended. wasmCloud 0.82 tells the old image in both events; the
    /// second one says here what runs.
    pub(crate) fn replaced(&self, change: Change<'_>, old: &Reference) {
        self.publish(change, EventData::ActorsStopped(self.actors_stopped(change, old, change.count)));
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
            error: error_chain(failure.error),
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
            error: error_chain(failure.error),
            host_id: self.host.clone(),
            image_ref: image,
            max_instances: count.into(),
            public_key: failure.key(),
        };
        self.events.publish_for(Some(failure.operation), EventData::ActorScaleFailed(data));
    }

    /// Instances could not be made to run another image; what ran goes on.
    pub(crate) fn update_failed(&self, actor: &ActorKey, failure: Failure<'_>) {
        let data = ActorUpdateFailed {
            annotations: failure.annotations.clone(),
            host_id: Some(self.host.clone()),
            image_ref: failure.image(),
            public_key: actor.clone(),
            reason: error_chain(failure.error),
        };
        self.events.publish_for(Some(failure.operation), EventData::ActorUpdateFailed(data));
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

    fn actors_stopped(&self, change: Change<'_>, image: &Reference, stopped: u16) -> ActorsStopped {
        ActorsStopped {
            annotations: change.annotations.clone(),
            count: stopped.into(),
            host_id: self.host.clone(),
            image_ref: image.to_string(),
            public_key: change.actor.clone(),
            remaining: change.count.into(),
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
