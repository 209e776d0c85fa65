//! Hosts that are silent: who asks is answered in time, and told who is missing.

use std::time::Duration;

use lattice_testkit::eventually;
use serde_json::{Value, json};

use crate::stage::{Actor, LONG, Mute, Stage, code, ids};

/// How many answered, and what else is said of the list.
async fn gathered(actor: &Actor, operation: &str, argument: Value) -> (usize, Option<Value>) {
    let list = actor.call(operation, argument).await.expect("an answer in time");
    let list = list.as_array().expect("a list");
    assert!(list[1..].iter().all(|item| item.get("incomplete").is_none()), "the first item says it");
    (list.len(), list[0].get("incomplete").cloned())
}

/// Waits until it is said that this host is missing: hosts look at the members from time to time.
async fn until_missing(actor: &Actor, operation: &str, argument: Value, mute: &Mute) -> usize {
    eventually("the mute host is known", LONG, async || {
        let (heard, shortfall) = gathered(actor, operation, argument.clone()).await;
        (shortfall? == json!({ "missing": [mute.host], "unreadable": 0 })).then_some(heard)
    })
    .await
}

/// With the time that published hosts give a call, which is as long as silent hosts are waited for.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_told_in_time_however_many_there_are_and_one_of_them_mute() {
    let mut stage = Stage::start().await;
    let actor = stage.actor(&[]).await.waiting(Duration::from_secs(2));
    for count in [1, 10, 100] {
        stage.grow_to(count).await;
        stage.all_known(count).await;
        let hosts = actor.ask("GetHosts").await.expect("an answer in time");
        assert_eq!((ids(&hosts, "id").len(), hosts[0].get("incomplete")), (count, None));
        let mute = stage.add_mute().await;
        assert_eq!(until_missing(&actor, "GetHosts", json!("default"), &mute).await, count);
        // One that is gone is not waited for.
        let host = mute.host.clone();
        drop(mute);
        stage.nats.flush().await.expect("the server knows");
        assert_eq!(gathered(&actor, "GetHosts", json!("default")).await, (count, None));
        stage.forget(&host).await;
    }
}

#[tokio::test]
async fn auctions_say_who_is_missing_too() {
    let stage = Stage::start().await;
    let actor = stage.actor(&[("gather_limit", "300ms")]).await;
    let mute = stage.add_mute().await;
    let auction = json!({ "actorRef": "r.example/x:1", "constraints": {} });
    assert_eq!(until_missing(&actor, "AuctionActor", auction, &mute).await, 1);
    let auction = json!({ "constraints": {}, "linkName": "default", "providerRef": "r.example/x:1" });
    assert_eq!(until_missing(&actor, "AuctionProvider", auction, &mute).await, 1);
    // Nobody bids, but the mute host might have: that is no empty list.
    let nowhere = json!({ "actorRef": "r.example/x:1", "constraints": { "zone": "moon" } });
    let error = actor.call("AuctionActor", nowhere).await;
    assert_eq!(code(&error), "incomplete");
    assert!(error.expect_err("an error").contains(mute.host.as_str()));
}

#[tokio::test]
async fn a_silent_host_costs_its_own_command_and_says_so_in_time() {
    let stage = Stage::start().await;
    let actor = stage.actor(&[("operations", "read,schedule")]).await.waiting(Duration::from_millis(800));
    let mute = stage.add_mute().await;
    let stop = json!({ "actorId": actor.key, "count": 1, "hostId": mute.host });
    let (slow, quick) = tokio::join!(actor.call("StopActor", stop), actor.ask("GetClaims"));
    assert_eq!(code(&slow), "timed_out");
    assert_eq!(quick, Ok(json!({ "claims": [] })));
    assert_eq!(actor.refused("GetHostInventory", json!({ "hostId": mute.host })).await, "timed_out");
}
