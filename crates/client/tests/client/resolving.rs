//! Names to keys, by asking a lattice.

use lattice_client::{Client, ResolveError};
use lattice_testkit::NatsServer;

use crate::fake::*;

struct Lattice {
    _nats: NatsServer,
    client: Client,
    _responders: Vec<Responder>,
}

/// Two hosts that run two actors of the same name.
async fn two_hosts() -> Lattice {
    let (nats, client) = lattice_with(|settings| settings.gather_quiet = QUIET).await;
    let hosts = vec![ping_082(HOSTS[0]), ping_packed(HOSTS[1])];
    let claims = format!(
        r#"{{"claims":[{{"sub":"{ACTOR}","name":"echo","call_alias":"acme/echo"}},{{"sub":"{OTHER_ACTOR}"}}]}}"#
    );
    let inventory = |index: usize| format!("wasmbus.ctl.default.get.{}.inv", HOSTS[index]);
    let responders = vec![
        Responder::start(&nats, "wasmbus.ctl.default.ping.hosts", move |_| hosts.clone()).await,
        Responder::fixed(&nats, &inventory(0), inventory_082(HOSTS[0], ACTOR, "echo")).await,
        Responder::fixed(&nats, &inventory(1), inventory_082(HOSTS[1], OTHER_ACTOR, "echo")).await,
        Responder::fixed(&nats, "wasmbus.ctl.default.get.claims", claims).await,
    ];
    Lattice { _nats: nats, client, _responders: responders }
}

#[tokio::test]
async fn hosts_by_id_prefix_and_name() {
    let lattice = two_hosts().await;
    let host_of = async |text: &str| lattice.client.resolve_host(text).await.map(|host| host.to_string());
    assert_eq!(host_of("nda").await.expect("a prefix"), HOSTS[1]);
    assert_eq!(host_of(&format!("name-{}", HOSTS[0])).await.expect("a name"), HOSTS[0]);
    assert!(matches!(host_of("N").await, Err(ResolveError::Ambiguous { candidates, .. }) if candidates.len() == 2));
    assert!(matches!(host_of("X").await, Err(ResolveError::NotFound { known, .. }) if known.len() == 2));
    // A whole id is not looked up: the host may answer to nothing but commands.
    assert_eq!(host_of(HOSTS[5]).await.expect("an id"), HOSTS[5]);
}

#[tokio::test]
async fn actors_by_key_name_and_alias() {
    let lattice = two_hosts().await;
    let actor_of = async |text: &str| lattice.client.resolve_actor(text).await.map(|actor| actor.to_string());
    assert_eq!(actor_of("acme/echo").await.expect("an alias"), ACTOR);
    assert_eq!(actor_of(ACTOR).await.expect("a key"), ACTOR);
    assert_eq!(actor_of(&OTHER_ACTOR[..8]).await.expect("the start of a key"), OTHER_ACTOR);
    assert!(matches!(actor_of("echo").await, Err(ResolveError::Ambiguous { candidates, .. }) if candidates.len() == 2));
    assert!(matches!(actor_of("x").await, Err(ResolveError::NotFound { known, .. }) if known.len() == 2));
}

#[tokio::test]
async fn nothing_is_found_in_an_empty_lattice() {
    let (_nats, client) = lattice().await;
    let error = client.resolve_host("N").await.expect_err("no host");
    assert!(matches!(error, ResolveError::NoHosts { what: "host", .. }), "{error}");
    let error = client.resolve_actor("echo").await.expect_err("no actor");
    assert!(matches!(error, ResolveError::NoHosts { what: "actor", .. }), "{error}");
}
