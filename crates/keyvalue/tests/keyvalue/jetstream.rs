//! Keys in JetStream.

use std::process::Command;

use async_nats::jetstream::{self, kv};
use bytes::Bytes;
use lattice_provider::encode;
use lattice_testkit::{NatsOptions, NatsServer};

use crate::{contract, lattice::Lattice};

#[tokio::test]
async fn all_operations_do_what_the_contract_says() {
    let lattice = Lattice::start().await;
    contract::all_operations(&lattice.actor(&[]).await).await;
}

#[tokio::test]
async fn the_program_serves_and_ends_in_order() {
    let mut lattice = Lattice::empty(NatsServer::start().await).await;
    let mut program = lattice.add_program().await;
    let actor = lattice.actor(&[]).await;
    assert_eq!(actor.increment("n", 1).await, Ok(1));
    let told = Command::new("kill").arg(program.id().expect("it runs").to_string()).status();
    assert!(told.expect("there is `kill`").success());
    assert!(program.wait().await.expect("a child can be waited for").success());
}

#[tokio::test]
async fn keys_may_have_any_characters() {
    let lattice = Lattice::start().await;
    contract::keys_of_any_characters(&lattice.actor(&[]).await).await;
    let long = lattice.actor(&[]).await.get(&"ü".repeat(400)).await.expect_err("longer than a subject");
    assert!(long.contains("the key takes 2400 bytes, more than"), "{long}");
}

#[tokio::test]
async fn what_many_add_at_once_is_not_lost() {
    let mut lattice = Lattice::start().await;
    lattice.add_provider().await;
    lattice.add_provider().await;
    let actors = [lattice.actor(&[]).await, lattice.actor(&[]).await];
    contract::concurrent_increments(&actors).await;
}

#[tokio::test]
async fn what_expires_is_gone() {
    let lattice = Lattice::start().await;
    contract::expiry(&lattice, &lattice.actor(&[]).await).await;
    let store = lattice.bucket("LATTICEKV_default").await;
    assert!(store.stream.cached_info().config.allow_message_ttl);
    lattice
        .until("the server removes what is over", async || {
            store.entry("short").await.expect("the bucket answers").is_none()
        })
        .await;
}

