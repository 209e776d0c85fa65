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

use lattice_claims::{InvocationSigner, ModuleSeed};
use lattice_client::{CallTarget, Client, ClientSettings};
use lattice_host::Host;
use lattice_protocol::{ActorKey, LinkDefinition, LinkName, LinkValues, ScaleActor};
use lattice_testkit::{eventually, guests};
use support::{DEADLINE, Lattice, Seeds, config};
use tokio::task::JoinHandle;

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
                // What is not told as done may be there or not.
                let Ok(operation) = client.put_link(&link, false).await else { continue };
                if operation.wait(DEADLINE).await.is_ok() {
                    noted.lock().expect("no panic").insert(link.actor_id);
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
    let hosts = eventually("both hosts answer", DEADLINE, async || {
        let hosts = client.hosts().await.ok()?;
        (hosts.complete && hosts.items.len() == 2).then_some(hosts.items)
    });
    assert_eq!(hosts.await.len(), 2);
    assert_eq!(lattice.counts(&actor.key).await, [("{}".to_owned(), 2)]);
    let caller = client.caller(InvocationSigner::new(lattice.seeds.cluster.clone()));
    let answer = caller.call(&CallTarget::Actor(actor.key), "Echo", "still here", DEADLINE).await;
    assert_eq!(answer.expect("the actor is called"), "still here");
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
