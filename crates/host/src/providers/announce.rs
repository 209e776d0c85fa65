//! The events of providers.

use std::time::Duration;

use lattice_artifact::Reference;
use lattice_protocol::{
    Annotations, HostKey, LinkName, OperationId, error_chain,
    event::{
        EventData, HealthCheck, ProviderClaims, ProviderExited, ProviderStartFailed, ProviderStarted, ProviderStopped,
    },
};

use super::{command::InstanceKey, image::Image, process::Exit};
use crate::events::Events;

/// What published hosts write where they do not say from or until when claims count.
const NOT_SAID: &str = "";

/// Publishes what happens to providers; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Announcer {
    host: HostKey,
    events: Events,
}

/// Which process an event is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) key: &'a InstanceKey,
    pub(super) image: &'a Image,
    pub(super) annotations: &'a Annotations,
    pub(super) instance_id: &'a str,
    pub(super) operation: Option<&'a OperationId>,
}

/// What follows the end of a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aftermath {
    pub(super) crash_loop: bool,
    pub(super) restart_after: Duration,
    pub(super) restarts: u32,
}

/// How what a health check said compares with what the one before said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Passed,
    Failed,
    Same,
}

impl Announcer {
    pub(crate) fn new(host: HostKey, events: Events) -> Self {
        Self { host, events }
    }

    pub(super) fn started(&self, of: Subject<'_>) {
        let data = ProviderStarted {
            annotations: of.annotations.clone(),
            claims: claims(of.image),
            contract_id: of.image.contract.clone(),
            host_id: Some(self.host.clone()),
            image_ref: of.image.reference.to_string(),
            instance_id: of.instance_id.to_owned(),
            link_name: of.key.link.clone(),
            public_key: of.key.provider.clone(),
        };
        self.events.publish_for(of.operation, EventData::ProviderStarted(data));
    }

    pub(super) fn start_failed(
        &self,
        reference: &Reference,
        link: &LinkName,
        error: &(dyn std::error::Error + 'static),
        operation: &OperationId,
    ) {
        let data = ProviderStartFailed {
            error: error_chain(error),
            link_name: link.clone(),
            provider_ref: reference.to_string(),
        };
        self.events.publish_for(Some(operation), EventData::ProviderStartFailed(data));
    }

    pub(super) fn stopped(&self, of: Subject<'_>, reason: &str) {
        let data = ProviderStopped {
            annotations: of.annotations.clone(),
            contract_id: of.image.contract.clone(),
            host_id: Some(self.host.clone()),
            instance_id: of.instance_id.to_owned(),
            link_name: of.key.link.clone(),
            public_key: of.key.provider.clone(),
            reason: reason.to_owned(),
        };
        self.events.publish_for(of.operation, EventData::ProviderStopped(data));
    }

    pub(super) fn exited(&self, of: Subject<'_>, reason: String, exit: Option<Exit>, next: Aftermath) {
        let data = ProviderExited {
            annotations: of.annotations.clone(),
            code: exit.and_then(Exit::code),
            contract_id: of.image.contract.clone(),
            crash_loop: next.crash_loop,
            host_id: self.host.clone(),
            instance_id: of.instance_id.to_owned(),
            link_name: of.key.link.clone(),
            public_key: of.key.provider.clone(),
            reason,
            restart_after: u64::try_from(next.restart_after.as_millis()).unwrap_or(u64::MAX),
            restarts: next.restarts,
            signal: exit.and_then(Exit::signal),
        };
        self.events.publish(EventData::ProviderExited(data));
    }

    pub(super) fn health(&self, of: Subject<'_>, turn: Turn) {
        let data = HealthCheck {
            contract_id: of.image.contract.clone(),
            link_name: of.key.link.clone(),
            public_key: of.key.provider.clone(),
        };
        self.events.publish(match turn {
            Turn::Passed => EventData::HealthCheckPassed(data),
            Turn::Failed => EventData::HealthCheckFailed(data),
            Turn::Same => EventData::HealthCheckStatus(data),
        });
    }
}

fn claims(image: &Image) -> ProviderClaims {
    ProviderClaims {
        expires_human: NOT_SAID.to_owned(),
        issuer: image.issuer.clone(),
        name: image.name.clone(),
        not_before_human: NOT_SAID.to_owned(),
        tags: None,
        version: image.version.clone(),
    }
}