/// A bucket of an operator: no expiry by the server, and older values are kept.
#[tokio::test]
async fn a_bucket_is_used_as_it_is_found() {
    let lattice = Lattice::start().await;
    let config = kv::Config { bucket: "mine".to_owned(), history: 5, ..kv::Config::default() };
    let store = jetstream::new(lattice.client.clone()).create_key_value(config).await.expect("a bucket");
    store.put("greeting", "hello".into()).await.expect("put");
    store.put("bytes", Bytes::from_static(b"\xff")).await.expect("put");
    let actor = lattice.actor(&[("bucket", "mine"), ("create", "false")]).await;
    assert_eq!(actor.get("greeting").await, Ok(Some("hello".to_owned())));
    let error = actor.get("bytes").await.expect_err("no text");
    assert!(error.contains("Get of `bytes` failed: it holds a value of another program"), "{error}");
    assert_eq!(actor.whether("Del", "bytes").await, Ok(true));
    contract::expiry(&lattice, &actor).await;
    actor.push("items", "one").await.expect("added");
    assert_eq!(store.get("items").await.expect("the bucket answers").as_deref(), Some(br#"["one"]"#.as_slice()));
    actor.set("greeting", "bye", 0).await.expect("set");
    assert_eq!(store.get("greeting").await.expect("the bucket answers").as_deref(), Some(b"bye".as_slice()));
    assert_eq!(actor.whether("Del", "greeting").await, Ok(true));
    assert_eq!(store.get("greeting").await.expect("the bucket answers"), None);
}

#[tokio::test]
async fn a_bucket_that_is_removed_is_made_anew() {
    let lattice = Lattice::start().await;
    let (actor, other) = (lattice.actor(&[]).await, lattice.actor(&[("create", "false")]).await);
    let jetstream = jetstream::new(lattice.client.clone());
    for removed in 0..3 {
        actor.set("k", "v", 0).await.expect("set");
        jetstream.delete_key_value("LATTICEKV_default").await.expect("removed");
        let error = other.increment("n", 1).await.expect_err("this link does not make one");
        assert!(error.starts_with("Increment of `n` failed: JetStream cannot read it: "), "{error}");
        match removed {
            0 => assert_eq!(actor.get("k").await, Ok(None)),
            1 => assert_eq!(actor.increment("n", 1).await, Ok(1)),
            _ => actor.set("n", "2", 0).await.expect("set"),
        }
    }
    assert_eq!(other.increment("n", 1).await, Ok(3));
}

#[tokio::test]
async fn actors_share_a_bucket_and_prefixes_keep_them_apart() {
    let lattice = Lattice::start().await;
    let (one, two) = (lattice.actor(&[]).await, lattice.actor(&[("PREFIX", " p: ")]).await);
    let (same, other) = (lattice.actor(&[]).await, lattice.actor(&[("bucket", "other")]).await);
    one.set("k", "1", 0).await.expect("set");
    assert_eq!(same.get("k").await, Ok(Some("1".to_owned())));
    assert_eq!(two.get("k").await, Ok(None));
    assert_eq!(other.get("k").await, Ok(None));
    two.add("s", "m").await.expect("added");
    assert_eq!(two.combined("SetUnion", &["s"]).await.expect("a set"), ["m"]);
    assert_eq!(one.members("p:s").await.expect("a set"), ["m"]);
}

#[tokio::test]
async fn a_list_is_full_at_the_size_of_an_entry() {
    let lattice = Lattice::start().await;
    let config = kv::Config { bucket: "small".to_owned(), max_value_size: 5000, ..kv::Config::default() };
    jetstream::new(lattice.client.clone()).create_key_value(config).await.expect("a bucket");
    let actor = lattice.actor(&[("bucket", "small")]).await;
    let item = "x".repeat(297);
    for length in 1..=3 {
        assert_eq!(actor.push("l", &item).await, Ok(length));
    }
    let error = actor.push("l", &item).await.expect_err("full");
    assert_eq!(error, "ListAdd of `l` failed: the list is full: it would take 1201 bytes, and an entry holds 904");
    assert_eq!(actor.range("l", 0, -1).await.expect("a list").len(), 3);
}

#[tokio::test]
async fn bad_links_are_refused_with_the_reason() {
    let lattice = Lattice::start().await;
    let check = async |values: &[(&str, &str)], expect: &str| {
        let reason = lattice.refused(values).await;
        assert!(reason.contains(expect), "{reason}");
    };
    check(&[("bucket", "none"), ("create", "false")], "the bucket `none` cannot be opened, and the link says not")
        .await;
    check(&[("bucket", "LATTICEDATA_default")], "is the lattice's own").await;
    check(&[("replicas", "3")], "the bucket `LATTICEKV_default` cannot be made: ").await;
    check(&[("replicas", "x")], "`replicas` is no number").await;
}

#[tokio::test]
async fn a_server_without_jetstream_is_told() {
    let options = NatsOptions { jetstream: false, ..NatsOptions::default() };
    let lattice = Lattice::on(NatsServer::start_with(options).await).await;
    let reason = lattice.refused(&[]).await;
    assert!(reason.contains("the bucket `LATTICEKV_default` cannot be made: "), "{reason}");
}

#[tokio::test]
async fn a_bucket_that_may_not_be_used_is_told() {
    let deny = r#"authorization { users: [ { user: me, password: me }, { user: you, password: you, permissions: {
        publish: { deny: ["$JS.API.STREAM.>"] } } } ] }
        no_auth_user: you"#;
    let options = NatsOptions { config: deny.to_owned(), ..NatsOptions::default() };
    let lattice = Lattice::on(NatsServer::start_with(options).await).await;
    let reason = lattice.refused(&[]).await;
    let expect = "the bucket `LATTICEKV_default` did not answer within 4s: it is unreachable, or these credentials";
    assert!(reason.starts_with(expect), "{reason}");
}

#[tokio::test]
async fn what_is_no_call_of_the_contract_is_refused() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor(&[]).await;
    let error = actor.raw("Drop", encode("k")).await.expect_err("no such operation");
    assert_eq!(error, "there is no operation `KeyValue.Drop`");
    for argument in [Bytes::new(), encode(&1), encode(&["secret"])] {
        let error = actor.raw("Set", argument).await.expect_err("no argument of it");
        assert!(error.starts_with("Set of `?` failed: its argument is unusable: "), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}
