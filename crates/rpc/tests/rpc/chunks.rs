//! Payloads that are too large for one message.

use std::{sync::atomic::Ordering, time::Duration};

use async_nats::jetstream::{
    self,
    object_store::{ObjectInfo, ObjectStore},
    stream::{Config, DiscardPolicy, StorageType, Stream},
};
use bytes::Bytes;
use futures::{StreamExt as _, future::join_all};
use lattice_claims::{ClusterSeed, InvocationSigner};
use lattice_rpc::{
    Call, CallError, ChunkError, Invocation, InvocationResponse, ReadError, RefusalKind, RpcClient, Server, Service,
};
use lattice_testkit::{NatsOptions, eventually};
use tokio::{io::AsyncReadExt as _, time::Instant};

use crate::support::{LONG, Lattice, pattern, text};

/// The threshold of published senders, spelled out.
const THRESHOLD: usize = 921_600;

async fn with_jetstream() -> Lattice {
    Lattice::start_with(NatsOptions { max_payload: 1 << 20, ..NatsOptions::default() }).await
}

async fn without_jetstream() -> Lattice {
    Lattice::start_with(NatsOptions { jetstream: false, max_payload: 1 << 20, ..NatsOptions::default() }).await
}

impl Lattice {
    fn jetstream(&self) -> jetstream::Context {
        jetstream::new(self.client.clone())
    }

    /// The bucket as the stream that it is.
    async fn stream(&self) -> Stream {
        self.jetstream().get_stream("OBJ_default").await.expect("the bucket is there")
    }

    /// The object store as published programs use it.
    async fn made_store(&self) -> ObjectStore {
        let config = jetstream::object_store::Config { bucket: "default".to_owned(), ..Default::default() };
        self.jetstream().create_object_store(config).await.expect("a bucket")
    }

    async fn is_empty(&self) {
        let stream = self.stream().await;
        let empty = async || (stream.get_info().await.ok()?.state.messages == 0).then_some(());
        eventually("nothing is left in the bucket", LONG, empty).await;
    }

    fn echo(&self, payload: Bytes) -> Call {
        Call::new(self.actor.clone(), self.actor.clone(), "Test.Echo", payload)
    }

    /// An invocation whose payload is said to be in the store.
    fn announcing(&self, payload: &Bytes) -> Invocation {
        Invocation { payload: Bytes::new(), ..self.genuine(payload.clone()) }
    }

    async fn connect(&self, user: &str) -> async_nats::Client {
        let options = async_nats::ConnectOptions::with_user_and_password(user.to_owned(), user.to_owned());
        options.connect(self.nats.url()).await.expect("a known user")
    }

    async fn serve_as_user(&self, user: &str, service: Service) -> Server {
        Server::start(self.connect(user).await, service, self.guest.clone()).await.expect("the service starts")
    }

    async fn rpc_of(&self, user: &str) -> RpcClient {
        let nats = self.connect(user).await;
        let host = lattice_claims::HostSeed::generate().public();
        RpcClient::new(nats, Default::default(), host, self.signer()).with_timeout(LONG)
    }
}

async fn read(store: &ObjectStore, object: &str) -> Bytes {
    let mut bytes = Vec::new();
    let mut object = store.get(object).await.expect("the object is there");
    object.read_to_end(&mut bytes).await.expect("the object is whole");
    bytes.into()
}

#[tokio::test]
async fn five_mebibytes_travel_both_ways_and_leave_nothing_behind() {
    let lattice = with_jetstream().await;
    let _server = lattice.serve().await;
    let payload = pattern(5 << 20);
    assert!(lattice.rpc().call(lattice.echo(payload.clone())).await.expect("an answer") == payload);
    lattice.is_empty().await;
}

#[tokio::test]
async fn a_bucket_that_we_make_forgets_after_ten_minutes_and_refuses_what_it_cannot_hold() {
    let lattice = with_jetstream().await;
    let _server = lattice.serve().await;
    let call = Call::new(lattice.actor.clone(), lattice.actor.clone(), "Test.Big", "1000000");
    assert_eq!(lattice.rpc().call(call).await.expect("an answer").len(), 1_000_000);
    let config = lattice.stream().await.cached_info().config.clone();
    assert_eq!(config.subjects, ["$O.default.C.>", "$O.default.M.>"]);
    assert_eq!((config.max_age, config.discard), (Duration::from_secs(600), DiscardPolicy::New));
    assert!(config.allow_rollup && config.allow_direct);
}

