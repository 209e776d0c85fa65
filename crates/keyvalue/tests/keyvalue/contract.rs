//! What every operation does, wherever the keys are kept.

use futures::future::join_all;

use crate::lattice::{Actor, Lattice};

/// Goes through all operations. `prefix` keeps the keys apart from other tests' in the same place.
pub(crate) async fn all_operations(actor: &Actor) {
    texts(actor).await;
    numbers(actor).await;
    lists(actor).await;
    sets(actor).await;
    kinds_exclude_each_other(actor).await;
}

async fn texts(actor: &Actor) {
    assert_eq!(actor.get("t").await, Ok(None));
    assert_eq!(actor.whether("Contains", "t").await, Ok(false));
    assert_eq!(actor.whether("Del", "t").await, Ok(false));
    for value in ["one", "", "zwölf \0 🎉"] {
        actor.set("t", value, 0).await.expect("set");
        assert_eq!(actor.get("t").await, Ok(Some(value.to_owned())));
        assert_eq!(actor.whether("Contains", "t").await, Ok(true));
    }
    assert_eq!(actor.whether("Del", "t").await, Ok(true));
    assert_eq!(actor.whether("Del", "t").await, Ok(false));
    assert_eq!(actor.get("t").await, Ok(None));
    actor.set("t", "again", 0).await.expect("set after it was removed");
    assert_eq!(actor.get("t").await, Ok(Some("again".to_owned())));
}

async fn numbers(actor: &Actor) {
    assert_eq!(actor.increment("n", 2).await, Ok(2));
    assert_eq!(actor.increment("n", -5).await, Ok(-3));
    assert_eq!(actor.get("n").await, Ok(Some("-3".to_owned())));
    actor.set("n", "41", 0).await.expect("set");
    assert_eq!(actor.increment("n", 1).await, Ok(42));
    actor.set("n", "secret", 0).await.expect("set");
    let error = actor.increment("n", 1).await.expect_err("no number");
    assert!(error.starts_with("Increment of `n` failed: ") && !error.contains("secret"), "{error}");
    assert_eq!(actor.get("n").await, Ok(Some("secret".to_owned())));
}

async fn lists(actor: &Actor) {
    assert_eq!(actor.range("l", 0, 9).await, Ok(Vec::new()));
    for (item, length) in [("a", 1), ("b", 2), ("a", 3), ("c", 4)] {
        assert_eq!(actor.push("l", item).await, Ok(length));
    }
    let check = async |start, stop, expect: &[&str]| {
        assert_eq!(actor.range("l", start, stop).await.expect("a list"), expect, "{start} {stop}");
    };
    check(0, 9, &["a", "b", "a", "c"]).await;
    check(1, 2, &["b", "a"]).await;
    check(-2, -1, &["a", "c"]).await;
    check(3, 1, &[]).await;
    assert_eq!(actor.remove_item("l", "a").await, Ok(true));
    check(0, 9, &["b", "a", "c"]).await;
    assert_eq!(actor.remove_item("l", "z").await, Ok(false));
    assert_eq!(actor.whether("ListClear", "l").await, Ok(true));
    assert_eq!(actor.whether("ListClear", "l").await, Ok(false));
    assert_eq!(actor.push("l", "x").await, Ok(1));
    assert_eq!(actor.remove_item("l", "x").await, Ok(true));
    assert_eq!(actor.whether("Contains", "l").await, Ok(false), "an empty list is gone");
}

async fn sets(actor: &Actor) {
    assert_eq!(actor.members("s").await, Ok(Vec::new()));
    for (set, member, added) in [("s", "b", 1), ("s", "a", 1), ("s", "b", 0), ("s2", "b", 1), ("s2", "c", 1)] {
        assert_eq!(actor.add(set, member).await, Ok(added));
    }
    let check = async |operation: &str, sets: &[&str], expect: &[&str]| {
        assert_eq!(actor.combined(operation, sets).await.expect("sets"), expect, "{operation} {sets:?}");
    };
    assert_eq!(actor.members("s").await.expect("a set"), ["a", "b"]);
    check("SetUnion", &["s", "s2", "none"], &["a", "b", "c"]).await;
    check("SetIntersection", &["s", "s2"], &["b"]).await;
    check("SetIntersection", &["s", "none"], &[]).await;
    check("SetUnion", &[], &[]).await;
    check("SetIntersection", &[], &[]).await;
    assert_eq!(actor.remove_member("s", "z").await, Ok(0));
    assert_eq!(actor.remove_member("s", "a").await, Ok(1));
    assert_eq!(actor.remove_member("s", "b").await, Ok(1));
    assert_eq!(actor.whether("Contains", "s").await, Ok(false), "an empty set is gone");
    assert_eq!(actor.whether("SetClear", "s2").await, Ok(true));
    assert_eq!(actor.whether("SetClear", "s2").await, Ok(false));
}

