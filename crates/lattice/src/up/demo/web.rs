//! The web page of a demo: an actor that counts its visits, the HTTP server that it answers through, and the store in which
//! the count lies.

use std::net::TcpListener;

use anyhow::Context;
use lattice_client::Client;
use lattice_protocol::{ActorKey, DeliveryState, LinkDelivery, LinkValues};

use super::{
    DemoActor, Stage,
    link::{link, put, settled, standing},
    provider,
};
use crate::{
    builtins::Known,
    fault::{Code, Fault},
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

/// Makes sure that the page is served.
pub(super) async fn ensure(stage: &Stage<'_>) -> anyhow::Result<()> {
    let (actor, _) = VISITS.sign(stage.data_dir)?;
    let client = stage.client();
    let store = provider::ensure(stage, STORE).await?;
    let to_store = link(&actor, &store, LinkValues::new());
    if standing(client, &to_store).await?.is_none() {
        put(client, &to_store).await?;
    }
    VISITS.ensure(stage).await?;
    let server = provider::ensure(stage, SERVER).await?;
    link_page(client, &actor, &server).await
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

fn page_values(port: u16) -> LinkValues {
    let address = format!("127.0.0.1:{port}");
    [("address", address.as_str()), (GREETING, FIRST_GREETING)].into_iter().collect()
}

/// The usual port, or another one that was free just now.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", PORT)).or_else(|_| TcpListener::bind(("127.0.0.1", 0)));
    Ok(listener.context("there is no free port for the demo's page")?.local_addr()?.port())
}
