//! Actors that clients count one by one: so many more, so many fewer.

use crate::{Lattice, NumberClient, actors::until_actors};

/// Each start adds, and one of none starts one.
pub async fn are_added<C: NumberClient>(lattice: &Lattice, client: &C) {
    let (host, actor) = (lattice.host(), lattice.sign(1).await);
    let mut events = client.events(&["actors_started"]).await.expect("events can be followed");
    for (count, all) in [(2, 2), (3, 5), (0, 6)] {
        client.start_some(host, &actor.reference, count).await.expect("the host answers").accepted();
        let started = events.data("actors_started", host).await;
        assert_eq!(started["count"], count.max(1), "{started}");
        lattice.until_running(&actor, all).await;
    }
}

/// Each stop takes away, and one of none takes all.
pub async fn are_taken_away<C: NumberClient>(lattice: &Lattice, client: &C) {
    let (host, actor) = (lattice.host(), lattice.sign(1).await);
    client.start_some(host, &actor.reference, 5).await.expect("the host answers").accepted();
    lattice.until_running(&actor, 5).await;
    let mut events = client.events(&["actors_stopped"]).await.expect("events can be followed");
    for (count, stopped, left) in [(2, 2, 3), (0, 3, 0)] {
        client.stop_some(host, &actor.key, count).await.expect("the host answers").accepted();
        let event = events.data("actors_stopped", host).await;
        assert_eq!((&event["count"], &event["remaining"]), (&stopped.into(), &left.into()), "{event}");
        lattice.until_running(&actor, left).await;
    }
    until_actors(lattice, client, 0).await;
}
