//! A provider in the test's own process, whose host is the test.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_nats::{HeaderMap, connection::State};
use bytes::Bytes;
use lattice_claims::{ClusterSeed, Issuers, ProviderSeed};
use lattice_protocol::{ActorKey, LatticeName, LinkDefinition, encode};
use lattice_provider::{
    CallError, Context, Ended, Failure, HandlerError, Health, Link, Provider, ProviderCall, RefusalKind, Serving,
    StartError, serve,
};
use lattice_rpc::{Call, DEADLINE_HEADER, Entity, Handler, InvocationResponse, Request, Server, Service};
use lattice_testkit::{NatsOptions, NatsServer, eventually};
use tokio::sync::Semaphore;

use crate::lattice::{self, CONTRACT, LONG, Lattice, SNAKE};

/// What the test sees of its provider.
struct Seen {
    log: Mutex<Vec<String>>,
    begun: AtomicUsize,
    /// Lets what is held go on.
    gate: Semaphore,
    unwell: AtomicBool,
}

impl Seen {
    fn note(&self, text: String) {
        self.log.lock().expect("not poisoned").push(text);
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().expect("not poisoned").clone()
    }

    async fn noted(&self, expect: &[String]) {
        eventually(&format!("{expect:?}"), LONG, async || (self.log() == expect).then_some(())).await;
    }

    async fn begun(&self, calls: usize) {
        eventually("calls begin", LONG, async || (self.begun.load(Ordering::SeqCst) >= calls).then_some(())).await;
    }

    async fn wait(&self) {
        self.gate.acquire().await.expect("the gate is never closed").forget();
    }
}

/// Does what links and operations say.
struct Probe {
    seen: Arc<Seen>,
    context: Context,
}

