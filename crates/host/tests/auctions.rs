//! Auctions: who bids, who says why not, and what becomes of the starts that follow.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use async_nats::{HeaderMap, Message};
use futures::{StreamExt, future::join_all};
use lattice_protocol::{Ack, ActorBid, BID_HEADER, Bid, Declined, Encoding, OperationPhase, RefusalCode, decode};
use lattice_testkit::guests;
use serde::Deserialize;
use serde_json::{Value, json};
use support::{Lattice, TestActor};

/// The answer to an auction, if there is one.
async fn held(lattice: &Lattice, kind: &str, body: impl Into<bytes::Bytes>) -> Option<Message> {
    let inbox = lattice.client.new_inbox();
    let mut answers = lattice.client.subscribe(inbox.clone()).await.expect("subscribed");
    let subject = format!("wasmbus.ctl.default.auction.{kind}");
    lattice.client.publish_with_reply(subject, inbox, body.into()).await.expect("sent");
    // The host answers in order: when this is answered, the auction was, or never will be.
    lattice.inventory().await;
    match futures::poll!(answers.next()) {
        std::task::Poll::Ready(answer) => answer,
        std::task::Poll::Pending => None,
    }
}

async fn bid(lattice: &Lattice, body: &Value) -> Bid {
    let answer = held(lattice, "actor", body.to_string()).await.expect("a bid");
    let bid: ActorBid = decode(&answer.payload).expect("a bid");
    assert_eq!(bid.host_id, lattice.host_key());
    bid.bid.expect("hosts of this project tell")
}

/// The reasons for not bidding, each by itself.
async fn declined(lattice: &Lattice, kind: &str, body: &Value) -> Vec<String> {
    let answer = held(lattice, kind, body.to_string()).await.expect("an answer");
    let declined: Declined = decode(&answer.payload).expect("reasons");
    assert!(!declined.accepted);
    assert_eq!(declined.host_id, lattice.host_key());
    assert_eq!(declined.friendly_name, lattice.host.friendly_name());
    assert_eq!(declined.error, declined.reasons.join("; "));
    declined.reasons
}

/// Starts what an auction was about, following a bid.
async fn follow(lattice: &Lattice, body: &Value, token: &str) -> Ack {
    let mut headers = HeaderMap::new();
    headers.insert(BID_HEADER, token);
    decode(&lattice.ask_with("cmd.{host}.la", body.to_string(), headers).await.payload).expect("an ack")
}

fn assert_stale(ack: &Ack, why: &str) {
    assert_eq!((ack.accepted, ack.code), (false, Some(RefusalCode::BidStale)), "{}", ack.error);
    assert!(ack.error.contains(why), "{}", ack.error);
    assert!(ack.error.ends_with("follow the next bid, or hold a new auction"), "{}", ack.error);
}

#[tokio::test]
async fn a_published_auction_gets_a_bid_that_its_client_reads() {
    /// As published clients know it.
    #[derive(Deserialize)]
    struct Published {
        actor_ref: String,
        constraints: BTreeMap<String, String>,
        host_id: String,
    }
    let lattice = Lattice::start().await;
    let constraints = json!({"hostcore.os": std::env::consts::OS, "hostcore.arch": std::env::consts::ARCH});
    let body = json!({"actor_ref": lattice.actor("a", &guests::echo()).reference(), "constraints": constraints});
    let answer = held(&lattice, "actor", body.to_string()).await.expect("a bid");
    let published: Published = serde_json::from_slice(&answer.payload).expect("what clients know is there");
    assert_eq!(published.actor_ref, body["actor_ref"].as_str().expect("a text"));
    assert_eq!(json!(published.constraints), constraints);
    assert_eq!(published.host_id, lattice.host_key().as_str());
    let keys: BTreeSet<String> =
        decode::<BTreeMap<String, Value>>(&answer.payload).expect("a map").into_keys().collect();
    assert_eq!(keys, BTreeSet::from(["actor_ref", "bid", "constraints", "host_id"].map(ToOwned::to_owned)));
}

