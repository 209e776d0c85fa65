//! Events over a real connection.

use std::time::SystemTime;

use futures::StreamExt;
use lattice_client::{Client, EventError, EventStream, RequestError};
use lattice_protocol::event::{CloudEvent, EventData, HostStopped};
use lattice_testkit::eventually;
use tokio::{runtime::Handle, time::timeout};

use crate::fake::*;

const EVENTS: &str = "wasmbus.evt.default";

fn event(id: &str) -> CloudEvent {
    let data = EventData::HostStopped(HostStopped { labels: Default::default() });
    CloudEvent::new(id, HOSTS[0], SystemTime::UNIX_EPOCH, &data)
}

/// Over the client's own connection, so that it comes after its subscription.
async fn publish(client: &Client, payload: Vec<u8>) {
    client.nats().publish(EVENTS, payload.into()).await.expect("the connection stands");
}

async fn next(events: &mut EventStream) -> Result<CloudEvent, EventError> {
    timeout(DEADLINE, events.next()).await.expect("something comes").expect("the connection stands")
}

#[tokio::test]
async fn events_come_once_and_holes_are_told() {
    let (_nats, client) = lattice().await;
    let mut events = client.events().await.expect("the connection stands");
    let (first, later) = (event("1").numbered("a", 1), event("2").numbered("a", 4));
    for payload in [first.to_bytes(), first.to_bytes(), b"no event".to_vec(), later.to_bytes()] {
        publish(&client, payload).await;
    }
    assert_eq!(next(&mut events).await.expect("an event"), first);
    assert!(matches!(next(&mut events).await, Err(EventError::Unreadable(_))));
    let lost = next(&mut events).await;
    assert!(matches!(lost, Err(EventError::Lost { ref host, count: 2 }) if host == HOSTS[0]), "{lost:?}");
    assert_eq!(next(&mut events).await.expect("an event"), later);
}

#[tokio::test]
async fn a_reader_that_sleeps_is_told_how_many_events_it_missed() {
    const SENT: usize = 10_000;
    let (_nats, client) = lattice().await;
    let mut events = client.events().await.expect("the connection stands");
    for number in 0..SENT {
        publish(&client, event(&number.to_string()).to_bytes()).await;
    }
    publish(&client, b"the end".to_vec()).await;
    round_trip(client.nats()).await;
    let (mut read, mut dropped) = (0, 0);
    while read + dropped < SENT + 1 {
        match next(&mut events).await {
            Ok(_) | Err(EventError::Unreadable(_)) => read += 1,
            Err(EventError::Dropped { count }) => dropped += usize::try_from(count).expect("a small number"),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(read + dropped, SENT + 1);
}

#[tokio::test]
async fn a_restored_connection_is_told_before_the_next_event() {
    let (mut nats, client) = lattice().await;
    let mut events = client.events().await.expect("the connection stands");
    publish(&client, event("1").to_bytes()).await;
    assert_eq!(next(&mut events).await.expect("an event").id, "1");
    nats.restart().await;
    let publisher = nats.client().await;
    let mut number = 1;
    let seen = eventually("an event arrives again", DEADLINE, async || {
        number += 1;
        let payload = event(&number.to_string()).to_bytes();
        publisher.publish(EVENTS, payload.into()).await.expect("the connection stands");
        timeout(SHORT, events.next()).await.ok().flatten()
    })
    .await;
    assert!(matches!(seen, Err(EventError::Reconnected)), "{seen:?}");
    assert!(next(&mut events).await.is_ok());
}

#[tokio::test]
async fn a_connection_that_is_down_is_not_waited_for() {
    let (mut nats, client) = lattice_with(|settings| settings.timeout = SHORT).await;
    nats.kill();
    let error = eventually("the client notices", DEADLINE, async || {
        timeout(DEADLINE, client.events()).await.expect("in time").err()
    })
    .await;
    assert!(matches!(error, RequestError::Disconnected { .. }), "{error:?}");
}

#[tokio::test]
async fn no_task_outlives_the_stream() {
    let (_nats, client) = lattice().await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let events = client.events().await.expect("the connection stands");
    assert_eq!(tasks(), before + 1);
    drop(events);
    eventually("its task ends", DEADLINE, async || (tasks() == before).then_some(())).await;
}