#[tokio::test]
async fn only_what_is_above_the_threshold_is_chunked() {
    let lattice = with_jetstream().await;
    let _server = lattice.serve().await;
    let mut sent = lattice.client.subscribe(lattice.subject()).await.expect("a subscription");
    for (length, in_message) in [(THRESHOLD, THRESHOLD), (THRESHOLD + 1, 0)] {
        let answer = lattice.rpc().call(lattice.echo(pattern(length))).await.expect("an answer");
        assert!(answer == pattern(length));
        let message = sent.next().await.expect("the invocation").payload;
        let invocation = Invocation::decode(&message).expect("readable");
        assert_eq!((invocation.payload.len(), invocation.content_length), (in_message, length as u64));

        let mut big = lattice.genuine(length.to_string());
        big.operation = "Test.Big".to_owned();
        lattice.sign(&mut big, &lattice.signer());
        let answer = lattice.send(big.encode()).await;
        assert_eq!((answer.payload.len(), answer.content_length), (in_message, length as u64));
        sent.next().await.expect("the invocation");
    }
}

#[tokio::test]
async fn a_server_that_carries_little_gets_less_in_one_message() {
    let lattice = Lattice::start_with(NatsOptions { max_payload: 256 << 10, ..NatsOptions::default() }).await;
    let _server = lattice.serve().await;
    for length in [245_000, 260_000, 300_000] {
        assert!(lattice.rpc().call(lattice.echo(pattern(length))).await.expect("an answer") == pattern(length));
    }
}

/// Senders of the first generations chunk above 700 KiB.
#[tokio::test]
async fn a_payload_is_taken_from_a_sender_with_the_lower_threshold() {
    let lattice = with_jetstream().await;
    let server = lattice.serve().await;
    let payload = pattern(750 << 10);
    let store = lattice.made_store().await;
    let info = store.put("01", &mut &payload[..]).await.expect("stored");
    assert_eq!(info.bucket, "default");
    let answer = lattice.send(lattice.announcing(&payload).encode()).await;
    assert_eq!((answer.error, answer.content_length), (None, 768_000));
    assert!(answer.payload == payload);
    let gone = async || store.info("01").await.is_err().then_some(());
    eventually("the object is removed", LONG, gone).await;
    lattice.is_empty().await;
    assert!(server.refusals().snapshot().iter().all(|(_, count)| *count == 0));
}

#[tokio::test]
async fn a_published_receiver_reads_what_we_write_and_we_read_its_answer() {
    let lattice = with_jetstream().await;
    let payload = pattern(3 << 20);
    let mut invocations = lattice.client.subscribe(lattice.subject()).await.expect("a subscription");
    let receiver = async {
        let message = invocations.next().await.expect("the invocation");
        let invocation = Invocation::decode(&message.payload).expect("readable");
        assert_eq!((invocation.payload.len(), invocation.content_length), (0, 3 << 20));
        let store = lattice.jetstream().get_object_store("default").await.expect("the bucket is there");
        let received = read(&store, &invocation.id).await;
        store.delete(&invocation.id).await.expect("deleted");
        let whole = Invocation { payload: received.clone(), ..invocation };
        let issuers = lattice_claims::Issuers::new([lattice.cluster.public()]).expect("a key");
        issuers.verify(&whole.claims, &whole.parts(), std::time::SystemTime::now()).expect("signed as a whole");

        store.put(format!("{}-r", whole.id).as_str(), &mut &received[..1_500_000]).await.expect("stored");
        let answer = InvocationResponse {
            content_length: 1_500_000,
            ..InvocationResponse::success(whole.id.clone(), Bytes::new())
        };
        lattice.client.publish(message.reply.expect("an inbox"), answer.encode()).await.expect("sent");
        (store, whole.id)
    };
    let (answer, (store, id)) =
        tokio::join!(async { lattice.rpc().call(lattice.echo(payload.clone())).await }, receiver);
    assert!(answer.expect("an answer") == payload[..1_500_000]);
    assert!(store.info(format!("{id}-r")).await.is_err(), "the answer's object is removed");
}

