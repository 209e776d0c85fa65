//! Configuration values of actors and providers, and who records credentials for registries.

mod support;

use std::collections::BTreeMap;

use lattice_protocol::{
    Ack, ConfigValue, ControlSubject, Encoding, Format, OperationPhase, OperationRecords, OperationsQuery, decode,
    encode, event::EventData,
};
use lattice_testkit::eventually;
use serde_json::json;
use support::{
    DEADLINE, Events, Lattice, accepting,
    links::{ACTOR, PROVIDER},
};

async fn change(lattice: &Lattice, rest: &str, body: impl Into<bytes::Bytes>) -> Ack {
    let ack: Ack = decode(&lattice.ask(rest, body).await.payload).expect("an ack");
    assert!(ack.accepted, "{rest}: {}", ack.error);
    ack
}

async fn put(lattice: &Lattice, key: &str, value: &[u8]) {
    change(lattice, &format!("config.put.{ACTOR}.{key}"), value.to_vec()).await;
}

async fn value(lattice: &Lattice, key: &str) -> ConfigValue {
    let answer = lattice.ask_with(&format!("get.config.{ACTOR}.{key}"), "", accepting("application/json")).await;
    decode(&answer.payload).expect("a value")
}

async fn values(lattice: &Lattice, entity: &str) -> BTreeMap<String, Vec<u8>> {
    let answer = lattice.ask_with(&format!("get.config.{entity}"), "", accepting("application/json")).await;
    decode(&answer.payload).expect("values")
}

/// The key of the next event about configuration, and what happened to it.
async fn told(events: &mut Events) -> (&'static str, String) {
    loop {
        match events.next_change().await.known_data() {
            Some(EventData::ConfigSet(change)) => return ("set", change.key),
            Some(EventData::ConfigDeleted(change)) => return ("deleted", change.key),
            _ => {}
        }
    }
}

#[tokio::test]
async fn values_are_set_read_and_deleted() {
    let lattice = Lattice::start().await;
    let mut events = lattice.events().await;
    let ack = change(&lattice, &format!("config.put.{ACTOR}.key"), vec![0, 255, b'"']).await;
    let record = lattice.finished(&ack).await;
    assert_eq!((record.command.as_str(), record.phase), ("config.put", OperationPhase::Done));
    assert_eq!(value(&lattice, "key").await, ConfigValue { data: vec![0, 255, b'"'], found: true });
    put(&lattice, "empty", b"").await;
    assert_eq!(value(&lattice, "empty").await, ConfigValue { data: Vec::new(), found: true });
    assert_eq!(value(&lattice, "never").await, ConfigValue { data: Vec::new(), found: false });
    assert_eq!(values(&lattice, ACTOR).await.len(), 2);
    change(&lattice, &format!("config.del.{ACTOR}.key"), "").await;
    change(&lattice, &format!("config.del.{ACTOR}.key"), "").await;
    assert!(!value(&lattice, "key").await.found);
    put(&lattice, "key", b"again").await;
    let expect = [("set", "key"), ("set", "empty"), ("deleted", "key"), ("set", "key")];
    for (what, key) in expect {
        assert_eq!(told(&mut events).await, (what, key.to_owned()));
    }
}

#[tokio::test]
async fn keys_keep_their_dots() {
    // Hosts of wasmCloud 0.82 put both under `log`.
    let lattice = Lattice::start().await;
    put(&lattice, "log.level", b"info").await;
    put(&lattice, "log.format", b"json").await;
    assert_eq!(value(&lattice, "log.level").await.data, b"info");
    assert!(!value(&lattice, "log").await.found);
    assert_eq!(values(&lattice, ACTOR).await.into_keys().collect::<Vec<_>>(), ["log.format", "log.level"]);
    change(&lattice, &format!("config.del.{ACTOR}.log.level"), "").await;
    assert_eq!(values(&lattice, ACTOR).await.into_keys().collect::<Vec<_>>(), ["log.format"]);
    let bucket = lattice.bucket("CONFIGDATA").await;
    assert_eq!(
        bucket.get(format!("{ACTOR}_log.format")).await.expect("an answer").as_deref(),
        Some(b"json".as_slice())
    );
}

