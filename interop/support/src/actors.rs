//! Actors that clients start, scale, update and stop.

use serde_json::{Value, json};

use crate::{
    Actor, Client, Lattice, Map, eventually,
    hosts::{check, has_all},
    map,
};

/// More, fewer, none: each number is reached, and told in events.
pub async fn are_scaled<C: Client>(lattice: &Lattice, client: &C) {
    let (host, actor) = (lattice.host(), lattice.sign(1).await);
    let kinds = ["actors_started", "actors_stopped", "actor_scaled"];
    let mut events = client.events(&kinds).await.expect("events can be followed");
    let scale = async |count| client.scale(host, &actor, count, Map::new()).await.expect("the host answers").accepted();

    scale(3).await;
    let started = events.data("actors_started", host).await;
    assert_eq!((&started["count"], &started["claims"]["name"]), (&3.into(), &"counter".into()), "{started}");
    is_of(&started, host, &actor);
    let scaled = events.data("actor_scaled", host).await;
    assert_eq!(scaled["max_instances"], 3, "{scaled}");
    is_of(&scaled, host, &actor);
    lattice.until_running(&actor, 3).await;

    scale(5).await;
    assert_eq!(events.data("actors_started", host).await["count"], 2);
    lattice.until_running(&actor, 5).await;

    scale(2).await;
    let stopped = events.data("actors_stopped", host).await;
    assert_eq!((&stopped["count"], &stopped["remaining"]), (&3.into(), &2.into()), "{stopped}");
    is_of(&stopped, host, &actor);
    lattice.until_running(&actor, 2).await;

    scale(0).await;
    let stopped = events.data("actors_stopped", host).await;
    assert_eq!((&stopped["count"], &stopped["remaining"]), (&2.into(), &0.into()), "{stopped}");
    until_actors(lattice, client, 0).await;
}

/// A running actor is in the inventory, with all that the generation asks for.
pub async fn are_in_the_inventory<C: Client>(lattice: &Lattice, client: &C) {
    let actor = lattice.sign(7).await;
    start(lattice, client, &actor, 4, Map::new()).await;
    let found = until_actors(lattice, client, 1).await.remove(0);
    assert_eq!((&found["id"], &found["name"]), (&actor.key.into(), &"counter".into()), "{found}");
    assert_eq!(found["image_ref"], actor.reference, "{found}");
    let instances = instances(&found);
    for instance in instances {
        has_all(instance, C::INSTANCE);
        check(instance, "annotations", json!({}));
        check(instance, "image_ref", actor.reference.clone().into());
        check(instance, "revision", 7.into());
    }
    assert_eq!(instances.iter().map(bound).sum::<u64>(), 4, "{found}");
}

/// One actor runs twice, under different annotations, and is stopped by them.
pub async fn are_told_apart_by_annotations<C: Client>(lattice: &Lattice, client: &C) {
    let (host, actor) = (lattice.host(), lattice.sign(1).await);
    for (team, count) in [("a", 1), ("b", 2)] {
        let team = map([("team", team)]);
        client.scale(host, &actor, count, team).await.expect("the host answers").accepted();
    }
    lattice.until_running(&actor, 3).await;
    let stop = async |team| client.stop_actor(host, &actor.key, map([("team", team)])).await.expect("the host answers");
    stop("c").await.refused();
    stop("a").await.accepted();
    lattice.until_running(&actor, 2).await;
    let found = until_actors(lattice, client, 1).await.remove(0);
    let instances = instances(&found);
    assert!(instances.iter().all(|instance| instance["annotations"]["team"] == "b"), "{found}");
    assert_eq!(instances.iter().map(bound).sum::<u64>(), 2, "{found}");
}

/// An actor is stopped by its key, with all its instances; one that does not run cannot be.
pub async fn are_stopped<C: Client>(lattice: &Lattice, client: &C) {
    let (host, actor) = (lattice.host(), lattice.sign(1).await);
    start(lattice, client, &actor, 3, Map::new()).await;
    let mut events = client.events(&["actors_stopped"]).await.expect("events can be followed");
    let stop = async || client.stop_actor(host, &actor.key, Map::new()).await.expect("the host answers");
    stop().await.accepted();
    let stopped = events.data("actors_stopped", host).await;
    assert_eq!((&stopped["count"], &stopped["remaining"]), (&3.into(), &0.into()), "{stopped}");
    until_actors(lattice, client, 0).await;
    // The inventory tells it a moment before the next command is judged by it.
    let refused = eventually("a stop is refused", async || Some(stop().await).filter(|ack| !ack.accepted));
    refused.await.refused();
}

