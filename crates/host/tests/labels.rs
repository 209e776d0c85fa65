//! Labels that are changed while the host runs: seen everywhere at once, told to the lattice, kept across restarts.

mod support;

use std::time::Duration;

use async_nats::HeaderMap;
use lattice_host::Host;
use lattice_protocol::{
    Ack, Encoding, Format, HostKey, LabelChange, Labels, OPERATION_HEADER, OperationPhase, RefusalCode, decode, encode,
    event::{CloudEvent, EventData, HostStopped},
};
use serde_json::json;
use support::{Events, Lattice, config};

/// A lattice whose host was started with labels.
async fn labelled(labels: &[(&str, &str)]) -> Lattice {
    let labels: Labels = labels.iter().copied().collect();
    Lattice::start_with(|config| config.labels = labels).await
}

async fn put(lattice: &Lattice, key: &str, value: &str) -> Ack {
    lattice.command("labels.{host}.put", json!({"key": key, "value": value})).await
}

async fn delete(lattice: &Lattice, key: &str) -> Ack {
    lattice.command("labels.{host}.del", json!({"key": key})).await
}

/// The labels that are not the host's own, as the inventory tells.
async fn shown(lattice: &Lattice) -> Vec<(String, String)> {
    lattice.inventory().await.labels.into_iter().filter(|(key, _)| !key.starts_with("hostcore.")).collect()
}