async fn kinds_exclude_each_other(actor: &Actor) {
    actor.set("text", "t", 0).await.expect("set");
    actor.push("list", "i").await.expect("added");
    actor.add("set", "m").await.expect("added");
    for error in [
        actor.push("text", "i").await.map(|_| ()),
        actor.add("list", "m").await.map(|_| ()),
        actor.range("set", 0, 1).await.map(|_| ()),
        actor.get("set").await.map(|_| ()),
        actor.increment("list", 1).await.map(|_| ()),
        actor.combined("SetUnion", &["set", "list"]).await.map(|_| ()),
        actor.combined("SetIntersection", &["text", "set"]).await.map(|_| ()),
    ] {
        let error = error.expect_err("another kind");
        assert!(error.contains("WRONGTYPE"), "{error}");
    }
    assert_eq!(actor.get("text").await, Ok(Some("t".to_owned())));
    assert_eq!(actor.range("list", 0, -1).await.expect("a list"), ["i"]);
    assert_eq!(actor.members("set").await.expect("a set"), ["m"]);
    actor.set("list", "text now", 0).await.expect("a text takes the place of a list");
    assert_eq!(actor.get("list").await, Ok(Some("text now".to_owned())));
    assert_eq!(actor.whether("ListClear", "text").await, Ok(true));
}

/// Keys of every shape, each its own.
pub(crate) async fn keys_of_any_characters(actor: &Actor) {
    let keys = [
        "", " ", ".", "..", "a.b", "a..b", ".a", "a.", "*", ">", "a b", "a\nb", "user:1", "=3A", ":", "ä", "\0", "日本",
    ];
    for key in keys {
        actor.set(key, &format!("<{key}>"), 0).await.expect("any key");
    }
    for key in keys {
        assert_eq!(actor.get(key).await, Ok(Some(format!("<{key}>"))), "{key:?}");
    }
    for key in keys {
        assert_eq!(actor.whether("Del", key).await, Ok(true), "{key:?}");
    }
}

/// 200 callers at once, and none is lost.
pub(crate) async fn concurrent_increments(actors: &[Actor]) {
    let increments = actors.iter().cycle().take(200).map(|actor| actor.increment("busy", 1));
    let mut sums: Vec<i32> = join_all(increments).await.into_iter().map(|sum| sum.expect("counted")).collect();
    sums.sort_unstable();
    assert_eq!(sums, (1..=200).collect::<Vec<_>>(), "every caller got a sum of its own");
    let adds = actors.iter().cycle().take(50).enumerate().map(|(at, actor)| async move {
        actor.push("busy list", &at.to_string()).await.expect("appended");
        actor.add("busy set", &at.to_string()).await.expect("added");
    });
    join_all(adds).await;
    assert_eq!(actors[0].range("busy list", 0, -1).await.expect("a list").len(), 50);
    assert_eq!(actors[0].members("busy set").await.expect("a set").len(), 50);
}

/// What expires is there and then is not, and a change does not make it last.
pub(crate) async fn expiry(lattice: &Lattice, actor: &Actor) {
    actor.set("short", "v", 1).await.expect("set");
    actor.set("number", "1", 1).await.expect("set");
    actor.set("long", "v", 100_000).await.expect("set");
    actor.set("replaced", "v", 1).await.expect("set");
    actor.set("replaced", "v", 0).await.expect("set for good");
    actor.increment("number", 1).await.expect("a number");
    lattice
        .until("they have expired", async || {
            let gone = [actor.get("short").await, actor.get("number").await];
            gone.iter().all(|found| *found == Ok(None))
        })
        .await;
    assert_eq!(actor.whether("Contains", "short").await, Ok(false));
    assert_eq!(actor.get("long").await, Ok(Some("v".to_owned())));
    assert_eq!(actor.get("replaced").await, Ok(Some("v".to_owned())));
    assert_eq!(actor.increment("number", 5).await, Ok(5), "what has expired counts as missing");
}
