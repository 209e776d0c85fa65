//! Calls through a door, past the broker.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use lattice_claims::{HostSeed, ProviderSeed};
use lattice_protocol::{ActorKey, DirectAccess, ProviderKey};
use lattice_rpc::{
    Call, CallError, DirectClient, DirectDoor, DirectPass, Entity, Handler, HandlerError, Locals, RefusalKind,
    Refusals, Request, RpcClient,
};
use lattice_testkit::eventually;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    time::Instant,
};

use crate::support::{Guest, LONG, Lattice, pattern, text};

/// The largest payload through the doors of these tests.
const LARGEST: usize = 100_000;

fn entity(key: &ProviderKey, contract: &str) -> Entity {
    let (link, contract) = ("default".parse().expect("a name"), contract.parse().expect("a contract"));
    Entity::Provider { key: key.clone(), link, contract }
}

/// Runs one actor, or none.
struct Host(Option<(ActorKey, Arc<Guest>)>);

struct Here(Arc<Guest>);

impl Locals for Host {
    type Handler = Here;

    fn find(&self, actor: &ActorKey) -> Option<Here> {
        self.0.as_ref().filter(|(here, _)| here == actor).map(|(_, guest)| Here(Arc::clone(guest)))
    }
}

impl Handler for Here {
    async fn handle(&self, request: Request) -> Result<Bytes, HandlerError> {
        self.0.handle(request).await
    }
}

/// A host with a door, and a provider that has entered.
struct Stage {
    lattice: Lattice,
    door: Option<DirectDoor>,
    refusals: Arc<Refusals>,
    provider: ProviderKey,
    pass: DirectPass,
    rpc: RpcClient,
}

impl Stage {
    /// The actor runs on the host, and nothing is served over NATS.
    async fn start() -> Self {
        let lattice = Lattice::start().await;
        let Entity::Actor(actor) = lattice.actor.clone() else { unreachable!("the actor is one") };
        let here = Host(Some((actor, Arc::clone(&lattice.guest))));
        Self::start_with(lattice, here).await
    }

    async fn start_with(lattice: Lattice, host: Host) -> Self {
        let refusals = Arc::new(Refusals::default());
        let door = DirectDoor::open(host, HostSeed::generate().public(), Arc::clone(&refusals), LONG, LARGEST);
        let door = door.expect("there is a socket");
        let provider = ProviderSeed::generate().public();
        let pass = door.pass(entity(&provider, "acme:store"));
        let direct = DirectClient::connect(pass.access()).await.expect("the ticket is good");
        let rpc = lattice.rpc().with_direct(direct);
        Self { lattice, door: Some(door), refusals, provider, pass, rpc }
    }

    fn call_of(&self, operation: &str, payload: impl Into<Bytes>) -> Call {
        Call::new(entity(&self.provider, "acme:store"), self.lattice.actor.clone(), operation, payload)
    }

    async fn call(&self, operation: &str, payload: impl Into<Bytes>) -> Result<Bytes, CallError> {
        self.rpc.call(self.call_of(operation, payload)).await
    }
}

#[tokio::test]
async fn what_runs_on_the_host_is_called_without_the_broker() {
    let stage = Stage::start().await;
    for size in [0, 1, 16 << 10, (16 << 10) + 1, LARGEST] {
        let payload = pattern(size);
        assert_eq!(stage.call("Test.Echo", payload.clone()).await.expect("an answer"), payload);
    }
    let over_nats = stage.lattice.rpc().call(stage.call_of("Test.Echo", "")).await;
    assert!(matches!(over_nats, Err(CallError::NoResponders { .. })), "{over_nats:?}");
}

#[tokio::test]
async fn the_door_knows_who_calls_whatever_the_call_says() {
    let stage = Stage::start().await;
    let other = entity(&ProviderSeed::generate().public(), "acme:vault");
    let claimed = Call::new(other.clone(), stage.lattice.actor.clone(), "Test.Origin", "");
    let told = stage.rpc.call(claimed).await.expect("an answer");
    assert_eq!(text(&told), format!("{:?}", entity(&stage.provider, "acme:store")));
    let call = Call::new(other, stage.lattice.actor.clone(), "Test.Told", "")
        .with_deadline(Instant::now() + LONG)
        .with_depth(3)
        .with_trace([("traceparent".to_owned(), "00".to_owned())].into());
    let told = stage.rpc.call(call).await.expect("an answer");
    let told: Vec<_> = text(&told).split(' ').collect();
    assert_eq!((told[0], told[1], told[3]), (stage.provider.as_str(), "3", "1"));
    assert!(told[2].parse::<u64>().expect("seconds") < LONG.as_secs());
}

