//! What a host answers to queries, byte for byte where clients depend on it.

mod support;

use std::collections::BTreeMap;

use lattice_protocol::{Ack, Claims, Encoding, Host, HostInventory, decode};
use lattice_testkit::guests;
use serde_json::{Value, json};
use support::{Lattice, accepting};

fn keys(payload: &[u8]) -> Vec<String> {
    decode::<BTreeMap<String, Value>>(payload).expect("a map").into_keys().collect()
}

#[tokio::test]
async fn hosts_answer_in_the_encoding_that_is_wanted() {
    let lattice = Lattice::start().await;
    let own = lattice.ask("get.hosts", "").await;
    assert_eq!(Encoding::of(&own.payload), Some(Encoding::MessagePack));
    assert!(keys(&own.payload).contains(&"friendlyName".to_owned()));
    let pinged = lattice.ask("ping.hosts", "").await;
    assert_eq!(Encoding::of(&pinged.payload), Some(Encoding::Json));
    assert!(keys(&pinged.payload).contains(&"uptime_seconds".to_owned()));
    for (media_type, expect) in [("application/json", Encoding::Json), ("application/msgpack", Encoding::MessagePack)] {
        for subject in ["get.hosts", "ping.hosts", "get.{host}.inv", "get.claims"] {
            let answer = lattice.ask_with(subject, "", accepting(media_type)).await;
            assert_eq!(Encoding::of(&answer.payload), Some(expect), "{subject}");
            let headers = answer.headers.expect("every answer says what it is");
            assert_eq!(headers.get("Content-Type").map(|value| value.as_str()), Some(media_type));
        }
    }
    let host: Host = decode(&pinged.payload).expect("a host");
    assert_eq!((host.id, host.lattice.as_deref()), (lattice.host_key(), Some("default")));
}

#[tokio::test]
async fn a_query_is_answered_once() {
    use futures::StreamExt;
    let lattice = Lattice::start().await;
    for subject in ["get.hosts", "ping.hosts", "get.claims"] {
        let inbox = lattice.client.new_inbox();
        let mut answers = lattice.client.subscribe(inbox.clone()).await.expect("subscribed");
        let subject = format!("wasmbus.ctl.default.{subject}");
        lattice.client.publish_with_reply(subject, inbox, "".into()).await.expect("sent");
        answers.next().await.expect("an answer");
        // What a second answer would precede: the host answers in order.
        lattice.ask("get.{host}.inv", "").await;
        assert!(futures::poll!(answers.next()).is_pending());
    }
}

#[tokio::test]
async fn lattice_queries_take_every_published_body() {
    let lattice = Lattice::start().await;
    let good: [&[u8]; 6] = [b"", b"\xc0", b"\xa7default", b"\"default\"", b"null", br#"{"lattice_id":"default"}"#];
    for body in good {
        let answer = lattice.ask("get.claims", body).await;
        decode::<Claims>(&answer.payload).expect("claims");
        assert!(!keys(&answer.payload).contains(&"error".to_owned()));
    }
    for body in [&b"\"other\""[..], b"\xa5other", br#"{"latticeId":"other"}"#] {
        let ack: Ack = decode(&lattice.ask("get.hosts", body).await.payload).expect("an ack");
        assert!(!ack.accepted);
        assert_eq!(ack.error, "the request names lattice `other` and came to lattice `default`");
    }
}

#[tokio::test]
async fn inventory_and_claims_tell_what_runs() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor_with("greeter", &guests::echo(), &lattice_claims::ModuleSeed::generate(), |claims| {
        claims.revision = Some(7);
        claims.version = Some("1.2.3".to_owned());
        claims.call_alias = Some("greet".parse().expect("an alias"));
    });
    let body = json!({"actor_ref": actor.reference(), "count": 2, "annotations": {"a": "1"}});
    lattice.carry_out("cmd.{host}.la", body).await;
    let inventory: HostInventory = lattice.inventory().await;
    assert_eq!(inventory.issuer, Some(lattice.seeds.cluster.public().to_string()));
    let [described] = &inventory.actors[..] else { panic!("one actor runs") };
    assert_eq!((described.name.as_deref(), described.revision), (Some("greeter"), 7));
    assert_eq!(described.image_ref.as_deref(), Some(actor.reference().as_str()));
    assert_eq!(described.instances.len(), 2);
    assert!(described.instances.iter().all(|one| one.max_instances == 1 && one.revision == 7));
    let claims: Claims = decode(&lattice.ask("get.claims", "").await.payload).expect("claims");
    let [entry] = &claims.claims[..] else { panic!("one entry") };
    for (key, value) in [("sub", actor.key.as_str()), ("rev", "7"), ("revision", "7"), ("call_alias", "greet")] {
        assert_eq!(entry.get(key), Some(&Some(value.to_owned())), "{key}");
    }
}

