//! The live view of a lattice, over a real connection.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use futures::StreamExt;
use lattice_client::{Client, HostState, LatticeView, Observer};
use lattice_protocol::{
    LinkDefinition, Links, encode,
    event::{CloudEvent, EventData, HostStopped, LabelsChanged},
};
use lattice_testkit::{NatsServer, eventually};
use tokio::{runtime::Handle, time::timeout};

use crate::fake::*;

/// A lattice of one host, with a link.
async fn one_host(nats: &NatsServer, inventory: Arc<Mutex<Vec<u8>>>) -> Vec<Responder> {
    let told = move |_: &async_nats::Message| vec![inventory.lock().expect("no panic").clone()];
    let link = LinkDefinition {
        actor_id: ACTOR.parse().expect("an actor key"),
        provider_id: PROVIDER.parse().expect("a provider key"),
        link_name: Default::default(),
        contract_id: "wasmcloud:keyvalue".parse().expect("a contract"),
        values: [("PASSWORD", "secret")].into_iter().collect(),
    };
    let links = encode(&Links { links: vec![link].into() }, lattice_protocol::Format::JSON);
    vec![
        Responder::fixed(nats, &control("lattice.members"), members([0])).await,
        Responder::fixed(nats, &control("ping.hosts"), ping_packed(HOSTS[0])).await,
        Responder::start(nats, &control("get.*.inv"), told).await,
        Responder::fixed(nats, &control("get.links"), links).await,
    ]
}

async fn until(observer: &Observer, is_so: impl Fn(&LatticeView) -> bool) -> Arc<LatticeView> {
    let mut changes = observer.reader().changes();
    let seen = async {
        while let Some(view) = changes.next().await {
            if is_so(&view) {
                return Some(view);
            }
        }
        None
    };
    timeout(DEADLINE, seen).await.expect("in time").expect("the observer goes on")
}

async fn publish(client: &Client, event: CloudEvent) {
    client.nats().publish("wasmbus.evt.default", event.to_bytes().into()).await.expect("the connection stands");
}

fn event(id: &str, data: &EventData) -> CloudEvent {
    CloudEvent::new(id, HOSTS[0], SystemTime::UNIX_EPOCH, data)
}

#[tokio::test]
async fn a_lattice_is_observed() {
    let (nats, client) = lattice().await;
    let inventory = Arc::new(Mutex::new(inventory_082(HOSTS[0], ACTOR, "echo")));
    let _hosts = one_host(&nats, inventory.clone()).await;
    let observer = client.observe().await.expect("the connection stands");
    let view = until(&observer, |view| view.gathered && !view.links.is_empty()).await;
    let seen = &view.hosts[&host(0)];
    assert_eq!((seen.state, seen.friendly_name.as_str()), (HostState::Live, &*format!("name-{}", HOSTS[0])));
    let set = seen.actors[&ACTOR.parse().expect("an actor key")].sets.values().next().expect("an annotation set");
    assert_eq!((set.count, set.revision, set.image_ref.as_deref()), (5, 4, Some("file:///echo.wasm")));
    assert!(set.seen.age() < DEADLINE && set.seen.at <= SystemTime::now());
    assert!(!format!("{view:?}").contains("secret"));

    let labels = [("zone", "east")].into_iter().collect();
    let changed = EventData::LabelsChanged(LabelsChanged { host_id: host(0), labels });
    publish(&client, event("1", &changed).numbered("a", 1)).await;
    until(&observer, |view| view.hosts[&host(0)].labels.get("zone") == Some("east")).await;

    // The numbers have a hole, so that the host is asked.
    *inventory.lock().expect("no panic") = inventory_082(HOSTS[0], OTHER_ACTOR, "echo");
    publish(&client, event("3", &changed).numbered("a", 3)).await;
    let other = OTHER_ACTOR.parse().expect("an actor key");
    until(&observer, |view| view.hosts[&host(0)].actors.contains_key(&other)).await;

    let stopped = EventData::HostStopped(HostStopped { labels: Default::default() });
    publish(&client, event("4", &stopped).numbered("a", 4)).await;
    until(&observer, |view| view.hosts[&host(0)].state == HostState::Gone).await;
}

#[tokio::test]
async fn no_task_outlives_the_observer_and_its_readers_are_told() {
    let (_nats, client) = lattice_with(|settings| settings.timeout = SHORT).await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let observer = client.observe().await.expect("the connection stands");
    let mut reader = observer.reader();
    assert!(tasks() > before);
    drop(observer);
    eventually("its tasks end", DEADLINE, async || (tasks() == before).then_some(())).await;
    let ended = async { while reader.changed().await.is_some() {} };
    timeout(DEADLINE, ended).await.expect("it is told");
    assert!(reader.view().hosts.is_empty());
    assert!(timeout(Duration::from_secs(1), reader.changes().collect::<Vec<_>>()).await.is_ok());
}
