//! What a provider and an actor do for each other.

use std::collections::HashMap;

use lattice_interop::eventually;
use lattice_interop_providers::CONTRACT;
use serde_json::{Value, json};

use crate::stage::{LINK, Stage};

/// It is in the inventory, as clients and as the lattice itself tell it, and in events.
pub(crate) async fn is_started_and_listed(stage: &Stage) {
    let host = stage.lattice.host();
    let mut events = stage.events(&["provider_started", "health_check_passed"]).await;
    stage.start(None).await;
    let started = events.data("provider_started", host).await;
    let of_provider = [("public_key", &*stage.provider), ("link_name", LINK), ("contract_id", CONTRACT)];
    for (key, expected) in of_provider {
        assert_eq!(started[key], expected, "`{key}` in {started}");
    }
    assert_eq!(started["image_ref"], stage.reference, "{started}");
    let healthy = events.data("health_check_passed", host).await;
    for (key, expected) in of_provider {
        assert_eq!(healthy[key], expected, "`{key}` in {healthy}");
    }

    let inventory = stage.client.get_host_inventory(host).await.expect("the host answers");
    let provider = &inventory.providers[0];
    assert_eq!((&*provider.id, &*provider.link_name, provider.revision), (&*stage.provider, LINK, 7));
    assert_eq!((provider.name.as_deref(), provider.image_ref.as_ref()), (Some("Echo"), Some(&stage.reference)));
    let listed = stage.listed().await.expect("it runs");
    assert_eq!((&listed["contract_id"], &listed["process"]["restarts"]), (&CONTRACT.into(), &0.into()), "{listed}");
}

/// A host that would start it bids for it, and one that already runs it does not.
pub(crate) async fn gets_a_bid(stage: &Stage) {
    let auction = async || {
        let bids = stage.client.perform_provider_auction(&stage.reference, LINK, HashMap::new()).await;
        bids.expect("an auction can be held").into_iter().map(|bid| (bid.host_id, bid.provider_ref)).collect::<Vec<_>>()
    };
    let expected = vec![(stage.lattice.host().to_owned(), stage.reference.clone())];
    eventually("the host bids", async || Some(auction().await).filter(|bids| *bids == expected)).await;
    stage.start(None).await;
    assert_eq!(auction().await, []);
}

/// An actor calls it, and it calls the actor while it does what that asked for.
pub(crate) async fn answers_and_calls_back(stage: &Stage) {
    stage.start(None).await;
    stage.link("seven").await;
    for (operation, payload) in
        [("Echo.Echo", "there and back"), ("Echo.CallBack", "round and round"), ("Echo.Echo", "")]
    {
        let answer = stage.call(operation, payload.into()).await.expect("an answer");
        assert_eq!(String::from_utf8_lossy(&answer), payload, "{operation}");
    }
}

/// More than one message carries: both ways, and both ways in both directions.
pub(crate) async fn carries_large_payloads(stage: &Stage) {
    const SIZE: usize = 2_000_000;
    stage.start(None).await;
    stage.link("seven").await;
    let expected: Vec<u8> = (0..SIZE).map(|number| u8::try_from(number % 251).expect("below 251")).collect();
    for operation in ["Echo.Echo", "Echo.CallBack"] {
        let answer = stage.call(operation, SIZE.into()).await.expect("an answer");
        assert!(answer == expected, "{operation}: {} bytes come back changed", answer.len());
    }
}

/// What the provider says went wrong reaches the actor. Who is not linked is not served.
pub(crate) async fn fails_with_reasons(stage: &Stage) {
    stage.start(None).await;
    stage.call("Echo.Echo", "".into()).await.expect_err("they are not linked");
    stage.link("seven").await;
    let error = stage.call("Echo.Fly", "".into()).await.expect_err("there is no such operation");
    assert!(error.contains("there is no operation `Echo.Fly`"), "{error}");
}

/// The text that it was started with is what it gets.
pub(crate) async fn is_told_its_configuration(stage: &Stage) {
    let configuration = json!({"größe": [1, 2, 3], "line": "one\ntwo"}).to_string();
    stage.start(Some(&configuration)).await;
    stage.link("seven").await;
    assert_eq!(stage.ask("Echo.Configuration").await, Ok(Value::from(configuration)));
}