#[tokio::test]
async fn an_existing_bucket_is_used_as_it_is() {
    let lattice = with_jetstream().await;
    let _server = lattice.serve().await;
    let config = Config {
        name: "OBJ_default".to_owned(),
        subjects: vec!["$O.default.C.>".to_owned(), "$O.default.M.>".to_owned()],
        storage: StorageType::Memory,
        allow_rollup: true,
        max_bytes: 64 << 20,
        description: Some("of somebody else".to_owned()),
        ..Default::default()
    };
    let stream = lattice.jetstream().create_stream(config).await.expect("a stream without direct gets");
    let payload = pattern(2 << 20);
    assert!(lattice.rpc().call(lattice.echo(payload.clone())).await.expect("an answer") == payload);
    lattice.is_empty().await;
    assert_eq!(lattice.stream().await.cached_info().config, stream.cached_info().config);
}

#[tokio::test]
async fn a_bucket_that_was_removed_is_made_anew() {
    let lattice = with_jetstream().await;
    let _server = lattice.serve().await;
    let (rpc, payload) = (lattice.rpc(), pattern(1 << 20));
    for _ in 0..2 {
        let answer = rpc.call(lattice.echo(payload.clone())).await;
        assert!(answer.expect("an answer") == payload);
        lattice.jetstream().delete_stream("OBJ_default").await.expect("removed");
    }
}

#[tokio::test]
async fn a_payload_that_was_never_stored_is_missed_at_once() {
    let lattice = with_jetstream().await;
    let server = lattice.serve().await;
    let announcing = lattice.announcing(&pattern(1000));
    let error = lattice.refused(&server, &announcing, RefusalKind::Chunked).await;
    assert!(error.contains("there is no object store bucket `default`"), "{error}");
    let store = lattice.made_store().await;
    let error = lattice.refused(&server, &announcing, RefusalKind::Chunked).await;
    assert!(error.ends_with("the object `01` is not in the object store bucket `default`"), "{error}");

    store.put("01", &mut &pattern(999)[..]).await.expect("stored");
    let error = lattice.refused(&server, &announcing, RefusalKind::Chunked).await;
    assert!(error.ends_with("has 999 bytes, 1000 were announced"), "{error}");
    store.put("01", &mut &pattern(1001)[..]).await.expect("stored");
    let error = lattice.refused(&server, &announcing, RefusalKind::Chunked).await;
    assert!(error.ends_with("has 1001 bytes, 1000 were announced"), "{error}");

    store.put("01", &mut &pattern(1000)[..]).await.expect("stored");
    assert_eq!(lattice.send(announcing.encode()).await.error, None);
}

/// Parts of many objects lie between each other when they are written at the same time.
#[tokio::test]
async fn a_payload_whose_parts_do_not_lie_together_is_read() {
    let lattice = with_jetstream().await;
    let _server = lattice.serve().await;
    let store = lattice.made_store().await;
    let payload = pattern(800_000);
    let (mut first, mut second) = (&payload[..], &payload[..]);
    let sized = |name: &str, chunk_size| jetstream::object_store::ObjectMetadata {
        name: name.to_owned(),
        chunk_size: Some(chunk_size),
        ..Default::default()
    };
    let stored = tokio::join!(store.put(sized("01", 20_000), &mut first), store.put(sized("02", 7_000), &mut second));
    assert!(stored.0.expect("stored").chunks >= 40 && stored.1.expect("stored").chunks >= 110);
    let answer = lattice.send(lattice.announcing(&payload).encode()).await;
    assert_eq!(answer.error, None);
    assert!(answer.payload == payload);
    assert!(read(&store, "02").await == payload, "the other one is untouched");
}

#[tokio::test]
async fn what_cannot_be_fetched_in_time_is_answered_in_time() {
    let lattice = with_users().await;
    let service = lattice.service().with_longest_call(Duration::from_millis(300)).with_in_flight(1);
    let server = lattice.serve_as_user("none", service).await;
    for _ in 0..2 {
        let error = lattice.refused(&server, &lattice.announcing(&pattern(1000)), RefusalKind::Chunked).await;
        assert!(error.contains("cannot read the object store bucket `default`: no answer in time"), "{error}");
    }
}

