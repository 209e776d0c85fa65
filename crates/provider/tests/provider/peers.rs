//! Instances of one provider, and what they know together.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures::StreamExt as _;
use lattice_claims::ClusterSeed;
use lattice_protocol::{HostData, LinkName};
use lattice_provider::{
    Failure, HandlerError, NotShared, Peers, Provider, ProviderCall, Serving, Shared, decode, encode, serve,
};
use lattice_testkit::eventually;
use serde_json::json;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::lattice::{LONG, Lattice};

/// Texts by name, of which the later counts.
#[derive(Default)]
struct Board(Mutex<BTreeMap<String, (u64, String)>>);

impl Board {
    fn put(&self, name: &str, version: u64, text: &str) -> Bytes {
        let piece = encode(&(name, version, text));
        self.take(&piece).expect("it is a piece");
        piece
    }

    fn texts(&self) -> BTreeMap<String, (u64, String)> {
        self.0.lock().expect("not poisoned").clone()
    }
}

impl Shared for Board {
    fn pieces(&self) -> Vec<Zeroizing<Vec<u8>>> {
        let piece = |(name, (version, text)): (&String, &(u64, String))| encode(&(name, version, text)).to_vec().into();
        self.texts().iter().map(piece).collect()
    }

    fn take(&self, piece: &[u8]) -> Result<(), Failure> {
        let (name, version, text): (String, u64, String) = decode(piece)?;
        if text == "refuse" {
            return Err(Failure::new("not this one"));
        }
        let mut texts = self.0.lock().expect("not poisoned");
        if texts.get(&name).is_none_or(|(known, _)| *known < version) {
            texts.insert(name, (version, text));
        }
        Ok(())
    }
}

struct Nothing;

impl Provider for Nothing {
    async fn handle(&self, _call: ProviderCall) -> Result<Bytes, HandlerError> {
        Ok(Bytes::new())
    }
}

/// An instance.
struct Instance {
    board: Arc<Board>,
    peers: Peers,
    _serving: Serving,
}

impl Instance {
    async fn of(data: HostData) -> Self {
        Self::with(data, Board::default()).await
    }

    async fn with(data: HostData, board: Board) -> Self {
        let board = Arc::new(board);
        let mut joined = None;
        let serving = serve(data, async |context| {
            joined = Some(Peers::join(&context, Arc::clone(&board)).await?);
            Ok(Nothing)
        });
        let serving = serving.await.expect("it serves");
        Self { board, peers: joined.expect("it has joined"), _serving: serving }
    }

    async fn share(&self, name: &str, version: u64, text: &str) -> Result<(), NotShared> {
        let piece = self.board.put(name, version, text);
        self.peers.share(&piece, Instant::now() + LONG).await
    }

    async fn knows_others(&self, count: usize) {
        eventually("it knows the others", LONG, async || (self.peers.others() == count).then_some(())).await;
    }
}

#[tokio::test]
async fn what_one_is_told_all_know_before_it_goes_on() {
    let lattice = Lattice::start().await;
    let first = Instance::of(lattice.data(Vec::new())).await;
    first.share("a", 1, "x").await.expect("it is alone");
    let second = Instance::of(lattice.data(Vec::new())).await;
    let third = Instance::of(lattice.data(Vec::new())).await;
    assert_eq!(third.board.texts(), first.board.texts(), "who starts knows what the others do");
    for (version, instance) in (2..).zip([&third, &first, &second]) {
        instance.knows_others(2).await;
        instance.share("a", version, &version.to_string()).await.expect("all take it");
        for other in [&first, &second, &third] {
            assert_eq!(other.board.texts()["a"], (version, version.to_string()));
        }
    }
    drop(second);
    first.share("a", 9, "z").await.expect("who is gone is not waited for");
    third.peers.leave().await;
    first.knows_others(0).await;
    assert_eq!(third.board.texts()["a"].0, 9);
}

#[tokio::test]
async fn much_is_told_in_pages() {
    let lattice = Lattice::start().await;
    let board = Board::default();
    for name in 0..40 {
        board.put(&name.to_string(), 1, &"x".repeat(60_000));
    }
    let first = Instance::with(lattice.data(Vec::new()), board).await;
    let second = Instance::of(lattice.data(Vec::new())).await;
    assert_eq!(second.board.texts(), first.board.texts());
}

#[tokio::test]
async fn who_does_not_take_it_is_named() {
    let lattice = Lattice::start().await;
    let first = Instance::of(lattice.data(Vec::new())).await;
    let _second = Instance::of(lattice.data(Vec::new())).await;
    first.knows_others(1).await;
    let refused = first.peers.share(&encode(&("a", 1, "refuse")), Instant::now() + LONG).await;
    let host = lattice.host.clone();
    assert_eq!(refused, Err(NotShared::Refused { host, reason: "not this one".to_owned() }));
}

/// Sealed as an instance does: what it says can be made up by who has the seed alone.
async fn greet_as(lattice: &Lattice, seed: &ClusterSeed, id: &str) {
    let everybody = lattice.subjects().instances(&lattice.provider, &LinkName::default());
    let hello = json!({ "from": { "id": id, "host": lattice.host }, "nonce": "n", "start": 0, "listens": true });
    let sealed = seed.seal(&format!("{everybody} hello everybody"), &encode(&hello)).expect("random numbers");
    lattice.client.publish_with_reply(everybody, "_INBOX.nobody", sealed.into()).await.expect("it is sent");
    lattice.client.flush().await.expect("it is sent");
}

