//! Calling actors through the lattice: answers, failures that cost one call, and invocations that are refused.

mod support;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use lattice_claims::{ClusterSeed, InvocationSigner, ModuleSeed};
use lattice_client::{CallError, CallTarget, Caller};
use lattice_protocol::{ActorKey, LatticeName};
use lattice_rpc::{Entity, Invocation, InvocationResponse, TraceContext};
use lattice_testkit::guests::{
    self,
    built::{COUNTER, VISITS},
};
use serde_json::json;
use support::{DEADLINE, Lattice, TestActor};

fn caller(lattice: &Lattice, seed: &ClusterSeed) -> Caller {
    Caller::new(lattice.client.clone(), LatticeName::default(), InvocationSigner::new(seed.clone()))
}

async fn call(lattice: &Lattice, actor: &ActorKey, operation: &str, payload: &[u8]) -> Result<Bytes, CallError> {
    let target = CallTarget::Actor(actor.clone());
    let payload = Bytes::copy_from_slice(payload);
    caller(lattice, &lattice.seeds.cluster).call(&target, operation, payload, DEADLINE).await
}

async fn running(lattice: &Lattice, name: &str, wasm: &[u8], annotations: serde_json::Value) -> TestActor {
    let actor = lattice.actor(name, wasm);
    let body = json!({"actor_ref": actor.reference(), "annotations": annotations, "count": 2});
    let record = lattice.carry_out("cmd.{host}.scale", body).await;
    assert_eq!(record.actor_id.as_ref(), Some(&actor.key), "{:?}", record.causes);
    actor
}

