//! What hosts tell, for the tests of the observer.

use std::time::SystemTime;

use lattice_protocol::{
    HostInventory, HostKey, Labels, decode,
    event::{
        ActorClaims, ActorScaled, ActorUpdated, CloudEvent, EventData, HealthCheck, HostStarted, HostStopped,
        LabelsChanged, LinkdefChange, ProviderClaims, ProviderExited, ProviderStarted, ProviderStopped,
    },
};

pub(super) const HOSTS: [&str; 3] = [
    "NA53JWFGXTSEK2R4S3N6V634YTD5WC4FXBLQXH7NG2UR7A4KFJP2AVVN",
    "NDADMW22HBT4YOBPNBKP3RHW6EGHQVZHLSFR4US35OGDTH4ASSN6LU5U",
    "NCQPU6XNCH4EN523CE7FRVJC5P3FPPRRI2NBET464LURBGDHIAFL6SJ5",
];
pub(super) const ACTOR: &str = "MB2KWBUBDYUFPKDWP6YXZ5DIVQFVN6NRT4V4BU72GIKN4NOP3Y7FJXL2";
pub(super) const PROVIDER: &str = "VDOQYLDQEYPWEBC76G4NMONCTOKFYS7YELMFF6LPDVUO5HQF6O53ZI2M";

pub(super) fn host(index: usize) -> HostKey {
    HOSTS[index].parse().expect("a host key")
}

/// A host's inventory with so many instances of the actor, of this revision.
pub(super) fn inventory(index: usize, count: u16, revision: i32) -> HostInventory {
    let instances = format!(
        r#"[{{"id":"{ACTOR}","image_ref":"r:{revision}","name":"echo","instances":[{{"instance_id":"i",
        "max_instances":{count},"revision":{revision}}}]}}]"#
    );
    let actors = if count == 0 { "[]" } else { &instances };
    let text =
        format!(r#"{{"host_id":"{}","friendly_name":"host-{index}","labels":{{}},"actors":{actors}}}"#, HOSTS[index]);
    decode(text.as_bytes()).expect("an inventory")
}

pub(super) fn event(index: usize, data: &EventData) -> CloudEvent {
    CloudEvent::new("id", HOSTS[index], SystemTime::UNIX_EPOCH, data)
}

pub(super) fn scaled(count: u16, revision: i32) -> EventData {
    EventData::ActorScaled(ActorScaled {
        annotations: Default::default(),
        claims: ActorClaims { name: Some("echo".to_owned()), revision: Some(revision), ..ActorClaims::default() },
        host_id: host(0),
        image_ref: format!("r:{revision}"),
        max_instances: count.into(),
        public_key: ACTOR.parse().expect("an actor key"),
    })
}

pub(super) fn updated(revision: i32) -> EventData {
    EventData::ActorUpdated(ActorUpdated {
        annotations: Default::default(),
        host_id: None,
        image_ref: format!("r:{revision}"),
        instance_id: String::new(),
        old_image_ref: String::new(),
        old_revision: 0,
        public_key: ACTOR.parse().expect("an actor key"),
        revision,
    })
}

pub(super) fn started(index: usize) -> EventData {
    EventData::HostStarted(HostStarted {
        friendly_name: format!("host-{index}"),
        labels: Labels::new(),
        uptime_seconds: 0,
        version: "1".to_owned(),
    })
}

pub(super) fn stopped() -> EventData {
    EventData::HostStopped(HostStopped { labels: Labels::new() })
}

pub(super) fn labelled(index: usize, zone: &str) -> EventData {
    EventData::LabelsChanged(LabelsChanged { host_id: host(index), labels: [("zone", zone)].into_iter().collect() })
}

pub(super) fn link() -> LinkdefChange {
    LinkdefChange {
        actor_id: ACTOR.parse().expect("an actor key"),
        contract_id: "wasmcloud:keyvalue".parse().expect("a contract"),
        id: String::new(),
        link_name: Default::default(),
        provider_id: PROVIDER.parse().expect("a provider key"),
        values: Default::default(),
    }
}

pub(super) fn provider_started(instance: &str) -> EventData {
    EventData::ProviderStarted(ProviderStarted {
        annotations: Default::default(),
        claims: ProviderClaims { name: Some("keeper".to_owned()), ..ProviderClaims::default() },
        contract_id: link().contract_id,
        host_id: Some(host(0)),
        image_ref: "builtin://keyvalue".to_owned(),
        instance_id: instance.to_owned(),
        link_name: Default::default(),
        public_key: link().provider_id,
    })
}

pub(super) fn provider_exited(restarts: u32, crash_loop: bool) -> EventData {
    EventData::ProviderExited(ProviderExited {
        annotations: Default::default(),
        code: None,
        contract_id: link().contract_id,
        crash_loop,
        host_id: host(0),
        instance_id: String::new(),
        link_name: Default::default(),
        public_key: link().provider_id,
        reason: "killed by signal 9".to_owned(),
        restart_after: 1000,
        restarts,
        signal: Some(9),
    })
}

pub(super) fn provider_stopped() -> EventData {
    EventData::ProviderStopped(ProviderStopped {
        annotations: Default::default(),
        contract_id: link().contract_id,
        host_id: Some(host(0)),
        instance_id: String::new(),
        link_name: Default::default(),
        public_key: link().provider_id,
        reason: "stop".to_owned(),
    })
}

pub(super) fn health() -> HealthCheck {
    HealthCheck { contract_id: link().contract_id, link_name: Default::default(), public_key: link().provider_id }
}