#[tokio::test]
async fn who_is_silent_is_named_and_who_is_gone_is_forgotten() {
    let lattice = Lattice::start().await;
    let seed = lattice.cluster.of_instances(&lattice.provider, "", &LinkName::default());
    let first = Instance::of(lattice.data(Vec::new())).await;
    let subject = lattice.subjects().instance(&lattice.provider, &LinkName::default(), "mute");
    let mute = lattice.client.subscribe(subject).await.expect("it listens");
    greet_as(&lattice, &seed, "mute").await;
    first.knows_others(1).await;
    let piece = first.board.put("a", 1, "x");
    let shared = first.peers.share(&piece, Instant::now() + Duration::from_millis(50)).await;
    assert_eq!(shared, Err(NotShared::Silent { host: lattice.host.clone() }));
    drop(mute);
    lattice.client.flush().await.expect("the server knows that it is gone");
    first.share("a", 2, "y").await.expect("it is alone again");
    assert_eq!(first.peers.others(), 0);
}

/// It starts, and whoever needs what the others know waits.
#[tokio::test]
async fn who_starts_beside_a_silent_instance_does_not_take_itself_for_one_that_knows() {
    let lattice = Lattice::start().await;
    let everybody = lattice.subjects().instances(&lattice.provider, &LinkName::default());
    let silent = lattice.client.subscribe(everybody).await.expect("it listens");
    lattice.client.flush().await.expect("it listens");
    let first = Instance::of(lattice.data(Vec::new())).await;
    let waits = tokio::time::timeout(Duration::from_secs(2), first.peers.caught_up()).await;
    assert!(waits.is_err(), "what the silent one knows is not known");
    drop(silent);
    let second = Instance::of(lattice.data(Vec::new())).await;
    second.share("a", 1, "x").await.expect("the first takes it");
    eventually("silence is borne for a while only", LONG, async || {
        tokio::time::timeout(Duration::from_secs(1), first.peers.caught_up()).await.ok()
    })
    .await;
    assert_eq!(first.board.texts(), second.board.texts());
}

#[tokio::test]
async fn who_greets_and_is_not_there_is_none_of_them() {
    let lattice = Lattice::start().await;
    let seed = lattice.cluster.of_instances(&lattice.provider, "", &LinkName::default());
    let first = Instance::of(lattice.data(Vec::new())).await;
    greet_as(&lattice, &seed, "gone").await;
    let second = Instance::of(lattice.data(Vec::new())).await;
    eventually("it is forgotten", LONG, async || (first.peers.others() == 1).then_some(())).await;
    first.share("a", 1, "x").await.expect("the second takes it");
    assert_eq!(second.board.texts(), first.board.texts());
}

#[tokio::test]
async fn who_has_not_the_seed_is_no_instance_and_reads_nothing() {
    let lattice = Lattice::start().await;
    let everything = format!("{}.>", lattice.subjects().instances(&lattice.provider, &LinkName::default()));
    let mut sniffed = lattice.client.subscribe(everything).await.expect("it listens");
    let mut answers = lattice.client.subscribe("_INBOX.*.*").await.expect("it listens");
    lattice.client.flush().await.expect("it listens");
    let first = Instance::of(lattice.data(Vec::new())).await;
    greet_as(&lattice, &ClusterSeed::generate(), "stranger").await;
    let everybody = lattice.subjects().instances(&lattice.provider, &LinkName::default());
    for garbage in [Bytes::new(), Bytes::from_static(b"\x01"), vec![7; 200].into()] {
        lattice.client.publish(everybody.clone(), garbage).await.expect("it is sent");
    }
    let second = Instance::of(lattice.data(Vec::new())).await;
    first.knows_others(1).await;
    first.share("hunter2", 1, "hunter2").await.expect("the second takes it");
    let third = Instance::of(lattice.data(Vec::new())).await;
    assert_eq!(third.board.texts(), second.board.texts());
    let holds = |payload: &[u8]| payload.windows(7).any(|bytes| bytes == b"hunter2");
    drop((first, second, third));
    lattice.client.flush().await.expect("all has come");
    let mut seen = 0;
    while let Ok(Some(message)) = tokio::time::timeout(Duration::from_millis(20), async {
        tokio::select! { message = sniffed.next() => message, message = answers.next() => message }
    })
    .await
    {
        assert!(!holds(&message.payload), "{}", message.subject);
        seen += 1;
    }
    assert!(seen >= 3, "the greeting, the piece and what the third was told were seen");
}

#[tokio::test]
async fn after_a_break_what_was_missed_is_caught_up_with() {
    let mut lattice = Lattice::start().await;
    let first = Instance::of(lattice.data(Vec::new())).await;
    let second = Instance::of(lattice.data(Vec::new())).await;
    first.knows_others(1).await;
    lattice.nats.kill();
    eventually("it knows that it is cut off", LONG, async || {
        tokio::time::timeout(Duration::ZERO, second.peers.caught_up()).await.err().map(drop)
    })
    .await;
    // Told while the other could not be reached.
    first.board.put("a", 5, "missed");
    lattice.nats.restart().await;
    eventually("the other has it", LONG, async || {
        second.peers.caught_up().await;
        (second.board.texts() == first.board.texts()).then_some(())
    })
    .await;
    assert_eq!(second.board.texts()["a"].0, 5);
}