/// A new revision takes the place of the old one, as often as that ran; only what runs is updated.
pub async fn are_updated<C: Client>(lattice: &Lattice, client: &C) {
    let (old, new) = (lattice.sign(1).await, lattice.sign(2).await);
    assert_eq!(old.key, new.key);
    let update = async || client.update(lattice.host(), &old.key, &new.reference).await.expect("the host answers");
    update().await.refused();
    start(lattice, client, &old, 3, Map::new()).await;
    update().await.accepted();
    let found = eventually("the new revision runs", async || {
        let found = actors(lattice, client).await;
        (found.len() == 1 && found[0]["image_ref"] == new.reference.as_str()).then(|| found[0].clone())
    });
    let found = found.await;
    let instances = instances(&found);
    assert!(instances.iter().all(|instance| instance["revision"] == new.revision), "{found}");
    lattice.until_running(&new, 3).await;
    eventually("the new claims are known", async || claims(client, &new).await.filter(|claims| claims["rev"] == "2"))
        .await;
}

/// What cannot be fetched is accepted at first, as nobody waits for fetching, and fails in an event.
pub async fn fail_in_an_event<C: Client>(lattice: &Lattice, client: &C) {
    let (host, mut actor) = (lattice.host(), lattice.sign(1).await);
    actor.reference = lattice.missing();
    let mut events = client.events(&["actor_scale_failed"]).await.expect("events can be followed");
    client.scale(host, &actor, 1, Map::new()).await.expect("the host answers").accepted();
    let failed = events.data("actor_scale_failed", host).await;
    assert_eq!(failed["image_ref"], actor.reference, "{failed}");
    assert!(failed["error"].as_str().is_some_and(|error| !error.is_empty()), "{failed}");
    assert_eq!(lattice.running(&actor).await, 0);
}

/// What is no reference at all is refused at once.
pub async fn need_a_reference<C: Client>(lattice: &Lattice, client: &C) {
    let mut actor = lattice.sign(1).await;
    actor.reference = "no reference".to_owned();
    client.scale(lattice.host(), &actor, 1, Map::new()).await.expect("the host answers").refused();
}

/// The claims of an actor that has been started.
pub async fn have_claims<C: Client>(lattice: &Lattice, client: &C) {
    let actor = lattice.sign(3).await;
    start(lattice, client, &actor, 1, Map::new()).await;
    let claims = eventually("the claims are known", async || claims(client, &actor).await).await;
    assert_eq!((claims["name"].as_str(), claims["rev"].as_str()), ("counter", "3"), "{claims:?}");
    assert!(claims["iss"].starts_with('A'), "{claims:?}");
}

/// Starts the actor and waits until it runs.
pub(crate) async fn start<C: Client>(lattice: &Lattice, client: &C, actor: &Actor, count: u16, annotations: Map) {
    client.scale(lattice.host(), actor, count, annotations).await.expect("the host answers").accepted();
    lattice.until_running(actor, count.into()).await;
}

/// Waits until the client sees so many actors, and returns them.
pub(crate) async fn until_actors<C: Client>(lattice: &Lattice, client: &C, count: usize) -> Vec<Value> {
    let what = format!("{count} actors run");
    eventually(&what, async || Some(actors(lattice, client).await).filter(|actors| actors.len() == count)).await
}

async fn actors<C: Client>(lattice: &Lattice, client: &C) -> Vec<Value> {
    let inventory = client.inventory(lattice.host()).await.expect("the host answers");
    inventory["actors"].as_array().expect("there is a list").clone()
}

fn instances(actor: &Value) -> &[Value] {
    actor["instances"].as_array().expect("there is a list")
}

/// How many instances an element of the list stands for: one, or as many as newer generations can read there.
fn bound(instance: &Value) -> u64 {
    let bound = instance.get("max_instances").or_else(|| instance.get("max_concurrent"));
    bound.map_or(1, |bound| bound.as_u64().expect("a bound is a number"))
}

async fn claims<C: Client>(client: &C, actor: &Actor) -> Option<Map> {
    let claims = client.claims().await.expect("the lattice answers");
    claims.into_iter().find(|claims| claims.get("sub") == Some(&actor.key))
}

#[track_caller]
fn is_of(data: &Value, host: &str, actor: &Actor) {
    let expected = [("host_id", host), ("public_key", &actor.key), ("image_ref", &actor.reference)];
    for (key, expected) in expected {
        assert_eq!(data[key], expected, "`{key}` in {data}");
    }
}
