//! Links that clients make, read and remove.

use serde_json::Value;

use crate::{Client, Lattice, Link, eventually, map};

/// A link as most tests need one. The keys belong to nobody.
pub fn example() -> Link {
    Link {
        actor: "MBRHWOQAPUX67UL6LVDABYB7ENCG2AFAVTALVIS3JGPSNBCMUE6FNGYA",
        provider: "VCMYOO52DQIBVPS4535MDWEQ6R47WMTEXG3EGAUDWMKGGG44PE4IUM2R",
        contract: "wasmcloud:keyvalue",
        name: "default",
        values: map([("URL", "redis://127.0.0.1:6379")]),
    }
}

/// A link is made, made again with other values, joined by one of another name, and removed.
pub async fn come_and_go<C: Client>(_: &Lattice, client: &C) {
    assert_eq!(client.links().await.expect("the lattice answers"), Vec::<Value>::new());
    let mut link = example();
    put(client, &link).await;
    until_links(client, &[&link]).await;
    link.values = map([("URL", "redis://127.0.0.1:6380"), ("PREFIX", "tests")]);
    put(client, &link).await;
    until_links(client, &[&link]).await;
    let backup = Link { name: "backup", values: map([]), ..example() };
    put(client, &backup).await;
    until_links(client, &[&backup, &link]).await;
    delete(client, &link).await;
    until_links(client, &[&backup]).await;
    // Nothing is left to remove, which is what was asked for.
    delete(client, &link).await;
    delete(client, &backup).await;
    until_links(client, &[]).await;
}

/// Making and removing a link is told.
pub async fn are_told_in_events<C: Client>(lattice: &Lattice, client: &C) {
    let link = example();
    let mut events = client.events(&["linkdef_set", "linkdef_deleted"]).await.expect("events can be followed");
    put(client, &link).await;
    let set = events.data("linkdef_set", lattice.host()).await;
    for (key, expected) in link.told().as_object().expect("a link is an object") {
        // Link values may be secrets, so that our hosts tell none where whoever may see events sees them.
        let expected = if key == "values" { &Value::Object(Default::default()) } else { expected };
        assert_eq!(set[key], *expected, "`{key}` in {set}");
    }
    assert!(set["id"].as_str().is_some_and(|id| !id.is_empty()), "{set}");
    delete(client, &link).await;
    let deleted = events.data("linkdef_deleted", lattice.host()).await;
    assert_eq!(deleted["id"], set["id"], "{deleted}");
}

/// Makes the link.
pub async fn put<C: Client>(client: &C, link: &Link) {
    client.put_link(link).await.expect("the lattice answers").accepted();
}

/// Removes the link.
pub async fn delete<C: Client>(client: &C, link: &Link) {
    client.delete_link(link).await.expect("the lattice answers").accepted();
}

/// Waits until the client sees these links, in the order of their names, and no others.
pub async fn until_links<C: Client>(client: &C, expected: &[&Link]) {
    let expected: Vec<Value> = expected.iter().map(|link| link.told()).collect();
    let what = format!("the links are {expected:?}");
    eventually(&what, async || {
        let mut links = client.links().await.expect("the lattice answers");
        links.sort_by_key(|link| link["link_name"].to_string());
        (links == expected).then_some(())
    })
    .await;
}