#[tokio::test]
async fn message_pack_is_answered_in_kind() {
    let lattice = Lattice::start().await;
    let auction = lattice_protocol::ActorAuction {
        actor_ref: lattice.actor("a", &guests::echo()).reference(),
        annotations: [("a", "1")].into_iter().collect(),
        constraints: [("gpu", "yes")].into_iter().collect(),
        count: 2.into(),
        explain: true,
        lattice_id: Some("default".parse().expect("a name")),
    };
    let body = lattice_protocol::encode(&auction, lattice_protocol::Format::MESSAGE_PACK);
    let answer = held(&lattice, "actor", body).await.expect("reasons");
    assert_eq!(Encoding::of(&answer.payload), Some(Encoding::MessagePack));
    let keys = decode::<BTreeMap<String, Value>>(&answer.payload).expect("a map");
    assert!(keys.contains_key("hostId") && keys.contains_key("friendlyName"), "{keys:?}");
    assert_eq!(decode::<Declined>(&answer.payload).expect("reasons").reasons.len(), 1);
}

#[tokio::test]
async fn a_bid_tells_what_choosing_needs() {
    let lattice = Lattice::start().await;
    let (one, other) = (lattice.actor("a", &guests::echo()), lattice.actor("b", &guests::echo()));
    let body = json!({"actor_ref": one.reference()});
    let before = bid(&lattice, &body).await;
    assert_eq!((before.instances, before.actor_instances, before.cached), (0, 0, false));
    assert_eq!(before.friendly_name, lattice.host.friendly_name());
    assert!(before.free_memory.is_some_and(|bytes| bytes > 0));
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": one.reference(), "count": 3})).await;
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": other.reference(), "count": 2})).await;
    let running = bid(&lattice, &body).await;
    assert_eq!((running.instances, running.actor_instances, running.cached), (5, 3, true));
    lattice.carry_out("cmd.{host}.sa", json!({"actor_ref": one.key})).await;
    let stopped = bid(&lattice, &body).await;
    assert_eq!((stopped.instances, stopped.actor_instances, stopped.cached), (2, 0, true));
    std::fs::remove_dir_all(lattice.dir.path().join("cache/artifacts/sha256")).expect("it is there");
    assert!(!bid(&lattice, &body).await.cached);
    assert!(bid(&lattice, &json!({"actor_ref": other.reference()})).await.cached, "it runs");
}

#[tokio::test]
async fn a_host_that_does_not_bid_is_silent_unless_it_is_asked_why() {
    let labels = [("zone", "a"), ("empty", "")].into_iter().collect();
    let lattice = Lattice::start_with(|config| {
        config.labels = labels;
        config.allow_file = false;
        config.max_instances = Some(4);
    })
    .await;
    let file = lattice.actor("a", &guests::echo()).reference();
    let check = async |kind: &str, mut body: Value, expect: &[&str]| {
        assert!(held(&lattice, kind, body.to_string()).await.is_none(), "{kind} {body} is answered");
        body["explain"] = json!(true);
        let reasons = declined(&lattice, kind, &body).await;
        let differ = reasons.iter().zip(expect).any(|(reason, expect)| !reason.contains(expect));
        assert!(!differ && reasons.len() == expect.len(), "{kind} {body}: {reasons:?}");
    };
    let not_allowed = "file references are not allowed";
    check("actor", json!({"actor_ref": file}), &[not_allowed]).await;
    check("actor", json!({"actor_ref": "ghcr.io/acme/a"}), &["--allow-latest"]).await;
    check("actor", json!({"actor_ref": "ftp://x"}), &["ftp"]).await;
    check("actor", json!({"actor_ref": ""}), &["reference"]).await;
    let constraints = json!({"zone": "b", "gpu": "yes", "hostcore.os": "plan9", "empty": ""});
    let labels = [
        "label `gpu` is not set, the auction wants `yes`",
        "label `hostcore.os` is `",
        "label `zone` is `a`, the auction wants `b`",
    ];
    let large = json!({"a": "x".repeat(9000)});
    check(
        "actor",
        json!({"actor_ref": file, "constraints": constraints, "annotations": large}),
        &[&labels[..], &[not_allowed, "`annotations` have 9001 bytes, at most 8192"]].concat(),
    )
    .await;
    let provider = json!({"provider_ref": "ghcr.io/acme/p:latest", "link_name": "default"});
    check("provider", provider, &["--allow-latest"]).await;
    let provider = json!({"provider_ref": "ftp://x", "constraints": constraints});
    check("provider", provider, &[&labels[..], &["ftp"]].concat()).await;
}