fn failure(result: Result<Bytes, CallError>) -> String {
    let error = result.expect_err("the call fails");
    std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[tokio::test]
async fn an_actor_answers() {
    let lattice = Lattice::start().await;
    let actor = running(&lattice, "echo", &guests::echo(), json!({})).await;
    assert_eq!(call(&lattice, &actor.key, "Echo.Say", b"hello").await.expect("an answer"), "hello");
    assert_eq!(call(&lattice, &actor.key, "Echo.Say", b"").await.expect("an answer"), "");
    let large = vec![7_u8; 700_000];
    assert_eq!(call(&lattice, &actor.key, "Echo.Say", &large).await.expect("an answer"), large);
}

#[tokio::test]
async fn payloads_too_large_for_one_message_reach_actors_and_come_back() {
    let lattice = Lattice::start().await;
    let actor = running(&lattice, "echo", &guests::echo(), json!({})).await;
    let large: Vec<u8> = (0..9_000_000_u32).map(|at| (at ^ (at >> 8)) as u8).collect();
    assert!(call(&lattice, &actor.key, "Echo.Say", &large).await.expect("an answer") == large);
    let error = failure(call(&lattice, &actor.key, "Echo.Say", &vec![0; (16 << 20) + 1]).await);
    assert!(error.contains("16777217 bytes are announced, at most 16777216 are taken"), "{error}");
}

#[tokio::test]
async fn a_failure_costs_its_call_only() {
    let lattice = Lattice::start_with(|config| config.call_deadline = Duration::from_millis(500)).await;
    let actor = running(&lattice, "counter", COUNTER, json!({})).await;
    let cases = [
        ("Fault.Trap", "trap"),
        ("Fault.Allocate", "memory"),
        ("Fault.Loop", "within"),
        ("Fault.None", "unknown operation"),
    ];
    for (operation, expect) in cases {
        let error = failure(call(&lattice, &actor.key, operation, b"").await);
        assert!(error.contains(expect), "{operation}: {error}");
        assert_eq!(call(&lattice, &actor.key, "Fault.Echo", b"still here").await.expect("an answer"), "still here");
    }
}

#[tokio::test]
async fn a_loop_holds_nobody_up() {
    let lattice = Lattice::start_with(|config| config.call_deadline = Duration::from_secs(3)).await;
    let spin = running(&lattice, "spin", &guests::spin(), json!({})).await;
    let echo = running(&lattice, "echo", &guests::echo(), json!({})).await;
    let spinning = call(&lattice, &spin.key, "Spin.On", b"");
    let others = async {
        for _ in 0..50 {
            call(&lattice, &echo.key, "Echo.Say", b"x").await.expect("an answer");
        }
    };
    // All fifty come back while the loop still runs: it ends last.
    let (ended, ()) = tokio::join!(spinning, others);
    assert!(failure(ended).contains("within"));
}

#[tokio::test]
async fn reuse_keeps_what_an_instance_knows() {
    let lattice = Lattice::start().await;
    let one = b"\x81\xa5count\x01";
    let fresh = running(&lattice, "fresh", COUNTER, json!({})).await;
    for _ in 0..3 {
        assert_eq!(call(&lattice, &fresh.key, "Counter.Increment", b"").await.expect("an answer"), &one[..]);
    }
    let kept = lattice.actor("kept", COUNTER);
    let body = json!({"actor_ref": kept.reference(), "annotations": {"reuse": "true"}, "count": 1});
    lattice.carry_out("cmd.{host}.scale", body).await;
    for count in 1..=3 {
        let answer = call(&lattice, &kept.key, "Counter.Increment", b"").await.expect("an answer");
        assert_eq!(answer.last(), Some(&count));
    }
    failure(call(&lattice, &kept.key, "Fault.Trap", b"").await);
    assert_eq!(call(&lattice, &kept.key, "Counter.Increment", b"").await.expect("an answer"), &one[..]);
}

#[tokio::test]
async fn a_full_queue_is_told_and_everything_works_again() {
    let lattice = Lattice::start_with(|config| {
        config.call_queue = 1;
        config.call_deadline = Duration::from_secs(2);
    })
    .await;
    let actor = lattice.actor("counter", COUNTER);
    lattice.carry_out("cmd.{host}.scale", json!({"actor_ref": actor.reference(), "count": 1})).await;
    let calls = (0..8).map(|_| call(&lattice, &actor.key, "Fault.Loop", b""));
    let outcomes: Vec<_> = futures::future::join_all(calls).await.into_iter().map(failure).collect();
    assert!(outcomes.iter().any(|error| error.contains("more are refused")), "{outcomes:?}");
    call(&lattice, &actor.key, "Fault.Echo", b"x").await.expect("everything works again");
}

/// An invocation that was signed an hour ago.
fn expired(lattice: &Lattice, actor: &ActorKey) -> Bytes {
    let mut invocation = Invocation {
        origin: Entity::Actor(ModuleSeed::generate().public()),
        target: Entity::Actor(actor.clone()),
        operation: "Echo.Say".to_owned(),
        payload: Bytes::from_static(b"x"),
        id: "1".to_owned(),
        claims: String::new(),
        host_id: lattice.host_key().to_string(),
        content_length: 1,
        trace: TraceContext::default(),
    };
    let signer = InvocationSigner::new(lattice.seeds.cluster.clone()).with_lifetime(Some(Duration::from_secs(1)));
    let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
    invocation.claims = signer.sign(&invocation.id, &invocation.parts(), an_hour_ago);
    invocation.encode()
}

#[tokio::test]
async fn invocations_that_are_not_genuine_are_refused_and_counted() {
    let lattice = Lattice::start().await;
    let actor = running(&lattice, "echo", &guests::echo(), json!({})).await;
    let stranger = caller(&lattice, &ClusterSeed::generate());
    for payload in ["", "x"] {
        let refused = stranger.call(&CallTarget::Actor(actor.key.clone()), "Echo.Say", payload, DEADLINE).await;
        assert!(failure(refused).contains("issuer"), "a forged call went through");
    }
    let answer = lattice.client.request(format!("wasmbus.rpc.default.{}", actor.key), expired(&lattice, &actor.key));
    let answer = InvocationResponse::decode(&answer.await.expect("an answer").payload).expect("a response");
    assert!(answer.error.as_ref().is_some_and(|error| error.contains("expired")), "{answer:?}");
    let counted: u64 = lattice.host.refusals().snapshot().iter().map(|(_, count)| count).sum();
    assert_eq!(counted, 3);
    call(&lattice, &actor.key, "Echo.Say", b"x").await.expect("genuine calls go on");
}

#[tokio::test]
async fn actors_call_actors_by_key_and_alias() {
    let lattice = Lattice::start().await;
    let echo = lattice.actor_with("echo", &guests::echo(), &ModuleSeed::generate(), |claims| {
        claims.call_alias = Some("acme/echo".parse().expect("an alias"));
    });
    lattice.carry_out("cmd.{host}.scale", json!({"actor_ref": echo.reference(), "count": 1})).await;
    for (name, target) in [("by_alias", "acme/echo"), ("by_key", echo.key.as_str())] {
        let forwarder = running(&lattice, name, &guests::host_call("", target), json!({})).await;
        let answer = call(&lattice, &forwarder.key, "Echo.Say", b"through").await.expect("an answer");
        assert_eq!(answer, "through");
    }
    let lost = running(&lattice, "lost", &guests::host_call("default", "wasmcloud:keyvalue"), json!({})).await;
    let error = failure(call(&lattice, &lost.key, "KeyValue.Get", b"").await);
    assert!(error.contains("has no link `default` for contract `wasmcloud:keyvalue`"), "{error}");
    let stray = running(&lattice, "stray", &guests::host_call("", "acme/nobody"), json!({})).await;
    let error = failure(call(&lattice, &stray.key, "Echo.Say", b"").await);
    assert!(error.contains("`acme/nobody`, and no actor is known by that key or call alias"), "{error}");
}

#[tokio::test]
async fn a_page_without_its_store_is_a_page_that_says_why() {
    let lattice = Lattice::start().await;
    let actor = running(&lattice, "visits", VISITS, json!({})).await;
    let answer = call(&lattice, &actor.key, "HttpServer.HandleRequest", b"").await.expect("an answer");
    let page = String::from_utf8_lossy(&answer);
    assert!(page.contains("<h1>Hello from the lattice</h1>"), "{page}");
    assert!(page.contains("is not available: ") && page.contains("has no link `default`"), "{page}");
}

#[tokio::test]
async fn an_actor_at_its_limit_that_calls_itself_is_refused_at_once() {
    let lattice = Lattice::start().await;
    let seed = ModuleSeed::generate();
    let narcissus = guests::host_call("", seed.public().as_str());
    let actor = lattice.actor_with("narcissus", &narcissus, &seed, |_| {});
    lattice.carry_out("cmd.{host}.scale", json!({"actor_ref": actor.reference(), "count": 3})).await;
    let error = failure(call(&lattice, &actor.key, "Echo.Say", b"").await);
    assert!(error.ends_with("all 3 places are taken and the call was not to wait"), "{error}");
    lattice.carry_out("cmd.{host}.scale", json!({"actor_ref": actor.reference(), "count": 1000})).await;
    let error = failure(call(&lattice, &actor.key, "Echo.Say", b"").await);
    assert!(error.contains("calls deep is the limit"), "{error}");
}

#[tokio::test]
async fn the_published_actors_run() {
    let lattice = Lattice::start().await;
    let package = std::env::var("CARGO_MANIFEST_DIR").expect("cargo tells tests");
    let fixture = |name: &str| format!("file://{package}/../testkit/fixtures/{name}");
    let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).expect("hexadecimal");
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": fixture("echo_messaging_v0.9.0.wasm")})).await;
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": fixture("logger.wasm")})).await;
    let keys: Vec<_> = lattice.inventory().await.actors.into_iter().map(|actor| actor.id.to_string()).collect();
    let (echo, logger) = (
        "MDJ5BWS6JXSWOZL2ZENW2D4FBSHQ5ZMFGEGJB33TLKYKMXTLLAXINU36",
        "MAARQX72EAZ4T4ODYOQZED3FJ6P27KWWVVTUNV6TVX2VBRVVSUKLAQHP",
    );
    assert_eq!(keys, [logger, echo]);
    let echo: ActorKey = echo.parse().expect("a published key");
    let health = call(&lattice, &echo, "Actor.HealthRequest", &hex("80")).await.expect("an answer");
    assert_eq!(health, hex("81a76865616c746879c3"));
    // Its provider is not there, which this actor logs, through a built-in contract, and takes lightly.
    let message = hex(
        "83a77375626a656374ac746573742e7375626a656374a77265706c79546faa7265706c792e68657265a4626f6479c40568656c6c6f",
    );
    let answer = call(&lattice, &echo, "MessageSubscriber.HandleMessage", &message).await;
    assert_eq!(answer.expect("an answer"), "");
    let logger: ActorKey = logger.parse().expect("a published key");
    let request = hex("85a66d6574686f64a3474554a470617468a12fab7175657279537472696e67a0a668656164657280a4626f6479c400");
    let error = failure(call(&lattice, &logger, "HandleRequest", &request).await);
    assert!(error.contains("wasmcloud:logging"), "{error}");
}