fn pairs(labels: &[(&str, &str)]) -> Vec<(String, String)> {
    labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// The labels of the next event, which tells that they changed.
async fn told(events: &mut Events) -> (HostKey, Labels, CloudEvent) {
    let event = events.next_change().await;
    let Some(EventData::LabelsChanged(data)) = event.known_data() else { panic!("not {}", event.name()) };
    (data.host_id, data.labels, event)
}

#[tokio::test]
async fn a_label_is_seen_everywhere_at_once() {
    let lattice = labelled(&[("zone", "a")]).await;
    let mut events = lattice.events().await;
    let ack = put(&lattice, "gpu", "yes").await;
    assert!(ack.accepted, "{}", ack.error);
    assert_eq!(shown(&lattice).await, pairs(&[("gpu", "yes"), ("zone", "a")]));
    let pinged: lattice_protocol::Host = decode(&lattice.ask("ping.hosts", "").await.payload).expect("a host");
    assert_eq!(pinged.labels.get("gpu"), Some("yes"));
    assert_eq!(pinged.labels.get("hostcore.os"), Some(std::env::consts::OS));
    let (host, labels, event) = told(&mut events).await;
    assert_eq!((host, &labels), (lattice.host_key(), &pinged.labels));
    assert_eq!(event.operationid, ack.operation_id);
    let record = lattice.finished(&ack).await;
    assert_eq!((record.command.as_str(), record.phase), ("labels.put", OperationPhase::Done));
    let Lattice { host, .. } = lattice;
    host.stop(None).await;
    let stopped = events.next_change().await;
    assert_eq!(stopped.known_data(), Some(EventData::HostStopped(HostStopped { labels })));
}

#[tokio::test]
async fn heartbeats_carry_the_labels_of_the_moment() {
    let lattice = Lattice::start_with(|config| config.heartbeat = Duration::from_millis(20)).await;
    let mut events = lattice.events().await;
    assert!(put(&lattice, "gpu", "yes").await.accepted);
    while events.next().await.name() != "labels_changed" {}
    let beat = loop {
        let event = events.next().await;
        if event.name() == "host_heartbeat" {
            break event;
        }
    };
    let Some(EventData::HostHeartbeat(inventory)) = beat.known_data() else { panic!("unreadable") };
    assert_eq!(inventory.labels.get("gpu"), Some("yes"));
}

#[tokio::test]
async fn the_operation_is_done_before_the_answer() {
    let lattice = Lattice::start().await;
    let ack = put(&lattice, "a", "1").await;
    let query = json!({"operation_id": ack.operation_id, "wait": 0}).to_string();
    let record: lattice_protocol::OperationRecord =
        decode(&lattice.ask("lattice.{host}.operation", query).await.payload).expect("a record");
    assert_eq!(record.phase, OperationPhase::Done);
}

#[tokio::test]
async fn both_encodings_change_labels() {
    let lattice = Lattice::start().await;
    for (format, encoding) in [(Format::MESSAGE_PACK, Encoding::MessagePack), (Format::JSON, Encoding::Json)] {
        let change = LabelChange { key: "a".to_owned(), value: format!("{encoding:?}") };
        let answer = lattice.ask("labels.{host}.put", encode(&change, format)).await;
        assert_eq!(Encoding::of(&answer.payload), Some(encoding));
        assert!(decode::<Ack>(&answer.payload).expect("an ack").accepted);
        assert_eq!(shown(&lattice).await, pairs(&[("a", &change.value)]));
        let answer = lattice.ask("labels.{host}.del", encode(&change, format)).await;
        assert!(decode::<Ack>(&answer.payload).expect("an ack").accepted);
        assert!(shown(&lattice).await.is_empty());
    }
}

#[tokio::test]
async fn only_changes_are_told() {
    let lattice = labelled(&[("zone", "a")]).await;
    let mut events = lattice.events().await;
    assert!(put(&lattice, "zone", "a").await.accepted);
    assert!(delete(&lattice, "none").await.accepted);
    assert!(put(&lattice, "zone", "b").await.accepted);
    assert!(put(&lattice, "zone", "b").await.accepted);
    assert!(delete(&lattice, "zone").await.accepted);
    assert_eq!(told(&mut events).await.1.get("zone"), Some("b"));
    assert_eq!(told(&mut events).await.1.get("zone"), None);
    assert!(put(&lattice, "last", "").await.accepted);
    assert_eq!(told(&mut events).await.1.get("last"), Some(""));
}

#[tokio::test]
async fn changes_outlive_a_restart() {
    let lattice = Lattice::start().await;
    for (key, value) in [("zone", "b"), ("gpu", "yes"), ("short", "lived")] {
        assert!(put(&lattice, key, value).await.accepted);
    }
    assert!(delete(&lattice, "short").await.accepted);
    let lattice = lattice.restart().await;
    assert_eq!(shown(&lattice).await, pairs(&[("gpu", "yes"), ("zone", "b")]));
}

#[tokio::test]
async fn what_was_changed_stands_above_the_settings_of_the_next_start() {
    let lattice = labelled(&[("zone", "a"), ("rack", "7"), ("size", "s")]).await;
    assert!(put(&lattice, "zone", "b").await.accepted);
    assert!(delete(&lattice, "rack").await.accepted);
    let Lattice { nats, client, host, seeds, dir } = lattice;
    host.stop(None).await;
    let mut settings = config(&client, &seeds, &dir);
    settings.labels = [("zone", "c"), ("rack", "8"), ("size", "l")].into_iter().collect();
    let host = Host::start(settings).await.expect("the host starts again");
    let lattice = Lattice { nats, client, host, seeds, dir };
    assert_eq!(shown(&lattice).await, pairs(&[("size", "l"), ("zone", "b")]));
    assert!(put(&lattice, "rack", "9").await.accepted);
    assert_eq!(shown(&lattice).await, pairs(&[("rack", "9"), ("size", "l"), ("zone", "b")]));
}

#[tokio::test]
async fn an_unreadable_note_of_labels_is_put_aside() {
    let lattice = Lattice::start().await;
    assert!(put(&lattice, "a", "1").await.accepted);
    let lattice =
        lattice.restart_after(|dir| std::fs::write(dir.path().join("state/labels.json"), "{").expect("written")).await;
    assert!(shown(&lattice).await.is_empty());
    let aside = std::fs::read(lattice.dir.path().join("state/labels.unreadable")).expect("it was put aside");
    assert_eq!(aside, b"{");
    assert!(put(&lattice, "a", "2").await.accepted);
    assert_eq!(shown(&lattice).await, pairs(&[("a", "2")]));
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_changed() {
    let lattice = Lattice::start().await;
    // A directory where the new file is to be written, as good as a full disk.
    let obstacle = lattice.dir.path().join("state/labels.new");
    std::fs::create_dir(&obstacle).expect("the directory can be written");
    let ack = put(&lattice, "a", "1").await;
    assert_eq!((ack.accepted, ack.code), (false, Some(RefusalCode::Unavailable)));
    assert!(ack.error.contains("labels.json") && ack.error.contains("directory"), "{}", ack.error);
    assert!(shown(&lattice).await.is_empty());
    std::fs::remove_dir(&obstacle).expect("it is empty");
    assert!(put(&lattice, "a", "1").await.accepted);
    assert_eq!(shown(&lattice).await, pairs(&[("a", "1")]));
}

#[tokio::test]
async fn the_hosts_own_labels_are_protected() {
    let lattice = Lattice::start().await;
    for ack in [put(&lattice, "hostcore.arch", "z80").await, delete(&lattice, "hostcore.os").await] {
        assert_eq!((ack.accepted, ack.code), (false, Some(RefusalCode::NotAllowed)));
        assert!(ack.error.contains("names that begin with `hostcore.` cannot be changed"), "{}", ack.error);
    }
    assert_eq!(lattice.inventory().await.labels.get("hostcore.arch"), Some(std::env::consts::ARCH));
}

#[tokio::test]
async fn bad_changes_are_refused_by_name() {
    let lattice = Lattice::start().await;
    let check = async |verb: &str, body: &str, code: RefusalCode, expect: &str| {
        let answer = lattice.ask(&format!("labels.{{host}}.{verb}"), body.to_owned()).await;
        let ack: Ack = decode(&answer.payload).expect("an ack");
        assert_eq!((ack.accepted, ack.code), (false, Some(code)), "{verb} {body}: {}", ack.error);
        assert!(ack.error.starts_with(expect), "{verb} {body}: {}", ack.error);
    };
    let invalid = RefusalCode::Invalid;
    for body in ["", "{", "[]", "7", r#"{"other":1}"#, r#"{"key":1,"value":"a"}"#, r#"{"value":"a"}"#] {
        check("put", body, invalid, "failed to deserialize put label request: ").await;
        check("del", body, invalid, "failed to deserialize delete label request: ").await;
    }
    for body in [r#"{"key":"a"}"#, r#"{"key":"a","value":null}"#, r#"{"key":"a","value":7}"#] {
        check("put", body, invalid, "failed to deserialize put label request: ").await;
    }
    check("put", r#"{"key":"","value":"a"}"#, invalid, "`key` is empty").await;
    check("del", r#"{"key":""}"#, invalid, "`key` is empty").await;
    let long = json!({"key": "k".repeat(256), "value": ""}).to_string();
    check("put", &long, invalid, "`key` has 256 bytes, at most 255").await;
    let long = json!({"key": "k", "value": "é".repeat(2049)}).to_string();
    check("put", &long, invalid, "`value` of label `k` has 4098 bytes, at most 4096").await;
    let other = r#"{"key":"a","value":"b","lattice_id":"other"}"#;
    check("put", other, RefusalCode::OtherLattice, "the request names lattice `other`").await;
    check("del", other, RefusalCode::OtherLattice, "the request names lattice `other`").await;
    assert!(shown(&lattice).await.is_empty());
}

#[tokio::test]
async fn changes_in_quick_succession_are_made_in_order() {
    let lattice = Lattice::start().await;
    let subject = |verb: &str| format!("wasmbus.ctl.default.labels.{}.{verb}", lattice.host_key());
    for round in 0..50 {
        // Named operations wait for their record, the others do not: their order must be that in which they came.
        let mut headers = HeaderMap::new();
        headers.insert(OPERATION_HEADER, format!("round-{round}"));
        let body = json!({"key": "a", "value": format!("first-{round}")}).to_string();
        lattice.client.publish_with_headers(subject("put"), headers, body.into()).await.expect("sent");
        let last = format!("second-{round}");
        assert!(put(&lattice, "a", &last).await.accepted);
        assert_eq!(shown(&lattice).await, pairs(&[("a", &last)]));
    }
}

#[tokio::test]
async fn the_same_operation_is_done_once() {
    let lattice = Lattice::start().await;
    let mut headers = HeaderMap::new();
    headers.insert(OPERATION_HEADER, "once");
    let body = json!({"key": "a", "value": "1"}).to_string();
    let first: Ack =
        decode(&lattice.ask_with("labels.{host}.put", body.clone(), headers.clone()).await.payload).expect("an ack");
    assert!(put(&lattice, "a", "2").await.accepted);
    let again: Ack = decode(&lattice.ask_with("labels.{host}.put", body, headers).await.payload).expect("an ack");
    assert_eq!(first, again);
    assert_eq!(shown(&lattice).await, pairs(&[("a", "2")]));
}

#[tokio::test]
async fn a_refused_change_that_comes_twice_is_refused_twice() {
    let lattice = labelled(&[]).await;
    let mut headers = HeaderMap::new();
    headers.insert(OPERATION_HEADER, "refused");
    let ask = || async {
        let body = json!({"key": "hostcore.os", "value": "x"}).to_string();
        let answer = lattice.ask_with("labels.{host}.put", body, headers.clone()).await;
        decode::<Ack>(&answer.payload).expect("an ack")
    };
    let (first, second) = tokio::join!(ask(), ask());
    assert!(!first.accepted && !second.accepted, "{first:?} {second:?}");
    assert_eq!((first.code, first.error), (second.code, second.error));
}
