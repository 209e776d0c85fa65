//! Every operation, its effect seen by a client of the control interface.

use lattice_claims::{ModuleSeed, ProviderSeed};
use lattice_testkit::eventually;
use serde_json::{Value, json};

use crate::stage::{Actor, LONG, Stage, ids};

const ALL: &[(&str, &str)] = &[("operations", "read,schedule,manage"), ("registries", "registry.example")];

/// The instances of an actor on the first host: their image and annotations, as the actor is told.
async fn instances(actor: &Actor, host: &str, id: &str) -> Vec<Value> {
    let inventory = actor.call("GetHostInventory", json!({ "hostId": host })).await.expect("an inventory");
    assert_eq!(inventory["hostId"], host);
    let found = inventory["actors"].as_array().expect("a list").iter().find(|one| one["id"] == id);
    found.map(|one| one["instances"].as_array().expect("a list").clone()).unwrap_or_default()
}

async fn until_instances(actor: &Actor, host: &str, id: &str, count: usize) -> Vec<Value> {
    eventually("so many instances", LONG, async || {
        let found = instances(actor, host, id).await;
        (found.len() == count).then_some(found)
    })
    .await
}

#[tokio::test]
async fn a_lattice_is_read() {
    let mut stage = Stage::start().await;
    let first = stage.hosts[0].key().to_string();
    let second = stage.add_host(&[("zone", "lab")]).await.to_string();
    stage.all_known(2).await;
    let actor = stage.actor(&[]).await;

    let hosts = actor.ask("GetHosts").await.expect("hosts");
    let mut expected = [first.clone(), second.clone()];
    expected.sort();
    assert_eq!(ids(&hosts, "id"), expected);
    let lab = hosts.as_array().expect("a list").iter().find(|host| host["id"] == second.as_str()).expect("it is there");
    assert_eq!((&lab["labels"]["zone"], &lab["latticePrefix"]), (&json!("lab"), &json!("default")));
    assert!(lab["uptimeSeconds"].is_u64() && lab["version"].is_string());
    assert!(hosts.as_array().expect("a list").iter().all(|host| host.get("incomplete").is_none()), "{hosts}");

    let inventory = actor.call("GetHostInventory", json!({ "hostId": second })).await.expect("an inventory");
    assert_eq!((&inventory["labels"]["zone"], &inventory["actors"]), (&json!("lab"), &json!([])));
    assert_eq!(actor.ask("GetClaims").await.expect("claims"), json!({ "claims": [] }));
    assert_eq!(actor.ask("GetLinks").await.expect("links"), json!({ "links": [] }));

    let auction = json!({ "actorRef": "r.example/x:1", "constraints": { "zone": "lab" } });
    let bids = actor.call("AuctionActor", auction).await.expect("bids");
    assert_eq!(bids, json!([{ "actorRef": "r.example/x:1", "hostId": second }]));
    let auction = json!({ "constraints": {}, "linkName": "backup", "providerRef": "r.example/p:1" });
    let bids = actor.call("AuctionProvider", auction).await.expect("bids");
    assert_eq!(ids(&bids, "hostId"), expected);
    assert_eq!((&bids[0]["linkName"], &bids[0]["providerRef"]), (&json!("backup"), &json!("r.example/p:1")));
    let nowhere = json!({ "actorRef": "r.example/x:1", "constraints": { "zone": "moon" } });
    assert_eq!(actor.call("AuctionActor", nowhere).await, Ok(json!([])), "all have answered, and nobody bids");
}

#[tokio::test]
async fn actors_are_started_scaled_updated_and_stopped() {
    let stage = Stage::start().await;
    let (host, actor) = (stage.hosts[0].key().to_string(), stage.actor(ALL).await);
    let seed = ModuleSeed::generate();
    let [first, second] = [1, 2].map(|revision| format!("file://{}", stage.revision("one", &seed, revision).display()));
    let id = seed.public().to_string();

    // A count of 0 means 1 for a start.
    actor.done("StartActor", json!({ "actorRef": first, "count": 0, "hostId": host })).await;
    until_instances(&actor, &host, &id, 1).await;
    let notes = json!({ "app": "demo" });
    actor.done("StartActor", json!({ "actorRef": first, "annotations": notes, "count": 2, "hostId": host })).await;
    let found = until_instances(&actor, &host, &id, 3).await;
    assert_eq!(found.iter().filter(|one| one["annotations"] == notes).count(), 2, "{found:?}");

    let scale =
        |count| json!({ "actorId": id, "actorRef": first, "annotations": notes, "count": count, "hostId": host });
    actor.done("ScaleActor", scale(4)).await;
    until_instances(&actor, &host, &id, 5).await;
    actor.done("UpdateActor", json!({ "actorId": id, "hostId": host, "newActorRef": second })).await;
    eventually("all are of the second revision", LONG, async || {
        let found = instances(&actor, &host, &id).await;
        found.iter().all(|one| one["revision"] == 2).then_some(())
    })
    .await;
    let claims = actor.ask("GetClaims").await.expect("claims");
    assert_eq!((&claims["claims"][0]["sub"], &claims["claims"][0]["name"]), (&json!(id), &json!("one")));
    actor.done("StopActor", json!({ "actorId": id, "annotations": notes, "count": 1, "hostId": host })).await;
    until_instances(&actor, &host, &id, 4).await;
    // A count of 0 means none for a scale, and all for a stop.
    actor
        .done(
            "ScaleActor",
            json!({ "actorId": id, "actorRef": second, "annotations": notes, "count": 0, "hostId": host }),
        )
        .await;
    until_instances(&actor, &host, &id, 1).await;
    actor.done("StopActor", json!({ "actorId": id, "annotations": null, "count": 0, "hostId": host })).await;
    until_instances(&actor, &host, &id, 0).await;
    let control = stage.control().await;
    let operations = control.operations(Default::default()).await.expect("they are recorded");
    assert!(
        operations.operations.good.iter().all(|one| one.requester.as_deref() == Some(&format!("actor {}", actor.key)))
    );
}