#[tokio::test]
async fn no_bid_beyond_what_may_run() {
    let lattice = Lattice::start_with(|config| config.max_instances = Some(4)).await;
    let actor = lattice.actor("a", &guests::echo());
    let asked = |count: u16| json!({"actor_ref": actor.reference(), "count": count, "explain": true});
    bid(&lattice, &asked(4)).await;
    let full = "the host may run 4 instances, 0 run or are about to, and there is no room for 5 more";
    assert_eq!(declined(&lattice, "actor", &asked(5)).await, [full]);
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": actor.reference(), "count": 3})).await;
    bid(&lattice, &asked(0)).await;
    let full = "the host may run 4 instances, 3 run or are about to, and there is no room for 2 more";
    assert_eq!(declined(&lattice, "actor", &asked(2)).await, [full]);
}

#[tokio::test]
async fn no_bid_for_more_than_an_annotation_set_can_have() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("a", &guests::echo());
    lattice.carry_out("cmd.{host}.scale", json!({"actor_ref": actor.reference(), "count": 65_000})).await;
    let mut asked = json!({"actor_ref": actor.reference(), "count": 600, "explain": true});
    let reasons = declined(&lattice, "actor", &asked).await;
    assert_eq!(reasons, ["65000 instances run with these annotations and 600 more are beyond the limit of 65535"]);
    asked["annotations"] = json!({"a": "1"});
    bid(&lattice, &asked).await;
}

#[tokio::test]
async fn no_bid_where_another_image_of_the_actor_runs() {
    let lattice = Lattice::start().await;
    let seed = lattice_claims::ModuleSeed::generate();
    let old = lattice.actor_with("old", &guests::echo(), &seed, |claims| claims.revision = Some(1));
    let new = lattice.actor_with("new", &guests::echo(), &seed, |claims| claims.revision = Some(2));
    let blue = json!({"color": "blue"});
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": old.reference()})).await;
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": new.reference(), "annotations": blue})).await;
    let conflict =
        format!("actor {} runs on this host with these annotations from another image, `{}`", old.key, old.reference());
    let asked = json!({"actor_ref": new.reference(), "explain": true});
    assert_eq!(declined(&lattice, "actor", &asked).await, [conflict.as_str()]);
    bid(&lattice, &json!({"actor_ref": new.reference(), "annotations": blue})).await;
    bid(&lattice, &json!({"actor_ref": old.reference()})).await;
    bid(&lattice, &json!({"actor_ref": new.reference(), "annotations": {"color": "red"}})).await;
    // What ran is remembered: it is in the cache.
    lattice.carry_out("cmd.{host}.sa", json!({"actor_ref": new.key, "annotations": blue})).await;
    assert_eq!(declined(&lattice, "actor", &asked).await, [conflict]);
    lattice.carry_out("cmd.{host}.sa", json!({"actor_ref": old.key})).await;
    bid(&lattice, &asked).await;
}

#[tokio::test]
async fn no_bid_from_a_host_that_is_told_to_stop() {
    let lattice = Lattice::start().await;
    let asked = json!({"actor_ref": lattice.actor("a", &guests::echo()).reference(), "explain": true});
    bid(&lattice, &asked).await;
    assert!(lattice.command("cmd.{host}.stop", json!({"timeout": 1})).await.accepted);
    let stopping = "the host is stopping and takes no more commands";
    assert_eq!(declined(&lattice, "actor", &asked).await, [stopping]);
}