impl Provider for Probe {
    async fn put_link(&self, link: Arc<Link>) -> Result<(), Failure> {
        let value = link.values.get("v").unwrap_or_default();
        self.seen.note(format!("put {} {value}", link.actor_id));
        match value {
            "refuse" => Err(Failure::new("not this one")),
            "panic" => panic!("as told"),
            "hold" => {
                self.seen.wait().await;
                self.seen.note(format!("held {}", link.actor_id));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn delete_link(&self, link: Arc<Link>) {
        self.seen.note(format!("del {} {}", link.actor_id, link.values.get("v").unwrap_or_default()));
    }

    async fn handle(&self, call: ProviderCall) -> Result<Bytes, HandlerError> {
        self.seen.begun.fetch_add(1, Ordering::SeqCst);
        match call.method() {
            "Echo" => Ok(call.payload),
            "Value" => Ok(call.link.values.get("v").unwrap_or_default().to_owned().into()),
            "Wait" => {
                self.seen.wait().await;
                Ok(call.payload)
            }
            "Never" => std::future::pending().await,
            "Panic" => panic!("as told"),
            "Back" => {
                let back = self.context.call(&call.link, "Test.Who", call.payload.clone()).within(&call);
                back.send().await.map_err(|error| HandlerError::Failed(error.to_string()))
            }
            _ => Err(HandlerError::Failed(format!("no operation {}", call.operation))),
        }
    }

    async fn health(&self) -> Health {
        assert!(!self.seen.unwell.load(Ordering::SeqCst), "as told");
        Health::good().with_message(format!("{} links", self.context.links().len()))
    }

    async fn shutdown(&self) {
        self.seen.note("shutdown".to_owned());
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.seen.note("dropped".to_owned());
    }
}

fn seen() -> Arc<Seen> {
    Arc::new(Seen {
        log: Mutex::default(),
        begun: AtomicUsize::new(0),
        gate: Semaphore::new(0),
        unwell: AtomicBool::new(false),
    })
}

async fn start(lattice: &Lattice, links: Vec<LinkDefinition>) -> (Serving, Arc<Seen>) {
    let seen = seen();
    let probe = Arc::clone(&seen);
    let serving = serve(lattice.data(links), |context| async { Ok(Probe { seen: probe, context }) }).await;
    (serving.expect("the provider starts"), seen)
}

fn put(actor: &ActorKey, value: &str) -> String {
    format!("put {actor} {value}")
}

fn del(actor: &ActorKey, value: &str) -> String {
    format!("del {actor} {value}")
}

#[tokio::test]
async fn links_of_the_host_data_are_there_when_it_has_started() {
    let lattice = Lattice::start().await;
    let (good, bad) = (lattice::actor(), lattice::actor());
    let links = vec![lattice.link(&good, &[("v", "1")]), lattice.link(&bad, &[("v", "refuse")])];
    let (_serving, seen) = start(&lattice, links).await;
    assert_eq!(seen.log().len(), 2);
    assert_eq!(lattice.call(&good, "Test.Value", "").await.expect("linked"), "1");
    assert_unlinked(lattice.call(&bad, "Test.Value", "").await, &bad);
    let health = lattice.health(b"").await;
    assert_eq!((health.healthy, health.message.as_deref()), (true, Some("1 links")));
    assert_eq!(health.lattice_sdk.as_deref(), Some(env!("CARGO_PKG_VERSION")));
}

#[track_caller]
fn assert_unlinked(result: Result<Bytes, CallError>, actor: &ActorKey) {
    let Err(CallError::Refused { kind: RefusalKind::Unlinked, error }) = &result else { panic!("{result:?}") };
    assert!(error.starts_with(&format!("`{actor}` is not linked with `V")), "{error}");
}

/// The bytes of hosts of wasmCloud 0.82 and OTP 0.63: no reply subject, the whole definition in both, a map or nothing as
/// the question for health.
#[tokio::test]
async fn what_published_hosts_send_is_understood() {
    let lattice = Lattice::start().await;
    let (_serving, seen) = start(&lattice, Vec::new()).await;
    let actor = lattice::actor();
    let text = |text: &str| [&[0xd9, u8::try_from(text.len()).expect("short")], text.as_bytes()].concat();
    let mut body = vec![0x86];
    for (key, value) in [
        ("actor_id", actor.as_str()),
        ("provider_id", lattice.provider.as_str()),
        ("link_name", "default"),
        ("contract_id", CONTRACT),
        ("id", "B40411AD09B70A2C83D59923584F66BA2C5A3C274DC4F19416DA49CCD6531F9C"),
    ] {
        body.extend([text(key), text(value)].concat());
    }
    body.extend([text("values"), vec![0x81], text("v"), text("7")].concat());
    let body = Bytes::from(body);
    for _ in 0..3 {
        lattice.client.publish(lattice.put_subject(), body.clone()).await.expect("sent");
    }
    seen.noted(&[put(&actor, "7")]).await;
    assert_eq!(lattice.call(&actor, "Test.Value", "").await.expect("linked"), "7");
    for question in [b"".as_slice(), b"\x81\xabplaceholder\xc3"] {
        assert!(lattice.health(question).await.healthy);
    }
    lattice.client.publish(lattice.delete_subject(), body).await.expect("sent");
    seen.noted(&[put(&actor, "7"), del(&actor, "7")]).await;
    assert_unlinked(lattice.call(&actor, "Test.Value", "").await, &actor);
}

#[tokio::test]
async fn a_link_changes_in_order_and_a_repetition_changes_nothing() {
    let lattice = Lattice::start().await;
    let (_serving, seen) = start(&lattice, Vec::new()).await;
    let actor = lattice::actor();
    let [one, two, no] = ["1", "2", "refuse"].map(|value| lattice.link(&actor, &[("v", value)]));
    let mut expect = vec![put(&actor, "1")];
    assert_eq!(lattice.put(&one).await, None);
    assert_eq!(lattice.put(&one).await, None);
    seen.noted(&expect).await;
    expect.push(put(&actor, "2"));
    assert_eq!(lattice.put(&two).await, None);
    assert_eq!(lattice.call(&actor, "Test.Value", "").await.expect("linked"), "2");
    expect.extend([put(&actor, "refuse"), del(&actor, "2")]);
    assert_eq!(lattice.put(&no).await.as_deref(), Some("not this one"));
    assert_unlinked(lattice.call(&actor, "Test.Value", "").await, &actor);
    assert_eq!(lattice.delete(&one).await, None);
    seen.noted(&expect).await;
    expect.push(put(&actor, "panic"));
    let error = lattice.put(&lattice.link(&actor, &[("v", "panic")])).await;
    assert_eq!(error.as_deref(), Some("the provider panicked"));
    expect.push(put(&actor, "1"));
    assert_eq!(lattice.put(&one).await, None);
    seen.noted(&expect).await;
}

#[tokio::test]
async fn changes_of_one_actor_wait_for_each_other_and_for_nobody_else() {
    let lattice = Lattice::start().await;
    let (_serving, seen) = start(&lattice, Vec::new()).await;
    let (slow, other) = (lattice::actor(), lattice::actor());
    let publish = async |subject: String, link: &LinkDefinition| {
        lattice.client.publish(subject, encode(link, SNAKE).into()).await.expect("sent");
    };
    let held = lattice.link(&slow, &[("v", "hold")]);
    publish(lattice.put_subject(), &held).await;
    publish(lattice.delete_subject(), &held).await;
    for value in 0..20 {
        publish(lattice.put_subject(), &lattice.link(&slow, &[("v", &value.to_string())])).await;
        publish(lattice.delete_subject(), &held).await;
    }
    let last = lattice.link(&slow, &[("v", "last")]);
    publish(lattice.put_subject(), &last).await;
    assert_eq!(lattice.put(&lattice.link(&other, &[("v", "1")])).await, None);
    let mut expect = vec![put(&slow, "hold"), put(&other, "1")];
    assert_eq!(seen.log(), expect);
    assert_unlinked(lattice.call(&slow, "Test.Value", "").await, &slow);
    seen.gate.add_permits(1);
    expect.extend([format!("held {slow}"), del(&slow, "hold")]);
    for value in 0..20 {
        expect.extend([put(&slow, &value.to_string()), del(&slow, &value.to_string())]);
    }
    expect.push(put(&slow, "last"));
    seen.noted(&expect).await;
    assert_eq!(lattice.put(&last).await, None);
    assert_eq!(lattice.call(&slow, "Test.Value", "").await.expect("linked"), "last");
}

#[tokio::test]
async fn what_is_no_link_of_this_provider_is_refused() {
    let lattice = Lattice::start().await;
    let (_serving, seen) = start(&lattice, Vec::new()).await;
    let foreign = LinkDefinition {
        provider_id: ProviderSeed::generate().public(),
        ..lattice.link(&lattice::actor(), &[("v", "secret value")])
    };
    let error = lattice.put(&foreign).await.expect("refused");
    assert!(error.starts_with("the link is to another provider"), "{error}");
    let other_name =
        LinkDefinition { link_name: "other".parse().expect("a name"), ..lattice.link(&lattice::actor(), &[]) };
    assert!(lattice.put(&other_name).await.is_some());
    for body in [b"".as_slice(), b"\xc1", b"{}", b"\x80", &[0x91; 5000]] {
        let body = Bytes::copy_from_slice(body);
        let error = lattice.answered(lattice.put_subject(), body.clone()).await.expect("refused");
        assert!(error.starts_with("no link: "), "{error}");
        assert!(lattice.answered(lattice.delete_subject(), body).await.is_some());
    }
    assert!(seen.log().is_empty(), "{:?}", seen.log());
}

/// Whoever may put links must not make a provider write elsewhere.
#[tokio::test]
async fn answers_go_to_inboxes_alone() {
    let lattice = Lattice::start().await;
    let (_serving, seen) = start(&lattice, Vec::new()).await;
    let mut elsewhere = lattice.client.subscribe("wasmbus.ctl.>").await.expect("a subscription");
    let actor = lattice::actor();
    let link: Bytes = encode(&lattice.link(&actor, &[("v", "1")]), SNAKE).into();
    let shutdown: Bytes = format!(r#"{{"host_id":"{}"}}"#, lattice.host).into();
    for (subject, body) in [
        (lattice.put_subject(), link.clone()),
        (lattice.health_subject(), Bytes::new()),
        (lattice.shutdown_subject(), shutdown),
        (lattice.delete_subject(), link),
    ] {
        lattice.client.publish_with_reply(subject, "wasmbus.ctl.default.x", body).await.expect("sent");
    }
    seen.noted(&[put(&actor, "1"), del(&actor, "1")]).await;
    assert!(lattice.health(b"").await.healthy, "it has not shut down");
    assert!(futures::FutureExt::now_or_never(futures::StreamExt::next(&mut elsewhere)).is_none());
}

#[tokio::test]
async fn calls_that_are_forged_or_not_an_actors_are_refused() {
    let lattice = Lattice::start().await;
    let actor = lattice::actor();
    let (_serving, seen) = start(&lattice, vec![lattice.link(&actor, &[])]).await;
    let send = async |body: Bytes| {
        let subject = lattice.target().subject(&lattice.subjects());
        let answer = lattice.client.request(subject, body).await.expect("an answer");
        InvocationResponse::decode(&answer.payload).expect("readable").error
    };
    let genuine = lattice.genuine(&actor);
    assert_eq!(send(genuine.encode()).await, None);
    let begun = seen.begun.load(Ordering::SeqCst);

    let mut tampered = genuine.clone();
    tampered.payload = Bytes::from_static(b"PAYLOAD");
    assert!(send(tampered.encode()).await.is_some());
    let mut other = genuine.clone();
    other.origin = lattice::actor().into();
    assert!(send(other.encode()).await.is_some());

    let call = |origin: Entity| Call::new(origin, lattice.target(), "Test.Echo", "");
    let foreign = lattice.rpc_of(&ClusterSeed::generate()).call(call(actor.clone().into())).await;
    assert!(matches!(foreign, Err(CallError::Refused { kind: RefusalKind::Forged, .. })), "{foreign:?}");
    let provider = lattice.rpc_of(&lattice.cluster).call(call(lattice.target())).await;
    let Err(CallError::Refused { kind: RefusalKind::Unlinked, error }) = provider else { panic!("{provider:?}") };
    assert!(error.ends_with("is no actor; only linked actors call providers"), "{error}");
    assert_eq!(seen.begun.load(Ordering::SeqCst), begun, "a refused call reached the provider");
}

#[tokio::test]
async fn a_panic_costs_its_own_call_only() {
    let lattice = Lattice::start().await;
    let actor = lattice::actor();
    let (_serving, seen) = start(&lattice, vec![lattice.link(&actor, &[])]).await;
    assert!(matches!(lattice.call(&actor, "Test.Panic", "").await, Err(CallError::Failed { .. })));
    assert_eq!(lattice.call(&actor, "Test.Echo", "x").await.expect("an answer"), "x");
    seen.unwell.store(true, Ordering::SeqCst);
    let health = lattice.health(b"").await;
    assert_eq!((health.healthy, health.message.as_deref()), (false, Some("the provider panicked when asked")));
    seen.unwell.store(false, Ordering::SeqCst);
    assert!(lattice.health(b"").await.healthy);
}

/// Tells who called, how deep, with which payload.
struct Actor;

impl Handler for Actor {
    async fn handle(&self, request: Request) -> Result<Bytes, HandlerError> {
        let payload = std::str::from_utf8(&request.payload).expect("text");
        let Entity::Provider { key, link, contract } = &request.origin else { panic!("{:?}", request.origin) };
        Ok(format!("{key} {link} {contract} {} {} {payload}", request.depth, request.trace.len()).into())
    }
}

#[tokio::test]
async fn calls_go_both_ways() {
    let lattice = Lattice::start().await;
    let actor = lattice::actor();
    let (_serving, _) = start(&lattice, vec![lattice.link(&actor, &[])]).await;
    let back = lattice.call(&actor, "Test.Back", "hello").await;
    assert!(matches!(&back, Err(CallError::Failed { error }) if error.contains("nobody there")), "{back:?}");
    let issuers = Issuers::new([lattice.cluster.public()]).expect("a sound key");
    let service = Service::new(LatticeName::default(), actor.clone().into(), issuers);
    let _server = Server::start(lattice.nats.client().await, service, Arc::new(Actor)).await.expect("it starts");
    let call = Call::new(actor.clone().into(), lattice.target(), "Test.Back", "hello")
        .with_depth(2)
        .with_trace([("traceparent".to_owned(), "00".to_owned())].into());
    let back = lattice.rpc_of(&lattice.cluster).call(call).await.expect("an answer");
    assert_eq!(back, format!("{} default {CONTRACT} 3 1 hello", lattice.provider));
}

#[tokio::test]
async fn it_shuts_down_for_its_own_host_and_finishes_running_calls() {
    let lattice = Lattice::start().await;
    let actor = lattice::actor();
    let (mut serving, seen) = start(&lattice, vec![lattice.link(&actor, &[("v", "1")])]).await;
    let own = format!(r#"{{"host_id":"{}"}}"#, lattice.host);
    lattice.client.publish(lattice.shutdown_subject(), own.into()).await.expect("sent");
    let other = format!(r#"{{"host_id":"{}"}}"#, lattice_claims::HostSeed::generate().public());
    for body in [other.as_str(), "{}", "", "no JSON"] {
        let inbox = lattice.client.new_inbox();
        lattice
            .client
            .publish_with_reply(lattice.shutdown_subject(), inbox, body.to_owned().into())
            .await
            .expect("sent");
    }
    assert!(lattice.health(b"").await.healthy, "it has not shut down");

    let answers = tokio::join!(lattice.call(&actor, "Test.Wait", "x"), lattice.shut_down(), async {
        seen.begun(1).await;
        eventually("the shutdown begins", LONG, async || seen.log().contains(&"shutdown".to_owned()).then_some(()))
            .await;
        seen.gate.add_permits(1);
    });
    assert_eq!(answers.0.expect("an answer"), "x");
    assert_eq!(answers.1, "shutting down");
    assert_eq!(serving.ended().await, Ended::Shutdown);
    seen.noted(&[put(&actor, "1"), "shutdown".to_owned(), "dropped".to_owned()]).await;
    let after = lattice.call(&actor, "Test.Echo", "x").await;
    assert!(matches!(after, Err(CallError::NoResponders { .. })), "{after:?}");
    assert!(lattice.client.request(lattice.health_subject(), Bytes::new()).await.is_err());
}

#[tokio::test]
async fn a_host_that_says_how_long_it_waits_is_answered_in_time() {
    let lattice = Lattice::start().await;
    let actor = lattice::actor();
    let (mut serving, seen) = start(&lattice, vec![lattice.link(&actor, &[])]).await;
    let shut_down = async {
        seen.begun(1).await;
        let mut headers = HeaderMap::new();
        headers.insert(DEADLINE_HEADER, "100");
        let body = format!(r#"{{"host_id":"{}"}}"#, lattice.host);
        lattice.client.request_with_headers(lattice.shutdown_subject(), headers, body.into()).await
    };
    let (call, answer) = tokio::join!(lattice.call(&actor, "Test.Never", ""), shut_down);
    assert!(matches!(&call, Err(CallError::Failed { error }) if error.starts_with("ended")), "{call:?}");
    assert_eq!(answer.expect("an answer").payload, "shutting down");
    assert_eq!(serving.ended().await, Ended::Shutdown);
}

#[tokio::test]
async fn it_can_be_shut_down_from_inside_and_ends_when_it_is_dropped() {
    let lattice = Lattice::start().await;
    let (serving, seen) = start(&lattice, Vec::new()).await;
    assert_eq!(serving.shutdown().await, Ended::Shutdown);
    seen.noted(&["shutdown".to_owned(), "dropped".to_owned()]).await;

    let actor = lattice::actor();
    let (serving, seen) = start(&lattice, vec![lattice.link(&actor, &[("v", "1")])]).await;
    let held = lattice.link(&lattice::actor(), &[("v", "hold")]);
    lattice.client.publish(lattice.put_subject(), encode(&held, SNAKE).into()).await.expect("sent");
    seen.noted(&[put(&actor, "1"), put(&held.actor_id, "hold")]).await;
    drop(serving);
    seen.noted(&[put(&actor, "1"), put(&held.actor_id, "hold"), "dropped".to_owned()]).await;
    eventually("nobody listens", LONG, async || {
        lattice.client.request(lattice.health_subject(), Bytes::new()).await.is_err().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_lost_connection_is_restored_with_its_subscriptions() {
    let mut lattice = Lattice::start().await;
    let actor = lattice::actor();
    let (_serving, seen) = start(&lattice, vec![lattice.link(&actor, &[("v", "1")])]).await;
    lattice.nats.restart().await;
    lattice.ready().await;
    let two = lattice.link(&actor, &[("v", "2")]);
    assert_eq!(lattice.put(&two).await, None);
    assert_eq!(lattice.call(&actor, "Test.Value", "").await.expect("linked"), "2");
    assert_eq!(lattice.shut_down().await, "shutting down");
    seen.noted(&[put(&actor, "1"), put(&actor, "2"), "shutdown".to_owned(), "dropped".to_owned()]).await;
}

#[tokio::test]
async fn it_ends_without_nats_too() {
    let mut lattice = Lattice::start().await;
    let seen = seen();
    let (probe, mut nats) = (Arc::clone(&seen), None);
    let serving = serve(lattice.data(Vec::new()), |context| {
        nats = Some(context.nats().clone());
        async { Ok(Probe { seen: probe, context }) }
    });
    let (serving, nats) = (serving.await.expect("it starts"), nats.expect("it was made"));
    lattice.nats.kill();
    eventually("the connection is lost", LONG, async || (nats.connection_state() == State::Disconnected).then_some(()))
        .await;
    assert_eq!(serving.shutdown().await, Ended::Shutdown);
    seen.noted(&["shutdown".to_owned(), "dropped".to_owned()]).await;
}

#[tokio::test]
async fn it_connects_with_the_credentials_of_the_host_data() {
    let user = nkeys_user();
    let config = format!("authorization: {{ users: [ {{ nkey: {} }} ] }}", user.0);
    let nats = NatsServer::start_with(NatsOptions { config, ..NatsOptions::default() }).await;
    let options = async_nats::ConnectOptions::with_nkey(user.1.to_owned());
    let client = options.connect(nats.url()).await.expect("the user may connect");
    let lattice = Lattice::of(nats, client);
    let refused = serve(lattice.data(Vec::new()), |context| async { Ok(Probe { seen: seen(), context }) }).await;
    assert!(matches!(refused, Err(StartError::Connect { .. })), "{refused:?}");
    let mut data = lattice.data(Vec::new());
    data.lattice_rpc_user_seed = user.1.to_owned();
    let _serving =
        serve(data.clone(), |context| async { Ok(Probe { seen: seen(), context }) }).await.expect("it starts");
    assert!(lattice.health(b"").await.healthy);
    data.lattice_rpc_user_jwt = "no token".to_owned();
    data.lattice_rpc_user_seed.clear();
    let refused = serve(data, |context| async { Ok(Probe { seen: seen(), context }) }).await;
    assert!(matches!(refused, Err(StartError::Credentials { .. })), "{refused:?}");
}

/// A user's key and seed.
fn nkeys_user() -> (&'static str, &'static str) {
    (
        "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4",
        "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY",
    )
}

#[tokio::test]
async fn why_it_does_not_start_is_told() {
    let lattice = Lattice::start().await;
    let check = async |data: lattice_protocol::HostData, expect: &str| {
        let failed = serve(data, |context| async {
            match context.configuration() {
                Some(text) => Err(Failure::new(format!("bad configuration `{text}`"))),
                None => Ok(Probe { seen: seen(), context }),
            }
        });
        let error = failed.await.expect_err("it does not start");
        let text = lattice_protocol::error_chain(&error);
        assert!(text.contains(expect) && !text.contains("secret"), "{text}");
    };
    let data = || lattice.data(Vec::new());
    let mut nowhere = data();
    nowhere.lattice_rpc_url = "nats://user:secret@127.0.0.1:1".to_owned();
    check(nowhere, "no connection to NATS at `nats://127.0.0.1:1`").await;
    let mut unsigned = data();
    unsigned.invocation_seed = "secret".to_owned();
    check(unsigned, "the seed for invocations cannot be used").await;
    let mut configured = data();
    configured.config_json = Some("x".to_owned());
    check(configured, "the provider does not start: bad configuration `x`").await;
}
