//! The defects of the provider that wasmCloud 0.82 had (`crates/providers/lattice-controller`), each by name.

use std::time::Duration;

use lattice_testkit::{NatsOptions, NatsServer, eventually};
use serde_json::json;

use crate::{
    credentials::{World, seen},
    stage::{Access, LONG, Stage, code, ids},
};

/// There, failures of queries became empty lists, which say that there is nothing.
#[tokio::test]
async fn defect_errors_became_empty_lists() {
    let stage = Stage::start().await;
    let actor = stage.actor(&[("lattices", "default,moon")]).await;
    assert_eq!(code(&actor.ask_of("GetHosts", "moon").await), "no_credentials");
    actor.done("SetLatticeCredentials", json!({ "latticeId": "moon" })).await;
    let bids = json!({ "actorRef": "r.example/x:1", "constraints": {}, "latticeId": "moon" });
    for (operation, argument) in
        [("GetHosts", json!("moon")), ("GetClaims", json!("moon")), ("GetLinks", json!("moon"))]
    {
        assert_eq!(actor.refused(operation, argument).await, "no_hosts", "{operation}");
    }
    // Nobody there bids, and there is nobody who could.
    assert_eq!(actor.refused("AuctionActor", bids).await, "no_hosts");
    let inventory = json!({ "hostId": stage.hosts[0].key(), "latticeId": "moon" });
    assert_eq!(actor.refused("GetHostInventory", inventory).await, "no_such_host");
}

/// There, a gather took three seconds whatever happened, and hosts gave a call two.
#[tokio::test]
async fn defect_gathers_took_longer_than_callers_wait() {
    let stage = Stage::start().await;
    let mute = stage.add_mute().await;
    let actor = stage.actor(&[("gather_limit", "1h")]).await.waiting(Duration::from_secs(2));
    eventually("the mute host is known", LONG, async || {
        let hosts = actor.ask("GetHosts").await.expect("an answer in time");
        assert_eq!(ids(&hosts, "id"), [stage.hosts[0].key().to_string()]);
        (hosts[0]["incomplete"]["missing"] == json!([mute.host])).then_some(())
    })
    .await;
}

/// There, credentials were kept by lattice alone.
#[tokio::test]
async fn defect_any_actor_used_anothers_credentials() {
    let world = World::new().await;
    let (owner, other) = (world.actor().await, world.actor().await);
    let access = world.access(world.east.account.user("owner"));
    owner.set_credentials("shop", &access).await.expect("they are good");
    assert_eq!(seen(&owner).await, Ok(vec![world.east.host()]));
    assert_eq!(seen(&other).await, Err("no_credentials".to_owned()));
}

/// There, a client that was in use went on with the old ones.
#[tokio::test]
async fn defect_new_credentials_had_no_effect() {
    let world = World::new().await;
    let actor = world.actor().await;
    for province in [&world.east, &world.west] {
        let access = world.access(province.account.user("actor"));
        actor.set_credentials("shop", &access).await.expect("they are good");
        assert_eq!(seen(&actor).await, Ok(vec![province.host()]));
    }
}

/// There, they were accepted unseen.
#[tokio::test]
async fn defect_credentials_were_accepted_without_connecting() {
    let world = World::new().await;
    let actor = world.actor().await;
    let forged = world.access(world.east.account.forged_user("mallory"));
    assert_eq!(actor.set_credentials("shop", &forged).await, Err("credentials_refused".to_owned()));
    let locked = NatsServer::start_with(NatsOptions {
        config: "authorization { token: secret }".to_owned(),
        ..NatsOptions::default()
    })
    .await;
    let actor = world.own.actor(&[("lattices", "shop"), ("nats_urls", &locked.url())]).await;
    let access = Access { url: locked.url(), user: None };
    assert_eq!(actor.set_credentials("shop", &access).await, Err("credentials_refused".to_owned()));
}

/// There, seeds were kept for ever.
#[tokio::test]
async fn defect_credentials_outlived_the_link() {
    let world = World::new().await;
    let actor = world.actor().await;
    let access = world.access(world.east.account.user("actor"));
    actor.set_credentials("shop", &access).await.expect("they are good");
    world.own.unlink(&actor.key).await;
    let url = world.operator.url();
    let values = [("lattices", "shop"), ("nats_urls", url.as_str())];
    assert_eq!(world.own.link(&actor.key, &values).await, None);
    assert_eq!(seen(&actor).await, Err("no_credentials".to_owned()));
}

/// There, the actor was passed for the contract too, so that no link was ever removed.
#[tokio::test]
async fn defect_links_were_never_removed() {
    let stage = Stage::start().await;
    let (actor, control) = (stage.actor(&[("operations", "manage")]).await, stage.control().await);
    let link = json!({ "actor_id": actor.key, "contract_id": "a:b", "link_name": "default",
        "provider_id": lattice_claims::ProviderSeed::generate().public(), "values": {} });
    actor.done("AdvertiseLink", json!({ "link": link })).await;
    assert_eq!(control.links().await.expect("links").links.good.len(), 1);
    actor.done("RemoveLink", json!({ "actorId": actor.key, "contractId": "a:b", "linkName": "default" })).await;
    assert_eq!(control.links().await.expect("links").links.good, []);
}