#[tokio::test]
async fn many_calls_at_once_get_each_its_own_answer() {
    let stage = Stage::start().await;
    let calls = (0..500).map(|number: usize| {
        let (stage, payload) = (&stage, pattern(number * 50));
        async move { assert_eq!(stage.call("Test.Echo", payload.clone()).await.expect("an answer"), payload) }
    });
    futures::future::join_all(calls).await;
}

#[tokio::test]
async fn what_goes_wrong_is_told_as_over_nats() {
    let stage = Stage::start().await;
    let failed = stage.call("Test.Nothing", "").await;
    assert!(matches!(&failed, Err(CallError::Failed { error }) if error == "no operation Test.Nothing"), "{failed:?}");
    let failed = stage.call("Test.Panic", "").await;
    assert!(matches!(&failed, Err(CallError::Failed { error }) if error.contains("panicked")), "{failed:?}");
    let failed = stage.call("Test.Big", (LARGEST + 1).to_string()).await;
    assert!(matches!(&failed, Err(CallError::Failed { error }) if error.contains("at most 100000")), "{failed:?}");
    for (operation, kind) in [("Test.Full", RefusalKind::Overloaded), ("Test.Unlinked", RefusalKind::Unlinked)] {
        let refused = stage.call(operation, "").await;
        assert!(matches!(&refused, Err(CallError::Refused { kind: told, .. }) if *told == kind), "{refused:?}");
        assert_eq!(stage.refusals.count(kind), 1);
    }
    assert_eq!(stage.call("Test.Echo", "still").await.expect("an answer"), "still");
}

#[tokio::test]
async fn a_caller_waits_until_its_deadline_and_no_longer() {
    let stage = Stage::start().await;
    let call = stage.call_of("Test.Never", "").with_time_limit(Duration::from_millis(20));
    let late = stage.rpc.call(call).await;
    // Caller and door stop at the same time; either may be the first to say so.
    let is_late = match &late {
        Err(CallError::TimedOut { .. }) => true,
        Err(CallError::Failed { error }) => error.contains("longer than its deadline"),
        _ => false,
    };
    assert!(is_late, "{late:?}");
    assert_eq!(stage.call("Test.Echo", "next").await.expect("an answer"), "next");
}

#[tokio::test]
async fn what_is_elsewhere_or_too_large_goes_over_nats() {
    let lattice = Lattice::start().await;
    let _server = lattice.serve().await;
    let stage = Stage::start_with(lattice, Host(None)).await;
    assert_eq!(stage.call("Test.Echo", "x").await.expect("an answer"), "x");
    let stage = Stage::start().await;
    let too_large = stage.call("Test.Echo", pattern(LARGEST + 1)).await;
    assert!(matches!(too_large, Err(CallError::NoResponders { .. })), "{too_large:?}");
    let trace = [("tracestate".to_owned(), "x".repeat(70_000))].into();
    let too_large = stage.rpc.call(stage.call_of("Test.Echo", pattern(LARGEST)).with_trace(trace)).await;
    assert!(matches!(too_large, Err(CallError::NoResponders { .. })), "{too_large:?}");
    assert_eq!(stage.call("Test.Echo", "x").await.expect("the door is still open"), "x");
}

#[tokio::test]
async fn who_has_too_much_to_do_here_is_asked_for_elsewhere() {
    let stage = Stage::start().await;
    let refused = stage.call("Test.Full", "").await;
    assert!(matches!(refused, Err(CallError::Refused { kind: RefusalKind::Overloaded, .. })), "{refused:?}");
    let server = stage.lattice.serve().await;
    let refused = stage.call("Test.Full", "").await;
    assert!(matches!(refused, Err(CallError::Refused { kind: RefusalKind::Overloaded, .. })), "{refused:?}");
    assert_eq!(
        (stage.refusals.count(RefusalKind::Overloaded), server.refusals().count(RefusalKind::Overloaded)),
        (2, 1)
    );
}

