use std::time::{Duration, SystemTime};

use super::*;

const HOST: &str = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA";
const ACTOR: &str = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";

fn event(name: &str, data: &str) -> CloudEvent {
    let data = data.replace("{host}", HOST).replace("{actor}", ACTOR);
    let text =
        format!(r#"{{"specversion":"1.0","id":"1","type":"com.wasmcloud.lattice.{name}","source":"x","data":{data}}}"#);
    CloudEvent::from_bytes(text.as_bytes()).expect("a sound envelope")
}

#[test]
fn unknown_kinds_and_other_shapes_are_events_too() {
    let unknown = event("moon_landed", "[1]");
    assert_eq!((unknown.name(), unknown.known_data()), ("moon_landed", None));
    assert_eq!(event("host_started", "5").known_data(), None);
    assert_eq!(event("actor_scaled", r#"{"public_key":"{actor}"}"#).known_data(), None);
}

#[test]
fn a_type_of_others_is_its_own_name() {
    let text = br#"{"specversion":"1.0","id":"1","type":"org.example.sent","source":"n/a"}"#;
    let event = CloudEvent::from_bytes(text).expect("a sound envelope");
    assert_eq!((event.name(), event.sequence_number(), &event.time), ("org.example.sent", None, &None));
}

#[test]
fn what_is_no_envelope_is_refused() {
    for bytes in [&b""[..], b"5", b"{}", br#"{"id":"1"}"#, b"\x81\xa2id\xa11", br#"{"specversion":1}"#] {
        assert!(CloudEvent::from_bytes(bytes).is_err(), "{bytes:x?}");
    }
}

#[test]
fn counts_that_others_report_are_brought_into_range() {
    let stopped = |count: &str, remaining: &str| {
        let keys = r#""host_id":"{host}","public_key":"{actor}""#;
        let data = format!(r#"{{{keys},"count":{count},"remaining":{remaining}}}"#);
        match event("actors_stopped", &data).known_data() {
            Some(EventData::ActorsStopped(stopped)) => Some((stopped.count.get(), stopped.remaining.get())),
            _ => None,
        }
    };
    assert_eq!(stopped("3", "-2"), Some((3, 0)));
    assert_eq!(stopped("18446744073709551615", "4294967295"), Some((u16::MAX, u16::MAX)));
    assert_eq!(stopped("null", "0"), Some((u16::MAX, 0)));
    assert_eq!(stopped("1.5", "0"), None);
}

#[test]
fn sequences_sort_as_their_numbers() {
    let data = EventData::HostStopped(HostStopped { labels: Default::default() });
    let numbered = |number| CloudEvent::new("1", HOST, SystemTime::UNIX_EPOCH, &data).numbered("e", number);
    let texts = [0, 9, 10, u64::MAX].map(|number| numbered(number).sequence);
    assert!(texts.is_sorted() && texts.iter().flatten().all(|text| text.len() == 20), "{texts:?}");
    assert_eq!(numbered(u64::MAX).sequence_number(), Some(u64::MAX));
}

#[test]
fn time_has_nanoseconds_and_utc() {
    let data = EventData::HostStopped(HostStopped { labels: Default::default() });
    let time = SystemTime::UNIX_EPOCH + Duration::new(86_400, 7);
    let event = CloudEvent::new("1", HOST, time, &data);
    assert_eq!(event.time.as_deref(), Some("1970-01-02T00:00:00.000000007Z"));
}

#[test]
fn errors_repeat_no_text() {
    let error = CloudEvent::from_bytes(br#"{"specversion":"1.0","id":"1","type":["hunter2"],"source":5}"#);
    let error = error.expect_err("a type is a text");
    assert!(!format!("{error:?}").contains("hunter2"));
    let error = CloudEvent::from_bytes(br#""hunter2""#).expect_err("an envelope is a map");
    assert!(!format!("{error:?}").contains("hunter2"));
}
