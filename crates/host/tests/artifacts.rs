//! The lattice's own artifacts: uploaded in parts by clients, checked by the host, stored, handed out and removed.

mod support;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use async_nats::{HeaderMap, jetstream};
use bytes::Bytes;
use lattice_artifact::archive::{Packing, pack, this_target};
use lattice_claims::{ModuleSeed, NewModuleClaims, NewProviderClaims, ProviderSeed, sign_module};
use lattice_client::{Client, ClientSettings, PullError, PushError, PushOptions, Pushed, RequestError};
use lattice_protocol::{
    Ack, ArtifactKind, BeginUpload, Format, OFFSET_HEADER, OperationPhase, ProviderBid, RefusalCode, UPLOAD_HEADER,
    UploadBegun, decode, encode,
};
use lattice_testkit::{NatsOptions, NatsServer, guests};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use support::{DEADLINE, Lattice};

const HELLO: &str = "nats://hello:1";

/// A signed module with some bytes more than a few parts.
fn module(lattice: &Lattice, name: &str, size: usize) -> (String, Bytes) {
    let seed = ModuleSeed::generate();
    let claims =
        NewModuleClaims { name: Some(name.to_owned()), ..NewModuleClaims::new(seed.public(), SystemTime::now()) };
    let mut wasm = guests::echo();
    wasm.extend(custom_section(size));
    let signed = sign_module(&wasm, &claims, &lattice.seeds.account).expect("it can be signed");
    (seed.public().to_string(), signed.into())
}

/// A custom section without a name.
fn custom_section(size: usize) -> Vec<u8> {
    let mut section = vec![0];
    let mut left = size + 1;
    while left >= 0x80 {
        section.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    section.push(left as u8);
    section.push(0);
    section.extend((0..size).map(|n| n as u8));
    section
}

fn client(lattice: &Lattice) -> Client {
    Client::new(lattice.client.clone(), ClientSettings { timeout: DEADLINE, ..ClientSettings::default() })
}

async fn push(client: &Client, reference: &str, bytes: &Bytes) -> Result<Pushed, PushError> {
    client.push_artifact(reference, bytes.clone(), PushOptions::default(), |_, _| {}).await
}

async fn pushed(client: &Client, reference: &str, bytes: &Bytes) {
    match push(client, reference, bytes).await.expect("a host takes it") {
        Pushed::Taken(operation) => drop(operation.wait(DEADLINE).await.expect("it is stored")),
        Pushed::Unchanged(artifact) => panic!("{artifact:?}"),
    }
}

#[track_caller]
fn assert_refused(outcome: Result<Pushed, PushError>, expect: RefusalCode, words: &str) {
    let Err(PushError::Request { source, .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(source.refusal_code(), Some(expect), "{source}");
    assert!(source.to_string().contains(words), "{source}");
}

fn digest(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256:{digits}")
}

#[tokio::test]
async fn what_is_pushed_is_listed_pulled_and_deleted() {
    let lattice = Lattice::start().await;
    let client = client(&lattice);
    assert_eq!(client.artifacts().await.expect("an answer").artifacts.len(), 0);
    let (key, bytes) = module(&lattice, "Hello", 2_000_000);
    let heard = AtomicU64::new(0);
    let hear = |done, total| {
        assert_eq!(total, bytes.len() as u64);
        heard.fetch_max(done, Ordering::Relaxed);
    };
    let taken =
        client.push_artifact(HELLO, bytes.clone(), PushOptions::default(), hear).await.expect("a host takes it");
    let Pushed::Taken(operation) = taken else { panic!("{taken:?}") };
    assert_eq!(operation.host(), Some(lattice.host.key()));
    assert_eq!(heard.load(Ordering::Relaxed), bytes.len() as u64);
    let record = client.operation_by_id(operation.id(), Duration::ZERO).await.expect("there is a record");
    assert_eq!((record.command.as_str(), record.phase), ("artifact.push", OperationPhase::Done));
    assert_eq!(
        (record.reference.as_deref(), record.actor_id.map(|id| id.to_string())),
        (Some(HELLO), Some(key.clone()))
    );

    let listed = client.artifacts().await.expect("an answer").artifacts.good;
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].reference.as_str(), listed[0].kind), (HELLO, ArtifactKind::Module));
    assert_eq!((listed[0].key.as_ref(), listed[0].name.as_deref()), (Some(&key), Some("Hello")));
    assert_eq!((listed[0].size, &listed[0].digest), (bytes.len() as u64, &digest(&bytes)));
    assert_eq!(client.artifact(HELLO).await.expect("it is there"), listed[0]);

    let heard = AtomicU64::new(0);
    let (artifact, pulled) =
        client.pull_artifact(HELLO, |done, _| heard.store(done, Ordering::Relaxed)).await.expect("it is there");
    assert_eq!((artifact, pulled), (listed[0].clone(), bytes.clone()));
    assert_eq!(heard.load(Ordering::Relaxed), bytes.len() as u64);

    let deleted = client.delete_artifact(HELLO).await.expect("it is taken on");
    let record = client.operation_by_id(deleted.id(), Duration::ZERO).await.expect("there is a record");
    assert_eq!((record.command.as_str(), record.phase), ("artifact.delete", OperationPhase::Done));
    let missing = client.pull_artifact(HELLO, |_, _| {}).await;
    let Err(PullError::Request { source, .. }) = missing else { panic!("{missing:?}") };
    assert_eq!(source.refusal_code(), Some(RefusalCode::NotFound));
    let again = client.delete_artifact(HELLO).await.expect_err("it is gone");
    assert_eq!(again.refusal_code(), Some(RefusalCode::NotFound));
}