#[tokio::test]
async fn labels_count_at_once() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("a", &guests::echo());
    let asked = json!({"actor_ref": actor.reference(), "constraints": {"gpu": "yes"}});
    assert!(held(&lattice, "actor", asked.to_string()).await.is_none());
    lattice.command("labels.{host}.put", json!({"key": "gpu", "value": "yes"})).await;
    let stale = bid(&lattice, &asked).await;
    lattice.command("labels.{host}.del", json!({"key": "gpu"})).await;
    assert!(held(&lattice, "actor", asked.to_string()).await.is_none());
    assert_stale(&follow(&lattice, &asked, &stale.token).await, "the host has changed since");
}

#[tokio::test]
async fn bad_auctions_are_refused_by_every_host() {
    let lattice = Lattice::start().await;
    for (kind, name) in [("actor", "actor auction command"), ("provider", "provider auction command")] {
        let bodies: [&[u8]; 8] = [
            b"",
            b"{",
            b"7",
            b"\xc1",
            br#"{"other":1}"#,
            br#"{"constraints":{}}"#,
            br#"{"actor_ref":"a:1","provider_ref":"a:1","constraints":{"a":1}}"#,
            br#"{"actor_ref":7,"provider_ref":7}"#,
        ];
        for body in bodies {
            let answer = held(&lattice, kind, body.to_vec()).await.expect("an answer");
            let ack: Ack = decode(&answer.payload).expect("an ack");
            assert_eq!((ack.accepted, ack.code), (false, Some(RefusalCode::Invalid)), "{kind} {body:?}");
            assert!(ack.error.starts_with(&format!("failed to deserialize {name}: ")), "{kind}: {}", ack.error);
        }
        let other = json!({"actor_ref": "a:1", "provider_ref": "a:1", "lattice_id": "other"}).to_string();
        let ack: Ack = decode(&held(&lattice, kind, other).await.expect("an answer").payload).expect("an ack");
        assert_eq!(ack.code, Some(RefusalCode::OtherLattice), "{}", ack.error);
    }
}

#[tokio::test]
async fn a_bid_is_followed_once() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("a", &guests::echo());
    let body = json!({"actor_ref": actor.reference()});
    let token = bid(&lattice, &body).await.token;
    let ack = follow(&lattice, &body, &token).await;
    assert!(ack.accepted, "{}", ack.error);
    assert_eq!(lattice.finished(&ack).await.phase, OperationPhase::Running);
    assert_stale(&follow(&lattice, &body, &token).await, "the bid was followed by another start already");
    for unknown in ["", "0", "made up", &token[1..]] {
        assert_stale(&follow(&lattice, &body, unknown).await, "this host knows no such bid");
    }
    assert_eq!(lattice.counts(&actor.key).await, [("{}".to_owned(), 1)]);
}

#[tokio::test]
async fn a_bid_is_stale_when_the_host_has_changed() {
    let lattice = Lattice::start().await;
    let (one, other) = (lattice.actor("a", &guests::echo()), lattice.actor("b", &guests::echo()));
    let body = json!({"actor_ref": one.reference()});
    let token = bid(&lattice, &body).await.token;
    // Without a bid a start is what it always was.
    lattice.carry_out("cmd.{host}.la", json!({"actor_ref": other.reference()})).await;
    assert_stale(&follow(&lattice, &body, &token).await, "the host has changed since");
    let token = bid(&lattice, &body).await.token;
    lattice.carry_out("cmd.{host}.sa", json!({"actor_ref": other.key})).await;
    assert_stale(&follow(&lattice, &body, &token).await, "the host has changed since");
    let token = bid(&lattice, &body).await.token;
    assert!(follow(&lattice, &body, &token).await.accepted);
}

