//! Hosts: who is there, what runs on them, that they can be stopped.

use lattice_interop::LATTICE;
use wasmbus_rpc::wascap::prelude::KeyPair;
use wasmcloud_interface_lattice_control::{GetHostInventoryRequest, LatticeController as _, StopHostCommand};

use crate::stage::{Stage, refusal};

/// All that published actors read of a host is there, but for what our hosts do not have.
#[tokio::test]
async fn they_are_listed() {
    let stage = Stage::start().await;
    let hosts = stage.sender.get_hosts(&stage.context, LATTICE).await.expect("hosts");
    stage.read_all(&hosts);
    let shown = stage.get(&["hosts"], "hosts").await;
    assert_eq!((hosts.len(), shown.len()), (1, 1), "{hosts:?}");
    let (host, shown) = (&hosts[0], &shown[0]);
    assert_eq!(host.id, stage.lattice.host());
    let texts = [
        (&host.cluster_issuers, "cluster_issuers"),
        (&host.ctl_host, "ctl_host"),
        (&host.lattice_prefix, "lattice_prefix"),
        (&host.rpc_host, "rpc_host"),
        (&host.version, "version"),
    ];
    for (text, key) in texts {
        assert_eq!(text.as_deref(), shown[key].as_str(), "`{key}`");
        assert!(text.is_some(), "`{key}` in {host:?}");
    }
    let labels = host.labels.as_ref().expect("it has labels");
    assert_eq!(serde_json::json!(labels), shown["labels"]);
    assert!(host.uptime_human.is_some() && host.js_domain.is_none(), "{host:?}");
}

/// Actors and providers that run there, as the program shows them.
#[tokio::test]
async fn they_tell_what_they_run() {
    let stage = Stage::start().await;
    let actor = stage.lattice.sign(7).await;
    stage.lattice.run(&["start", "actor", &actor.reference, "--count", "3"]).await;
    stage.lattice.until_running(&actor, 3).await;
    let request = inventory_of(stage.lattice.host());
    let inventory = stage.sender.get_host_inventory(&stage.context, &request).await.expect("an inventory");
    stage.read_all(&inventory);
    let shown = stage.lattice.inventory().await;
    assert_eq!(inventory.host_id, stage.lattice.host());
    assert_eq!(serde_json::json!(inventory.labels), shown["labels"]);

    let [found] = &inventory.actors[..] else { panic!("{inventory:?}") };
    assert_eq!((&found.id, found.name.as_deref()), (&actor.key, Some("counter")));
    assert_eq!(found.image_ref.as_ref(), Some(&actor.reference));
    // One by one, for this contract knows no number of instances.
    assert_eq!(found.instances.len(), 3, "{found:?}");
    assert!(found.instances.iter().all(|one| one.revision == 7 && !one.instance_id.is_empty()), "{found:?}");

    let [found] = &inventory.providers[..] else { panic!("{inventory:?}") };
    assert_eq!((&found.id, &*found.link_name, found.revision), (&stage.provider, "default", 0));
    assert_eq!(found.image_ref.as_deref(), Some("builtin://lattice-controller"));
    assert_eq!(found.name.as_deref(), shown["providers"][0]["name"].as_str());
}

/// A host that is not there is an error, to questions as to commands: nobody could give an ack.
#[tokio::test]
async fn one_that_is_not_there_is_an_error() {
    let stage = Stage::start().await;
    let nobody = KeyPair::new_server().public_key();
    let asked = refusal(stage.sender.get_host_inventory(&stage.context, &inventory_of(&nobody)).await);
    assert!(asked.contains("[no_such_host]"), "{asked}");
    let told = refusal(stage.sender.stop_host(&stage.context, &stop(&nobody)).await);
    assert!(told.contains("[no_such_host]"), "{told}");
}

/// The host says that it will, and ends.
#[tokio::test]
async fn one_is_stopped() {
    let stage = Stage::start().await;
    stage.done(stage.sender.stop_host(&stage.context, &stop(stage.lattice.host())).await);
    assert!(stage.lattice.ended().await.success());
}

fn inventory_of(host: &str) -> GetHostInventoryRequest {
    GetHostInventoryRequest { host_id: host.to_owned(), lattice_id: LATTICE.to_owned() }
}

fn stop(host: &str) -> StopHostCommand {
    StopHostCommand { host_id: host.to_owned(), lattice_id: LATTICE.to_owned(), timeout: Some(5_000) }
}
