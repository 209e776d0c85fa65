//! A tour of a lattice: lists its hosts, starts an actor on the first, calls it, stops it, and shows the events.
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
use lattice_client::{CallTarget, Client, ClientSettings, ConnectSettings, EventStream, Settled, connect};
use lattice_protocol::{ActorKey, Annotations, Encoding, Format, HostKey, StartActor, StopActor, decode, encode};

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
    let client = Client::new(nats, ClientSettings::default());
    let events = client.events().await?;

    // Before anything is started, so that nothing stays behind for want of a seed.
    let seed: ClusterSeed = std::fs::read_to_string(seed)?.trim().parse()?;
    let host = first_host(&client).await?;
    let actor = start(&client, &host, image).await?;
    let answer = call(&client, &actor, InvocationSigner::new(seed), operation, payload).await;
    stop(&client, &host, actor).await?;
    println!("answered {}", answer?);
    show(events).await;
    Ok(())
}

async fn first_host(client: &Client) -> Result<HostKey, Box<dyn Error>> {
    let hosts = client.hosts().await?;
    for host in &hosts.items {
        println!("host {} ({}) up for {} s", host.id, host.friendly_name, host.uptime_seconds);
    }
    for error in &hosts.errors {
        println!("one host's answer is no good: {error}");
    }
    Ok(hosts.items.first().ok_or("the lattice has no host")?.id.clone())
}

async fn start(client: &Client, host: &HostKey, image: &str) -> Result<ActorKey, Box<dyn Error>> {
    let command = StartActor {
        actor_ref: image.to_owned(),
        annotations: tour(),
        count: 1.into(),
        host_id: None,
        lattice_id: None,
    };
    let operation = client.start_actor(host, command).await?;
    println!("accepted as operation {}", operation.id());
    let actor = match operation.wait(DEADLINE).await? {
        Settled::ByOperation(record) => record.actor_id.ok_or("the record names no actor")?,
        Settled::ByEvent(event) => event.data["public_key"].as_str().ok_or("the event names no actor")?.parse()?,
        _ => return Err("it settled in a way that is new to this program".into()),
    };
    println!("runs as {actor}");
    Ok(actor)
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
