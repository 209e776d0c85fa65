//! The web page of the demo: an actor that counts its visits, the HTTP server that it answers through, and the store in which
//! the count lies.

use std::{net::TcpListener, time::Duration};

use anyhow::Context;
use lattice_client::{Client, Settled};
use lattice_protocol::{
    ActorKey, Annotations, DeliveryState, HostKey, LinkDefinition, LinkDelivery, LinkName, LinkValues, StartProvider,
};
use tokio::time::{Instant, sleep};

use super::{DemoActor, PATIENCE};
use crate::{
    builtins::{self, Known},
    connect::Lattice,
    fault::{Code, Fault},
    settings::DataDir,
};

const VISITS: DemoActor = DemoActor {
    name: "visits",
    module: include_bytes!("../../../../../guests/built/visits.wasm"),
    contracts: &["wasmcloud:httpserver", "wasmcloud:keyvalue", "wasmcloud:builtin:logging"],
};
const SERVER: &str = "http-server";
const STORE: &str = "keyvalue";
/// Where the page is, if nobody else is there.
const PORT: u16 = 8080;
/// The link value that sets what the page says, as a header field of each request.
const GREETING: &str = "request_header.x-greeting";
const FIRST_GREETING: &str = "Hello from the lattice";
/// Ports that are tried: another program may take one in the moment between looking and using it.
const TRIES: usize = 4;
/// How often it is looked whether the provider has taken its link.
const LOOK: Duration = Duration::from_millis(50);

/// Makes sure that the page is served.
pub(super) async fn ensure(lattice: &Lattice, host: &HostKey, data_dir: &DataDir) -> anyhow::Result<()> {
    let (actor, _) = VISITS.sign(data_dir)?;
    let client = &lattice.client;
    if let Some(store) = builtins::known(STORE) {
        start(client, host, &store).await?;
        link_once(client, &actor, &store, LinkValues::new()).await?;
    }
    VISITS.ensure(lattice, host, data_dir).await?;
    let server = builtins::known(SERVER).expect("the server is part of the program");
    start(client, host, &server).await?;
    link_page(client, &actor, &server).await
}

async fn start(client: &Client, host: &HostKey, provider: &Known) -> anyhow::Result<()> {
    let inventory = client.inventory(host).await?;
    if inventory.providers.iter().any(|running| running.id == provider.key && running.link_name == LinkName::default())
    {
        return Ok(());
    }
    let command = StartProvider {
        annotations: Annotations::new(),
        configuration: None,
        host_id: None,
        lattice_id: None,
        link_name: LinkName::default(),
        provider_ref: provider.reference.clone(),
    };
    let failed = || format!("the provider {} does not start", provider.reference);
    client.start_provider(host, command).await.with_context(failed)?.wait(PATIENCE).await.with_context(failed)?;
    Ok(())
}

/// The link that stands, if one does: its values may be the user's.
async fn standing(client: &Client, wanted: &LinkDefinition) -> anyhow::Result<Option<LinkDefinition>> {
    let links = client.links().await?;
    Ok(links.links.iter().find(|link| link.id() == wanted.id()).cloned())
}

async fn link_once(client: &Client, actor: &ActorKey, provider: &Known, values: LinkValues) -> anyhow::Result<()> {
    let link = link(actor, provider, values);
    if standing(client, &link).await?.is_none() {
        put(client, &link).await?;
    }
    Ok(())
}

/// Links the page with a port of its own, the usual one if it is free.
async fn link_page(client: &Client, actor: &ActorKey, server: &Known) -> anyhow::Result<()> {
    let standing = standing(client, &link(actor, server, LinkValues::new())).await?;
    if let Some(link) = standing {
        // Whatever became of it, it is as the user left it.
        let _ = settled(client, &link, None).await?;
        return Ok(());
    }
    let mut failure = None;
    for _ in 0..TRIES {
        let link = link(actor, server, page_values(free_port()?));
        let put_at = put(client, &link).await?;
        match settled(client, &link, put_at).await? {
            Some(LinkDelivery { state: DeliveryState::Failed, error, .. }) => failure = error,
            _ => return Ok(()),
        }
    }
    let reason = failure.unwrap_or_default();
    Err(Fault::new(Code::Failed, format!("the HTTP server does not take the link of the demo's page: {reason}")).into())
}

fn link(actor: &ActorKey, provider: &Known, values: LinkValues) -> LinkDefinition {
    LinkDefinition {
        actor_id: actor.clone(),
        provider_id: provider.key.clone(),
        link_name: LinkName::default(),
        contract_id: provider.contract.clone(),
        values,
    }
}

fn page_values(port: u16) -> LinkValues {
    let address = format!("127.0.0.1:{port}");
    [("address", address.as_str()), (GREETING, FIRST_GREETING)].into_iter().collect()
}

/// The usual port, or another one that was free just now.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", PORT)).or_else(|_| TcpListener::bind(("127.0.0.1", 0)));
    Ok(listener.context("there is no free port for the demo's page")?.local_addr()?.port())
}

/// Stores a link, and returns the revision at which it stands, if the host tells.
async fn put(client: &Client, link: &LinkDefinition) -> anyhow::Result<Option<u64>> {
    let failed = "a link of the demo cannot be stored";
    let settled = client.put_link(link, false).await.context(failed)?.wait(PATIENCE).await.context(failed)?;
    Ok(match settled {
        Settled::ByOperation(record) => record.link_revision,
        _ => None,
    })
}

/// What became of a link at the provider as it stands since that revision; none if it says nothing for too long.
async fn settled(client: &Client, link: &LinkDefinition, put_at: Option<u64>) -> anyhow::Result<Option<LinkDelivery>> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let hosts = client.link_deliveries().await?.items;
        let mut deliveries = hosts.into_iter().flat_map(|host| host.deliveries.good);
        let found = deliveries.find(|delivery| {
            let is_earlier = delivery.revision.zip(put_at).is_some_and(|(told, put)| told < put);
            delivery.id == link.id() && !is_earlier && delivery.state != DeliveryState::Pending
        });
        if found.is_some() {
            return Ok(found);
        }
        sleep(LOOK).await;
    }
    Ok(None)
}
