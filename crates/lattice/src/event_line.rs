//! Events on one line each, for people.

use std::collections::HashMap;

use lattice_protocol::{
    ActorKey, HostInventory, Labels, LinkName, ProviderKey,
    event::{ActorClaims, CloudEvent, EventData, ProviderExited},
};
use serde::{Serialize, Serializer};

use crate::{detail::Detail, printer::Show, table::printable};

/// Characters of data that are not known here.
const LONGEST_DATA: usize = 160;

/// The names that hosts, actors and providers have told, by key.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<String, String>);

impl Names {
    /// Remembers a name.
    pub(crate) fn learn(&mut self, key: &str, name: &str) {
        if !name.is_empty() {
            self.0.insert(key.to_owned(), name.to_owned());
        }
    }

    /// Remembers what a host calls itself and its providers.
    pub(crate) fn learn_host(&mut self, key: &str, host: &HostInventory) {
        self.learn(key, &host.friendly_name);
        for provider in &host.providers {
            self.learn(provider.id.as_str(), provider.name.as_deref().unwrap_or_default());
        }
    }

    /// The line of an event, which may itself tell names.
    pub(crate) fn line(&mut self, event: CloudEvent) -> EventLine {
        let known = event.known_data();
        if let Some(data) = &known {
            self.learn_from(&event.source, data);
        }
        let line = |detail: Detail| {
            let essentials = match &known {
                Some(data) => self.essentials(data, detail),
                None => shortened(&event.data.to_string()),
            };
            let text = format!("{}  {}  {}  {essentials}", time(&event), self.of(&event.source), event.name());
            printable(text.trim_end())
        };
        EventLine { text: line(Detail::Brief), wide: line(Detail::Whole), event }
    }

    fn learn_from(&mut self, source: &str, data: &EventData) {
        match data {
            EventData::HostStarted(data) => self.learn(source, &data.friendly_name),
            EventData::HostHeartbeat(data) => self.learn_host(source, data),
            EventData::ActorStarted(data) => self.learn_actor(&data.public_key, &data.claims),
            EventData::ActorsStarted(data) => self.learn_actor(&data.public_key, &data.claims),
            EventData::ActorScaled(data) => self.learn_actor(&data.public_key, &data.claims),
            EventData::ProviderStarted(data) => {
                self.learn(data.public_key.as_str(), data.claims.name.as_deref().unwrap_or_default());
            }
            _ => {}
        }
    }

    fn learn_actor(&mut self, key: &ActorKey, claims: &ActorClaims) {
        self.learn(key.as_str(), claims.name.as_deref().unwrap_or_default());
    }

    fn of(&self, key: &str) -> String {
        self.0.get(key).cloned().unwrap_or_else(|| Detail::Brief.key(key))
    }

    /// A provider, and the link name under which it serves where that says something.
    fn provider(&self, key: &ProviderKey, link: &LinkName) -> String {
        let name = self.of(key.as_str());
        if *link == LinkName::default() { name } else { format!("{name} `{link}`") }
    }