#[tokio::test]
async fn what_is_asked_and_refused_changes_nothing_for_bids() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("a", &guests::echo());
    let body = json!({"actor_ref": actor.reference()});
    let token = bid(&lattice, &body).await.token;
    lattice.inventory().await;
    assert!(!lattice.command("cmd.{host}.sa", json!({"actor_ref": actor.key})).await.accepted);
    assert!(!lattice.command("cmd.{host}.la", json!({"actor_ref": "ftp://x"})).await.accepted);
    assert!(lattice.command("labels.{host}.del", json!({"key": "none"})).await.accepted);
    bid(&lattice, &body).await;
    assert!(follow(&lattice, &body, &token).await.accepted);
}

#[tokio::test]
async fn of_fifty_starts_at_once_one_is_accepted() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("a", &guests::echo());
    let body = json!({"actor_ref": actor.reference()});
    let one = bid(&lattice, &body).await.token;
    let tokens = join_all((0..49).map(|_| async { bid(&lattice, &body).await.token })).await;
    let check = async |tokens: Vec<&String>, instances: usize| {
        let acks = join_all(tokens.into_iter().map(|token| follow(&lattice, &body, token))).await;
        let (accepted, stale): (Vec<_>, Vec<_>) = acks.into_iter().partition(|ack| ack.accepted);
        assert_eq!(accepted.len(), 1);
        assert_eq!(stale.len(), 49);
        assert!(stale.iter().all(|ack| ack.code == Some(RefusalCode::BidStale)));
        lattice.finished(&accepted[0]).await;
        assert_eq!(lattice.counts(&actor.key).await, [("{}".to_owned(), instances)]);
    };
    check(tokens.iter().chain([&one]).collect(), 1).await;
    // The same bid, fifty times.
    let same = bid(&lattice, &body).await.token;
    check(vec![&same; 50], 2).await;
}

#[tokio::test]
async fn a_start_that_is_sent_again_is_the_same_start() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("a", &guests::echo());
    let body = json!({"actor_ref": actor.reference()});
    let token = bid(&lattice, &body).await.token;
    let mut headers = HeaderMap::new();
    headers.insert(BID_HEADER, token.as_str());
    headers.insert(lattice_protocol::OPERATION_HEADER, "once");
    for _ in 0..2 {
        let answer = lattice.ask_with("cmd.{host}.la", body.to_string(), headers.clone()).await;
        let ack: Ack = decode(&answer.payload).expect("an ack");
        assert!(ack.accepted, "{}", ack.error);
        lattice.finished(&ack).await;
    }
    assert_eq!(lattice.counts(&actor.key).await, [("{}".to_owned(), 1)]);
}

/// Random auctions in a lattice of hosts that differ, every bid followed.
mod kept {
    use lattice_host::Host;
    use lattice_protocol::{ControlSubject, HostKey, OperationQuery, OperationRecord};
    use lattice_testkit::eventually;
    use proptest::{
        prelude::*,
        strategy::ValueTree,
        test_runner::{Config, TestRunner},
    };
    use support::{DEADLINE, Seeds, config};

    use super::*;

    /// With the nine thousand of made-up hosts, which the coordinator's own test holds, ten thousand.
    const AUCTIONS: usize = 1000;

    /// Hosts that differ in labels, in what they take and in how much.
    struct Mixed {
        lattice: Lattice,
        others: Vec<Host>,
        _dirs: Vec<tempfile::TempDir>,
        /// What can be started: files, of which the first two are images of one actor, and others.
        actors: Vec<TestActor>,
        references: Vec<String>,
    }

    /// One auction and what happens around it.
    #[derive(Clone, Debug)]
    struct Round {
        reference: usize,
        count: u16,
        annotations: Value,
        constraints: BTreeMap<&'static str, &'static str>,
        /// Which host, if any, gets which zone before.
        zone: Option<(usize, &'static str)>,
        /// Whether what was started is stopped after.
        clear: bool,
    }

