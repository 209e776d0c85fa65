//! Several instances of the provider: they share calls, and what one is told all know.

use std::{collections::BTreeSet, time::Duration};

use lattice_claims::ClusterSeed;
use lattice_testkit::eventually;

use crate::{
    credentials::{World, seen},
    stage::{LONG, Stage, code},
};

#[tokio::test]
async fn what_one_instance_is_told_all_know_before_the_answer() {
    let mut world = World::new().await;
    world.own.add_provider().await;
    world.own.add_provider().await;
    let actor = world.actor().await;
    for round in 0..6 {
        let province = if round % 2 == 0 { &world.east } else { &world.west };
        let access = world.access(province.account.user("actor"));
        actor.set_credentials("shop", &access).await.expect("they are good");
        let mut answers = BTreeSet::new();
        // Whichever instances these reach.
        for _ in 0..12 {
            answers.insert(seen(&actor).await);
        }
        assert_eq!(answers, [Ok(vec![province.host()])].into(), "round {round}");
    }
}

#[tokio::test]
async fn a_new_instance_knows_them_before_it_serves() {
    let mut world = World::new().await;
    let actor = world.actor().await;
    let access = world.access(world.east.account.user("actor"));
    actor.set_credentials("shop", &access).await.expect("they are good");
    world.own.add_provider().await;
    let url = world.operator.url();
    let values = [("lattices", "shop"), ("nats_urls", url.as_str())];
    assert_eq!(world.own.link(&actor.key, &values).await, None);
    world.own.kill_provider();
    let hasty = actor.waiting(Duration::from_secs(1));
    eventually("the other is gone", LONG, async || (seen(&hasty).await.ok()? == [world.east.host()]).then_some(()))
        .await;
    for _ in 0..5 {
        assert_eq!(seen(&actor).await, Ok(vec![world.east.host()]));
    }
}

/// What an instance answers to another, sealed as that does.
struct Silent {
    _deaf: Vec<async_nats::Subscriber>,
}

/// An instance that is there, listens and says nothing.
async fn silent_instance(stage: &Stage) -> Silent {
    let subjects = lattice_protocol::RpcSubjects::new(stage.lattice.clone());
    let link = lattice_protocol::LinkName::default();
    let everybody = subjects.instances(&stage.provider, &link);
    let deaf = stage.nats.subscribe(subjects.instance(&stage.provider, &link, "silent")).await.expect("it listens");
    let seed = stage.cluster.of_instances(&stage.provider, "", &link);
    let host = lattice_claims::HostSeed::generate().public();
    let hello =
        serde_json::json!({ "from": { "id": "silent", "host": host }, "nonce": "n", "start": 0, "listens": true });
    let sealed = seed.seal(&format!("{everybody} hello everybody"), &lattice_provider::encode(&hello));
    let greeting = stage.nats.request(everybody, sealed.expect("random numbers").into());
    // When it is answered it is known.
    greeting.await.expect("an answer");
    Silent { _deaf: vec![deaf] }
}

#[tokio::test]
async fn what_one_instance_does_not_have_none_has() {
    let world = World::new().await;
    let actor = world.actor().await.waiting(Duration::from_secs(2));
    let [east, west] = [&world.east, &world.west].map(|province| world.access(province.account.user("actor")));
    actor.set_credentials("shop", &east).await.expect("they are good");
    let silent = silent_instance(&world.own).await;
    assert_eq!(actor.set_credentials("shop", &west).await, Err("not_shared".to_owned()));
    // What there was before counts again, and once nobody is silent any more others can be set.
    eventually("it is undone", LONG, async || (seen(&actor).await.ok()? == [world.east.host()]).then_some(())).await;
    drop(silent);
    world.own.nats.flush().await.expect("the server knows");
    eventually("others can be set", LONG, async || actor.set_credentials("shop", &west).await.ok()).await;
    assert_eq!(seen(&actor).await, Ok(vec![world.west.host()]));
}

#[tokio::test]
async fn instances_share_the_calls() {
    let mut world = World::new().await;
    world.own.add_provider().await;
    let url = world.operator.url();
    let values = [("lattices", "shop"), ("nats_urls", url.as_str()), ("requests_per_second", "1000")];
    let actor = world.own.actor(&values).await;
    let access = world.access(world.east.account.user("actor"));
    actor.set_credentials("shop", &access).await.expect("they are good");
    for _ in 0..30 {
        seen(&actor).await.expect("hosts");
    }
    // Each has a connection of its own to the other lattice, made by the calls that it got.
    let connections = world.east.account.connections().await;
    assert_eq!(connections, 2 + 2, "two are the host's and the test's");
}

/// It cannot read what the others say, so that it is none of them; nor are its calls of any use to who calls.
#[tokio::test]
async fn an_instance_of_another_cluster_learns_nothing() {
    let mut world = World::new().await;
    let actor = world.actor().await;
    let access = world.access(world.east.account.user("actor"));
    actor.set_credentials("shop", &access).await.expect("they are good");
    let stranger = ClusterSeed::generate();
    let own = world.own.cluster.public();
    world
        .own
        .add_provider_with(|data| {
            (data.invocation_seed, data.cluster_issuers) = (stranger.secret_text(), vec![own]);
        })
        .await;
    let values = [("lattices", "shop"), ("nats_urls", access.url.as_str())];
    assert_eq!(world.own.link(&actor.key, &values).await, None);
    world.own.kill_provider();
    eventually("the other is gone", LONG, async || (seen(&actor).await.err()? == "no_credentials").then_some(())).await;
    assert_eq!(code(&actor.ask_of("GetClaims", "shop").await), "no_credentials");
}
