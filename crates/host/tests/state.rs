//! What hosts share in buckets: followed through lost connections, restarts and removals, never shown by halves, and the
//! trouble with it named.

mod support;

use std::collections::BTreeSet;

use async_nats::{
    ConnectOptions,
    jetstream::{self, kv},
};
use futures::StreamExt;
use lattice_host::Host;
use lattice_protocol::{Ack, Claims, LinkDefinition, Links, RefusalCode, decode, event::EventData};
use lattice_testkit::{NatsOptions, NatsServer, eventually};
use support::{
    DEADLINE, Lattice, Seeds, config,
    links::{ACTOR, json_of, key_of, link},
    wire::Wire,
};

const LATTICE_DATA: &str = "LATTICEDATA_default";

fn batch(prefix: &str, count: usize) -> Vec<LinkDefinition> {
    (0..count).map(|n| link(&format!("{prefix}{n:03}"), &[])).collect()
}

fn names(links: &[LinkDefinition]) -> BTreeSet<String> {
    links.iter().map(|link| link.link_name.to_string()).collect()
}

/// What the host answers, if it can be reached.
async fn known(lattice: &Lattice) -> Option<BTreeSet<String>> {
    let answer = lattice.client.request("wasmbus.ctl.default.get.links", "".into()).await.ok()?;
    let links: Links = decode(&answer.payload).expect("links");
    Some(names(&links.links))
}

async fn until_known(lattice: &Lattice, expect: &BTreeSet<String>) {
    eventually("the links are known", DEADLINE, async || (known(lattice).await.as_ref() == Some(expect)).then_some(()))
        .await;
}

/// A lattice whose host goes another way to the server than the test.
async fn wired() -> (Lattice, Wire) {
    let nats = NatsServer::start().await;
    let wire = Wire::to(&nats).await;
    let client = wire.client().await;
    let lattice = Lattice::start_on(nats, |config| {
        config.control = client.clone();
        config.rpc = client;
    });
    (lattice.await, wire)
}

