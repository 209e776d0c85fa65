//! What is not granted is refused with the name of the link value that would grant it.

use lattice_client::Client;
use lattice_protocol::contract::lattice_control::Operation;
use serde_json::{Value, json};

use crate::stage::{Actor, Stage, code, ids};

/// An argument for each operation that could be carried out.
fn argument(operation: Operation, stage: &Stage, actor: &Actor) -> Value {
    let host = stage.hosts[0].key();
    let (reference, key) = stage.module(&format!("module-{}", operation.name()));
    match operation {
        Operation::GetHosts | Operation::GetClaims | Operation::GetLinks => json!("default"),
        Operation::GetHostInventory => json!({ "hostId": host }),
        Operation::AuctionActor => json!({ "actorRef": reference, "constraints": {} }),
        Operation::AuctionProvider => {
            json!({ "constraints": {}, "linkName": "default", "providerRef": "r.example/p:1" })
        }
        Operation::StartActor => json!({ "actorRef": reference, "count": 1, "hostId": host }),
        Operation::ScaleActor => json!({ "actorId": key, "actorRef": reference, "count": 1, "hostId": host }),
        Operation::StopActor => json!({ "actorId": key, "count": 0, "hostId": host }),
        Operation::UpdateActor => json!({ "actorId": key, "hostId": host, "newActorRef": reference }),
        Operation::StartProvider => json!({ "hostId": host, "linkName": "default", "providerRef": "r.example/p:1" }),
        Operation::StopProvider => {
            json!({ "contractId": "a:b", "hostId": host, "linkName": "default", "providerId": stage.provider })
        }
        Operation::AdvertiseLink => json!({ "link": { "actor_id": actor.key, "contract_id": "a:b",
            "link_name": "default", "provider_id": lattice_claims::ProviderSeed::generate().public(), "values": {} } }),
        Operation::RemoveLink => json!({ "actorId": actor.key, "contractId": "a:b", "linkName": "default" }),
        Operation::StopHost => json!({ "hostId": host }),
        Operation::SetLatticeCredentials => json!({ "natsUrl": "127.0.0.1:1" }),
        Operation::SetRegistryCredentials => json!({ "credentials": { "r.example": { "token": "t" } } }),
    }
}

/// All that an actor could have changed.
async fn state(control: &Client) -> (usize, usize, usize, usize) {
    let inventory = control.inventories().await.expect("inventories").into_complete().expect("all of them");
    let actors = inventory.iter().map(|host| host.actors.good.len()).sum();
    let links = control.links().await.expect("links").links.good.len();
    let registries = control.registries().await.expect("registries").registries.good.len();
    (inventory.len(), actors, links, registries)
}

#[tokio::test]
async fn without_values_an_actor_reads_and_changes_nothing() {
    let stage = Stage::start().await;
    let (actor, control) = (stage.actor(&[]).await, stage.control().await);
    let before = state(&control).await;
    for operation in Operation::ALL {
        let answer = actor.call(operation.name(), argument(*operation, &stage, &actor)).await;
        let reads = operation.name().starts_with("Get") || operation.name().starts_with("Auction");
        match reads {
            true => assert!(answer.is_ok(), "{}: {answer:?}", operation.name()),
            false => assert_eq!(code(&answer), "not_granted", "{}", operation.name()),
        }
    }
    assert_eq!(state(&control).await, before);
}

#[tokio::test]
async fn another_lattice_takes_a_grant_and_credentials() {
    let stage = Stage::start().await;
    let (own, more) = (stage.actor(&[]).await, stage.actor(&[("lattices", "default,other,moon")]).await);
    let refused = own.ask_of("GetHosts", "other").await;
    assert_eq!(code(&refused), "not_granted");
    assert!(refused.expect_err("refused").contains("`lattices`"));
    assert_eq!(code(&more.ask_of("GetHosts", "other").await), "no_credentials");
    // Where nobody is there is no lattice, or none that could be told from one that is not there.
    let own_nats = json!({ "latticeId": "moon" });
    more.done("SetLatticeCredentials", own_nats).await;
    for operation in ["GetHosts", "GetClaims", "GetLinks"] {
        assert_eq!(code(&more.ask_of(operation, "moon").await), "no_hosts", "{operation}");
    }
    let elsewhere = stage.actor(&[("lattices", "other")]).await;
    assert_eq!(code(&elsewhere.ask("GetHosts").await), "not_granted", "nor its own, if that is not among them");
}