#[tokio::test]
async fn a_name_is_given_once_unless_it_is_forced() {
    let lattice = Lattice::start().await;
    let client = client(&lattice);
    let ((_, first), (_, second)) = (module(&lattice, "First", 10), module(&lattice, "Second", 10));
    pushed(&client, HELLO, &first).await;
    let again = push(&client, HELLO, &first).await.expect("it is there");
    assert!(matches!(again, Pushed::Unchanged(artifact) if artifact.digest == digest(&first)));
    assert_refused(push(&client, HELLO, &second).await, RefusalCode::Conflict, &digest(&first));
    let forced = client.push_artifact(HELLO, second.clone(), PushOptions::default().force(true), |_, _| {}).await;
    let Pushed::Taken(operation) = forced.expect("a host takes it") else { panic!("it is another one") };
    operation.wait(DEADLINE).await.expect("it is stored");
    assert_eq!(client.pull_artifact(HELLO, |_, _| {}).await.expect("it is there").1, second);
}

#[tokio::test]
async fn what_is_not_sound_is_not_stored() {
    let lattice = Lattice::start().await;
    let client = client(&lattice);
    let (_, good) = module(&lattice, "Good", 10);
    let changed: Bytes = [&good[..], b"\0\x02\x01x"].concat().into();
    assert_refused(push(&client, HELLO, &changed).await, RefusalCode::Invalid, "hash");
    let unsigned: Bytes = guests::echo().into();
    assert_refused(push(&client, HELLO, &unsigned).await, RefusalCode::NotAllowed, "not signed");
    let text = Bytes::from_static(b"neither this nor that, but long enough to look at");
    assert_refused(push(&client, HELLO, &text).await, RefusalCode::Invalid, "neither a WebAssembly module nor");
    assert_refused(push(&client, HELLO, &Bytes::new()).await, RefusalCode::Invalid, "from 1 to");
    for reference in ["file:///x.wasm", "registry.example/x:1", "nats://", "nats://a b"] {
        assert_refused(push(&client, reference, &good).await, RefusalCode::Invalid, "");
    }
    assert_eq!(client.artifacts().await.expect("an answer").artifacts.len(), 0);
    let jetstream = jetstream::new(lattice.client.clone());
    assert!(jetstream.get_object_store("LATTICEARTIFACTS_default").await.is_err(), "no bucket was made for it");

    let lattice = lattice.restart_with(|config| config.allow_unsigned = true).await;
    let client = self::client(&lattice);
    pushed(&client, HELLO, &unsigned).await;
    assert_eq!(client.artifact(HELLO).await.expect("it is there").name, None);
}

