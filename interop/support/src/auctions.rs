//! Auctions that clients hold.

use serde_json::{Value, json};

use crate::{Client, Lattice, Map, eventually, hosts::check, map};

/// A host bids for an actor that it would start.
pub async fn get_a_bid_for_an_actor<C: Client>(lattice: &Lattice, client: &C) {
    let reference = lattice.sign(1).await.reference;
    for constraints in [map([]), map([("hostcore.os", std::env::consts::OS)])] {
        let bids = eventually("a host bids", async || {
            let bids = client.auction_actor(&reference, constraints.clone()).await.expect("an auction can be held");
            (!bids.is_empty()).then_some(bids)
        });
        let bids = bids.await;
        assert_eq!(bids.len(), 1, "{bids:?}");
        assert_eq!((&bids[0]["host_id"], &bids[0]["actor_ref"]), (&lattice.host().into(), &reference.clone().into()));
        check(&bids[0], "constraints", json!(constraints));
    }
}

/// A host that does not meet the constraints is silent.
pub async fn get_no_bid_for_an_actor_elsewhere<C: Client>(lattice: &Lattice, client: &C) {
    let reference = lattice.sign(1).await.reference;
    let elsewhere = [map([("zone", "elsewhere")]), map([("hostcore.os", "none")])];
    for constraints in elsewhere {
        let bids = client.auction_actor(&reference, constraints).await.expect("an auction can be held");
        assert_eq!(bids, Vec::<Value>::new());
    }
}

/// Hosts that do not take it, for it has no tag, are silent.
pub async fn get_no_bid_for_a_provider<C: Client>(_: &Lattice, client: &C) {
    let reference = "registry.invalid/keyvalue";
    let bids = client.auction_provider(reference, "default", Map::new()).await.expect("an auction can be held");
    assert_eq!(bids, Vec::<Value>::new());
}
