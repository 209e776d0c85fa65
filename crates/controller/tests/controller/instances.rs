//! Several instances of the provider: they share calls, and what one is told all know.

use std::{collections::BTreeSet, time::Duration};

use lattice_claims::ClusterSeed;
use lattice_testkit::eventually;

use crate::{
    credentials::{World, seen},
    stage::{LONG, code},
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