    fn round() -> impl Strategy<Value = Round> {
        let some = |values: &'static [&'static str]| prop::option::weighted(0.2, prop::sample::select(values));
        let constraints = (some(&["a", "b"]), some(&["yes"]), some(&[std::env::consts::OS, "plan9"]));
        let constraints = constraints.prop_map(|(zone, gpu, os)| {
            let wanted =
                [zone.map(|zone| ("zone", zone)), gpu.map(|gpu| ("gpu", gpu)), os.map(|os| ("hostcore.os", os))];
            wanted.into_iter().flatten().collect()
        });
        let annotations = prop::sample::select(vec![json!({}), json!({"color": "blue"})]);
        let zone = prop::option::weighted(0.1, (0..3_usize, prop::sample::select(vec!["a", "b"])));
        let count = prop_oneof![9 => 0..6_u16, 1 => any::<u16>()];
        // The first are those that run, the others fail when they are fetched, or are not taken at all.
        let reference = prop_oneof![2 => 0..3_usize, 3 => 3..6_usize];
        (reference, count, annotations, constraints, zone, prop::bool::weighted(0.6)).prop_map(
            |(reference, count, annotations, constraints, zone, clear)| Round {
                reference,
                count,
                annotations,
                constraints,
                zone,
                clear,
            },
        )
    }

    impl Mixed {
        async fn start() -> Self {
            let lattice = Lattice::start_with(|config| config.labels = [("zone", "a")].into_iter().collect()).await;
            let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a temporary directory"));
            let seeds = |_| Seeds { host: lattice_claims::HostSeed::generate(), ..lattice.seeds.clone() };
            let mut small = config(&lattice.client, &seeds(1), &dirs[0]);
            small.max_instances = Some(6);
            small.labels = [("zone", "b"), ("gpu", "yes")].into_iter().collect();
            let mut strict = config(&lattice.client, &seeds(2), &dirs[1]);
            strict.allow_file = false;
            let mut others = Vec::new();
            for config in [small, strict] {
                others.push(Host::start(config).await.expect("the host starts"));
            }
            let seed = lattice_claims::ModuleSeed::generate();
            let actors = vec![
                lattice.actor_with("old", &guests::echo(), &seed, |claims| claims.revision = Some(1)),
                lattice.actor_with("new", &guests::echo(), &seed, |claims| claims.revision = Some(2)),
                lattice.actor("other", &guests::echo()),
            ];
            let mut references: Vec<_> = actors.iter().map(TestActor::reference).collect();
            references.extend(["file:///nowhere/to/be/found", "ghcr.io/acme/a", "ftp://x"].map(ToOwned::to_owned));
            Self { lattice, others, _dirs: dirs.into(), actors, references }
        }

        fn hosts(&self) -> Vec<HostKey> {
            [&self.lattice.host].into_iter().chain(&self.others).map(|host| host.key().clone()).collect()
        }

        async fn command(&self, host: &HostKey, rest: &str, body: &Value, headers: HeaderMap) -> Ack {
            let rest = rest.replace("{host}", host.as_str());
            decode(&self.lattice.ask_with(&rest, body.to_string(), headers).await.payload).expect("an ack")
        }

        async fn finished(&self, host: &HostKey, ack: &Ack) -> OperationRecord {
            let operation_id = ack.operation_id.clone().expect("our hosts tell the operation");
            let subject = self.lattice.subjects().build(&ControlSubject::Operation { host: host.clone() });
            let query = OperationQuery { operation_id, past: None, wait: 1000 };
            eventually("the operation ends", DEADLINE, async || {
                let body = lattice_protocol::encode(&query, lattice_protocol::Format::MESSAGE_PACK);
                let answer = self.lattice.client.request(subject.clone(), body.into()).await.expect("an answer");
                let record: OperationRecord = decode(&answer.payload).expect("a record");
                record.phase.is_final().then_some(record)
            })
            .await
        }