/// Asked of the host itself, as an auction asks it.
async fn is_cached(lattice: &Lattice, provider_ref: &str) -> bool {
    let body = json!({ "provider_ref": provider_ref, "link_name": "default" });
    let answer = lattice.ask("auction.provider", body.to_string()).await;
    decode::<ProviderBid>(&answer.payload).expect("a bid").bid.expect("of this project").cached
}

#[tokio::test]
async fn an_archive_that_was_fetched_before_is_bid_for_as_cached() {
    let lattice = Lattice::start().await;
    let client = client(&lattice);
    let (key, target) = (ProviderSeed::generate().public(), this_target());
    let claims = NewProviderClaims::new(key, "test:mute".parse().expect("a contract"), SystemTime::now());
    let programs: [(&str, &[u8]); 1] = [(&target, b"#!/bin/sh\n")];
    let archive = pack(claims, &lattice.seeds.account, &programs, Packing::Tar).expect("it can be packed");
    pushed(&client, HELLO, &archive.into()).await;
    assert!(!is_cached(&lattice, HELLO).await);
    let record = lattice.carry_out("cmd.{host}.prefetch", json!({ "image_ref": HELLO })).await;
    assert_eq!(record.phase, OperationPhase::Done, "{record:?}");
    assert!(is_cached(&lattice, HELLO).await);
    std::fs::remove_dir_all(lattice.dir.path().join("cache/artifacts/sha256")).expect("it is there");
    assert!(!is_cached(&lattice, HELLO).await);
}

/// Requests as programs of others send them.
struct Raw<'a> {
    lattice: &'a Lattice,
    begun: UploadBegun,
}

impl<'a> Raw<'a> {
    async fn begin(lattice: &'a Lattice, bytes: &[u8]) -> Result<Self, Ack> {
        let body = json!({ "reference": HELLO, "size": bytes.len(), "digest": digest(bytes) });
        let answer = lattice.ask("artifacts.begin", body.to_string()).await;
        decode(&answer.payload)
            .map(|begun| Self { lattice, begun })
            .map_err(|_| decode(&answer.payload).expect("a refusal"))
    }

    async fn part(&self, offset: &str, bytes: &[u8]) -> Ack {
        let mut headers = HeaderMap::new();
        headers.insert(UPLOAD_HEADER, self.begun.upload.as_str());
        headers.insert(OFFSET_HEADER, offset);
        let answer = self.lattice.ask_with("cmd.{host}.upload", bytes.to_vec(), headers).await;
        decode(&answer.payload).expect("an ack")
    }

    async fn finish(&self) -> Ack {
        let body = json!({ "reference": HELLO, "upload": self.begun.upload });
        self.lattice.command("cmd.{host}.push", body).await
    }
}