    fn essentials(&self, data: &EventData, detail: Detail) -> String {
        let reference = |reference: &str| detail.reference(reference);
        match data {
            EventData::HostStarted(data) => format!("version {}", data.version),
            EventData::HostHeartbeat(data) => {
                format!("up {}s, {} actors, {} providers", data.uptime_seconds, data.actors.len(), data.providers.len())
            }
            EventData::ActorStarted(data) => {
                format!("{} {}", self.of(data.public_key.as_str()), reference(&data.image_ref))
            }
            EventData::ActorsStarted(data) => {
                format!("{} +{} {}", self.of(data.public_key.as_str()), data.count, reference(&data.image_ref))
            }
            EventData::ActorsStopped(data) => {
                format!("{} -{}, {} left", self.of(data.public_key.as_str()), data.count, data.remaining)
            }
            EventData::ActorScaled(data) => format!("{} to {}", self.of(data.public_key.as_str()), data.max_instances),
            EventData::ActorsStartFailed(data) => {
                format!("{}: {}", reference(first_of(&data.image_ref, &data.actor_ref)), data.error)
            }
            EventData::ActorScaleFailed(data) => {
                format!("{}: {}", reference(first_of(&data.image_ref, &data.actor_ref)), data.error)
            }
            EventData::ActorUpdated(data) => {
                let (actor, image) = (self.of(data.public_key.as_str()), reference(&data.image_ref));
                format!("{actor} revision {} to {} {image}", data.old_revision, data.revision)
            }
            EventData::ActorUpdateFailed(data) => format!("{}: {}", self.of(data.public_key.as_str()), data.reason),
            EventData::ProviderStarted(data) => {
                let provider = self.provider(&data.public_key, &data.link_name);
                format!("{provider} {} {}", data.contract_id, reference(&data.image_ref))
            }
            EventData::ProviderStartFailed(data) => format!("{}: {}", reference(&data.provider_ref), data.error),
            EventData::ProviderStopped(data) => self.provider(&data.public_key, &data.link_name),
            EventData::ProviderExited(data) => {
                format!("{}: {}", self.provider(&data.public_key, &data.link_name), aftermath(data))
            }
            EventData::HealthCheckPassed(data) => {
                format!("{} is well", self.provider(&data.public_key, &data.link_name))
            }
            EventData::HealthCheckFailed(data) => {
                format!("{} is not well", self.provider(&data.public_key, &data.link_name))
            }
            EventData::HealthCheckStatus(data) => {
                format!("{} is as before", self.provider(&data.public_key, &data.link_name))
            }
            EventData::LabelsChanged(data) => pairs(&data.labels),
            EventData::LinkdefSet(data) | EventData::LinkdefDeleted(data) => {
                let (actor, provider) = (self.of(data.actor_id.as_str()), self.of(data.provider_id.as_str()));
                format!("{actor} to {provider} {} {}", data.contract_id, data.link_name)
            }
            EventData::ConfigSet(data) | EventData::ConfigDeleted(data) => {
                format!("{} {}", self.of(data.entity_id.as_str()), data.key)
            }
            _ => String::new(),
        }
    }
}

/// How a provider's process ended, and what follows.
fn aftermath(exited: &ProviderExited) -> String {
    let reason = if exited.reason.is_empty() { "it ended" } else { &exited.reason };
    let again = if exited.crash_loop { ", as it does again and again" } else { "" };
    let seconds = exited.restart_after.div_ceil(100);
    format!("{reason}{again}; starts again in {}.{} s", seconds / 10, seconds % 10)
}

/// The labels that somebody set.
fn pairs(labels: &Labels) -> String {
    let set = labels.iter().filter(|(key, _)| !key.starts_with("hostcore."));
    set.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

/// An event and its line.
#[derive(Debug)]
pub(crate) struct EventLine {
    text: String,
    wide: String,
    event: CloudEvent,
}

impl Serialize for EventLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.event.serialize(serializer)
    }
}

impl Show for EventLine {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn wide(&self) -> String {
        self.wide.clone()
    }
}

fn time(event: &CloudEvent) -> String {
    time_of_day(event.time.as_deref())
}

/// The time of day with its zone, as a host wrote it: in UTC, which is `Z`.
pub(crate) fn time_of_day(time: Option<&str>) -> String {
    let time = time.and_then(|time| time.split_once('T'));
    let Some((_, time)) = time else { return "--:--:--".to_owned() };
    let of_day: String = time.chars().take(8).collect();
    let zone = time.find(['Z', '+', '-']).map_or("", |start| &time[start..]);
    printable(&format!("{of_day}{zone}"))
}

