//! A server that restarts again and again under load: everything comes back, and what was acknowledged stays.

mod support;

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use lattice_claims::{InvocationSigner, ModuleSeed};
use lattice_client::{CallTarget, Caller, Client, ClientSettings, EventStream, WaitError};
use lattice_host::Host;
use lattice_protocol::{ActorKey, LinkDefinition, LinkName, LinkValues, ScaleActor, event::CloudEvent};
use lattice_testkit::{eventually, guests};
use support::{DEADLINE, Lattice, Seeds, config};
use tokio::{task::JoinHandle, time::timeout};

const RESTARTS: usize = 20;
/// Links that are put between two restarts.
const LINKS_BETWEEN: usize = 30;
const PROVIDER: &str = "VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW";

/// Puts links as fast as they are acknowledged, and notes those that are.
struct Load {
    acknowledged: Arc<Mutex<BTreeSet<ActorKey>>>,
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Load {
    fn start(client: Client) -> Self {
        let (acknowledged, stop) = (Arc::<Mutex<BTreeSet<ActorKey>>>::default(), Arc::<AtomicBool>::default());
        let (noted, stopped) = (Arc::clone(&acknowledged), Arc::clone(&stop));
        let task = tokio::spawn(async move {
            while !stopped.load(Ordering::Relaxed) {
                let link = link();
                // What is not acknowledged may be there or not.
                let Ok(operation) = client.put_link(&link, false).await else { continue };
                // The answer may have been lost, and the operation be known by its record, which may yet tell a failure.
                match operation.wait(DEADLINE).await {
                    Err(WaitError::Failed { .. }) => {}
                    _ => drop(noted.lock().expect("no panic").insert(link.actor_id)),
                }
            }
        });
        Self { acknowledged, stop, task }
    }

    fn count(&self) -> usize {
        self.acknowledged.lock().expect("no panic").len()
    }

    async fn end(self) -> BTreeSet<ActorKey> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("no panic");
        let acknowledged = self.acknowledged.lock().expect("no panic");
        acknowledged.clone()
    }
}

fn link() -> LinkDefinition {
    LinkDefinition {
        actor_id: ModuleSeed::generate().public(),
        provider_id: PROVIDER.parse().expect("a published key"),
        link_name: LinkName::default(),
        contract_id: "wasmcloud:keyvalue".parse().expect("a contract"),
        values: LinkValues::new(),
    }
}

/// Both hosts answer, and the actor is called.
async fn everything_is_back(client: &Client, caller: &Caller, actor: &CallTarget) {
    eventually("both hosts answer", DEADLINE, async || {
        let hosts = client.hosts().await.ok()?;
        (hosts.complete && hosts.items.len() == 2).then_some(())
    })
    .await;
    eventually("the actor is called", DEADLINE, async || {
        let answer = caller.call(actor, "Echo", "still here", Duration::from_secs(1)).await.ok()?;
        (answer == "still here").then_some(())
    })
    .await;
}

/// What happens now is told by the subscription that has been there from the start.
async fn a_link_is_told(client: &Client, events: &mut EventStream) {
    let link = link();
    eventually("a link is put", DEADLINE, async || client.put_link(&link, true).await.ok()).await;
    let told = async {
        while let Some(event) = events.next().await {
            let is_it = |event: &CloudEvent| event.data["actor_id"] == link.actor_id.as_str();
            if event.is_ok_and(|event| event.name() == "linkdef_set" && is_it(&event)) {
                return;
            }
        }
        panic!("the events have ended");
    };
    timeout(DEADLINE, told).await.expect("the link is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_acknowledged_is_lost() {
    let mut lattice = Lattice::start().await;
    // Each host has a connection of its own, as in life.
    let dir = tempfile::tempdir().expect("a temporary directory");
    let seeds = Seeds { host: Seeds::generate().host, ..lattice.seeds.clone() };
    let other = Host::start(config(&lattice.nats.client().await, &seeds, &dir)).await.expect("the other host starts");
    let settings = ClientSettings { timeout: Duration::from_secs(1), ..ClientSettings::default() };
    let client = Client::new(lattice.nats.client().await, settings);
    let actor = lattice.actor("steady", &guests::echo());
    let scale = ScaleActor {
        actor_id: None,
        actor_ref: actor.reference(),
        annotations: Default::default(),
        count: 2.into(),
        host_id: None,
        lattice_id: None,
    };
    let scaled = client.scale_actor(&lattice.host_key(), scale).await.expect("the host takes it on");
    scaled.wait(DEADLINE).await.expect("it runs");

    let caller = client.caller(InvocationSigner::new(lattice.seeds.cluster.clone()));
    let target = CallTarget::Actor(actor.key.clone());
    let mut events = client.events().await.expect("events can be followed");
    let load = Load::start(client.clone());
    for restart in 1..=RESTARTS {
        let before = load.count();
        eventually("links are put again", DEADLINE, async || (load.count() >= before + LINKS_BETWEEN).then_some(()))
            .await;
        // In order, or as a power cut would have it.
        if restart % 2 == 0 {
            lattice.nats.stop().await;
        }
        lattice.nats.restart().await;
        everything_is_back(&client, &caller, &target).await;
        a_link_is_told(&client, &mut events).await;
    }
    let before = load.count();
    eventually("links are put at the end", DEADLINE, async || (load.count() > before).then_some(())).await;
    let acknowledged = load.end().await;

    // Either host may answer, so that both are most likely asked.
    for _ in 0..16 {
        eventually("a host knows every link", DEADLINE, async || {
            let links = client.links().await.ok()?.links;
            let known: BTreeSet<ActorKey> = links.good.into_iter().map(|link| link.actor_id).collect();
            acknowledged.is_subset(&known).then_some(())
        })
        .await;
    }
    assert_eq!(lattice.counts(&actor.key).await, [("{}".to_owned(), 2)]);
    // What changes now reaches both: the watches live.
    let last = link();
    client.put_link(&last, false).await.expect("the link is put");
    for _ in 0..16 {
        eventually("a host knows the last link", DEADLINE, async || {
            client.links().await.ok()?.links.contains(&last).then_some(())
        })
        .await;
    }
    other.stop(None).await;
}