#[tokio::test]
async fn what_happened_while_the_host_was_away_is_shown_all_at_once() {
    let (lattice, wire) = wired().await;
    let (old, new) = (batch("old", 200), batch("new", 200));
    for link in &old {
        lattice.write_link(link).await;
    }
    until_known(&lattice, &names(&old)).await;
    wire.cut();
    let bucket = lattice.bucket("LATTICEDATA").await;
    for link in &old {
        bucket.purge(key_of(link)).await.expect("purged");
    }
    for link in &new {
        lattice.write_link(link).await;
    }
    bucket.put("CLAIMS_x", r#"{"sub":"x"}"#.into()).await.expect("stored");
    wire.mend();
    eventually("the new links are known", DEADLINE, async || {
        let known = known(&lattice).await?;
        assert!(known == names(&old) || known == names(&new), "half a state: {known:?}");
        (known == names(&new)).then_some(())
    })
    .await;
    let claims: Claims = decode(&lattice.ask("get.claims", "").await.payload).expect("claims");
    assert_eq!(claims.claims.len(), 1);
}

#[tokio::test]
async fn what_is_written_as_soon_as_the_server_is_back_is_not_missed() {
    let mut lattice = Lattice::start().await;
    let mut all = batch("before", 5);
    for link in &all {
        assert!(lattice.put_link(link).await.accepted);
    }
    for round in 0..3 {
        lattice.nats.restart().await;
        let more = batch(&format!("round{round}-"), 20);
        let bucket =
            jetstream::new(lattice.nats.client().await).get_key_value(LATTICE_DATA).await.expect("it is there");
        for link in &more {
            bucket.put(key_of(link), json_of(link).to_string().into()).await.expect("stored");
        }
        all.extend(more);
        until_known(&lattice, &names(&all)).await;
    }
    assert!(lattice.put_link(&link("after", &[])).await.accepted);
}

#[tokio::test]
async fn what_was_removed_without_a_trace_goes_too() {
    let (lattice, wire) = wired().await;
    let (stays, goes) = (link("stays", &[]), link("goes", &[]));
    for link in [&goes, &stays] {
        lattice.write_link(link).await;
    }
    until_known(&lattice, &names(&[stays.clone(), goes.clone()])).await;
    let mut events = lattice.events().await;
    wire.cut();
    let stream = lattice.bucket("LATTICEDATA").await.stream;
    let subject = format!("$KV.{LATTICE_DATA}.{}", key_of(&goes));
    stream.purge().filter(subject).await.expect("purged");
    wire.mend();
    until_known(&lattice, &names(&[stays])).await;
    let told = eventually("it is told", DEADLINE, async || match events.next().await.known_data() {
        Some(EventData::LinkdefDeleted(link)) => Some(link),
        _ => None,
    })
    .await;
    assert_eq!(told.id, goes.id());
}

#[tokio::test]
async fn a_bucket_that_was_made_anew_is_followed_from_its_beginning() {
    let lattice = Lattice::start().await;
    for link in &batch("old", 10) {
        assert!(lattice.put_link(link).await.accepted);
    }
    let jetstream = jetstream::new(lattice.client.clone());
    jetstream.delete_key_value(LATTICE_DATA).await.expect("deleted");
    let settings = kv::Config { bucket: LATTICE_DATA.to_owned(), history: 3, ..kv::Config::default() };
    jetstream.create_key_value(settings).await.expect("made anew");
    let new = link("new", &[]);
    lattice.write_link(&new).await;
    until_known(&lattice, &names(std::slice::from_ref(&new))).await;
    // Its revisions are lower than those of the one before.
    assert!(lattice.put_link(&link("newer", &[])).await.accepted);
    until_known(&lattice, &names(&[new, link("newer", &[])])).await;
}

#[tokio::test]
async fn a_bucket_that_is_missing_is_named_and_made_anew() {
    let lattice = Lattice::start().await;
    let wanted = link("default", &[]);
    assert!(lattice.put_link(&wanted).await.accepted);
    let jetstream = jetstream::new(lattice.client.clone());
    jetstream.delete_key_value(LATTICE_DATA).await.expect("deleted");
    let refusal = lattice.put_link(&wanted).await;
    assert_eq!((refusal.accepted, refusal.code), (false, Some(RefusalCode::Unavailable)));
    let key = key_of(&wanted);
    let expect =
        format!("failed to store link definition: cannot read `{key}` in the key-value bucket `{LATTICE_DATA}`: ");
    assert!(refusal.error.starts_with(&expect) && refusal.error.contains("no such bucket"), "{}", refusal.error);
    eventually("the link can be put again", DEADLINE, async || lattice.put_link(&wanted).await.accepted.then_some(()))
        .await;
    assert_eq!(lattice.links().await, [wanted]);
}

/// A server on which hosts may not publish to these subjects, and the connection of a host.
async fn server_without_permission(denied: &[&str]) -> (NatsServer, async_nats::Client) {
    let config = format!(
        "authorization {{ users: [\n  {{ user: test, password: x }}\n  {{ user: host, password: x, permissions: \
         {{ publish: {{ deny: {denied:?} }} }} }}\n] }}\nno_auth_user: test"
    );
    let nats = NatsServer::start_with(NatsOptions { config, ..NatsOptions::default() }).await;
    let options = ConnectOptions::with_user_and_password("host".to_owned(), "x".to_owned());
    let client = options.connect(nats.url()).await.expect("the host may connect");
    (nats, client)
}

/// A lattice whose host may not publish to these subjects.
async fn without_permission(denied: &[&str]) -> Lattice {
    let (nats, client) = server_without_permission(denied).await;
    let lattice = Lattice::start_on(nats, |config| {
        config.control = client.clone();
        config.rpc = client;
    });
    lattice.await
}

async fn refusal(lattice: &Lattice, subject: &str, body: String) -> String {
    let ack: Ack = decode(&lattice.ask(subject, body).await.payload).expect("an ack");
    assert_eq!((ack.accepted, ack.code), (false, Some(RefusalCode::Unavailable)), "{}", ack.error);
    // It serves on.
    lattice.inventory().await;
    ack.error
}

#[tokio::test]
async fn a_missing_permission_to_write_is_told() {
    let lattice = without_permission(&["$KV.LATTICEDATA_default.>", "$KV.CONFIGDATA_default.>"]).await;
    let wanted = link("default", &[]);
    let error = refusal(&lattice, "linkdefs.put", json_of(&wanted).to_string()).await;
    let key = key_of(&wanted);
    let expect =
        format!("failed to store link definition: cannot store `{key}` in the key-value bucket `{LATTICE_DATA}`: ");
    assert!(error.starts_with(&expect) && error.contains("this account may not do that"), "{error}");
    let error = refusal(&lattice, &format!("config.put.{ACTOR}.key"), "hunter2".to_owned()).await;
    let expect = "Unable to store config data: cannot store `";
    assert!(error.starts_with(expect) && error.contains("`CONFIGDATA_default`"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_missing_permission_to_read_is_told() {
    let lattice = without_permission(&["$JS.API.STREAM.MSG.GET.>"]).await;
    let wanted = link("default", &[]);
    let error = refusal(&lattice, "linkdefs.put", json_of(&wanted).to_string()).await;
    assert!(error.contains(&format!("cannot read `{}`", key_of(&wanted))), "{error}");
    assert!(error.contains("no answer within"), "{error}");
    // What others write is seen all the same.
    lattice.write_link(&wanted).await;
    until_known(&lattice, &names(&[wanted])).await;
}

/// It had told that it started, and nobody ever told that it stopped.
#[tokio::test]
async fn regression_a_host_that_cannot_be_noted_as_a_member_does_not_say_that_it_started() {
    let (nats, client) = server_without_permission(&["$KV.LATTICEHOSTS_default.>"]).await;
    let witness = nats.client().await;
    let mut events = witness.subscribe("wasmbus.evt.default").await.expect("subscribed");
    witness.flush().await.expect("the server has it");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let refused = Host::start(config(&client, &Seeds::generate(), &dir)).await.expect_err("nobody would know of it");
    assert!(refused.to_string().contains("member"), "{refused}");
    client.flush().await.expect("what it said has arrived");
    witness.publish("wasmbus.evt.default", "the end".into()).await.expect("sent");
    let first = events.next().await.expect("the connection stands");
    assert_eq!(first.payload, "the end");
}
