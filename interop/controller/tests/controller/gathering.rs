//! Lists that hosts answer together: one that is not all there is says so, where published types pass over it.

use std::time::Duration;

use lattice_interop::{LATTICE, eventually, map};
use serde::Serialize;
use serde_json::json;
use wasmbus_rpc::{
    async_nats::{Subscriber, jetstream},
    common::serialize,
    wascap::prelude::KeyPair,
};
use wasmcloud_interface_lattice_control::{ActorAuctionRequest, LatticeController as _, ProviderAuctionRequest};

use crate::stage::{ALL, Stage, document, refusal};

/// A member of the lattice that listens and says nothing.
struct Mute {
    host: String,
    _deaf: Subscriber,
}

impl Mute {
    async fn join(stage: &Stage) -> Self {
        let host = KeyPair::new_server().public_key();
        let deaf = stage.nats.subscribe(format!("wasmbus.ctl.{LATTICE}.*.{host}.>")).await.expect("it listens");
        stage.nats.flush().await.expect("the broker knows");
        let note = json!({
            "foreign": false,
            "friendly_name": "mute",
            "host_id": host,
            "interval": 60_000,
            "version": "1",
        });
        let members = jetstream::new(stage.nats.clone()).get_key_value(format!("LATTICEHOSTS_{LATTICE}")).await;
        members.expect("there are members").put(&host, note.to_string().into()).await.expect("it is noted");
        Self { host, _deaf: deaf }
    }

    /// Whether the last answer says that this host did not answer; that beside it holds what the published types read.
    fn is_missed(&self, stage: &Stage, read: &impl Serialize) -> bool {
        let mut answer = stage.answer();
        let first = answer[0].as_object_mut().expect("the host that is not mute is there");
        let shortfall = first.remove("incomplete");
        assert_eq!(answer, document(&serialize(read).expect("it can be written")));
        match shortfall {
            None => false,
            Some(shortfall) => {
                assert_eq!(shortfall, json!({ "missing": [self.host], "unreadable": 0 }));
                true
            }
        }
    }
}

/// Within what published hosts let actors wait, and without being told how long that is.
#[tokio::test]
async fn lists_that_are_not_complete_are_read_all_the_same() {
    let stage = Stage::start().await;
    stage.grant(ALL).await;
    stage.sender.set_timeout(Duration::from_secs(2));
    let whole = stage.sender.get_hosts(&stage.context, LATTICE).await.expect("hosts");
    stage.read_all(&whole);
    let mute = Mute::join(&stage).await;
    // Hosts look at the members from time to time.
    eventually("hosts are missing", async || {
        let hosts = stage.sender.get_hosts(&stage.context, LATTICE).await.expect("hosts");
        assert_eq!((hosts.len(), &*hosts[0].id), (1, stage.lattice.host()), "{hosts:?}");
        mute.is_missed(&stage, &hosts).then_some(())
    })
    .await;
    bids_are_missing(&stage, &mute).await;
}

async fn bids_are_missing(stage: &Stage, mute: &Mute) {
    let (actors, providers) = auctions();
    eventually("bids for an actor are missing", async || {
        let bids = stage.sender.auction_actor(&stage.context, &actors).await.expect("bids");
        assert_eq!((bids.len(), &*bids[0].host_id), (1, stage.lattice.host()), "{bids:?}");
        mute.is_missed(stage, &bids).then_some(())
    })
    .await;
    eventually("bids for a provider are missing", async || {
        let bids = stage.sender.auction_provider(&stage.context, &providers).await.expect("bids");
        assert_eq!((bids.len(), &*bids[0].host_id), (1, stage.lattice.host()), "{bids:?}");
        mute.is_missed(stage, &bids).then_some(())
    })
    .await;
    // Published actors could not tell an empty list from one whose bids were not heard.
    let nowhere = ActorAuctionRequest { constraints: map([("zone", "elsewhere")]), ..actors };
    let refused = refusal(stage.sender.auction_actor(&stage.context, &nowhere).await);
    assert!(refused.contains("[incomplete]") && refused.contains(&mute.host), "{refused}");
}

fn auctions() -> (ActorAuctionRequest, ProviderAuctionRequest) {
    let actors = ActorAuctionRequest {
        actor_ref: "registry.example/x:1".to_owned(),
        constraints: map([]),
        lattice_id: LATTICE.to_owned(),
    };
    let providers = ProviderAuctionRequest {
        constraints: map([]),
        lattice_id: LATTICE.to_owned(),
        link_name: "default".to_owned(),
        provider_ref: "builtin://keyvalue".to_owned(),
    };
    (actors, providers)
}
