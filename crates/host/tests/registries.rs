//! Credentials for registries: who has them, what changes them, and who can read them.

mod support;

use async_nats::HeaderMap;
use bytes::Bytes;
use lattice_artifact::{Credential, Credentials, RegistryKind};
use lattice_claims::ClusterSeed;
use lattice_host::Host;
use lattice_protocol::{
    Ack, ControlSubject, Format, KnownRegistries, MERGE_HEADER, OPERATION_HEADER, OperationRecords, OperationsQuery,
    RefusalCode, decode, encode,
};
use lattice_testkit::{NatsOptions, NatsServer, eventually};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::{DEADLINE, Lattice, Neighbour, Seeds, config};
use tempfile::TempDir;

const SECRET: &str = "hunter2";
const USER: &str = "ada-lovelace";

/// A lattice, and the credentials that its host fetches with.
async fn lattice() -> (Lattice, Credentials) {
    let credentials = Credentials::default();
    let lattice = Lattice::start_with(|config| config.artifacts.sources.credentials = credentials.clone()).await;
    (lattice, credentials)
}

/// One more host of the lattice, perhaps with another cluster seed.
async fn join(lattice: &Lattice, cluster: &ClusterSeed) -> (Neighbour, Credentials) {
    let (dir, credentials): (TempDir, _) =
        (tempfile::tempdir().expect("a temporary directory"), Credentials::default());
    let seeds = Seeds { cluster: cluster.clone(), ..Seeds::generate() };
    let mut config = config(&lattice.nats.client().await, &seeds, &dir);
    config.artifacts.sources.credentials = credentials.clone();
    (Neighbour { host: Host::start(config).await.expect("another host starts"), dir }, credentials)
}

fn password(secret: &str) -> Value {
    json!({"username": USER, "password": secret})
}

async fn found(credentials: &Credentials, server: &str) -> Option<String> {
    match credentials.find(RegistryKind::Oci, server, "team/x").await.as_ref()? {
        Credential::Basic { password, .. } => Some(password.clone()),
        other => panic!("{other:?}"),
    }
}

async fn until_known(credentials: &Credentials, server: &str, secret: Option<&str>) {
    eventually("the host has the credentials", DEADLINE, async || {
        (found(credentials, server).await.as_deref() == secret).then_some(())
    })
    .await;
}

