//! What actors are handed by the clock.

use std::time::Duration;

use lattice_protocol::contract::messaging::Message;
use lattice_provider::Ended;

use crate::lattice::{Actor, Lattice, next};

/// The shortest interval that there is.
const OFTEN: (&str, &str) = ("every", "100ms");

fn is_tick(message: &Message, body: &str) -> bool {
    (message.subject.as_str(), message.reply_to.as_deref(), message.body.as_slice()) == ("timer", None, body.as_bytes())
}

/// Waits for as long as a timer that is set now takes for five ticks.
async fn five_ticks_pass(lattice: &Lattice) {
    let clock = lattice.linked(&[OFTEN]).await;
    lattice.until("the clock ticks", async || clock.messages().len() >= 5).await;
    lattice.unlink(&clock).await;
}

async fn ticks(lattice: &Lattice, actor: &Actor, count: usize) {
    lattice.until("it ticks", async || actor.messages().len() >= count).await;
}

/// Fails if an actor is still handed messages, but for one that was on its way.
async fn no_more_ticks(lattice: &Lattice, actor: &Actor) {
    let before = actor.messages().len();
    five_ticks_pass(lattice).await;
    let more = actor.messages().len() - before;
    assert!(more <= 1, "{more} more ticks");
}

#[tokio::test]
async fn ticks_come_with_their_body_and_not_over_nats() {
    let lattice = Lattice::start().await;
    let mut over_nats = lattice.listen("timer").await;
    let actor = lattice.linked(&[OFTEN, ("every_body", "wake up")]).await;
    let empty = lattice.linked(&[OFTEN]).await;
    let seldom = lattice.linked(&[("every", "24h")]).await;
    ticks(&lattice, &actor, 3).await;
    ticks(&lattice, &empty, 3).await;
    assert!(actor.messages().iter().all(|message| is_tick(message, "wake up")));
    assert!(empty.messages().iter().all(|message| is_tick(message, "")));
    assert_eq!(seldom.messages(), [], "the first comes after one interval");
    lattice.publish("timer", "published").await;
    assert_eq!(next(&mut over_nats).await.payload.as_ref(), b"published");
}

#[tokio::test]
async fn a_link_may_have_subscriptions_and_a_timer() {
    let lattice = Lattice::start().await;
    let actor = lattice.linked(&[OFTEN, ("every_body", "tick"), ("subscription", "a")]).await;
    lattice.publish("a", "published").await;
    let has = |body: &str| actor.bodies().iter().any(|found| found == body);
    lattice.until("both are handed over", async || has("published") && has("tick")).await;
    lattice.unlink(&actor).await;
    lattice.until("nobody listens", async || lattice.nobody_listens("a").await).await;
    no_more_ticks(&lattice, &actor).await;
}

#[tokio::test]
async fn unlinking_ends_a_timer_and_does_not_wait_for_its_tick() {
    let lattice = Lattice::start().await;
    let actor = lattice.linked(&[OFTEN]).await;
    ticks(&lattice, &actor, 2).await;
    lattice.unlink(&actor).await;
    no_more_ticks(&lattice, &actor).await;
    let held = lattice.actor().await;
    held.hold();
    assert_eq!(lattice.put(&held, &[OFTEN]).await, None);
    ticks(&lattice, &held, 1).await;
    lattice.unlink(&held).await;
}

#[tokio::test]
async fn new_values_take_the_place_of_an_old_timer() {
    let lattice = Lattice::start().await;
    let actor = lattice.linked(&[OFTEN, ("every_body", "old")]).await;
    ticks(&lattice, &actor, 2).await;
    assert_eq!(lattice.put(&actor, &[OFTEN, ("every_body", "new")]).await, None);
    let new = || actor.bodies().into_iter().filter(|body| body == "new").count();
    lattice.until("the new one ticks", async || new() >= 5).await;
    let bodies = actor.bodies();
    assert!(bodies.iter().skip_while(|body| *body == "old").all(|body| body == "new"), "{bodies:?}");
    assert_eq!(lattice.put(&actor, &[("every_body", "none")]).await, None);
    no_more_ticks(&lattice, &actor).await;
}

#[tokio::test]
async fn a_refused_link_leaves_no_timer() {
    let lattice = Lattice::start().await;
    let actor = lattice.linked(&[OFTEN]).await;
    let reason = lattice.put(&actor, &[("every", "5")]).await.expect("refused");
    assert!(reason.starts_with("the link value `every` is a number without a unit"), "{reason}");
    no_more_ticks(&lattice, &actor).await;
}

#[tokio::test]
async fn a_slow_tick_is_waited_for_longer_than_other_calls_and_alone() {
    let lattice = Lattice::with_call_timeout(Duration::from_millis(100)).await;
    let slow = lattice.actor().await;
    slow.hold();
    assert_eq!(lattice.put(&slow, &[OFTEN]).await, None);
    ticks(&lattice, &slow, 1).await;
    five_ticks_pass(&lattice).await;
    assert_eq!(slow.messages().len(), 1);
    slow.release();
    ticks(&lattice, &slow, 3).await;
}

#[tokio::test]
async fn a_failing_tick_is_followed_by_the_next() {
    let lattice = Lattice::start().await;
    let actor = lattice.linked(&[OFTEN, ("every_body", "fail")]).await;
    ticks(&lattice, &actor, 3).await;
}

#[tokio::test]
async fn a_shutdown_waits_for_the_tick_under_way_and_begins_none() {
    let mut lattice = Lattice::start().await;
    let actor = lattice.actor().await;
    actor.hold();
    assert_eq!(lattice.put(&actor, &[OFTEN, ("subscription", "a")]).await, None);
    ticks(&lattice, &actor, 1).await;
    let ended = tokio::spawn(lattice.shutdown());
    lattice.until("nobody listens", async || lattice.nobody_listens("a").await).await;
    assert!(!ended.is_finished(), "it waits for the actor");
    actor.release();
    assert_eq!(ended.await.expect("no panic"), Ended::Shutdown);
    assert_eq!(actor.messages().iter().filter(|message| message.subject == "timer").count(), 1);
}