#[tokio::test]
async fn when_the_host_goes_its_callers_hear_of_it_and_later_calls_go_over_nats() {
    let mut stage = Stage::start().await;
    let server = stage.lattice.serve().await;
    let door = stage.door.take();
    let waiting = stage.call("Test.Never", "");
    let gone = async {
        stage.lattice.guest.begun(1).await;
        drop(door);
    };
    let (ended, ()) = tokio::join!(waiting, gone);
    assert!(
        matches!(&ended, Err(CallError::Failed { error }) if error.contains("connection to the host")),
        "{ended:?}"
    );
    let call = Call::new(stage.lattice.actor.clone(), stage.lattice.actor.clone(), "Test.Echo", "x");
    assert_eq!(stage.rpc.call(call).await.expect("an answer"), "x");
    drop(server);
}

#[tokio::test]
async fn only_good_tickets_let_in_and_one_at_a_time() {
    let stage = Stage::start().await;
    let access = stage.pass.access().clone();
    let forged = DirectAccess { ticket: "0".repeat(32), ..access.clone() };
    let refused = DirectClient::connect(&forged).await.expect_err("nobody gave that ticket");
    assert_eq!(refused.kind(), io::ErrorKind::UnexpectedEof);
    assert!(DirectClient::connect(&access).await.is_err(), "somebody is inside with it");
    let other = stage.door.as_ref().expect("it is open").pass(entity(&stage.provider, "acme:store"));
    assert!(DirectClient::connect(other.access()).await.is_ok());
    let later = DirectAccess { version: access.version + 1, ..access.clone() };
    assert!(DirectClient::connect(&later).await.is_err());
    let nowhere = DirectAccess { socket: "lattice-nowhere".to_owned(), ..access.clone() };
    assert!(DirectClient::connect(&nowhere).await.is_err());
    assert!(!format!("{access:?}").contains(&access.ticket));
}

#[tokio::test]
async fn who_has_lost_the_pass_is_shown_out() {
    let stage = Stage::start().await;
    assert_eq!(stage.call("Test.Echo", "x").await.expect("an answer"), "x");
    let access = stage.pass.access().clone();
    let (rpc, call) = (stage.rpc.clone(), stage.call_of("Test.Echo", "x"));
    drop(stage.pass);
    eventually("calls go over NATS, where nobody is", LONG, async || {
        matches!(rpc.call(call.clone()).await, Err(CallError::NoResponders { .. })).then_some(())
    })
    .await;
    assert!(DirectClient::connect(&access).await.is_err());
}

/// Whoever reads no answers gets none made, beyond what there is room for.
#[tokio::test]
async fn who_does_not_read_is_not_worked_for() {
    let lattice = Lattice::start().await;
    let Entity::Actor(actor) = lattice.actor.clone() else { unreachable!("the actor is one") };
    let here = Host(Some((actor.clone(), Arc::clone(&lattice.guest))));
    let stage = Stage::start_with(lattice, here).await;
    let pass = stage.door.as_ref().expect("it is open").pass(entity(&stage.provider, "acme:store"));
    let mut stream = UnixStream::connect(format!("\0{}", pass.access().socket)).await.expect("it listens");
    stream.write_all(pass.access().ticket.as_bytes()).await.expect("it reads");
    assert_eq!(stream.read_u32().await.expect("it answers"), LARGEST as u32);
    let ask = ask(&actor, "Test.Big", &LARGEST.to_string());
    let wrote = async {
        while stream.write_all(&ask).await.is_ok() {}
        unreachable!("the door stays open");
    };
    let full = eventually("there is no room for more", LONG, async || {
        (stage.refusals.count(RefusalKind::Overloaded) > 0).then_some(())
    });
    tokio::select! { () = full => {}, () = wrote => {} }
    let begun = stage.lattice.guest.begun.load(Ordering::SeqCst);
    assert!(begun < 4 * (128 << 20) / LARGEST, "{begun} answers of {LARGEST} bytes were made for nobody");
}

/// A call as it is on its way.
fn ask(actor: &ActorKey, operation: &str, payload: &str) -> Vec<u8> {
    let trace = std::collections::BTreeMap::<String, String>::new();
    let head = rmp_serde::to_vec(&(7_u64, actor.to_string(), operation, 20_000_u64, 0_u32, false, trace));
    let head = head.expect("memory takes it");
    let whole = 4 + head.len() + payload.len();
    [&(whole as u32).to_be_bytes()[..], &(head.len() as u32).to_be_bytes(), &head, payload.as_bytes()].concat()
}
