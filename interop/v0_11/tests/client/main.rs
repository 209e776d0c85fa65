//! The client of version 0.11.

use lattice_interop::{
    Ack, Actor, Answer, Client, Events, GATHERING, LATTICE, Lattice, Link, Map, NumberClient, PATIENCE, told,
};
use serde_json::Value;

lattice_interop::scenarios! {
    crate::connect;
    hosts: are_listed tell_what_they_are answer_for_themselves stop_when_told;
    actors: are_scaled are_in_the_inventory are_told_apart_by_annotations are_stopped are_updated fail_in_an_event
        need_a_reference have_claims;
    links: come_and_go are_told_in_events;
    auctions: get_a_bid_for_an_actor get_no_bid_for_an_actor_elsewhere get_no_bid_for_a_provider;
    numbers: are_added are_taken_away;
    providers: are_refused;
}

/// The client under test.
struct V11(wasmcloud_control_interface::Client);

async fn connect(lattice: &Lattice) -> V11 {
    let nats = wasmbus_rpc::anats::connect(lattice.nats_url()).await.expect("the broker takes clients");
    V11(wasmcloud_control_interface::Client::new(nats, Some(LATTICE.to_owned()), PATIENCE, GATHERING))
}

impl Client for V11 {
    const HOST: &[&str] = &["id", "uptime_seconds"];
    const INVENTORY: &[&str] = &["host_id", "labels"];
    const INSTANCE: &[&str] = &["annotations", "instance_id", "revision"];

    async fn hosts(&self) -> Answer<Vec<Value>> {
        Ok(told(self.0.get_hosts().await?))
    }

    async fn inventory(&self, host: &str) -> Answer<Value> {
        Ok(told(self.0.get_host_inventory(host).await?))
    }

    async fn claims(&self) -> Answer<Vec<Map>> {
        Ok(self.0.get_claims().await?.claims)
    }

    async fn links(&self) -> Answer<Vec<Value>> {
        Ok(told(self.0.query_links().await?.links))
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
        Ok(told(self.0.scale_actor(host, &actor.reference, &actor.key, count, Some(annotations)).await?))
    }

    async fn update(&self, host: &str, key: &str, reference: &str) -> Answer<Ack> {
        Ok(told(self.0.update_actor(host, key, reference, None).await?))
    }

    async fn stop_actor(&self, host: &str, key: &str, annotations: Map) -> Answer<Ack> {
        Ok(told(self.0.stop_actor(host, key, 0, Some(annotations)).await?))
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
        let heard = self.0.events_receiver().await?;
        let (sender, events) = Events::channel();
        std::thread::spawn(move || {
            while let Ok(event) = heard.recv() {
                if sender.send(told(event)).is_err() {
                    return;
                }
            }
        });
        Ok(events)
    }
}

impl NumberClient for V11 {
    async fn start_some(&self, host: &str, reference: &str, count: u16) -> Answer<Ack> {
        Ok(told(self.0.start_actor(host, reference, count, None).await?))
    }

    async fn stop_some(&self, host: &str, key: &str, count: u16) -> Answer<Ack> {
        Ok(told(self.0.stop_actor(host, key, count, None).await?))
    }
}
