//! Links: set, read, changed, deleted and fought over, by clients of every kind and by several hosts.

mod support;

use std::collections::BTreeSet;

use async_nats::HeaderMap;
use futures::future::join_all;
use lattice_claims::ProviderSeed;
use lattice_protocol::{
    Ack, DeleteLink, Encoding, FORCE_HEADER, Format, LinkDefinition, OPERATION_HEADER, OperationPhase, ProviderKey,
    RefusalCode, Spelling, decode, encode,
    event::{CloudEvent, EventData},
};
use lattice_testkit::eventually;
use serde_json::{Value, json};
use support::{
    DEADLINE, Events, Lattice, Neighbour,
    links::{ACTOR, CONTRACT, OTHER_PROVIDER, PROVIDER, deletion_of, json_of, key_of, link, link_of},
};

const FORMATS: [Format; 4] = [
    Format::JSON,
    Format::MESSAGE_PACK,
    Format { encoding: Encoding::Json, spelling: Spelling::Camel },
    Format { encoding: Encoding::MessagePack, spelling: Spelling::Snake },
];

fn other() -> LinkDefinition {
    link_of(&OTHER_PROVIDER.parse().expect("a key"), "default")
}

fn forced() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(FORCE_HEADER, "true");
    headers
}

/// Name and link of an event that is about a link.
fn told(event: &CloudEvent) -> Option<(&'static str, String)> {
    match event.known_data()? {
        EventData::LinkdefSet(link) => Some(("set", link.link_name.to_string())),
        EventData::LinkdefDeleted(link) => Some(("deleted", link.link_name.to_string())),
        _ => None,
    }
}

/// Events about links, in the order of their texts: as many as are expected, and what comes besides, until every host has
/// told all that it has to tell.
async fn all_told(
    lattice: &Lattice,
    events: &mut Events,
    count: usize,
    neighbours: impl IntoIterator<Item = Neighbour>,
) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(told(&events.next_change().await));
    }
    for neighbour in neighbours {
        neighbour.host.stop(None).await;
    }
    // When the first is acknowledged the host has told of what it saw before.
    for name in ["first", "last"] {
        assert!(lattice.put_link(&link(name, &[])).await.accepted);
    }
    while all.last().is_none_or(|(_, name)| name != "last") {
        all.extend(told(&events.next_change().await));
    }
    all.retain(|(_, name)| name != "first" && name != "last");
    all.sort();
    all
}

#[tokio::test]
async fn a_link_goes_through_its_life() {
    let lattice = Lattice::start().await;
    let bucket = lattice.bucket("LATTICEDATA").await;
    let (plain, with_url) = (link("default", &[]), link("default", &[("URL", "redis://user:pw@x")]));
    let mut events = lattice.events().await;

    let ack = lattice.put_link(&plain).await;
    let record = lattice.finished(&ack).await;
    assert_eq!((record.command.as_str(), record.phase), ("linkdefs.put", OperationPhase::Done));
    assert_eq!(record.actor_id, Some(plain.actor_id.clone()));
    assert_eq!(lattice.links().await, std::slice::from_ref(&plain));
    let event = events.next_change().await;
    assert_eq!(event.operationid, ack.operation_id);
    let Some(EventData::LinkdefSet(set)) = event.known_data() else { panic!("{event:?}") };
    assert_eq!((set.id, set.provider_id), (plain.id(), plain.provider_id.clone()));

    let revision = bucket.entry(key_of(&plain)).await.expect("an answer").expect("stored").revision;
    assert!(lattice.put_link(&plain).await.accepted, "the same again");
    let entry = bucket.entry(key_of(&plain)).await.expect("an answer").expect("stored");
    assert!(entry.revision > revision, "the same again is written again, for those that failed to take it");
    let stored: Value = serde_json::from_slice(&entry.value).expect("JSON");
    let keys: Vec<_> = stored.as_object().expect("a map").keys().map(String::as_str).collect();
    assert_eq!(keys, ["actor_id", "contract_id", "id", "link_name", "provider_id", "values"]);

    assert!(lattice.put_link(&with_url).await.accepted, "other values");
    assert_eq!(lattice.links().await, std::slice::from_ref(&with_url));
    let event = events.next_change().await;
    assert_eq!(told(&event), Some(("set", "default".to_owned())));
    assert_eq!(event.data["values"], json!({}), "values may hold secrets");

    let ack = lattice.delete_link(&with_url).await;
    assert_eq!(lattice.finished(&ack).await.command, "linkdefs.del");
    assert!(lattice.links().await.is_empty());
    let event = events.next_change().await;
    assert_eq!((told(&event), event.operationid), (Some(("deleted", "default".to_owned())), ack.operation_id));
    assert!(lattice.delete_link(&with_url).await.accepted, "what is not there is deleted");
    assert!(lattice.put_link(&plain).await.accepted, "a deleted link can be put again");
    assert_eq!(all_told(&lattice, &mut events, 1, []).await, [("set", "default".to_owned())]);
}