#[tokio::test]
async fn parts_come_in_any_order_and_again() {
    let lattice = Lattice::start().await;
    let (_, bytes) = module(&lattice, "Hello", 1_200_000);
    let raw = Raw::begin(&lattice, &bytes).await.expect("there is room");
    let chunk = usize::try_from(raw.begun.chunk).expect("a size");
    assert_eq!((bytes.len().div_ceil(chunk), &raw.begun.host_id), (3, lattice.host.key()));
    for part in [2, 0, 0, 1, 2] {
        let end = bytes.len().min((part + 1) * chunk);
        let ack = raw.part(&(part * chunk).to_string(), &bytes[part * chunk..end]).await;
        assert!(ack.accepted, "{}", ack.error);
    }
    let record = lattice.finished(&raw.finish().await).await;
    assert_eq!((record.phase, record.command.as_str()), (OperationPhase::Done, "artifact.push"));
    assert_eq!(client(&lattice).pull_artifact(HELLO, |_, _| {}).await.expect("it is there").1, bytes);
    assert_eq!(raw.finish().await.code, Some(RefusalCode::NotFound), "the upload has ended");
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let lattice = Lattice::start().await;
    let (_, bytes) = module(&lattice, "Hello", 10);
    let raw = Raw::begin(&lattice, &bytes).await.expect("there is room");
    let check = |ack: Ack, code, words: &str| {
        assert_eq!((ack.accepted, ack.code), (false, Some(code)), "{words}: {}", ack.error);
        assert!(ack.error.contains(words), "{}", ack.error);
    };
    check(raw.finish().await, RefusalCode::Invalid, "1 of the 1 parts");
    check(raw.part("0", &bytes[1..]).await, RefusalCode::Invalid, "does not belong at byte 0");
    check(raw.part("1", &bytes[1..]).await, RefusalCode::Invalid, "does not belong at byte 1");
    check(raw.part("-1", &bytes).await, RefusalCode::Invalid, "says in its headers");
    let other = decode::<Ack>(&lattice.ask("cmd.{host}.upload", bytes.clone()).await.payload).expect("an ack");
    check(other, RefusalCode::Invalid, "says in its headers");
    let other = Raw { lattice: &lattice, begun: UploadBegun { upload: "no such".to_owned(), ..raw.begun.clone() } };
    check(other.part("0", &bytes).await, RefusalCode::NotFound, "there is no upload `no such` here");
    let command =
        lattice.command("cmd.{host}.push", json!({ "reference": "nats://other", "upload": raw.begun.upload }));
    check(command.await, RefusalCode::Invalid, "is not one of `nats://other`");

    let mut flipped = bytes.to_vec();
    flipped[9] ^= 1;
    assert!(raw.part("0", &flipped).await.accepted);
    check(raw.finish().await, RefusalCode::Invalid, &digest(&bytes));
    check(raw.finish().await, RefusalCode::NotFound, "there is no upload");
    for body in [
        json!({ "reference": HELLO, "size": 300_000_000, "digest": digest(b"") }),
        json!({ "reference": HELLO, "size": 1, "digest": "md5:00" }),
        json!({ "reference": HELLO, "size": -1, "digest": digest(b"") }),
        json!({ "reference": HELLO, "size": 1, "digest": digest(b""), "lattice_id": "other" }),
    ] {
        let ack = lattice.command("artifacts.begin", body.clone()).await;
        assert!(!ack.accepted && ack.code.is_some(), "{body}: {ack:?}");
    }
}

#[tokio::test]
async fn uploads_are_bounded_and_go_on_elsewhere() {
    let lattice = Lattice::start().await;
    let (_, bytes) = module(&lattice, "Hello", 10);
    let mut begun = Vec::new();
    let full = loop {
        match Raw::begin(&lattice, &bytes).await {
            Ok(raw) => begun.push(raw),
            Err(refusal) => break refusal,
        }
    };
    assert_eq!((full.code, begun.len()), (Some(RefusalCode::Full), 8));
    assert_refused(push(&client(&lattice), HELLO, &bytes).await, RefusalCode::Full, "try again");
    assert!(begun[0].part("0", &bytes).await.accepted);
    assert!(begun[0].finish().await.accepted);
    let other = json!({ "reference": "nats://other", "size": 1, "digest": digest(b"") });
    let answer = lattice.ask("artifacts.begin", other.to_string()).await;
    decode::<UploadBegun>(&answer.payload).expect("there is a place again");
}

#[tokio::test]
async fn a_command_that_comes_again_is_answered_as_before() {
    let lattice = Lattice::start().await;
    let (_, bytes) = module(&lattice, "Hello", 10);
    let raw = Raw::begin(&lattice, &bytes).await.expect("there is room");
    assert!(raw.part("0", &bytes).await.accepted);
    let mut headers = HeaderMap::new();
    headers.insert("Lattice-Operation", "01945a5c-7f5e-7d7c-a8c5-5c0c8f0e8a11");
    let body = json!({ "reference": HELLO, "upload": raw.begun.upload }).to_string();
    for _ in 0..2 {
        let answer = lattice.ask_with("cmd.{host}.push", body.clone(), headers.clone()).await;
        let ack: Ack = decode(&answer.payload).expect("an ack");
        assert!(ack.accepted, "{}", ack.error);
    }
}