#[tokio::test]
async fn many_instances_are_one_element() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("many", &guests::echo());
    lattice.carry_out("cmd.{host}.scale", json!({"actor_ref": actor.reference(), "count": 65_535})).await;
    let inventory = lattice.inventory().await;
    assert_eq!(inventory.actors[0].instances.len(), 1);
    assert_eq!(inventory.actors[0].instances[0].max_instances, 65_535);
}

#[tokio::test]
async fn an_answer_that_is_too_large_says_so() {
    let nats = lattice_testkit::NatsServer::start_with(lattice_testkit::NatsOptions {
        max_payload: 4096,
        ..Default::default()
    })
    .await;
    let client = nats.client().await;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let seeds = support::Seeds::generate();
    let host = lattice_host::Host::start(support::config(&client, &seeds, &dir)).await.expect("starts");
    let lattice = Lattice { nats, client, host, seeds, dir };
    let actor = lattice.actor("wide", &guests::echo());
    lattice.carry_out("cmd.{host}.scale", json!({"actor_ref": actor.reference(), "count": 100})).await;
    let ack: Ack = decode(&lattice.ask("get.{host}.inv", "").await.payload).expect("an ack");
    assert!(!ack.accepted && ack.error.contains("more than the 4096 that the NATS server carries"), "{}", ack.error);
}

#[tokio::test]
async fn what_means_nothing_is_answered_by_one_host() {
    use futures::StreamExt;
    let lattice = Lattice::start().await;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let seeds = support::Seeds { host: support::Seeds::generate().host, ..lattice.seeds.clone() };
    let other = lattice_host::Host::start(support::config(&lattice.client, &seeds, &dir)).await.expect("starts");
    for rest in ["auction.nothing", "get.nothing", "linkdefs.nothing", "config.nothing", "lattice.nothing"] {
        let inbox = lattice.client.new_inbox();
        let mut answers = lattice.client.subscribe(inbox.clone()).await.expect("subscribed");
        let subject = format!("wasmbus.ctl.default.{rest}");
        lattice.client.publish_with_reply(subject, inbox, "".into()).await.expect("sent");
        let ack: Ack = decode(&answers.next().await.expect("an answer").payload).expect("an ack");
        assert_eq!((ack.accepted, ack.error.as_str()), (false, "unsupported subject"), "{rest}");
        // What a second answer would precede: each host answers in order.
        for host in [lattice.host_key(), other.key().clone()] {
            let asked = lattice.client.request(lattice.subjects().inventory(&host), "".into()).await;
            asked.expect("an inventory");
        }
        assert!(futures::poll!(answers.next()).is_pending(), "{rest}");
    }
    other.stop(None).await;
}

#[tokio::test]
async fn a_prefix_has_any_number_of_tokens() {
    let prefix = "acme.prod.eu.ctl";
    let lattice = Lattice::start_with(|config| config.prefix = prefix.parse().expect("a prefix")).await;
    let ask = async |rest: &str| {
        let answer = lattice.client.request(format!("{prefix}.default.{rest}"), "".into()).await;
        answer.expect("an answer").payload
    };
    let host: Host = decode(&ask("ping.hosts").await).expect("a host");
    let inventory: HostInventory = decode(&ask(&format!("get.{}.inv", host.id)).await).expect("an inventory");
    assert_eq!(inventory.host_id, host.id);
    decode::<lattice_protocol::Members>(&ask("lattice.members").await).expect("members");
    let nobody = lattice.client.request("wasmbus.ctl.default.ping.hosts", "".into()).await;
    assert!(nobody.is_err(), "nothing is answered under another prefix");
}