#[tokio::test]
async fn every_encoding_and_spelling_is_understood() {
    let lattice = Lattice::start().await;
    for (format, name) in FORMATS.into_iter().zip(["a", "b", "c", "d"]) {
        let put = encode(&link(name, &[("k", "v")]), format);
        let ack: Ack = decode(&lattice.ask("linkdefs.put", put).await.payload).expect("an ack");
        assert!(ack.accepted, "{format:?}: {}", ack.error);
    }
    let camel = json!({"actorId": ACTOR, "providerId": PROVIDER, "linkName": "e", "contractId": CONTRACT});
    assert!(lattice.command("linkdefs.put", camel).await.accepted);
    assert_eq!(lattice.link_names().await, ["a", "b", "c", "d", "e"]);
    let answer = lattice.ask("get.links", encode("default", Format::MESSAGE_PACK)).await;
    assert_eq!(Encoding::of(&answer.payload), Some(Encoding::MessagePack));
    for (format, name) in FORMATS.into_iter().zip(["a", "b", "c", "d"]) {
        let link = link(name, &[]);
        let delete = DeleteLink {
            actor_id: link.actor_id,
            contract_id: link.contract_id,
            lattice_id: Some(Default::default()),
            link_name: link.link_name,
        };
        let ack: Ack = decode(&lattice.ask("linkdefs.del", encode(&delete, format)).await.payload).expect("an ack");
        assert!(ack.accepted, "{format:?}: {}", ack.error);
    }
    assert_eq!(lattice.link_names().await, ["e"]);
}

#[tokio::test]
async fn another_provider_is_refused_unless_it_is_forced() {
    let lattice = Lattice::start().await;
    let stands = link("default", &[]);
    assert!(lattice.put_link(&stands).await.accepted);
    let refusal = lattice.put_link(&other()).await;
    assert_eq!(
        (refusal.code, refusal.provider_id),
        (Some(RefusalCode::LinkConflict), Some(stands.provider_id.clone()))
    );
    assert!(refusal.error.contains(PROVIDER), "{}", refusal.error);
    assert_eq!(lattice.links().await, [stands]);
    // Under another name, or for another contract, it is another link.
    let mut beside = link_of(&other().provider_id, "beside");
    assert!(lattice.put_link(&beside).await.accepted);
    beside.contract_id = "acme:other".parse().expect("a contract");
    assert!(lattice.put_link(&beside).await.accepted);

    let mut events = lattice.events().await;
    let answer = lattice.ask_with("linkdefs.put", json_of(&other()).to_string(), forced()).await;
    let ack: Ack = decode(&answer.payload).expect("an ack");
    assert!(ack.accepted, "{}", ack.error);
    assert!(lattice.links().await.contains(&other()));
    assert_eq!(told(&events.next_change().await), Some(("set", "default".to_owned())));
}

#[tokio::test]
async fn an_operation_id_makes_it_happen_once() {
    let lattice = Lattice::start().await;
    let mut headers = HeaderMap::new();
    headers.insert("Lattice-Operation", "0192f0c1-2b3c-7def-8123-456789abcdef");
    let body = json_of(&link("default", &[])).to_string();
    let first: Ack =
        decode(&lattice.ask_with("linkdefs.put", body.clone(), headers.clone()).await.payload).expect("ack");
    assert!(lattice.delete_link(&link("default", &[])).await.accepted);
    let second: Ack = decode(&lattice.ask_with("linkdefs.put", body, headers.clone()).await.payload).expect("an ack");
    assert_eq!((first.accepted, &first), (true, &second));
    assert!(lattice.links().await.is_empty(), "the repetition did nothing");
    let other = lattice.ask_with("linkdefs.del", deletion_of(&other()).to_string(), headers).await;
    let ack: Ack = decode(&other.payload).expect("an ack");
    assert_eq!(ack.code, Some(RefusalCode::OperationConflict));
}

