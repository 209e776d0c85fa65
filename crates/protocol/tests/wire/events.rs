//! Every kind of event has exactly the bytes of its golden file.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use lattice_protocol::{
    ContractId, EntityKey, Labels, LinkName,
    event::{
        ActorClaims, ActorScaleFailed, ActorScaled, ActorStarted, ActorUpdateFailed, ActorUpdated, ActorsStartFailed,
        ActorsStarted, ActorsStopped, CloudEvent, ConfigChange, EventData, HealthCheck, HostStarted, HostStopped,
        LabelsChanged, LinkdefChange, ProviderClaims, ProviderExited, ProviderStartFailed, ProviderStarted,
        ProviderStopped,
    },
};

use crate::{
    corpus::{actor, host, messages, notes, operation, provider},
    golden::link,
};

const ECHO: &str = "registry.example/echo:0.3.4";
const REDIS: &str = "registry.example/kvredis:0.19.0";
const INSTANCE: &str = "0192f6d8-5c7e-4b1a-8f00-aa5577cc0022";
const NEWER: &str = "registry.example/echo:0.3.5";

fn labels() -> Labels {
    crate::golden::inventory().labels
}

fn claims() -> ActorClaims {
    ActorClaims {
        call_alias: Some("acme/echo".into()),
        caps: Some(vec!["wasmcloud:httpserver".into()]),
        expires_human: "never".into(),
        issuer: "ABC".into(),
        name: Some("Echo".into()),
        not_before_human: "immediately".into(),
        revision: Some(4),
        tags: Some(vec!["demo".into()]),
        version: Some("0.3.4".into()),
    }
}

fn contract() -> ContractId {
    "wasmcloud:keyvalue".parse().expect("a contract")
}

fn health() -> HealthCheck {
    HealthCheck { contract_id: contract(), link_name: LinkName::default(), public_key: provider() }
}

fn every_kind() -> Vec<EventData> {
    vec![
        EventData::HostStarted(HostStarted {
            friendly_name: "calm-river-1234".into(),
            labels: labels(),
            uptime_seconds: 0,
            version: "0.1.0".into(),
        }),
        EventData::HostStopped(HostStopped { labels: labels() }),
        EventData::HostHeartbeat(crate::golden::inventory()),
        EventData::ActorStarted(ActorStarted {
            annotations: notes(),
            api_version: "n/a".into(),
            claims: claims(),
            host_id: Some(host()),
            image_ref: ECHO.into(),
            instance_id: "0192f6d8-5c7e-4b1a-8f00-aa5577cc0011".into(),
            public_key: actor(),
        }),
        EventData::ActorsStarted(ActorsStarted {
            annotations: notes(),
            claims: claims(),
            count: 3.into(),
            host_id: host(),
            image_ref: ECHO.into(),
            public_key: actor(),
        }),
        EventData::ActorsStartFailed(ActorsStartFailed {
            actor_ref: ECHO.into(),
            annotations: notes(),
            error: "could not fetch: no such file".into(),
            host_id: host(),
            image_ref: ECHO.into(),
            public_key: "N/A".into(),
        }),
        EventData::ActorsStopped(ActorsStopped {
            annotations: notes(),
            count: 2.into(),
            host_id: host(),
            image_ref: ECHO.into(),
            public_key: actor(),
            remaining: 1.into(),
        }),
        EventData::ActorScaled(ActorScaled {
            annotations: notes(),
            claims: ActorClaims::default(),
            host_id: host(),
            image_ref: ECHO.into(),
            max_instances: 0.into(),
            public_key: actor(),
        }),
        EventData::ActorScaleFailed(ActorScaleFailed {
            actor_ref: ECHO.into(),
            annotations: notes(),
            error: "another reference runs".into(),
            host_id: host(),
            image_ref: ECHO.into(),
            max_instances: 9.into(),
            public_key: actor().to_string(),
        }),
        EventData::ActorUpdated(ActorUpdated {
            annotations: notes(),
            host_id: Some(host()),
            image_ref: NEWER.into(),
            instance_id: "0192f6d8-5c7e-4b1a-8f00-aa5577cc0011".into(),
            old_image_ref: ECHO.into(),
            old_revision: 4,
            public_key: actor(),
            revision: 5,
        }),
        EventData::ActorUpdateFailed(ActorUpdateFailed {
            annotations: notes(),
            host_id: Some(host()),
            image_ref: NEWER.into(),
            public_key: actor(),
            reason: "could not fetch: no such file".into(),
        }),
        EventData::ProviderStarted(ProviderStarted {
            annotations: notes(),
            claims: ProviderClaims {
                expires_human: "never".into(),
                issuer: "ABC".into(),
                name: Some("Redis".into()),
                not_before_human: "immediately".into(),
                tags: None,
                version: Some("0.19.0".into()),
            },
            contract_id: contract(),
            host_id: Some(host()),
            image_ref: REDIS.into(),
            instance_id: INSTANCE.into(),
            link_name: LinkName::default(),
            public_key: provider(),
        }),
        EventData::ProviderStartFailed(ProviderStartFailed {
            error: "could not fetch: no such file".into(),
            link_name: LinkName::default(),
            provider_ref: REDIS.into(),
        }),
        EventData::ProviderStopped(ProviderStopped {
            annotations: notes(),
            contract_id: contract(),
            host_id: Some(host()),
            instance_id: INSTANCE.into(),
            link_name: LinkName::default(),
            public_key: provider(),
            reason: "stop".into(),
        }),
        EventData::ProviderExited(ProviderExited {
            annotations: notes(),
            code: None,
            contract_id: contract(),
            crash_loop: false,
            host_id: host(),
            instance_id: INSTANCE.into(),
            link_name: LinkName::default(),
            public_key: provider(),
            reason: "killed by signal 9".into(),
            restart_after: 100,
            restarts: 2,
            signal: Some(9),
        }),
        EventData::HealthCheckPassed(health()),
        EventData::HealthCheckFailed(health()),
        EventData::HealthCheckStatus(health()),
        EventData::LabelsChanged(LabelsChanged { host_id: host(), labels: labels() }),
        EventData::LinkdefSet(LinkdefChange::of(&link())),
        EventData::LinkdefDeleted(LinkdefChange::of(&link())),
        EventData::ConfigSet(ConfigChange { entity_id: EntityKey::Actor(actor()), key: "some.key".into() }),
        EventData::ConfigDeleted(ConfigChange { entity_id: EntityKey::Provider(provider()), key: "some.key".into() }),
    ]
}

#[test]
fn every_kind_has_its_golden_bytes() {
    let mut golden: BTreeMap<_, _> = messages("events.txt").into_iter().collect();
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_795_174_065, 123_456_789);
    for (number, data) in (0..).zip(every_kind()) {
        let event = CloudEvent::new(format!("event-{number}"), host().as_str(), time, &data);
        let event = match data {
            EventData::HostStopped(_) => event,
            _ => event.caused_by(Some(operation())).numbered("e1", number),
        };
        let expected = golden.remove(data.name()).expect("every kind is in the file");
        assert_eq!(String::from_utf8_lossy(&event.to_bytes()), String::from_utf8_lossy(&expected));
        let read = CloudEvent::from_bytes(&expected).expect("the golden bytes are an event");
        assert_eq!(read, event);
        assert_eq!(read.known_data(), Some(data));
    }
    assert!(golden.is_empty(), "nothing checks {:?}", golden.keys());
}