#[tokio::test]
async fn shutdown_ends_fetching_and_says_so() {
    let lattice = with_users().await;
    let server = lattice.serve_as_user("none", lattice.service()).await;
    let mut inbox = lattice.client.subscribe("_INBOX.test").await.expect("a subscription");
    let body = lattice.announcing(&pattern(1000)).encode();
    lattice.client.publish_with_reply(lattice.subject(), "_INBOX.test", body).await.expect("sent");
    let known = lattice.client.request(lattice.client.new_inbox(), Bytes::new()).await;
    known.expect_err("nobody listens there, and the nats-server has seen what was sent before");
    assert_eq!(server.shutdown(Duration::from_millis(50)).await.ended, 1);
    let answer = InvocationResponse::decode(&inbox.next().await.expect("an answer").payload).expect("readable");
    assert!(answer.error.is_some_and(|error| error.starts_with("ended")));
}

/// Writes an info that says something else than what is stored.
async fn forge(lattice: &Lattice, change: impl FnOnce(&mut ObjectInfo)) {
    let store = lattice.made_store().await;
    let mut info = store.put("01", &mut &pattern(1000)[..]).await.expect("stored");
    change(&mut info);
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Nats-Rollup", "sub");
    let body = forged_info(&info);
    let sent = lattice.jetstream().publish_with_headers("$O.default.M.MDE=", headers, body.into()).await;
    sent.expect("sent").await.expect("stored");
}