#[tokio::test]
async fn hosts_are_those_with_the_labels() {
    let mut stage = Stage::start().await;
    let outside = stage.hosts[0].key().to_string();
    let lab = stage.add_host(&[("zone", "lab")]).await.to_string();
    stage.all_known(2).await;
    let actor = stage.actor(&[("host_labels", "zone=lab"), ("operations", "read,schedule,manage")]).await;
    assert_eq!(ids(&actor.ask("GetHosts").await.expect("hosts"), "id"), [lab.as_str()]);
    assert_eq!(actor.refused("GetHostInventory", json!({ "hostId": outside })).await, "not_granted");
    actor.call("GetHostInventory", json!({ "hostId": lab })).await.expect("it is granted");
    let auction = json!({ "actorRef": "r.example/x:1", "constraints": {} });
    assert_eq!(ids(&actor.call("AuctionActor", auction).await.expect("bids"), "hostId"), [lab.as_str()]);
    let other = json!({ "actorRef": "r.example/x:1", "constraints": { "zone": "moon" } });
    assert_eq!(actor.refused("AuctionActor", other).await, "not_granted");

    let (reference, key) = stage.module("app");
    let commands = [
        ("StartActor", json!({ "actorRef": reference, "count": 1, "hostId": outside })),
        ("ScaleActor", json!({ "actorId": key, "actorRef": reference, "count": 1, "hostId": outside })),
        ("StopActor", json!({ "actorId": key, "count": 0, "hostId": outside })),
        ("UpdateActor", json!({ "actorId": key, "hostId": outside, "newActorRef": reference })),
        ("StartProvider", json!({ "hostId": outside, "linkName": "default", "providerRef": "r.example/p:1" })),
        ("StopProvider", json!({ "hostId": outside, "linkName": "default", "providerId": stage.provider })),
        ("StopHost", json!({ "hostId": outside })),
    ];
    for (operation, command) in commands {
        assert_eq!(actor.refused(operation, command).await, "not_granted", "{operation}");
    }
    actor.done("StartActor", json!({ "actorRef": reference, "count": 1, "hostId": lab })).await;
    // A label that goes takes the grant with it.
    let control = stage.control().await;
    control.delete_label(&lab.parse().expect("a key"), "zone").await.expect("it is removed");
    assert_eq!(actor.refused("GetHostInventory", json!({ "hostId": lab })).await, "not_granted");
    assert_eq!(actor.ask("GetHosts").await, Ok(json!([])));
}

#[tokio::test]
async fn images_are_those_with_the_prefix() {
    let stage = Stage::start().await;
    let host = stage.hosts[0].key();
    let (reference, key) = stage.module("app");
    let actor = stage.actor(&[("images", "r.example/team/"), ("operations", "read,schedule")]).await;
    let commands = [
        ("StartActor", json!({ "actorRef": reference, "count": 1, "hostId": host })),
        ("ScaleActor", json!({ "actorId": key, "actorRef": reference, "count": 1, "hostId": host })),
        ("UpdateActor", json!({ "actorId": key, "hostId": host, "newActorRef": reference })),
        ("StartProvider", json!({ "hostId": host, "linkName": "default", "providerRef": "builtin://keyvalue" })),
        ("AuctionActor", json!({ "actorRef": reference, "constraints": {} })),
        ("AuctionProvider", json!({ "constraints": {}, "linkName": "default", "providerRef": "builtin://keyvalue" })),
    ];
    for (operation, command) in commands {
        let refused = actor.call(operation, command).await;
        assert_eq!(code(&refused), "not_granted", "{operation}");
        assert!(refused.expect_err("refused").contains("`images`"));
    }
    let unnamed = [
        ("StartActor", json!({ "actorRef": "", "count": 1, "hostId": host })),
        ("ScaleActor", json!({ "actorId": key, "actorRef": "", "count": 1, "hostId": host })),
    ];
    for (operation, command) in unnamed {
        assert_eq!(actor.refused(operation, command).await, "invalid", "{operation}");
    }
    // It starts nothing.
    actor.done("ScaleActor", json!({ "actorId": key, "actorRef": "", "count": 0, "hostId": host })).await;
    let granted = json!({ "actorRef": "r.example/team/app:1", "constraints": {} });
    assert_eq!(ids(&actor.call("AuctionActor", granted).await.expect("bids"), "hostId"), [host.to_string()]);
}

