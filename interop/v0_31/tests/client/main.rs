//! The client of version 0.31.

use lattice_interop::{
    Ack, Actor, Answer, Client, Events, GATHERING, LATTICE, Lattice, Link, Map, PATIENCE, RegistryClient, told,
};
use serde_json::Value;
use wasmcloud_control_interface::{ClientBuilder, RegistryCredential};

lattice_interop::scenarios! {
    crate::connect;
    hosts: are_listed tell_what_they_are answer_for_themselves stop_when_told;
    actors: are_scaled are_in_the_inventory are_told_apart_by_annotations are_stopped are_updated fail_in_an_event
        need_a_reference have_claims;
    links: come_and_go are_told_in_events;
    auctions: get_a_bid_for_an_actor get_no_bid_for_an_actor_elsewhere get_no_bid_for_a_provider;
    providers: are_refused;
    registries: are_put;
}

/// Without a number the client asks for as many instances as there can be.
#[tokio::test]
async fn actors_run_without_bound() {
    let lattice = Lattice::start().await;
    let (client, actor) = (connect(&lattice).await.0, lattice.sign(1).await);
    let ack = client.scale_actor(lattice.host(), &actor.reference, None, None).await.expect("the host answers");
    assert!(ack.accepted, "{ack:?}");
    lattice.until_running(&actor, u16::MAX.into()).await;
}

/// The client has this method still, and turns it into scaling.
#[tokio::test]
async fn actors_are_started_the_old_way() {
    let lattice = Lattice::start().await;
    let (client, actor) = (connect(&lattice).await.0, lattice.sign(1).await);
    #[expect(deprecated, reason = "it is deprecated for the users of the client, not for those who serve it")]
    let ack = client.start_actor(lattice.host(), &actor.reference, 2, None).await.expect("the host answers");
    assert!(ack.accepted, "{ack:?}");
    lattice.until_running(&actor, 2).await;
}

/// The client under test.
struct V31(wasmcloud_control_interface::Client);

async fn connect(lattice: &Lattice) -> V31 {
    let nats = async_nats::connect(lattice.nats_url()).await.expect("the broker takes clients");
    let builder = ClientBuilder::new(nats).lattice_prefix(LATTICE);
    V31(builder.timeout(PATIENCE).auction_timeout(GATHERING).build())
}

impl Client for V31 {
    const HOST: &[&str] = &[
        "cluster_issuers",
        "ctl_host",
        "friendly_name",
        "id",
        "labels",
        "lattice_prefix",
        "rpc_host",
        "uptime_human",
        "uptime_seconds",
        "version",
    ];
    const INVENTORY: &[&str] = &["friendly_name", "host_id", "issuer", "labels"];
    const INSTANCE: &[&str] = &["annotations", "image_ref", "instance_id", "max_concurrent", "revision"];

    async fn hosts(&self) -> Answer<Vec<Value>> {
        Ok(told(self.0.get_hosts().await?))
    }

    async fn inventory(&self, host: &str) -> Answer<Value> {
        Ok(told(self.0.get_host_inventory(host).await?))
    }

    async fn claims(&self) -> Answer<Vec<Map>> {
        self.0.get_claims().await
    }

    async fn links(&self) -> Answer<Vec<Value>> {
        Ok(told(self.0.query_links().await?))
    }

    async fn put_link(&self, link: &Link) -> Answer<Ack> {
        let Link { actor, provider, contract, name, values } = link.clone();
        Ok(told(self.0.advertise_link(actor, provider, contract, name, values).await?))
    }

    async fn delete_link(&self, link: &Link) -> Answer<Ack> {
        Ok(told(self.0.remove_link(link.actor, link.contract, link.name).await?))
    }

    async fn auction_actor(&self, reference: &str, constraints: Map) -> Answer<Vec<Value>> {
        Ok(told(self.0.perform_actor_auction(reference, constraints).await?))
    }

    async fn auction_provider(&self, reference: &str, link_name: &str, constraints: Map) -> Answer<Vec<Value>> {
        Ok(told(self.0.perform_provider_auction(reference, link_name, constraints).await?))
    }

    async fn scale(&self, host: &str, actor: &Actor, count: u16, annotations: Map) -> Answer<Ack> {
        Ok(told(self.0.scale_actor(host, &actor.reference, Some(count), Some(annotations)).await?))
    }

    async fn update(&self, host: &str, key: &str, reference: &str) -> Answer<Ack> {
        Ok(told(self.0.update_actor(host, key, reference, None).await?))
    }

    async fn stop_actor(&self, host: &str, key: &str, annotations: Map) -> Answer<Ack> {
        Ok(told(self.0.stop_actor(host, key, Some(annotations)).await?))
    }

    async fn start_provider(&self, host: &str, reference: &str) -> Answer<Ack> {
        Ok(told(self.0.start_provider(host, reference, None, None, None).await?))
    }

    async fn stop_provider(&self, host: &str, link: &Link) -> Answer<Ack> {
        Ok(told(self.0.stop_provider(host, link.provider, link.name, link.contract, None).await?))
    }

    async fn stop_host(&self, host: &str, timeout_ms: u64) -> Answer<Ack> {
        Ok(told(self.0.stop_host(host, Some(timeout_ms)).await?))
    }

    async fn events(&self, _: &[&str]) -> Answer<Events> {
        let mut heard = self.0.events_receiver().await?;
        let (sender, events) = Events::channel();
        tokio::spawn(async move {
            while let Some(event) = heard.recv().await {
                if sender.send(told(event)).is_err() {
                    return;
                }
            }
        });
        Ok(events)
    }
}

impl RegistryClient for V31 {
    async fn put_registry(&self, registry: &str, username: &str, password: &str) -> Answer<()> {
        let credential = credential(username, password);
        self.0.put_registries([(registry.to_owned(), credential)].into()).await
    }
}

fn credential(username: &str, password: &str) -> RegistryCredential {
    RegistryCredential {
        username: Some(username.to_owned()),
        password: Some(password.to_owned()),
        token: None,
        registry_type: "oci".to_owned(),
    }
}