/// Two that came with one id at the same time could wait for each other: the one whose turn it was for the end of the one
/// that had been recorded first.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn regression_the_same_command_twice_at_once_waits_for_nobody() {
    let lattice = Lattice::start().await;
    for round in 0..200 {
        let mut headers = HeaderMap::new();
        headers.insert(OPERATION_HEADER, format!("round-{round}"));
        let link = json_of(&link("default", &[("round", &round.to_string())])).to_string();
        let acks = join_all((0..3).map(|_| lattice.ask_with("linkdefs.put", link.clone(), headers.clone()))).await;
        for answer in acks {
            let ack: Ack = decode(&answer.payload).expect("an ack");
            assert!(ack.accepted, "{}", ack.error);
        }
    }
}

#[tokio::test]
async fn what_others_write_into_the_bucket_is_followed_and_told_once() {
    let lattice = Lattice::start().await;
    let neighbour = lattice.join().await;
    let bucket = lattice.bucket("LATTICEDATA").await;
    let mut events = lattice.events().await;
    let names = ["purged", "marked", "deleted", "kept", "ours"];
    for name in &names[..4] {
        lattice.write_link(&link(name, &[("k", "v")])).await;
    }
    assert!(lattice.put_link(&link("ours", &[])).await.accepted);
    let all_know = async |expect: &[&str]| {
        let expect: BTreeSet<String> = expect.iter().map(|name| (*name).to_owned()).collect();
        eventually("all hosts know the same links", DEADLINE, async || {
            // Either host may answer; after so many the other one has, too.
            for _ in 0..30 {
                if lattice.link_names().await.into_iter().collect::<BTreeSet<_>>() != expect {
                    return None;
                }
            }
            Some(())
        })
        .await;
    };
    all_know(&names).await;

    bucket.delete(key_of(&link("deleted", &[]))).await.expect("deleted");
    bucket.purge(key_of(&link("purged", &[]))).await.expect("purged");
    // As hosts of the Elixir generation do it: a purge marker that makes the server purge nothing.
    let mut marker = HeaderMap::new();
    marker.insert("KV-Operation", "PURGE");
    let subject = format!("$KV.LATTICEDATA_default.{}", key_of(&link("marked", &[])));
    lattice.client.publish_with_headers(subject, marker, "".into()).await.expect("sent");
    // The link of one of our hosts, overwritten by somebody who knows no conflicts.
    lattice.write_link(&link_of(&other().provider_id, "ours")).await;
    // Rewritten as it was.
    lattice.write_link(&link("kept", &[("k", "v")])).await;
    all_know(&["kept", "ours"]).await;

    let told = all_told(&lattice, &mut events, 9, [neighbour]).await;
    let set = |name: &str| ("set", name.to_owned());
    let deleted = |name: &str| ("deleted", name.to_owned());
    let expect = [
        deleted("deleted"),
        deleted("marked"),
        deleted("purged"),
        set("deleted"),
        set("kept"),
        set("marked"),
        set("ours"),
        set("ours"),
        set("purged"),
    ];
    assert_eq!(told, expect);
}

