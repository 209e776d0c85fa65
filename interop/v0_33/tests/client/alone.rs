//! What no generation before 0.33 offers: labels and configuration; and what all of them leave open: an answer to
//! credentials.

use lattice_interop::{Ack, Client, LATTICE, Lattice, eventually, links};
use serde_json::Value;
use wasmcloud_control_interface::RegistryCredentialMap;

use crate::{V33, connect};

#[tokio::test]
async fn labels_are_put_and_deleted() {
    let lattice = Lattice::start().await;
    let (client, host) = (connect(&lattice).await, lattice.host());
    let put = async |value| client.0.put_label(host, "zone", value).await.expect("the host answers");
    let delete = async || client.0.delete_label(host, "zone").await.expect("the host answers");
    for zone in ["lab", "attic"] {
        let ack = put(zone).await;
        assert!(ack.accepted, "{ack:?}");
        until_label(&client, host, &zone.into()).await;
    }
    // The second time there is nothing to delete, which is what was asked for.
    for _ in 0..2 {
        let ack = delete().await;
        assert!(ack.accepted, "{ack:?}");
        until_label(&client, host, &Value::Null).await;
    }
}

/// Waits until the label `zone` is this, in the inventory and in the list of hosts.
async fn until_label(client: &V33, host: &str, zone: &Value) {
    eventually("the label is told", async || {
        let inventory = client.inventory(host).await.expect("the host answers");
        let hosts = client.hosts().await.expect("hosts can be asked for");
        let told = [&inventory["labels"], &hosts.first()?["labels"]];
        told.iter().all(|labels| labels.get("zone").unwrap_or(&Value::Null) == zone).then_some(())
    })
    .await;
}

#[tokio::test]
async fn configuration_is_put_read_and_deleted() {
    let lattice = Lattice::start().await;
    let (client, entity) = (connect(&lattice).await.0, links::example().actor);
    assert_eq!(client.get_all_config(entity).await.expect("the lattice answers"), [].into());
    for (key, value) in [("color", b"red".to_vec()), ("bytes", vec![0, 255]), ("color", b"green".to_vec())] {
        let ack = client.put_config(entity, key, value.clone()).await.expect("the lattice answers");
        assert!(ack.accepted, "{ack:?}");
        until_config(&client, key, Some(value)).await;
    }
    let all = client.get_all_config(entity).await.expect("the lattice answers");
    assert_eq!(all, [("color".to_owned(), b"green".to_vec()), ("bytes".to_owned(), vec![0, 255])].into());

    let ack = client.delete_config_key(entity, "color").await.expect("the lattice answers");
    assert!(ack.accepted, "{ack:?}");
    until_config(&client, "color", None).await;
    until_config(&client, "bytes", Some(vec![0, 255])).await;
}

/// The client asks for this on a subject that its own hosts did not know.
#[tokio::test]
async fn configuration_is_cleared() {
    let lattice = Lattice::start().await;
    let (client, entity) = (connect(&lattice).await.0, links::example().actor);
    for key in ["color", "size"] {
        let ack = client.put_config(entity, key, "any").await.expect("the lattice answers");
        assert!(ack.accepted, "{ack:?}");
    }
    let ack = client.clear_config(entity, "").await.expect("the lattice answers");
    assert!(ack.accepted, "{ack:?}");
    until_config(&client, "color", None).await;
    until_config(&client, "size", None).await;
}

#[tokio::test]
async fn configuration_belongs_to_an_actor_or_provider() {
    let lattice = Lattice::start().await;
    let client = connect(&lattice).await.0;
    let ack = client.put_config("nobody", "color", "red").await.expect("the lattice answers");
    assert!(!ack.accepted && !ack.error.is_empty(), "{ack:?}");
}

#[tokio::test]
async fn changes_of_configuration_are_told() {
    let lattice = Lattice::start().await;
    let (client, entity) = (connect(&lattice).await, links::example().actor);
    let mut events = client.events(&["config_set", "config_deleted"]).await.expect("events can be followed");
    client.0.put_config(entity, "color", "red").await.expect("the lattice answers");
    client.0.delete_config_key(entity, "color").await.expect("the lattice answers");
    for kind in ["config_set", "config_deleted"] {
        let data = events.data(kind, lattice.host()).await;
        assert_eq!((&data["entity_id"], &data["key"]), (&entity.into(), &"color".into()), "{data}");
    }
}

/// Waits until the key has this value: what was put is read from a copy, which follows.
async fn until_config(client: &wasmcloud_control_interface::Client, key: &str, value: Option<Vec<u8>>) {
    eventually("the configuration is told", async || {
        let told = client.get_config(links::example().actor, key).await.expect("the lattice answers");
        (told.found == value.is_some() && told.data == value.clone().unwrap_or_default()).then_some(())
    })
    .await;
}

/// The client sends its credentials and asks for no answer. Asked, a host says that it has taken them.
#[tokio::test]
async fn credentials_are_taken() {
    let lattice = Lattice::start().await;
    let nats = async_nats::connect(lattice.nats_url()).await.expect("the broker takes clients");
    let credentials =
        RegistryCredentialMap::from([("registry.invalid".to_owned(), crate::credential("ada", "secret"))]);
    let body = serde_json::to_vec(&credentials).expect("the client sends JSON");
    let answer = nats.request(format!("wasmbus.ctl.{LATTICE}.registries.put"), body.into()).await;
    let ack: Ack = serde_json::from_slice(&answer.expect("the host answers").payload).expect("it answers in JSON");
    ack.accepted();
}
