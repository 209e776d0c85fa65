//! Events on one line each, for people.

use std::collections::HashMap;

use lattice_protocol::{
    ActorKey, Labels,
    event::{ActorClaims, CloudEvent, EventData},
};
use serde::{Serialize, Serializer};

use crate::{detail::Detail, printer::Show, table::printable};

/// Characters of data that are not known here.
const LONGEST_DATA: usize = 160;

/// The names that hosts and actors have told, by key.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<String, String>);

impl Names {
    /// Remembers a name.
    pub(crate) fn learn(&mut self, key: &str, name: &str) {
        if !name.is_empty() {
            self.0.insert(key.to_owned(), name.to_owned());
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
            EventData::HostHeartbeat(data) => self.learn(source, &data.friendly_name),
            EventData::ActorStarted(data) => self.learn_actor(&data.public_key, &data.claims),
            EventData::ActorsStarted(data) => self.learn_actor(&data.public_key, &data.claims),
            EventData::ActorScaled(data) => self.learn_actor(&data.public_key, &data.claims),
            _ => {}
        }
    }

    fn learn_actor(&mut self, key: &ActorKey, claims: &ActorClaims) {
        self.learn(key.as_str(), claims.name.as_deref().unwrap_or_default());
    }

    fn of(&self, key: &str) -> String {
        self.0.get(key).cloned().unwrap_or_else(|| Detail::Brief.key(key))
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

/// The time of day with its zone, as the event has it: hosts tell theirs in UTC, which is `Z`.
fn time(event: &CloudEvent) -> String {
    let time = event.time.as_deref().and_then(|time| time.split_once('T'));
    let Some((_, time)) = time else { return "--:--:--".to_owned() };
    let of_day: String = time.chars().take(8).collect();
    let zone = time.find(['Z', '+', '-']).map_or("", |start| &time[start..]);
    format!("{of_day}{zone}")
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
    fn unknown_events_show_their_data_and_nothing_steers_the_terminal() {
        let line = Names::default().line(event("news", json!({"a": "\u{1b}[31m"}))).text();
        assert_eq!(line, "03:04:05Z  NAWASHVA…  news  {\"a\":\"\\u001b[31m\"}");
        let named = json!({"friendly_name": "\u{1b}[2Jx", "version": ""});
        assert!(!Names::default().line(event("host_started", named)).text().contains('\u{1b}'));
    }
}
