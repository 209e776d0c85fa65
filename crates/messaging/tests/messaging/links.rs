//! Links that come, change and go.

use std::process::Command;

use lattice_provider::Ended;
use lattice_testkit::NatsServer;

use crate::lattice::Lattice;

#[tokio::test]
async fn unlinking_ends_subscriptions() {
    let lattice = Lattice::start().await;
    let actor = lattice.linked(&[("subscription", "a,b|q")]).await;
    lattice.publish("a", "1").await;
    lattice.until("it is handed over", async || actor.messages().len() == 1).await;
    lattice.unlink(&actor).await;
    lattice.publish("a", "2").await;
    for subject in ["a", "b"] {
        lattice.until("nobody listens", async || lattice.nobody_listens(subject).await).await;
    }
    assert_eq!(actor.bodies(), ["1"]);
}

#[tokio::test]
async fn new_values_take_the_place_of_the_old() {
    let lattice = Lattice::start().await;
    let actor = lattice.linked(&[("subscription", "a,b")]).await;
    assert_eq!(lattice.put(&actor, &[("subscription", "b,c")]).await, None);
    for subject in ["b", "c"] {
        lattice.publish(subject, subject).await;
    }
    lattice.until("both are handed over", async || actor.messages().len() == 2).await;
    lattice.until("nobody listens", async || lattice.nobody_listens("a").await).await;
    let reason = lattice.put(&actor, &[("subscription", "b,wasmbus.evt.>")]).await.expect("refused");
    assert!(reason.starts_with("`wasmbus.evt.>` is for the lattice"), "{reason}");
    lattice.until("a refused link leaves none", async || lattice.nobody_listens("b").await).await;
    assert_eq!(actor.messages().len(), 2);
}

#[tokio::test]
async fn another_nats_is_a_world_of_its_own() {
    let lattice = Lattice::start().await;
    let other = NatsServer::start().await;
    let outside = other.client().await;
    let actor = lattice.linked(&[("URI", &other.url()), ("SUBSCRIPTION", ">")]).await;
    lattice.publish("here", "not for it").await;
    // That server was told of the subscription, and nobody says when it has taken note.
    lattice
        .until("it is handed over", async || {
            outside.publish("there", "for it".into()).await.expect("sent");
            !actor.messages().is_empty()
        })
        .await;
    actor.publish("wasmbus.there", None, "own lattice").await.expect("that is not the lattice's");
    lattice.until("it hears itself", async || actor.bodies().iter().any(|body| body == "own lattice")).await;
    assert!(actor.bodies().iter().all(|body| body != "not for it"));
}

#[tokio::test]
async fn bad_links_are_refused_with_the_reason() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor().await;
    let check = async |values: &[(&str, &str)], expect: &str| {
        let reason = lattice.put(&actor, values).await.expect("refused");
        assert!(reason.contains(expect) && !reason.contains("hunter2"), "{reason}");
    };
    check(&[("uri", "nats://me:hunter2@127.0.0.1:1")], "no connection to NATS at `nats://127.0.0.1:1`: ").await;
    check(&[("uri", "redis://me:hunter2@127.0.0.1:1")], "does not begin with `nats://`").await;
    check(&[("uri", "127.0.0.1:1"), ("auth_jwt", "hunter2")], "there is a JWT and no seed").await;
    check(&[("uri", "127.0.0.1:1"), ("auth_jwt", "hunter2"), ("auth_seed", "hunter2")], "malformed").await;
    check(&[("subscription", "a..b")], "`a..b` is no subject").await;
}

#[tokio::test]
async fn the_program_serves_and_ends_in_order() {
    let lattice = Lattice::empty().await;
    let mut program = lattice.program().await;
    let actor = lattice.linked(&[("subscription", "a")]).await;
    actor.publish("a", None, "to itself").await.expect("sent");
    lattice.until("it is handed over", async || actor.bodies() == ["to itself"]).await;
    let told = Command::new("kill").arg(program.id().expect("it runs").to_string()).status();
    assert!(told.expect("there is `kill`").success());
    assert!(program.wait().await.expect("a child can be waited for").success());
}

#[tokio::test]
async fn a_shutdown_finishes_what_is_under_way() {
    let mut lattice = Lattice::start().await;
    let actor = lattice.linked(&[("subscription", "a")]).await;
    actor.hold();
    lattice.publish("a", "1").await;
    lattice.until("it is handed over", async || actor.messages().len() == 1).await;
    let ended = tokio::spawn(lattice.shutdown());
    lattice.until("nobody listens", async || lattice.nobody_listens("a").await).await;
    assert!(!ended.is_finished(), "it waits for the actor");
    actor.release();
    assert_eq!(ended.await.expect("no panic"), Ended::Shutdown);
}