#[tokio::test]
async fn nobody_grants_itself_more() {
    let stage = Stage::start().await;
    let (actor, control) = (stage.actor(&[("operations", "read,schedule,manage")]).await, stage.control().await);
    let link = |contract: &str, provider: &str| {
        json!({ "link": { "actor_id": actor.key, "contract_id": contract, "link_name": "default",
            "provider_id": provider, "values": { "operations": "manage", "nats_urls": "*" } } })
    };
    let other = lattice_claims::ProviderSeed::generate().public();
    for (contract, provider) in [
        ("wasmcloud:latticecontrol", other.as_str()),
        ("wasmcloud:LatticeControl", other.as_str()),
        ("a:b", stage.provider.as_str()),
    ] {
        assert_eq!(actor.refused("AdvertiseLink", link(contract, provider)).await, "not_granted", "{contract}");
    }
    let remove = json!({ "actorId": actor.key, "contractId": "wasmcloud:latticecontrol", "linkName": "default" });
    assert_eq!(actor.refused("RemoveLink", remove).await, "not_granted");
    assert_eq!(control.links().await.expect("links").links.good, []);
}

/// They may hold passwords.
#[tokio::test]
async fn who_may_not_write_links_does_not_see_their_values() {
    let stage = Stage::start().await;
    let (reader, manager) = (stage.actor(&[]).await, stage.actor(&[("operations", "read,manage")]).await);
    let link = json!({ "actor_id": reader.key, "contract_id": "a:b", "link_name": "default",
        "provider_id": lattice_claims::ProviderSeed::generate().public(), "values": { "password": "hunter2" } });
    manager.done("AdvertiseLink", json!({ "link": link })).await;
    assert_eq!(manager.ask("GetLinks").await.expect("links")["links"][0]["values"]["password"], "hunter2");
    let seen = reader.ask("GetLinks").await.expect("links");
    assert_eq!((&seen["links"][0]["actor_id"], &seen["links"][0]["values"]), (&json!(reader.key), &json!({})));
}

#[tokio::test]
async fn requests_are_counted_for_each_actor() {
    let stage = Stage::start().await;
    let (busy, other) = (stage.actor(&[("requests_per_second", "3")]).await, stage.actor(&[]).await);
    let mut refused = 0;
    for _ in 0..50 {
        if let error @ Err(_) = busy.ask("GetClaims").await {
            assert_eq!(code(&error), "rate_limited");
            refused += 1;
        }
    }
    assert!(refused > 0, "fifty in no time are more than three a second");
    other.ask("GetClaims").await.expect("its own requests are its own");
    assert_eq!(stage.link(&busy.key, &[("requests_per_second", "100000")]).await, None);
    lattice_testkit::eventually("the new grant counts", crate::stage::LONG, async || busy.ask("GetClaims").await.ok())
        .await;
}

#[tokio::test]
async fn a_link_with_a_slip_of_the_pen_is_none() {
    let stage = Stage::start().await;
    let actor = stage.unlinked();
    for (values, expect) in [
        (&[("opperations", "read")][..], "opperations"),
        (&[("operations", "all")], "`all`"),
        (&[("requests_per_second", "0")], "grants nothing"),
    ] {
        let reason = stage.link(&actor.key, values).await.expect("it is refused");
        assert!(reason.contains(expect), "{reason}");
        let error = actor.ask("GetHosts").await.expect_err("it is not linked");
        assert!(error.contains("not linked"), "{error}");
    }
}
