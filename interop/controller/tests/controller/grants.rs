//! What the provider itself does not do is an error, whose text begins with why.

use std::fmt::Debug;

use lattice_interop::{Actor, LATTICE, map};
use serde_json::json;
use wasmbus_rpc::error::RpcResult;
use wasmcloud_interface_lattice_control::{
    ActorAuctionRequest, LatticeController as _, SetRegistryCredentialsRequest, StartActorCommand, StopHostCommand,
};

use crate::stage::{Stage, refusal};

/// A link without values grants reading in the provider's own lattice. Nothing comes of the rest.
#[tokio::test]
async fn what_the_link_does_not_grant_is_refused() {
    let stage = Stage::start().await;
    stage.grant(&[]).await;
    let (sender, context) = (&stage.sender, &stage.context);
    sender.get_hosts(context, LATTICE).await.expect("reading is granted");
    let actor = stage.lattice.sign(1).await;
    let start = one_of(&actor, &stage);
    is_not_granted(sender.start_actor(context, &start).await, "operations");
    let stop = StopHostCommand {
        host_id: stage.lattice.host().to_owned(),
        lattice_id: LATTICE.to_owned(),
        ..StopHostCommand::default()
    };
    is_not_granted(sender.stop_host(context, &stop).await, "operations");
    let credentials = Some([("registry.example".to_owned(), Default::default())].into());
    let registries = SetRegistryCredentialsRequest { credentials, lattice_id: LATTICE.to_owned() };
    is_not_granted(sender.set_registry_credentials(context, &registries).await, "registries");
    is_not_granted(sender.get_hosts(context, "shop").await, "lattices");
    assert_eq!(stage.lattice.inventory().await["actors"], json!([]));
}

/// Another lattice takes credentials where it is granted, and none are of use where it is not.
#[tokio::test]
async fn lattices_of_others_are_out_of_reach() {
    let stage = Stage::start().await;
    is_not_granted(stage.sender.get_hosts(&stage.context, "moon").await, "lattices");
    is_not_granted(stage.sender.get_claims(&stage.context, "moon").await, "lattices");
    let auction = ActorAuctionRequest {
        actor_ref: "registry.example/x:1".to_owned(),
        constraints: map([]),
        lattice_id: "shop".to_owned(),
    };
    for refused in [
        refusal(stage.sender.get_hosts(&stage.context, "shop").await),
        refusal(stage.sender.get_links(&stage.context, "shop").await),
        refusal(stage.sender.auction_actor(&stage.context, &auction).await),
    ] {
        assert!(refused.contains("[no_credentials]") && refused.contains("`shop`"), "{refused}");
    }
}

/// Hosts and images are granted one by one.
#[tokio::test]
async fn hosts_and_images_are_granted_too() {
    let stage = Stage::start().await;
    let actor = stage.lattice.sign(1).await;
    let start = one_of(&actor, &stage);
    let schedule = "operations=read,schedule";
    stage.grant(&[schedule, "images=registry.example"]).await;
    is_not_granted(stage.sender.start_actor(&stage.context, &start).await, "images");
    stage.grant(&[schedule, "host_labels=zone=lab"]).await;
    is_not_granted(stage.sender.start_actor(&stage.context, &start).await, "host_labels");
    let hosts = stage.sender.get_hosts(&stage.context, LATTICE).await.expect("hosts");
    assert_eq!(hosts, [], "none of them has the label");
    stage.lattice.run(&["label", "put", stage.lattice.host(), "zone=lab"]).await;
    stage.done(stage.sender.start_actor(&stage.context, &start).await);
    stage.lattice.until_running(&actor, 1).await;
}

/// The command that starts one instance.
fn one_of(actor: &Actor, stage: &Stage) -> StartActorCommand {
    StartActorCommand {
        actor_ref: actor.reference.clone(),
        count: 1,
        host_id: stage.lattice.host().to_owned(),
        lattice_id: LATTICE.to_owned(),
        ..StartActorCommand::default()
    }
}

/// That the refusal names the link value that would have granted it.
#[track_caller]
fn is_not_granted<T: Debug>(outcome: RpcResult<T>, value: &str) {
    let refused = refusal(outcome);
    assert!(refused.contains("[not_granted]") && refused.contains(&format!("`{value}`")), "{refused}");
}
