//! Auctions: who would run something.

use lattice_interop::{LATTICE, Map, map};
use wasmcloud_interface_lattice_control::{ActorAuctionRequest, LatticeController as _, ProviderAuctionRequest};

use crate::stage::Stage;

/// The host bids where it meets the constraints, and else nobody does, which is no error.
#[tokio::test]
async fn an_actor_gets_bids() {
    let stage = Stage::start().await;
    let actor = stage.lattice.sign(1).await;
    let auction = async |constraints: Map| {
        let request =
            ActorAuctionRequest { actor_ref: actor.reference.clone(), constraints, lattice_id: LATTICE.to_owned() };
        let bids = stage.sender.auction_actor(&stage.context, &request).await.expect("an auction can be held");
        stage.read_all(&bids);
        bids
    };
    let bids = auction(map([("hostcore.os", std::env::consts::OS)])).await;
    assert_eq!(bids.len(), 1, "{bids:?}");
    assert_eq!((&*bids[0].host_id, &bids[0].actor_ref), (stage.lattice.host(), &actor.reference));
    assert_eq!(auction(map([("zone", "elsewhere")])).await, []);
}

/// A host that runs a provider does not bid for it.
#[tokio::test]
async fn a_provider_gets_bids_where_it_does_not_run() {
    let stage = Stage::start().await;
    let auction = async |reference: &str| {
        let request = ProviderAuctionRequest {
            constraints: map([]),
            lattice_id: LATTICE.to_owned(),
            link_name: "default".to_owned(),
            provider_ref: reference.to_owned(),
        };
        let bids = stage.sender.auction_provider(&stage.context, &request).await.expect("an auction can be held");
        stage.read_all(&bids);
        bids
    };
    let bids = auction("builtin://keyvalue").await;
    assert_eq!(bids.len(), 1, "{bids:?}");
    let bid = (&*bids[0].host_id, &*bids[0].link_name, &*bids[0].provider_ref);
    assert_eq!(bid, (stage.lattice.host(), "default", "builtin://keyvalue"));
    assert_eq!(auction("builtin://lattice-controller").await, []);
}