fn first_of<'a>(first: &'a str, second: &'a str) -> &'a str {
    if first.is_empty() { second } else { first }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST_DATA) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HOST: &str = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA";
    const ACTOR: &str = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";
    const PROVIDER: &str = "VDOQYLDQEYPWEBC76G4NMONCTOKFYS7YELMFF6LPDVUO5HQF6O53ZI2M";

    fn event(kind: &str, data: serde_json::Value) -> CloudEvent {
        let event = json!({
            "specversion": "1.0", "id": "1", "source": HOST, "time": "2026-01-02T03:04:05.678Z",
            "type": format!("com.wasmcloud.lattice.{kind}"), "data": data,
        });
        CloudEvent::from_bytes(event.to_string().as_bytes()).expect("it is an event")
    }

    #[test]
    fn names_replace_keys_once_they_were_told() {
        let mut names = Names::default();
        let stopped = json!({"public_key": ACTOR, "count": 2, "remaining": 3, "host_id": HOST});
        let line = names.line(event("actors_stopped", stopped.clone())).text();
        assert_eq!(line, "03:04:05Z  NAWASHVA…  actors_stopped  MDNX3CB6… -2, 3 left");
        names.line(event("host_started", json!({"friendly_name": "calm-otter", "version": "1"})));
        let scaled = json!({"public_key": ACTOR, "max_instances": 5, "host_id": HOST, "claims": {"name": "hello"}});
        assert_eq!(names.line(event("actor_scaled", scaled)).text(), "03:04:05Z  calm-otter  actor_scaled  hello to 5");
        assert_eq!(
            names.line(event("actors_stopped", stopped)).text(),
            "03:04:05Z  calm-otter  actors_stopped  hello -2, 3 left"
        );
    }

    #[test]
    fn references_are_shown_by_their_end_and_times_with_their_zone() {
        let reference = "file:///home/ada/.local/share/lattice/demo/hello.wasm";
        let started = json!({"public_key": ACTOR, "count": 2, "image_ref": reference, "host_id": HOST, "claims": {}});
        let mut event = event("actors_started", started);
        event.time = Some("2026-01-02T03:04:05+02:00".to_owned());
        let line = Names::default().line(event);
        let start = "03:04:05+02:00  NAWASHVA…  actors_started  MDNX3CB6… +2";
        assert_eq!(line.text(), format!("{start} …/.local/share/lattice/demo/hello.wasm"));
        assert_eq!(line.wide(), format!("{start} {reference}"));
    }

    #[test]
    fn providers_are_told_in_words() {
        let mut names = Names::default();
        let of = |link: &str, more: serde_json::Value| {
            let mut data = json!({
                "public_key": PROVIDER, "link_name": link, "contract_id": "acme:cache", "host_id": HOST,
                "instance_id": "i", "annotations": {},
            });
            data.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            data
        };
        let mut check = |kind: &str, data: serde_json::Value, expect: &str| {
            assert_eq!(names.line(event(kind, data)).text(), format!("03:04:05Z  NAWASHVA…  {kind}  {expect}"));
        };
        check("health_check_passed", of("default", json!({})), "VDOQYLDQ… is well");
        let started = of("default", json!({"claims": {"name": "cache"}, "image_ref": "builtin://cache"}));
        check("provider_started", started, "cache acme:cache builtin://cache");
        check("health_check_failed", of("web", json!({})), "cache `web` is not well");
        check("health_check_status", of("default", json!({})), "cache is as before");
        let exited = json!({"reason": "killed by signal 9", "restart_after": 1240, "restarts": 1});
        check("provider_exited", of("default", exited), "cache: killed by signal 9; starts again in 1.3 s");
        let again = json!({"reason": "exited with code 1", "restart_after": 60_000, "crash_loop": true});
        let expect = "cache: exited with code 1, as it does again and again; starts again in 60.0 s";
        check("provider_exited", of("default", again), expect);
        check("provider_stopped", of("default", json!({"reason": "stop"})), "cache");
        let failed = json!({"provider_ref": "builtin://x", "link_name": "default", "error": "no such builtin"});
        check("provider_start_failed", failed, "builtin://x: no such builtin");
    }

    #[test]
    fn unknown_events_show_their_data_and_nothing_steers_the_terminal() {
        let line = Names::default().line(event("news", json!({"a": "\u{1b}[31m"}))).text();
        assert_eq!(line, "03:04:05Z  NAWASHVA…  news  {\"a\":\"\\u001b[31m\"}");
        let named = json!({"friendly_name": "\u{1b}[2Jx", "version": ""});
        assert!(!Names::default().line(event("host_started", named)).text().contains('\u{1b}'));
    }
}
