//! A tour of a lattice: lists its hosts, places an actor on the best of them, calls it, shows what is observed meanwhile,
//! stops it, and shows the operations that all that became and the events that it caused.
//!
//! ```sh
//! cargo run -p lattice-client --example tour -- nats://127.0.0.1:4222 file:///srv/greeter.wasm cluster.nk Greeter.Greet '{}'
//! ```
//!
//! The arguments are the server, the actor's image as the host reaches it, the file with the cluster's seed, and an
//! operation with its payload in JSON, which is sent as MessagePack.

#![allow(clippy::print_stdout, reason = "the program's purpose is to show things")]

use std::{env, error::Error, time::Duration};

use futures::StreamExt;
use lattice_claims::{ClusterSeed, InvocationSigner};
use lattice_client::{
    CallTarget, Client, ClientSettings, ConnectSettings, EventStream, LatticeView, Operation, Rule, Settled, connect,
};
use lattice_protocol::{
    ActorAuction, ActorKey, Annotations, Constraints, Encoding, Format, HostKey, OperationsQuery, StartActor,
    StopActor, decode, encode,
};

const DEADLINE: Duration = Duration::from_secs(60);
/// How long to wait for one more event before the tour ends.
const LAST_EVENT: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [url, image, seed, operation, payload] = arguments.as_slice() else {
        return Err("arguments: URL IMAGE CLUSTER_SEED_FILE OPERATION JSON".into());
    };
    let nats = connect(ConnectSettings::new(url).name("tour")).await?;
    let settings = ClientSettings { requester: Some("tour".to_owned()), ..ClientSettings::default() };
    let client = Client::new(nats, settings);
    let events = client.events().await?;
    let observer = client.observe().await?;

    // Before anything is started, so that nothing stays behind for want of a seed.
    let seed: ClusterSeed = std::fs::read_to_string(seed)?.trim().parse()?;
    list(&client).await?;
    explain(&client, image).await?;
    let (host, actor) = place(&client, image).await?;
    let answer = call(&client, &actor, InvocationSigner::new(seed), operation, payload).await;
    observed(&observer.view());
    stop(&client, &host, actor).await?;
    println!("answered {}", answer?);
    operations(&client).await?;
    show(events).await;
    Ok(())
}

/// The hosts as they answer, and whether those are all.
async fn list(client: &Client) -> Result<(), Box<dyn Error>> {
    let mut hosts = client.hosts_stream().await?;
    while let Some(answer) = hosts.next().await {
        match answer {
            Ok(host) => println!("host {} ({}) up for {} s", host.id, host.friendly_name, host.uptime_seconds),
            Err(error) => println!("one host's answer is no good: {error}"),
        }
    }
    for host in &hosts.summary().missing {
        println!("host {host} does not answer");
    }
    println!("that is {}", if hosts.summary().complete { "all of them" } else { "not all of them" });
    Ok(())
}

/// Who would run the actor, in which order, and why the others would not.
async fn explain(client: &Client, image: &str) -> Result<(), Box<dyn Error>> {
    let auction = ActorAuction {
        actor_ref: image.to_owned(),
        annotations: tour(),
        constraints: Constraints::new(),
        count: 1.into(),
        explain: true,
        lattice_id: None,
    };
    let auction = client.auction_actor(auction, Rule::Spread).await?;
    for bid in &auction.ranked {
        println!("rank {}: host {}, {}", bid.rank, bid.host_id, bid.reason());
    }
    for host in &auction.declined {
        println!("host {} would not run it: {}", host.host_id, host.error);
    }
    Ok(())
}

async fn place(client: &Client, image: &str) -> Result<(HostKey, ActorKey), Box<dyn Error>> {
    let command = StartActor {
        actor_ref: image.to_owned(),
        annotations: tour(),
        count: 1.into(),
        host_id: None,
        lattice_id: None,
    };
    let operation = client.place_actor(command, Constraints::new(), Rule::Spread, DEADLINE).await?;
    let host = operation.host().cloned().ok_or("an actor is started on one host")?;
    println!("host {host} took it on as operation {}", operation.id());
    watch(&operation).await?;
    let actor = match operation.wait(DEADLINE).await? {
        Settled::ByOperation(record) => record.actor_id.ok_or("the record names no actor")?,
        Settled::ByEvent(event) => event.data["public_key"].as_str().ok_or("the event names no actor")?.parse()?,
        _ => return Err("it settled in a way that is new to this program".into()),
    };
    println!("runs as {actor}");
    Ok((host, actor))
}

/// The phases of an operation, to its end.
async fn watch(operation: &Operation) -> Result<(), Box<dyn Error>> {
    if operation.is_recorded() {
        let mut phases = operation.watch();
        while let Some(record) = phases.next().await {
            println!("it is {}", record?.phase.as_str());
        }
    }
    Ok(())
}

fn observed(view: &LatticeView) {
    for host in view.hosts.values() {
        println!(
            "observed {} as {:?}, {} actors, seen {:?} ago",
            host.id,
            host.state,
            host.actors.len(),
            host.seen.age()
        );
    }
}

async fn operations(client: &Client) -> Result<(), Box<dyn Error>> {
    let latest = OperationsQuery { limit: 2, ..OperationsQuery::default() };
    for record in client.operations(latest).await?.operations {
        println!("operation {} ({}) is {}", record.operation_id, record.command, record.phase.as_str());
    }
    Ok(())
}

async fn call(
    client: &Client,
    actor: &ActorKey,
    signer: InvocationSigner,
    operation: &str,
    json: &str,
) -> Result<serde_json::Value, Box<dyn Error>> {
    let argument: serde_json::Value = serde_json::from_str(json)?;
    let payload = encode(&argument, Format::MESSAGE_PACK);
    let target = CallTarget::Actor(actor.clone());
    let answer = client.caller(signer).call(&target, operation, payload, DEADLINE).await?;
    match Encoding::of(&answer) {
        None => Ok(serde_json::Value::Null),
        Some(_) => Ok(decode(&answer)?),
    }
}

async fn stop(client: &Client, host: &HostKey, actor: ActorKey) -> Result<(), Box<dyn Error>> {
    let command = StopActor { actor_id: actor, annotations: tour(), count: 0.into(), host_id: None, lattice_id: None };
    client.stop_actor(host, command).await?.wait(DEADLINE).await?;
    println!("stopped");
    Ok(())
}

/// Marks what this program started, so that it stops nothing else.
fn tour() -> Annotations {
    [("started-by", "tour")].into_iter().collect()
}

async fn show(mut events: EventStream) {
    while let Ok(Some(item)) = tokio::time::timeout(LAST_EVENT, events.next()).await {
        match item {
            Ok(event) => println!("event {} of {}", event.name(), event.source),
            Err(hole) => println!("{hole}"),
        }
    }
}
