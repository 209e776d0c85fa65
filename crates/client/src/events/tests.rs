use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use futures::stream;
use lattice_protocol::{
    Labels,
    event::{EventData, HostStopped},
};

use super::*;

fn event(id: &str, source: &str) -> CloudEvent {
    let data = EventData::HostStopped(HostStopped { labels: Labels::new() });
    CloudEvent::new(id, source, SystemTime::UNIX_EPOCH, &data)
}

fn numbered(source: &str, epoch: &str, number: u64) -> CloudEvent {
    event(&format!("{epoch}-{number}"), source).numbered(epoch, number)
}

/// What a reader sees, in short: ids of events, and the texts of what stands between.
fn shown(item: &Item) -> String {
    match item {
        Ok(event) => event.id.clone(),
        Err(error) => error.to_string(),
    }
}

/// Runs payloads through a pump with a queue of this size that is read only afterwards.
async fn check(payloads: Vec<Vec<u8>>, size: usize, expect: &[&str]) {
    let (sender, mut queue) = mpsc::channel(size);
    let pump = tokio::spawn(Pump::new(sender, || 1).run(stream::iter(payloads)));
    tokio::task::yield_now().await;
    let mut seen = Vec::new();
    while let Some(item) = queue.recv().await {
        seen.push(shown(&item));
    }
    assert_eq!(seen, expect);
    pump.await.expect("the pump does not panic");
}

fn bytes(events: impl IntoIterator<Item = CloudEvent>) -> Vec<Vec<u8>> {
    events.into_iter().map(|event| event.to_bytes()).collect()
}

#[tokio::test]
async fn duplicates_are_dropped_by_source_and_id() {
    let events = [event("1", "N1"), event("2", "N1"), event("1", "N1"), event("1", "N2")];
    check(bytes(events), 8, &["1", "2", "1"]).await;
}

#[tokio::test]
async fn a_gap_in_the_numbers_is_told_before_the_event_that_shows_it() {
    let events = [
        numbered("N1", "a", 7),
        numbered("N1", "a", 8),
        numbered("N2", "x", 1),
        numbered("N1", "a", 11),
        numbered("N1", "a", 12),
    ];
    check(bytes(events), 8, &["a-7", "a-8", "x-1", "2 events of host N1 were lost", "a-11", "a-12"]).await;
}

#[tokio::test]
async fn a_restarted_host_and_a_late_event_are_no_gaps() {
    let events = [numbered("N1", "a", 7), numbered("N1", "b", 1), numbered("N1", "b", 2), numbered("N1", "b", 0)];
    check(bytes(events), 8, &["a-7", "b-1", "b-2", "b-0"]).await;
}

#[tokio::test]
async fn what_is_no_event_costs_its_place_only() {
    let payloads = vec![event("1", "N1").to_bytes(), b"HostStarted".to_vec(), event("2", "N1").to_bytes()];
    check(payloads, 8, &["1", "a message on the event subject cannot be read", "2"]).await;
}

#[tokio::test]
async fn a_slow_reader_is_told_how_much_it_missed() {
    let events = (1..=9).map(|number| numbered("N1", "a", number));
    check(bytes(events), 3, &["a-1", "a-2", "a-3", "6 events were dropped because they were not read in time"]).await;
}

#[tokio::test]
async fn lost_events_that_are_dropped_again_count() {
    let events = [numbered("N1", "a", 1), numbered("N1", "a", 2), numbered("N1", "a", 5)];
    check(bytes(events), 2, &["a-1", "a-2", "3 events were dropped because they were not read in time"]).await;
}

#[tokio::test]
async fn a_reader_that_catches_up_is_told_before_the_next_event() {
    let (sender, mut queue) = mpsc::channel(1);
    let (payloads, arriving) = futures::channel::mpsc::unbounded();
    let pump = tokio::spawn(Pump::new(sender, || 1).run(arriving));
    for id in ["1", "2", "3"] {
        payloads.unbounded_send(event(id, "N1").to_bytes()).expect("the pump runs");
    }
    tokio::task::yield_now().await;
    assert_eq!(shown(&queue.recv().await.expect("an event")), "1");
    let missed = tokio::time::timeout(Duration::from_secs(30), queue.recv()).await.expect("no event is needed for it");
    assert_eq!(shown(&missed.expect("the number")), "2 events were dropped because they were not read in time");
    payloads.unbounded_send(event("4", "N1").to_bytes()).expect("the pump runs");
    assert_eq!(shown(&queue.recv().await.expect("an event")), "4");
    drop(payloads);
    pump.await.expect("the pump does not panic");
}

/// Counts one connection until the first event has come, and two from then on.
fn reconnected_after_one() -> impl Fn() -> u64 + Send {
    let calls = AtomicU64::new(0);
    move || if calls.fetch_add(1, Ordering::Relaxed) < 2 { 1 } else { 2 }
}

#[tokio::test]
async fn a_slow_reader_is_told_of_a_restored_connection_too() {
    let (sender, mut queue) = mpsc::channel(1);
    let payloads = bytes(["1", "2", "3"].map(|id| event(id, "N1")));
    let pump = tokio::spawn(Pump::new(sender, reconnected_after_one()).run(stream::iter(payloads)));
    tokio::task::yield_now().await;
    let mut seen = Vec::new();
    while let Some(item) = queue.recv().await {
        seen.push(shown(&item));
    }
    let dropped = "2 events were dropped because they were not read in time";
    assert_eq!(seen, ["1", dropped, "the connection was restored; events may have been lost"]);
    pump.await.expect("the pump does not panic");
}

#[tokio::test]
async fn a_restored_connection_is_told_once() {
    let (sender, mut queue) = mpsc::channel(8);
    let mut pump = Pump::new(sender, reconnected_after_one());
    for id in ["1", "2", "3"] {
        pump.take(&event(id, "N1").to_bytes());
    }
    drop(pump);
    let mut seen = Vec::new();
    while let Some(item) = queue.recv().await {
        seen.push(shown(&item));
    }
    assert_eq!(seen, ["1", "the connection was restored; events may have been lost", "2", "3"]);
}

#[test]
fn memory_is_bounded() {
    let mut tracker = Tracker::default();
    for number in 0..3 * crate::defaults::FOLLOWED_HOSTS as u64 {
        let event = numbered(&format!("N{number}"), "a", number);
        assert!(!tracker.is_duplicate(&event));
        tracker.missing_before(&event);
    }
    assert!(tracker.is_within_bounds());
}