#[tokio::test]
async fn entries_that_are_no_links_are_skipped() {
    let lattice = Lattice::start().await;
    let bucket = lattice.bucket("LATTICEDATA").await;
    let put = async |key: &str, value: &str| {
        bucket.put(key, value.to_owned().into()).await.expect("stored");
    };
    let good = link("default", &[]);
    put(&key_of(&link("elsewhere", &[])), &json_of(&good).to_string()).await;
    put("LINKDEF_x", "no JSON").await;
    put("LINKDEF_y", r#"{"values":{}}"#).await;
    put("REFMAP_x", r#"{"oci_url":"x","public_key":"y"}"#).await;
    put(&key_of(&good), "{}").await;
    lattice.write_link(&link("seen", &[])).await;
    eventually("the good one is seen", DEADLINE, async || (lattice.link_names().await == ["seen"]).then_some(())).await;
    // Garbage is no link that could be in the way.
    assert!(lattice.put_link(&good).await.accepted);
    put(&key_of(&good), "garbage again").await;
    assert!(lattice.delete_link(&good).await.accepted);
    let entry = bucket.entry(key_of(&good)).await.expect("an answer").expect("a marker");
    assert_eq!(entry.operation, async_nats::jetstream::kv::Operation::Delete);
}

#[tokio::test]
async fn of_a_hundred_who_want_the_same_link_one_wins() {
    let lattice = Lattice::start().await;
    let neighbours = [lattice.join().await, lattice.join().await];
    let providers: Vec<ProviderKey> = (0..100).map(|_| ProviderSeed::generate().public()).collect();
    let wanted: Vec<_> = providers.iter().map(|provider| link_of(provider, "default")).collect();
    let acks = join_all(wanted.iter().map(|link| lattice.put_link(link))).await;
    let winners: Vec<_> = acks.iter().zip(&providers).filter(|(ack, _)| ack.accepted).collect();
    let [(_, winner)] = winners[..] else { panic!("{} winners", winners.len()) };
    for ack in acks.iter().filter(|ack| !ack.accepted) {
        assert_eq!((ack.code, ack.provider_id.as_ref()), (Some(RefusalCode::LinkConflict), Some(winner)));
        assert!(ack.error.contains(winner.as_str()), "{}", ack.error);
    }
    eventually("all hosts agree", DEADLINE, async || {
        for _ in 0..40 {
            if lattice.links().await != [link_of(winner, "default")] {
                return None;
            }
        }
        Some(())
    })
    .await;
    for neighbour in neighbours {
        neighbour.host.stop(None).await;
    }
}

#[tokio::test]
async fn a_hundred_updates_through_several_hosts_all_take_place() {
    let lattice = Lattice::start().await;
    let neighbours = [lattice.join().await, lattice.join().await];
    let mut events = lattice.events().await;
    let texts: Vec<_> = (0..100).map(|n| n.to_string()).collect();
    let wanted: Vec<_> = texts.iter().map(|text| link("default", &[("n", text.as_str())])).collect();
    let acks = join_all(wanted.iter().map(|link| lattice.put_link(link))).await;
    assert!(acks.iter().all(|ack| ack.accepted), "{acks:?}");
    assert_eq!(all_told(&lattice, &mut events, 100, neighbours).await.len(), 100);
}

/// Each is written, and yet none waits until no other is.
#[tokio::test]
async fn a_hundred_who_put_the_same_link_through_several_hosts_have_all_put_it() {
    let lattice = Lattice::start().await;
    let neighbours = [lattice.join().await, lattice.join().await];
    let mut events = lattice.events().await;
    let same = link("default", &[("n", "1")]);
    let acks = join_all((0..100).map(|_| lattice.put_link(&same))).await;
    assert!(acks.iter().all(|ack| ack.accepted), "{acks:?}");
    assert_eq!(lattice.links().await, [same]);
    assert_eq!(all_told(&lattice, &mut events, 1, neighbours).await, [("set", "default".to_owned())]);
}

#[tokio::test]
async fn changes_in_quick_succession_take_place_in_order() {
    let lattice = Lattice::start().await;
    let (one, two) = (link("one", &[]), link("two", &[]));
    let root = "wasmbus.ctl.default.linkdefs";
    for _ in 0..50 {
        for (command, body) in
            [("put", json_of(&one)), ("del", deletion_of(&one)), ("del", deletion_of(&two)), ("put", json_of(&two))]
        {
            let subject = format!("{root}.{command}");
            lattice.client.publish(subject, body.to_string().into()).await.expect("sent");
        }
    }
    assert!(lattice.put_link(&link("two", &[("last", "yes")])).await.accepted);
    assert!(lattice.delete_link(&one).await.accepted);
    assert_eq!(lattice.links().await, [link("two", &[("last", "yes")])]);
}

#[tokio::test]
async fn a_bucket_with_other_settings_is_used_as_it_is() {
    use async_nats::jetstream::{self, kv, stream::StorageType};
    let nats = lattice_testkit::NatsServer::start().await;
    let settings = kv::Config {
        bucket: "LATTICEDATA_default".to_owned(),
        history: 5,
        storage: StorageType::Memory,
        ..kv::Config::default()
    };
    let bucket = jetstream::new(nats.client().await).create_key_value(settings).await.expect("JetStream is on");
    let lattice = Lattice::start_on(nats, |_| {}).await;
    for n in 0..8 {
        assert!(lattice.put_link(&link("default", &[("n", &n.to_string())])).await.accepted);
    }
    assert_eq!(lattice.links().await, [link("default", &[("n", "7")])]);
    assert!(lattice.delete_link(&link("default", &[])).await.accepted);
    assert!(lattice.links().await.is_empty());
    assert!(lattice.put_link(&link("default", &[])).await.accepted);
    assert_eq!(bucket.status().await.expect("a status").history(), 5);
    let lattice = lattice.restart().await;
    assert_eq!(lattice.links().await, [link("default", &[])]);
}