async fn send(lattice: &Lattice, body: impl Into<Bytes>, headers: &[(&'static str, &str)]) -> Ack {
    let mut map = HeaderMap::new();
    headers.iter().for_each(|(name, value)| map.insert(*name, *value));
    decode(&lattice.ask_with("registries.put", body, map).await.payload).expect("an ack")
}

async fn put(lattice: &Lattice, body: Value) {
    let ack = send(lattice, body.to_string(), &[]).await;
    assert!(ack.accepted, "{}", ack.error);
}

async fn merge(lattice: &Lattice, body: Value) {
    let ack = send(lattice, body.to_string(), &[(MERGE_HEADER, "true")]).await;
    assert!(ack.accepted, "{}", ack.error);
}

async fn known(lattice: &Lattice) -> KnownRegistries {
    decode(&lattice.ask("lattice.registries", "").await.payload).expect("registries")
}

async fn names(lattice: &Lattice) -> Vec<String> {
    known(lattice).await.registries.iter().map(|known| known.registry.clone()).collect()
}

/// The key under which a cluster's hosts keep them.
fn entry_key(cluster: &ClusterSeed) -> String {
    format!("credentials.{}", cluster.public())
}

/// Everything that the server has stored.
async fn stored(lattice: &Lattice) -> Vec<u8> {
    let bucket = lattice.bucket("LATTICEREGISTRIES").await;
    bucket
        .get(entry_key(&lattice.seeds.cluster))
        .await
        .expect("the bucket can be read")
        .expect("there is an entry")
        .to_vec()
}

#[tokio::test]
async fn a_map_replaces_the_one_before_in_either_shape() {
    let (lattice, credentials) = lattice().await;
    put(&lattice, json!({"a.example": password("1"), "https://B.example/team": password("2")})).await;
    assert_eq!(names(&lattice).await, ["a.example", "b.example/team"]);
    assert_eq!(found(&credentials, "b.example").await.as_deref(), Some("2"));
    put(&lattice, json!({"latticeId": "default", "credentials": {"c.example": password("3")}})).await;
    assert_eq!(names(&lattice).await, ["c.example"]);
    assert_eq!(found(&credentials, "a.example").await, None);
    put(&lattice, json!({"lattice_id": "default", "d.example": {"token": "t", "registry_type": "bindle"}})).await;
    let told = known(&lattice).await;
    assert!(told.stored);
    let told = serde_json::to_value(&told.registries.good).expect("a list");
    assert_eq!(told, json!([{"credential": "token", "kind": "bindle", "registry": "d.example"}]));
    for empty in ["{}", r#"{"credentials":{}}"#, "\u{0}"] {
        put(&lattice, json!({"a.example": password("1")})).await;
        // The last is an empty map in MessagePack.
        let body = if empty == "\u{0}" { vec![0x80] } else { empty.as_bytes().to_vec() };
        let ack = send(&lattice, body, &[]).await;
        assert!(ack.accepted, "{}", ack.error);
        assert!(names(&lattice).await.is_empty());
        assert_eq!(found(&credentials, "a.example").await, None);
    }
}

#[tokio::test]
async fn what_is_wrong_changes_nothing() {
    let (lattice, credentials) = lattice().await;
    put(&lattice, json!({"a.example": password("1")})).await;
    let mixed = json!({"b.example": {"username": USER, "password": SECRET, "token": SECRET}});
    let unknown = json!({"good.example": password(SECRET), "b.example": {"token": SECRET, "registryType": "floppy"}});
    let twice = json!({"b.example": password(SECRET), format!("https://{USER}:{SECRET}@B.example"): password(SECRET)});
    let cases: [(Vec<u8>, &str); 8] = [
        (Vec::new(), "empty"),
        (b"null".to_vec(), "expected a map of registries to credentials; an empty one forgets all"),
        (br#"{"latticeId":"default"}"#.to_vec(), "it has no map of registries"),
        (br#"{"credentials":null}"#.to_vec(), "it has no map of registries"),
        (mixed.to_string().into(), "registry `b.example` has a token beside"),
        (unknown.to_string().into(), "registry `b.example` is of the unknown type `floppy`"),
        (twice.to_string().into(), "registry `b.example` stands in it twice"),
        (br#"{"latticeId":"other","credentials":{}}"#.to_vec(), "names lattice `other`"),
    ];
    for (body, expect) in cases {
        let ack = send(&lattice, body, &[]).await;
        assert!(!ack.accepted && ack.error.contains(expect), "{}", ack.error);
        assert!(!ack.error.contains(SECRET) && !ack.error.contains(USER), "{}", ack.error);
        assert_eq!(names(&lattice).await, ["a.example"]);
        assert_eq!(found(&credentials, "a.example").await.as_deref(), Some("1"));
    }
}

#[tokio::test]
async fn some_can_be_changed_and_others_left() {
    let (lattice, credentials) = lattice().await;
    put(&lattice, json!({"a.example": password("1"), "b.example": password("2")})).await;
    merge(&lattice, json!({"b.example": password("3"), "c.example": password("4")})).await;
    assert_eq!(names(&lattice).await, ["a.example", "b.example", "c.example"]);
    assert_eq!(found(&credentials, "b.example").await.as_deref(), Some("3"));
    merge(&lattice, json!({"a.example": {}, "never.example": {}})).await;
    assert_eq!(names(&lattice).await, ["b.example", "c.example"]);
    assert_eq!(found(&credentials, "a.example").await, None);
    merge(&lattice, json!({})).await;
    assert_eq!(names(&lattice).await, ["b.example", "c.example"]);
}

#[tokio::test]
async fn hosts_that_join_later_and_that_start_again_have_them() {
    let (lattice, _) = lattice().await;
    put(&lattice, json!({"a.example": password("1")})).await;
    let (neighbour, joined) = join(&lattice, &lattice.seeds.cluster).await;
    assert_eq!(found(&joined, "a.example").await.as_deref(), Some("1"), "a host that serves has them");
    put(&lattice, json!({"b.example": password("2")})).await;
    until_known(&joined, "b.example", Some("2")).await;
    neighbour.host.stop(None).await;

    let credentials = Credentials::default();
    let lattice = lattice.restart_with(|config| config.artifacts.sources.credentials = credentials.clone()).await;
    assert_eq!(found(&credentials, "b.example").await.as_deref(), Some("2"));
    assert_eq!(found(&credentials, "a.example").await, None);
    put(&lattice, json!({})).await;
    let (neighbour, joined) = join(&lattice, &lattice.seeds.cluster).await;
    assert_eq!(found(&joined, "b.example").await, None, "that all are forgotten is known too");
    neighbour.host.stop(None).await;
}

#[tokio::test]
async fn every_host_ends_with_the_same() {
    let (lattice, own) = lattice().await;
    let mut hosts = Vec::new();
    for _ in 0..3 {
        hosts.push(join(&lattice, &lattice.seeds.cluster).await);
    }
    for round in 0..20 {
        let body = json!({format!("r{round}.example"): password("1"), "same.example": password(&round.to_string())});
        let body = Bytes::from(body.to_string());
        let subject = lattice.subjects().build(&ControlSubject::PutRegistries);
        // As published clients send them, which name no operation.
        lattice.client.publish(subject, body).await.expect("sent");
    }
    merge(&lattice, json!({"last.example": password("2")})).await;
    for credentials in hosts.iter().map(|(_, credentials)| credentials).chain([&own]) {
        until_known(credentials, "last.example", Some("2")).await;
        until_known(credentials, "same.example", Some("19")).await;
        until_known(credentials, "r18.example", None).await;
    }
    let credentials = Credentials::default();
    for (neighbour, _) in hosts {
        neighbour.host.stop(None).await;
    }
    let lattice = lattice.restart_with(|config| config.artifacts.sources.credentials = credentials.clone()).await;
    assert_eq!(names(&lattice).await, ["last.example", "r19.example", "same.example"]);
    assert_eq!(found(&credentials, "same.example").await.as_deref(), Some("19"));
}

#[tokio::test]
async fn a_change_that_comes_again_is_done_once() {
    let (lattice, own) = lattice().await;
    let (neighbour, joined) = join(&lattice, &lattice.seeds.cluster).await;
    let first = json!({"a.example": password("1")}).to_string();
    let ack = send(&lattice, first.clone(), &[(OPERATION_HEADER, "first")]).await;
    assert_eq!((ack.accepted, ack.operation_id.as_ref().map(|id| id.as_str())), (true, Some("first")), "{}", ack.error);
    until_known(&joined, "a.example", Some("1")).await;
    let second = json!({"a.example": password("2")}).to_string();
    assert!(send(&lattice, second, &[(OPERATION_HEADER, "second")]).await.accepted);
    until_known(&joined, "a.example", Some("2")).await;
    let revision = async || {
        let bucket = lattice.bucket("LATTICEREGISTRIES").await;
        bucket.entry(entry_key(&lattice.seeds.cluster)).await.expect("readable").expect("there is an entry").revision
    };
    assert_eq!(revision().await, 2, "each was stored by one host");
    let again = send(&lattice, first, &[(OPERATION_HEADER, "first")]).await;
    assert!(again.accepted, "{}", again.error);
    // Whatever is said next comes after it.
    merge(&lattice, json!({"b.example": password("3")})).await;
    until_known(&joined, "b.example", Some("3")).await;
    for credentials in [&own, &joined] {
        assert_eq!(found(credentials, "a.example").await.as_deref(), Some("2"));
    }
    assert!(revision().await > 2);
    let other = send(&lattice, "{}", &[(OPERATION_HEADER, "first")]).await;
    assert_eq!(other.code, Some(RefusalCode::OperationConflict));
    neighbour.host.stop(None).await;
}

#[tokio::test]
async fn who_has_another_cluster_seed_reads_nothing() {
    let (lattice, _) = lattice().await;
    put(&lattice, json!({"a.example": password(SECRET)})).await;
    let sealed = stored(&lattice).await;
    for text in [SECRET, USER, "a.example"] {
        assert!(!sealed.windows(text.len()).any(|bytes| bytes == text.as_bytes()), "{text} lies open");
    }
    let (stranger, strange) = join(&lattice, &ClusterSeed::generate()).await;
    assert_eq!(found(&strange, "a.example").await, None);
    // It is told what comes from now on.
    merge(&lattice, json!({"b.example": password("2")})).await;
    until_known(&strange, "b.example", Some("2")).await;
    stranger.host.stop(None).await;
    let lattice = lattice.restart().await;
    assert_eq!(names(&lattice).await, ["a.example", "b.example"]);
    // Also where all are set, and what its own cluster keeps is not this one's.
    let (stranger, strange) = join(&lattice, &ClusterSeed::generate()).await;
    put(&lattice, json!({"c.example": password("3")})).await;
    until_known(&strange, "c.example", Some("3")).await;
    stranger.host.stop(None).await;
    let lattice = lattice.restart().await;
    assert_eq!((names(&lattice).await, known(&lattice).await.stored), (vec!["c.example".to_owned()], true));
}

/// The hosts of two clusters in one lattice replaced each other's entry whenever all credentials were set, so that those of one
/// of them had nothing left when they started again.
#[tokio::test]
async fn regression_two_clusters_leave_each_others_credentials_alone() {
    let (lattice, own) = lattice().await;
    let other = ClusterSeed::generate();
    let (stranger, strange) = join(&lattice, &other).await;
    for round in 0..5 {
        let secret = round.to_string();
        put(&lattice, json!({"a.example": password(&secret)})).await;
        until_known(&own, "a.example", Some(&secret)).await;
        until_known(&strange, "a.example", Some(&secret)).await;
    }
    let bucket = lattice.bucket("LATTICEREGISTRIES").await;
    for cluster in [&other, &lattice.seeds.cluster] {
        eventually("each cluster stored each change", DEADLINE, async || {
            bucket.get(entry_key(cluster)).await.expect("readable")
        })
        .await;
    }
    stranger.host.stop(None).await;
    let (stranger, strange) = join(&lattice, &other).await;
    until_known(&strange, "a.example", Some("4")).await;
    stranger.host.stop(None).await;
    let credentials = Credentials::default();
    let lattice = lattice.restart_with(|config| config.artifacts.sources.credentials = credentials.clone()).await;
    assert_eq!((names(&lattice).await, known(&lattice).await.stored), (vec!["a.example".to_owned()], true));
    assert_eq!(found(&credentials, "a.example").await.as_deref(), Some("4"));
}

#[tokio::test]
async fn what_was_tampered_with_is_not_used_and_can_be_replaced() {
    let (lattice, _) = lattice().await;
    put(&lattice, json!({"a.example": password("1")})).await;
    let mut sealed = stored(&lattice).await;
    *sealed.last_mut().expect("it is not empty") ^= 1;
    lattice
        .bucket("LATTICEREGISTRIES")
        .await
        .put(entry_key(&lattice.seeds.cluster), sealed.into())
        .await
        .expect("stored");
    let credentials = Credentials::default();
    let lattice = lattice.restart_with(|config| config.artifacts.sources.credentials = credentials.clone()).await;
    assert_eq!(found(&credentials, "a.example").await, None);
    merge(&lattice, json!({"b.example": password("2")})).await;
    assert_eq!((names(&lattice).await, known(&lattice).await.stored), (vec!["b.example".to_owned()], false));
    put(&lattice, json!({"c.example": password("3")})).await;
    assert!(known(&lattice).await.stored);
    let lattice = lattice.restart().await;
    assert_eq!(names(&lattice).await, ["c.example"]);
}

#[tokio::test]
async fn a_bucket_that_is_removed_costs_nobody_its_credentials() {
    let (lattice, credentials) = lattice().await;
    put(&lattice, json!({"a.example": password("1")})).await;
    let jetstream = async_nats::jetstream::new(lattice.client.clone());
    jetstream.delete_key_value("LATTICEREGISTRIES_default").await.expect("removed");
    merge(&lattice, json!({"b.example": password("2")})).await;
    assert_eq!(names(&lattice).await, ["a.example", "b.example"]);
    // Nobody says it again.
    eventually("they are stored again", DEADLINE, async || known(&lattice).await.stored.then_some(())).await;
    let lattice = lattice.restart_with(|config| config.artifacts.sources.credentials = credentials.clone()).await;
    assert_eq!(names(&lattice).await, ["a.example", "b.example"]);
}

/// A change that could not be stored was told as taken, and was lost when the host stopped, though JetStream was back.
#[tokio::test]
async fn regression_what_could_not_be_stored_is_stored_later() {
    let (lattice, _) = lattice().await;
    put(&lattice, json!({"a.example": password("1")})).await;
    let key = entry_key(&lattice.seeds.cluster);
    let bucket = lattice.bucket("LATTICEREGISTRIES").await;
    // What cannot be read stands in the way of changes that leave other registries alone.
    let sealed = stored(&lattice).await;
    let revision = bucket.put(&key, "unreadable".into()).await.expect("stored");
    let body = json!({"b.example": password("2")}).to_string();
    let ack = send(&lattice, body, &[(MERGE_HEADER, "true"), (OPERATION_HEADER, "one")]).await;
    assert!(ack.accepted && ack.unrecorded, "{ack:?}");
    assert!(!known(&lattice).await.stored);
    bucket.update(&key, sealed.into(), revision).await.expect("nobody else wrote");
    eventually("it is stored", DEADLINE, async || known(&lattice).await.stored.then_some(())).await;
    let lattice = lattice.restart().await;
    assert_eq!(
        (names(&lattice).await, known(&lattice).await.stored),
        (vec!["a.example".to_owned(), "b.example".to_owned()], true)
    );
}

/// Hosts told that credentials were stored that somebody had removed.
#[tokio::test]
async fn regression_what_was_removed_is_not_told_as_stored() {
    let (lattice, _) = lattice().await;
    put(&lattice, json!({"a.example": password("1")})).await;
    assert!(known(&lattice).await.stored);
    let bucket = lattice.bucket("LATTICEREGISTRIES").await;
    bucket.delete(entry_key(&lattice.seeds.cluster)).await.expect("removed");
    eventually("it is noticed", DEADLINE, async || (!known(&lattice).await.stored).then_some(())).await;
    assert_eq!(names(&lattice).await, ["a.example"]);
    merge(&lattice, json!({"b.example": password("2")})).await;
    assert!(known(&lattice).await.stored);
    let lattice = lattice.restart().await;
    assert_eq!(names(&lattice).await, ["a.example", "b.example"]);
}

#[tokio::test]
async fn without_rights_on_the_bucket_they_are_kept_in_memory() {
    let bucket = "LATTICEREGISTRIES_default";
    let denied = [
        format!("$JS.API.STREAM.*.KV_{bucket}"),
        format!("$JS.API.STREAM.MSG.*.KV_{bucket}"),
        format!("$JS.API.DIRECT.GET.KV_{bucket}.>"),
        format!("$KV.{bucket}.>"),
    ];
    let config = format!(
        "authorization {{ users: [ {{ user: host, password: x, permissions: {{ publish: {{ deny: {denied:?} }} }} }} ] \
         }}\nno_auth_user: host"
    );
    let nats = NatsServer::start_with(NatsOptions { config, ..NatsOptions::default() }).await;
    let credentials = Credentials::default();
    let lattice = Lattice::start_on(nats, |config| config.artifacts.sources.credentials = credentials.clone()).await;
    let ack = send(&lattice, json!({"a.example": password("1")}).to_string(), &[]).await;
    assert!(ack.accepted && ack.unrecorded, "{ack:?}");
    assert_eq!(found(&credentials, "a.example").await.as_deref(), Some("1"));
    assert_eq!((names(&lattice).await, known(&lattice).await.stored), (vec!["a.example".to_owned()], false));
    merge(&lattice, json!({"b.example": password("2")})).await;
    assert_eq!(names(&lattice).await, ["a.example", "b.example"]);
}

#[tokio::test]
async fn nothing_tells_a_secret() {
    let (lattice, credentials) = lattice().await;
    let mut all = lattice.client.subscribe("wasmbus.evt.>").await.expect("subscribed");
    lattice.client.flush().await.expect("the server has it");
    put(&lattice, json!({"a.example": password(SECRET)})).await;
    put(&lattice, json!({"b.example": {"token": SECRET}})).await;
    let mut told = Vec::new();
    for subject in ["get.{host}.inv", "ping.hosts", "lattice.registries", "lattice.members", "get.links", "get.claims"]
    {
        told.push(lattice.ask(subject, "").await.payload);
    }
    let query: Bytes = encode(&OperationsQuery::default(), Format::JSON).into();
    told.push(lattice.ask("lattice.operations", query).await.payload);
    let records: OperationRecords = decode(told.last().expect("it was asked")).expect("records");
    assert_eq!(records.operations.iter().filter(|record| record.command == "registries.put").count(), 2);
    told.push(format!("{:?} {credentials:?}", lattice.host).into());
    lattice.host.stop(None).await;
    while let Ok(Some(event)) = tokio::time::timeout(DEADLINE, futures::StreamExt::next(&mut all)).await {
        let is_last = event.payload.windows(12).any(|bytes| bytes == b"host_stopped");
        told.push(event.payload);
        if is_last {
            break;
        }
    }
    for text in told {
        let text = String::from_utf8_lossy(&text);
        assert!(!text.contains(SECRET) && !text.contains(USER), "{text}");
    }
}

/// Who could read the ledger could try passwords against an open hash of the command.
#[tokio::test]
async fn regression_the_ledger_holds_nothing_by_which_a_password_can_be_tried() {
    let (lattice, _) = lattice().await;
    let (neighbour, joined) = join(&lattice, &lattice.seeds.cluster).await;
    let (stranger, strange) = join(&lattice, &ClusterSeed::generate()).await;
    let body = json!({"a.example": password("1")}).to_string();
    let subject = lattice.subjects().build(&ControlSubject::PutRegistries);
    for _ in 0..2 {
        let ack = send(&lattice, body.clone(), &[(OPERATION_HEADER, "first")]).await;
        assert!(ack.accepted, "{}", ack.error);
    }
    for credentials in [&joined, &strange] {
        until_known(credentials, "a.example", Some("1")).await;
    }
    let stored = lattice.bucket("LATTICEOPS").await.get("first").await.expect("readable").expect("it is recorded");
    let stored: Value = serde_json::from_slice(&stored).expect("a record");
    let open = Sha256::new().chain_update(subject.as_str()).chain_update([0]).chain_update(&body).finalize();
    assert_ne!(stored["fingerprint"], json!(open.as_slice()));
    // The other hosts know it by the ledger, where one of them recorded it.
    let other = send(&lattice, "{}", &[(OPERATION_HEADER, "first")]).await;
    assert_eq!(other.code, Some(RefusalCode::OperationConflict));
    neighbour.host.stop(None).await;
    stranger.host.stop(None).await;
}