        /// Has every host meet every image, so that none bids for want of knowledge.
        async fn introduce(&self) {
            for host in self.hosts() {
                for actor in &self.actors {
                    let body = json!({"actor_ref": actor.reference()});
                    let ack = self.command(&host, "cmd.{host}.la", &body, HeaderMap::new()).await;
                    if ack.accepted {
                        self.finished(&host, &ack).await;
                        self.clear(&host, actor).await;
                    }
                }
            }
        }

        async fn clear(&self, host: &HostKey, actor: &TestActor) {
            let ack = self.command(host, "cmd.{host}.sa", &json!({"actor_ref": actor.key}), HeaderMap::new()).await;
            self.finished(host, &ack).await;
        }

        /// The answers of all hosts: bids, and reasons for none.
        async fn hold(&self, body: &Value) -> (Vec<ActorBid>, Vec<Declined>) {
            let inbox = self.lattice.client.new_inbox();
            let answers = self.lattice.client.subscribe(inbox.clone()).await.expect("subscribed");
            let subject = "wasmbus.ctl.default.auction.actor";
            self.lattice.client.publish_with_reply(subject, inbox, body.to_string().into()).await.expect("sent");
            let answers = answers.take(self.hosts().len()).collect::<Vec<_>>();
            let answers = tokio::time::timeout(DEADLINE, answers).await.expect("every host answers");
            let (mut bids, mut declined) = (Vec::new(), Vec::new());
            for Message { payload, .. } in answers {
                match decode::<Declined>(&payload) {
                    Ok(reasons) => declined.push(reasons),
                    Err(_) => bids.push(decode::<ActorBid>(&payload).expect("a bid")),
                }
            }
            (bids, declined)
        }

        async fn live(&self, round: &Round) -> usize {
            if let Some((host, zone)) = round.zone {
                let body = json!({"key": "zone", "value": zone});
                let ack = self.command(&self.hosts()[host], "labels.{host}.put", &body, HeaderMap::new()).await;
                assert!(ack.accepted, "{}", ack.error);
            }
            let mut body = json!({
                "actor_ref": self.references[round.reference],
                "count": round.count,
                "annotations": round.annotations,
                "constraints": round.constraints,
                "explain": true,
            });
            let (bids, declined) = self.hold(&body).await;
            assert!(declined.iter().all(|declined| !declined.reasons.is_empty()));
            for key in ["constraints", "explain"] {
                body.as_object_mut().expect("a map").remove(key);
            }
            for bid in &bids {
                self.follow(bid, &body, round).await;
            }
            bids.len()
        }

        async fn follow(&self, bid: &ActorBid, body: &Value, round: &Round) {
            let mut headers = HeaderMap::new();
            headers.insert(BID_HEADER, bid.bid.as_ref().expect("ours").token.as_str());
            let ack = self.command(&bid.host_id, "cmd.{host}.la", body, headers).await;
            assert!(ack.accepted, "{round:?}: {} refuses what it bade for: {}", bid.host_id, ack.error);
            let record = self.finished(&bid.host_id, &ack).await;
            let Some(actor) = self.actors.get(round.reference) else {
                return assert!(record.causes[0].starts_with("cannot fetch"), "{:?}", record.causes);
            };
            assert_eq!(record.phase, OperationPhase::Running, "{round:?}: {:?}", record.causes);
            if round.clear {
                self.clear(&bid.host_id, actor).await;
            }
        }
    }

    #[tokio::test]
    async fn no_host_that_bid_refuses_the_start_that_follows() {
        let mixed = Mixed::start().await;
        mixed.introduce().await;
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
        let (strategy, mut bids) = (round(), 0);
        for _ in 0..AUCTIONS {
            let round = strategy.new_tree(&mut runner).expect("a round").current();
            bids += mixed.live(&round).await;
        }
        assert!(bids > 100, "of {AUCTIONS} auctions only {bids} bids came");
    }
}