#[tokio::test]
async fn links_come_and_go() {
    let stage = Stage::start().await;
    let (actor, control) = (stage.actor(ALL).await, stage.control().await);
    let (other, provider) = (stage.unlinked().key, ProviderSeed::generate().public());
    let link = json!({ "actor_id": other, "contract_id": "wasmcloud:keyvalue", "link_name": "cache",
        "provider_id": provider, "values": { "URL": "secret" } });
    actor.done("AdvertiseLink", json!({ "link": link })).await;
    let stored = control.links().await.expect("links").links.good;
    assert_eq!((stored.len(), stored[0].values.get("URL")), (1, Some("secret")));
    assert_eq!(actor.ask("GetLinks").await.expect("links"), json!({ "links": [link] }));

    // As actors of wasmCloud 0.82 write it.
    let camel = json!({ "actorId": other, "contractId": "wasmcloud:messaging", "linkName": "default",
        "providerId": provider, "values": null });
    actor.done("AdvertiseLink", json!({ "link": camel })).await;
    assert_eq!(control.links().await.expect("links").links.good.len(), 2);

    let remove = |contract, name| json!({ "actorId": other, "contractId": contract, "linkName": name });
    actor.done("RemoveLink", remove("wasmcloud:keyvalue", "cache")).await;
    let stored = control.links().await.expect("links").links.good;
    assert_eq!(stored.iter().map(|link| link.contract_id.as_str()).collect::<Vec<_>>(), ["wasmcloud:messaging"]);
    let taken = json!({ "link": { "actor_id": other, "contract_id": "wasmcloud:messaging", "link_name": "default",
        "provider_id": ProviderSeed::generate().public(), "values": {} } });
    assert_eq!(actor.refused("AdvertiseLink", taken).await, "link_conflict");
}

#[tokio::test]
async fn registries_are_told_and_others_stay() {
    let stage = Stage::start().await;
    let (actor, control) = (stage.actor(ALL).await, stage.control().await);
    let mine = lattice_protocol::RegistryCredential { token: Some("t".to_owned()), ..Default::default() };
    let mine = lattice_protocol::Registries([("mine.example".to_owned(), mine)].into());
    control.put_registries(&mine).await.expect("they are told");
    let credentials = json!({ "registry.example": { "username": "u", "password": "p", "registryType": "" } });
    let answer = actor.raw(
        "SetRegistryCredentials",
        lattice_provider::encode(&json!({
        "credentials": credentials, "latticeId": "default" })),
    );
    assert_eq!(answer.await, Ok("".into()), "a result that is none is no bytes");
    let known = control.registries().await.expect("they are known").registries.good;
    let names: Vec<_> = known.iter().map(|one| (one.registry.as_str(), one.kind.as_str())).collect();
    assert_eq!(names, [("mine.example", "oci"), ("registry.example", "oci")]);

    // What is granted is replaced, and without any it is forgotten.
    let names = async || {
        let known = control.registries().await.expect("they are known").registries.good;
        known.into_iter().map(|one| one.registry).collect::<Vec<_>>()
    };
    let other = json!({ "credentials": { "registry.example/team": { "token": "t" } } });
    assert_eq!(actor.call("SetRegistryCredentials", other).await, Ok(Value::Null));
    assert_eq!(names().await, ["mine.example", "registry.example/team"]);
    assert_eq!(actor.call("SetRegistryCredentials", json!({ "credentials": null })).await, Ok(Value::Null));
    assert_eq!(names().await, ["mine.example"]);
}

#[tokio::test]
async fn providers_and_hosts_are_commanded() {
    let mut stage = Stage::start().await;
    let second = stage.add_host(&[]).await.to_string();
    stage.all_known(2).await;
    let (actor, control) = (stage.actor(ALL).await, stage.control().await);
    // What this host has not: that it is asked, and what it says, is what counts here.
    let start = json!({ "hostId": second, "linkName": "default", "providerRef": "builtin://nothing" });
    assert_eq!(actor.refused("StartProvider", start).await, "not_allowed");
    let stop = json!({ "contractId": "a:b", "hostId": second, "linkName": "default", "providerId": stage.provider });
    assert_eq!(actor.refused("StopProvider", stop).await, "not_running");

    actor.done("StopHost", json!({ "hostId": second, "timeout": 1 })).await;
    stage.hosts[1].stop_requested().await;
    let stopping = stage.hosts.remove(1);
    stopping.stop(None).await;
    let left = control.hosts().await.expect("hosts");
    assert_eq!((left.items.len(), left.complete), (1, true));
    assert_eq!(actor.refused("StopHost", json!({ "hostId": second })).await, "no_such_host");
}
