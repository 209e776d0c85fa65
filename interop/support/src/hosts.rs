//! What clients learn of hosts, and that they can stop one.

use serde_json::{Value, json};

use crate::{Client, LATTICE, Lattice, eventually};

/// A host is listed, with all that the generation asks for.
pub async fn are_listed<C: Client>(lattice: &Lattice, client: &C) {
    let hosts = eventually("a host answers", async || {
        let hosts = client.hosts().await.expect("hosts can be asked for");
        (!hosts.is_empty()).then_some(hosts)
    });
    let hosts = hosts.await;
    assert_eq!(hosts.len(), 1, "{hosts:?}");
    let host = &hosts[0];
    has_all(host, C::HOST);
    check(host, "id", lattice.host().into());
    check(host, "friendly_name", lattice.host_name().into());
    check(host, "cluster_issuers", lattice.issuer().into());
    check(host, "lattice", LATTICE.into());
    check(host, "lattice_prefix", LATTICE.into());
    check_labels(host);
}

/// The inventory of a host that runs nothing.
pub async fn tell_what_they_are<C: Client>(lattice: &Lattice, client: &C) {
    let inventory = client.inventory(lattice.host()).await.expect("the host answers");
    has_all(&inventory, C::INVENTORY);
    check(&inventory, "host_id", lattice.host().into());
    check(&inventory, "friendly_name", lattice.host_name().into());
    check(&inventory, "issuer", lattice.issuer().into());
    check(&inventory, "actors", json!([]));
    check(&inventory, "providers", json!([]));
    check_labels(&inventory);
}

/// A host that nobody has is no answer, and not somebody else's.
pub async fn answer_for_themselves<C: Client>(_: &Lattice, client: &C) {
    let nobody = "NB7SM36YHDBCTNTKDJ3KKXB2QHPVXSXUWK7A7A3RZ5DHSSPKCSJBJOO2";
    assert!(client.inventory(nobody).await.is_err());
}

/// A host that is told to stop says goodbye, and ends.
pub async fn stop_when_told<C: Client>(lattice: &Lattice, client: &C) {
    let host = lattice.host().to_owned();
    let mut events = client.events(&["host_stopped"]).await.expect("events can be followed");
    // Milliseconds, as clients say, though the protocol's own text says seconds.
    client.stop_host(&host, 5_000).await.expect("the host answers").accepted();
    events.data("host_stopped", &host).await;
    assert!(lattice.ended().await.success());
}

/// That a client read all of this from a message.
#[track_caller]
pub(crate) fn has_all(told: &Value, keys: &[&str]) {
    for key in keys {
        let value = &told[key];
        assert!(!value.is_null() && value != "", "no `{key}` in {told}");
    }
}

/// What a client read under this key, if the generation knows the key.
#[track_caller]
pub(crate) fn check(told: &Value, key: &str, expected: Value) {
    if let Some(value) = told.get(key) {
        assert_eq!(*value, expected, "`{key}` in {told}");
    }
}

#[track_caller]
fn check_labels(told: &Value) {
    let Some(labels) = told.get("labels") else { return };
    assert_eq!(labels["hostcore.arch"], std::env::consts::ARCH, "{told}");
    assert_eq!(labels["hostcore.os"], std::env::consts::OS, "{told}");
    assert_eq!(labels["hostcore.osfamily"], std::env::consts::FAMILY, "{told}");
}