#[tokio::test]
async fn any_host_answers_and_the_next_one_goes_on_when_a_host_stops() {
    let lattice = Lattice::start().await;
    let neighbour = lattice.join().await;
    // What is sent to the host in the moment in which it goes is not answered.
    let settings = ClientSettings { timeout: Duration::from_secs(2), ..ClientSettings::default() };
    let client = Client::new(lattice.client.clone(), settings);
    let (_, bytes) = module(&lattice, "Hello", 3_000_000);
    // The host that takes it stops when some of it has arrived.
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let sender = std::sync::Mutex::new(Some(sender));
    let began = move |_, _| {
        let _ = sender.lock().expect("not poisoned").take().map(|sender| sender.send(()));
    };
    let Lattice { host, client: nats, nats: server, .. } = lattice;
    let stopping = async {
        receiver.await.expect("some of it arrives");
        host.stop(None).await;
    };
    let (taken, ()) = tokio::join!(client.push_artifact(HELLO, bytes.clone(), PushOptions::default(), began), stopping);
    let Pushed::Taken(operation) = taken.expect("a host takes it") else { panic!("nothing was there") };
    operation.wait(DEADLINE).await.expect("it is stored");
    assert_eq!(client.pull_artifact(HELLO, |_, _| {}).await.expect("it is there").1, bytes);
    neighbour.host.stop(None).await;
    let nobody = push(&client, "nats://other", &bytes).await.expect_err("nobody is left");
    let PushError::Request { source, .. } = nobody else { panic!("{nobody:?}") };
    assert!(matches!(*source, RequestError::NoResponders { .. }), "{source}");
    drop((nats, server));
}

#[tokio::test]
async fn small_messages_make_small_parts() {
    let options = NatsOptions { max_payload: 64 << 10, ..NatsOptions::default() };
    let lattice = Lattice::start_on(NatsServer::start_with(options).await, |_| {}).await;
    let client = client(&lattice);
    let (_, bytes) = module(&lattice, "Hello", 300_000);
    pushed(&client, HELLO, &bytes).await;
    assert_eq!(client.pull_artifact(HELLO, |_, _| {}).await.expect("it is there").1, bytes);
}

#[tokio::test]
async fn a_bucket_that_is_damaged_is_told() {
    let lattice = Lattice::start().await;
    let client = client(&lattice);
    let (_, bytes) = module(&lattice, "Hello", 300_000);
    pushed(&client, HELLO, &bytes).await;
    let jetstream = jetstream::new(lattice.client.clone());
    let stream = jetstream.get_stream("OBJ_LATTICEARTIFACTS_default").await.expect("the bucket is there");
    stream.delete_message(2).await.expect("a part of it is removed");
    let outcome = client.pull_artifact(HELLO, |_, _| {}).await.expect_err("it is damaged");
    assert!(matches!(outcome, PullError::Damaged { .. } | PullError::Request { .. }), "{outcome:?}");
    // The same again is taken for there, and by force it is mended.
    assert!(matches!(push(&client, HELLO, &bytes).await, Ok(Pushed::Unchanged(_))));
    let forced = client.push_artifact(HELLO, bytes.clone(), PushOptions::default().force(true), |_, _| {}).await;
    assert!(matches!(forced, Ok(Pushed::Taken(_))), "{forced:?}");
    assert_eq!(client.pull_artifact(HELLO, |_, _| {}).await.expect("it is whole").1, bytes);
}

#[tokio::test]
async fn an_answer_has_the_encoding_of_its_question() {
    let lattice = Lattice::start().await;
    let begin = BeginUpload { digest: digest(b"x"), lattice_id: None, reference: HELLO.to_owned(), size: 1 };
    for format in [Format::JSON, Format::MESSAGE_PACK] {
        let answer = lattice.ask("artifacts.begin", encode(&begin, format)).await;
        assert_eq!(Format::of_request(&answer.payload), Some(format));
        decode::<UploadBegun>(&answer.payload).expect("it is taken");
    }
}