#[tokio::test]
async fn everything_of_an_entity_can_be_cleared_in_either_way() {
    let lattice = Lattice::start().await;
    change(&lattice, &format!("config.put.{PROVIDER}.kept"), "x").await;
    for subject in ["config.clear", "config.del"] {
        for key in ["a", "b"] {
            put(&lattice, key, b"x").await;
        }
        let mut events = lattice.events().await;
        let ack = change(&lattice, &format!("{subject}.{ACTOR}"), "").await;
        assert!(values(&lattice, ACTOR).await.is_empty());
        let mut gone = [told(&mut events).await, told(&mut events).await];
        gone.sort();
        assert_eq!(gone, [("deleted", "a".to_owned()), ("deleted", "b".to_owned())]);
        assert_eq!(lattice.finished(&ack).await.command, "config.clear");
        change(&lattice, &format!("{subject}.{ACTOR}"), "").await;
    }
    assert_eq!(values(&lattice, PROVIDER).await.len(), 1);
}

#[tokio::test]
async fn an_entity_without_values_has_an_empty_map() {
    let lattice = Lattice::start().await;
    let subject = format!("get.config.{ACTOR}");
    let answer = lattice.ask_with(&subject, "", accepting("application/json")).await;
    assert_eq!(answer.payload, "{}");
    let answer = lattice.ask(&subject, "").await;
    assert_eq!((Encoding::of(&answer.payload), &answer.payload[..]), (Some(Encoding::MessagePack), &[0x80][..]));
}

#[tokio::test]
async fn whoever_answers_knows_what_was_just_written() {
    let lattice = Lattice::start().await;
    let neighbours = [lattice.join().await, lattice.join().await];
    let bucket = lattice.bucket("CONFIGDATA").await;
    for n in 0..60u8 {
        put(&lattice, "n", &[n]).await;
        assert_eq!(value(&lattice, "n").await.data, [n]);
        // As hosts of wasmCloud 0.82 write.
        bucket.put(format!("{ACTOR}_direct"), vec![n].into()).await.expect("stored");
        assert_eq!(values(&lattice, ACTOR).await["direct"], [n]);
    }
    bucket.purge(format!("{ACTOR}_direct")).await.expect("purged");
    assert!(!value(&lattice, "direct").await.found);
    for neighbour in neighbours {
        neighbour.host.stop(None).await;
    }
}

#[tokio::test]
async fn changes_in_quick_succession_take_place_in_order() {
    let lattice = Lattice::start().await;
    for n in 0..100u8 {
        let subject = format!("wasmbus.ctl.default.config.put.{ACTOR}.n");
        lattice.client.publish(subject, vec![n].into()).await.expect("sent");
    }
    put(&lattice, "last", b"x").await;
    assert_eq!(value(&lattice, "n").await.data, [99]);
}

#[tokio::test]
async fn values_survive_the_host() {
    let lattice = Lattice::start().await;
    put(&lattice, "key", b"x").await;
    let lattice = lattice.restart().await;
    assert_eq!(value(&lattice, "key").await.data, b"x");
}

#[tokio::test]
async fn every_host_takes_credentials_for_registries() {
    let lattice = Lattice::start().await;
    let neighbour = lattice.join().await;
    let body = json!({
        "ghcr.io": {"username": "me", "password": "hunter2", "registryType": "oci"},
        "https://other.example/path": {"token": "hunter3", "registryType": ""},
    });
    let ack = lattice.command("registries.put", body).await;
    assert!(ack.accepted, "{}", ack.error);
    let subject = lattice.subjects().build(&ControlSubject::Operations);
    let query: bytes::Bytes = encode(&OperationsQuery::default(), Format::MESSAGE_PACK).into();
    eventually("both hosts have taken them", DEADLINE, async || {
        let answer = lattice.client.request(subject.clone(), query.clone()).await.expect("an answer");
        assert!(!String::from_utf8_lossy(&answer.payload).contains("hunter"), "a secret in a record");
        let records: OperationRecords = decode(&answer.payload).expect("records");
        let mut hosts: Vec<_> = records
            .operations
            .iter()
            .filter(|record| record.command == "registries.put" && record.phase == OperationPhase::Done)
            .map(|record| &record.host_id)
            .collect();
        hosts.sort();
        hosts.dedup();
        (hosts.len() == 2).then_some(())
    })
    .await;
    neighbour.host.stop(None).await;
}