fn forged_info(info: &ObjectInfo) -> String {
    let (size, nuid, digest) = (info.size, &info.nuid, info.digest.as_deref().unwrap_or_default());
    let link = match info.options.as_ref().and_then(|options| options.link.as_ref()) {
        Some(_) => r#","options":{"link":{"bucket":"default","name":"01"}}"#,
        None => "",
    };
    format!(r#"{{"name":"01","bucket":"default","nuid":"{nuid}","size":{size},"chunks":1,"digest":"{digest}"{link}}}"#)
}

#[tokio::test]
async fn an_object_that_is_not_what_its_info_says_is_refused() {
    let lattice = with_jetstream().await;
    let server = lattice.serve().await;
    let refused = async |length: usize, expect: &str| {
        let error = lattice.refused(&server, &lattice.announcing(&pattern(length)), RefusalKind::Chunked).await;
        assert!(error.ends_with(expect), "{error}");
    };
    forge(&lattice, |info| info.size = 1001).await;
    refused(1001, "is damaged: a part of it is missing").await;
    forge(&lattice, |info| info.size = 999).await;
    refused(999, "is damaged: it is longer than its info says").await;
    forge(&lattice, |info| info.digest = Some("SHA-256=AAAA".to_owned())).await;
    refused(1000, "is damaged: its digest differs").await;
    for nuid in ["*", ">", ""] {
        forge(&lattice, |info| info.nuid = nuid.to_owned()).await;
        refused(1000, "is damaged: its info is that of no payload").await;
    }
    let link = jetstream::object_store::ObjectLink { name: Some("01".to_owned()), bucket: "default".to_owned() };
    forge(&lattice, |info| info.options.get_or_insert_with(|| unreachable!("it has options")).link = Some(link)).await;
    refused(1000, "is damaged: its info is that of no payload").await;
}

#[tokio::test]
async fn a_payload_that_was_exchanged_reaches_no_handler_and_stays() {
    let lattice = with_jetstream().await;
    let server = lattice.serve().await;
    let store = lattice.made_store().await;
    store.put("01", &mut &vec![0; 1000][..]).await.expect("stored");
    let error = lattice.refused(&server, &lattice.announcing(&pattern(1000)), RefusalKind::Tampered).await;
    assert!(error.ends_with("its hash differs"), "{error}");
    assert_eq!(read(&store, "01").await.len(), 1000);
}

/// Without JetStream fetching fails in another way than these are refused.
#[tokio::test]
async fn what_is_not_genuine_or_too_large_is_refused_without_fetching() {
    let lattice = without_jetstream().await;
    let server = lattice.serve().await;
    let announcing = lattice.announcing(&pattern(1000));
    let mut forged = announcing.clone();
    lattice.sign(&mut forged, &InvocationSigner::new(ClusterSeed::generate()));
    lattice.refused(&server, &forged, RefusalKind::Forged).await;
    let mut expired = lattice.genuine(pattern(1000));
    let past = std::time::SystemTime::now() - Duration::from_secs(3600);
    expired.claims = lattice.signer().sign("01", &expired.parts(), past);
    lattice.refused(&server, &Invocation { payload: Bytes::new(), ..expired }, RefusalKind::Expired).await;
    let other = Invocation { operation: "Test.Panic".to_owned(), ..announcing.clone() };
    lattice.refused(&server, &other, RefusalKind::WrongTarget).await;

    for length in [(32 << 20) + 1, 10 << 30, u64::MAX] {
        let huge = Invocation { content_length: length, ..announcing.clone() };
        let error = lattice.refused(&server, &huge, RefusalKind::TooLarge).await;
        assert!(error.ends_with(&format!("{length} bytes are announced, at most 33554432 are taken")), "{error}");
    }
    let error = lattice.refused(&server, &announcing, RefusalKind::Chunked).await;
    assert!(error.contains("there is no JetStream here") && error.contains("`default`"), "{error}");
    assert_eq!(lattice.guest.begun.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_largest_payload_can_be_chosen() {
    let lattice = with_jetstream().await;
    let _server = lattice.serve_as(lattice.service().with_largest_payload(2_000_000)).await;
    let rpc = lattice.rpc().with_largest_payload(3_000_000);
    let too_large = rpc.call(lattice.echo(pattern(3_000_001))).await.expect_err("too large to be sent");
    assert!(matches!(too_large, CallError::PayloadTooLarge { size: 3_000_001, limit: 3_000_000 }), "{too_large:?}");
    let refused = rpc.call(lattice.echo(pattern(2_000_001))).await.expect_err("too large to be taken");
    assert!(matches!(refused, CallError::Refused { kind: RefusalKind::TooLarge, .. }), "{refused:?}");
    lattice.is_empty().await;

    let big = |length: &'static str| Call::new(lattice.actor.clone(), lattice.actor.clone(), "Test.Big", length);
    let failed = rpc.call(big("2000001")).await.expect_err("too large to be answered");
    assert!(matches!(&failed, CallError::Failed { error } if error.contains("at most 2000000 are sent")), "{failed:?}");
    let small = lattice.rpc().with_largest_payload(1_000_000);
    let unread = small.call(big("1500000")).await.expect_err("too large to be fetched");
    let CallError::Unreadable { source: ReadError::Chunked { source }, .. } = unread else { panic!("{unread:?}") };
    assert!(matches!(source, ChunkError::TooLarge { announced: 1_500_000, limit: 1_000_000 }), "{source:?}");
}

/// What is fetched counts as what came in messages does.
#[tokio::test]
async fn payloads_in_the_store_take_room_before_they_are_read() {
    let lattice = Lattice::start_with(NatsOptions { max_payload: 16 << 20, ..NatsOptions::default() }).await;
    let server = lattice.serve().await;
    let mut endless = lattice.genuine(vec![0; 15 << 20]);
    endless.operation = "Test.Never".to_owned();
    lattice.sign(&mut endless, &lattice.signer());
    for calls in 1..=8 {
        lattice.client.publish(lattice.subject(), endless.encode()).await.expect("sent");
        lattice.guest.begun(calls).await;
    }
    // 8 MiB of 128 are left, and no byte of this one is really there.
    forge(&lattice, |info| info.size = 9 << 20).await;
    let large = Invocation { content_length: 9 << 20, ..lattice.announcing(&Bytes::from_static(b"x")) };
    let error = lattice.refused(&server, &large, RefusalKind::Overloaded).await;
    assert!(error.contains("too large together"), "{error}");
}

#[tokio::test]
async fn without_jetstream_both_sides_say_so() {
    let lattice = without_jetstream().await;
    let _server = lattice.serve().await;
    let error = lattice.rpc().call(lattice.echo(pattern(1_000_000))).await.expect_err("nowhere to put it");
    let CallError::NotStored { size: 1_000_000, source } = &error else { panic!("{error:?}") };
    assert!(matches!(source, ChunkError::NoJetStream { bucket } if bucket == "default"), "{source:?}");

    let call = Call::new(lattice.actor.clone(), lattice.actor.clone(), "Test.Big", "1000000");
    let error = lattice.rpc().call(call).await.expect_err("nowhere to put the answer");
    let CallError::Failed { error } = error else { panic!("{error:?}") };
    assert!(
        error.contains("1000000 bytes") && error.contains("no JetStream") && error.contains("`default`"),
        "{error}"
    );
}

/// A lattice with one user who may not use the object store, and one who may use it and nothing else of JetStream.
async fn with_users() -> Lattice {
    let config = r#"no_auth_user: all
        authorization: { users: [
            { user: all, password: all }
            { user: none, password: none, permissions: { publish: { deny: ["$JS.>", "$O.>"] } } }
            { user: least, password: least, permissions: { publish: ["wasmbus.rpc.>", "$O.default.>",
                "$JS.API.STREAM.INFO.OBJ_default", "$JS.API.STREAM.PURGE.OBJ_default",
                "$JS.API.DIRECT.GET.OBJ_default", "$JS.API.DIRECT.GET.OBJ_default.>"] } }
        ] }"#;
    let options = NatsOptions { max_payload: 1 << 20, config: config.to_owned(), ..NatsOptions::default() };
    Lattice::start_with(options).await
}

#[tokio::test]
async fn a_missing_permission_is_told_as_what_it_may_be() {
    let lattice = with_users().await;
    let _server = lattice.serve().await;
    let rpc = lattice.rpc_of("none").await;
    assert_eq!(rpc.call(lattice.call_of("Test.Echo")).await.expect("an answer"), "payload");
    let call = lattice.echo(pattern(1_000_000)).with_deadline(Instant::now() + Duration::from_millis(300));
    let error = rpc.call(call).await.expect_err("it may not ask JetStream");
    let CallError::NotStored { source: ChunkError::NoAnswer { bucket, .. }, .. } = &error else { panic!("{error:?}") };
    assert_eq!(bucket, "default");
}

/// A right to create consumers, or streams, would let its owner have the server publish on any subject.
#[tokio::test]
async fn rights_on_the_bucket_alone_are_enough() {
    let lattice = with_users().await;
    let _server = lattice.serve().await;
    lattice.made_store().await;
    let payload = pattern(1_000_000);
    let answer = lattice.rpc_of("least").await.call(lattice.echo(payload.clone())).await;
    assert!(answer.expect("an answer") == payload);
    lattice.is_empty().await;
}

#[tokio::test]
async fn a_caller_who_did_not_choose_waits_longer_for_large_payloads() {
    let lattice = with_jetstream().await;
    let _server = lattice.serve_as(lattice.service().with_longest_call(Duration::from_secs(5000))).await;
    let rpc = lattice.rpc().with_timeout(Duration::from_secs(1000));
    let left = async |call: Call| {
        let told = rpc.call(call).await.expect("an answer");
        text(&told).split(' ').nth(2).expect("four words").parse::<u64>().expect("seconds")
    };
    let told = |length| Call::new(lattice.actor.clone(), lattice.actor.clone(), "Test.Told", pattern(length));
    assert!((1..1000).contains(&left(told(1000)).await));
    assert!((1000..1013).contains(&left(told(1_000_000)).await));
    let chosen = told(1_000_000).with_time_limit(Duration::from_secs(1000));
    assert!((1..1000).contains(&left(chosen).await));
}

#[tokio::test]
async fn a_payload_for_nobody_is_removed() {
    let lattice = with_jetstream().await;
    let error = lattice.rpc().call(lattice.echo(pattern(1_000_000))).await.expect_err("nobody is there");
    assert!(matches!(error, CallError::NoResponders { .. }), "{error:?}");
    lattice.is_empty().await;
}

#[tokio::test]
async fn many_large_calls_at_once_get_their_own_answers() {
    let lattice = with_jetstream().await;
    let _servers = (lattice.serve().await, lattice.serve().await);
    let rpc = lattice.rpc();
    let calls = (0..12).map(|number: usize| {
        let payload = pattern(1_000_000 + number);
        let call = lattice.echo(payload.clone());
        let rpc = rpc.clone();
        async move { assert!(rpc.call(call).await.expect("an answer") == payload) }
    });
    join_all(calls).await;
    lattice.is_empty().await;
}
