//! Operations: one id is done once in the whole lattice, every host tells of each, and what a host left behind is lost.

mod support;

use std::time::Duration;

use async_nats::{
    HeaderMap,
    jetstream::{self, kv},
};
use lattice_claims::HostSeed;
use lattice_host::Host;
use lattice_protocol::{
    Ack, ControlSubject, Format, Member, Members, OPERATION_HEADER, OperationPhase, OperationQuery, OperationRecord,
    OperationRecords, OperationsQuery, REQUESTER_HEADER, RefusalCode, decode, encode,
};
use lattice_testkit::{NatsServer, eventually, guests};
use serde_json::json;
use support::{DEADLINE, Lattice, Seeds, TestActor, config};
use tempfile::TempDir;

/// Stands in the ledger where no client named the operation.
const NO_FINGERPRINT: [u8; 32] = [0; 32];

/// Another host in the same lattice.
async fn another_host(lattice: &Lattice) -> (Host, TempDir) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let seeds = Seeds { host: Seeds::generate().host, ..lattice.seeds.clone() };
    let host = Host::start(config(&lattice.client, &seeds, &dir)).await.expect("the other host starts");
    (host, dir)
}

fn headers(entries: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    entries.iter().for_each(|(name, value)| headers.insert(*name, *value));
    headers
}

async fn command(lattice: &Lattice, host: &str, id: &str, body: &serde_json::Value) -> Ack {
    let headers = headers(&[(OPERATION_HEADER, id), (REQUESTER_HEADER, "ada@engine")]);
    let answer = lattice.ask_with(&format!("cmd.{host}.scale"), body.to_string(), headers).await;
    decode(&answer.payload).expect("an ack")
}

async fn record(lattice: &Lattice, subject: ControlSubject, query: &OperationQuery) -> Option<OperationRecord> {
    let subject = lattice.subjects().build(&subject);
    let answer = lattice.client.request(subject, encode(query, Format::JSON).into()).await.expect("an answer");
    decode(&answer.payload).ok()
}

async fn list(lattice: &Lattice, query: &OperationsQuery) -> OperationRecords {
    let answer = lattice.ask("lattice.operations", encode(query, Format::MESSAGE_PACK)).await;
    decode(&answer.payload).expect("records")
}

fn scale(actor: &TestActor, count: u16) -> serde_json::Value {
    json!({"actor_ref": actor.reference(), "count": count})
}

#[tokio::test]
async fn an_id_is_done_once_whichever_host_it_reaches() {
    let lattice = Lattice::start().await;
    let (other, _dir) = another_host(&lattice).await;
    let actor = lattice.actor("once", &guests::echo());
    let id = "0194c4a5-7f5e-7d7c-a8c5-5c0c8f0e8a11";
    let first = command(&lattice, "{host}", id, &scale(&actor, 2)).await;
    assert!(first.accepted && !first.unrecorded, "{first:?}");
    lattice.finished(&first).await;

    let again = command(&lattice, "{host}", id, &scale(&actor, 2)).await;
    assert_eq!(again, first, "the same command again is the same operation");
    let changed = command(&lattice, "{host}", id, &scale(&actor, 3)).await;
    assert_eq!((changed.accepted, changed.code), (false, Some(RefusalCode::OperationConflict)));
    // The subject names the host, so that at another one it is another command.
    let elsewhere = command(&lattice, other.key().as_str(), id, &scale(&actor, 2)).await;
    assert_eq!((elsewhere.accepted, elsewhere.code), (false, Some(RefusalCode::OperationConflict)));
    assert!(other.inventory().actors.is_empty());
    assert_eq!(lattice.counts(&actor.key).await, [("{}".to_owned(), 2)]);
    other.stop(None).await;
}

/// A command whose id stood in the ledger was done once more when the entry could not be read.
#[tokio::test]
async fn regression_an_id_whose_entry_cannot_be_read_is_not_done_again() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("unreadable", &guests::echo());
    let id = "0194c4a5-7f5e-7d7c-a8c5-5c0c8f0e8a12";
    lattice.bucket("LATTICEOPS").await.put(id, "no record".into()).await.expect("stored");
    let ack = command(&lattice, "{host}", id, &scale(&actor, 2)).await;
    assert_eq!((ack.accepted, ack.code), (false, Some(RefusalCode::Unavailable)), "{}", ack.error);
    assert!(ack.error.contains(id), "{}", ack.error);
    let done = lattice.carry_out("cmd.{host}.scale", scale(&actor, 1)).await;
    assert_eq!(done.phase, OperationPhase::Running);
    assert_eq!(lattice.counts(&actor.key).await, [("{}".to_owned(), 1)]);
}

/// One record that the bucket refused was tried for ever, and each failure left named commands unrecorded for some seconds.
#[tokio::test]
async fn regression_a_record_that_is_too_large_leaves_no_other_unrecorded() {
    let nats = NatsServer::start().await;
    let jetstream = jetstream::new(nats.client().await);
    let settings =
        kv::Config { bucket: "LATTICEOPS_default".to_owned(), max_value_size: 3000, ..kv::Config::default() };
    jetstream.create_key_value(settings).await.expect("made");
    let lattice = Lattice::start_on(nats, |_| {}).await;
    let missing = format!("file:///{}.wasm", "x".repeat(4000));
    let large = lattice.carry_out("cmd.{host}.la", json!({"actor_ref": missing})).await;
    assert_eq!(large.phase, OperationPhase::Failed);
    let actor = lattice.actor("small", &guests::echo());
    let small = lattice.carry_out("cmd.{host}.scale", scale(&actor, 1)).await;
    let listed = async || list(&lattice, &OperationsQuery::default()).await.operations.good;
    eventually("the small one is listed", DEADLINE, async || (listed().await == [small.clone()]).then_some(())).await;
    let named = command(&lattice, "{host}", "0194c4a5-7f5e-7d7c-a8c5-5c0c8f0e8a13", &scale(&actor, 2)).await;
    assert!(named.accepted && !named.unrecorded, "{named:?}");
}

/// Buckets that were removed came back with the next start of a host, and until then nobody knew who is there.
#[tokio::test]
async fn regression_buckets_of_members_and_operations_are_made_anew() {
    let lattice = Lattice::start_with(|config| config.member_interval = Duration::from_millis(200)).await;
    let jetstream = jetstream::new(lattice.client.clone());
    for bucket in ["LATTICEHOSTS_default", "LATTICEOPS_default"] {
        jetstream.delete_key_value(bucket).await.expect("deleted");
    }
    eventually("the members are known", DEADLINE, async || {
        let members: Members = decode(&lattice.ask("lattice.members", "").await.payload).ok()?;
        (members.members.len() == 1).then_some(())
    })
    .await;
    let actor = lattice.actor("anew", &guests::echo());
    let done = lattice.carry_out("cmd.{host}.scale", scale(&actor, 1)).await;
    eventually("the operation is in the ledger", DEADLINE, async || {
        let answer = lattice.ask("lattice.operations", encode(&OperationsQuery::default(), Format::JSON)).await;
        let records: OperationRecords = decode(&answer.payload).ok()?;
        (records.operations.good == [done.clone()]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_refused_id_is_refused_again() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("refused", &guests::echo());
    let id = "0194c4a5-7f5e-7d7c-a8c5-5c0c8f0e8a12";
    let headers = headers(&[(OPERATION_HEADER, id)]);
    let stop = json!({"actor_ref": actor.key.as_str()}).to_string();
    let ask = || lattice.ask_with("cmd.{host}.sa", stop.clone(), headers.clone());
    let first: Ack = decode(&ask().await.payload).expect("an ack");
    assert_eq!((first.accepted, first.code), (false, Some(RefusalCode::NotRunning)));
    // Until it is written it may be asked once more; it is refused either way.
    let again: Ack = decode(&ask().await.payload).expect("an ack");
    assert_eq!(again, first);
}

#[tokio::test]
async fn every_host_tells_of_each_operation_with_its_history() {
    let lattice = Lattice::start().await;
    let (other, _dir) = another_host(&lattice).await;
    let actor = lattice.actor("told", &guests::echo());
    let id = "0194c4a5-7f5e-7d7c-a8c5-5c0c8f0e8a13";
    let ack = command(&lattice, "{host}", id, &scale(&actor, 1)).await;
    let own = lattice.finished(&ack).await;
    let phases: Vec<_> = own.phases.iter().map(|reached| reached.phase).collect();
    assert_eq!(phases.first(), Some(&OperationPhase::Accepted));
    assert_eq!(phases.last(), Some(&OperationPhase::Running));
    assert!(phases.contains(&OperationPhase::Compiling), "{phases:?}");
    assert_eq!(own.requester.as_deref(), Some("ada@engine"));
    assert_eq!((own.command.as_str(), own.reference.as_deref()), ("scale", Some(actor.reference().as_str())));

    let query = OperationQuery { operation_id: own.operation_id.clone(), past: None, wait: 0 };
    // Either host may be asked; both say the same once it is written.
    let told = eventually("any host tells it", DEADLINE, async || {
        let told = record(&lattice, ControlSubject::AnyOperation, &query).await?;
        (told.phase == OperationPhase::Running).then_some(told)
    });
    assert_eq!(told.await, own);
    let unknown = OperationQuery { operation_id: "nobody-knows-it".parse().expect("a word"), past: None, wait: 0 };
    let answer = lattice.ask("lattice.operation", encode(&unknown, Format::JSON)).await;
    let ack: Ack = decode(&answer.payload).expect("an ack");
    assert_eq!((ack.accepted, ack.code), (false, Some(RefusalCode::NotFound)));

    let listed = eventually("the list has it", DEADLINE, async || {
        let listed = list(&lattice, &OperationsQuery::default()).await;
        listed.operations.contains(&own).then_some(listed)
    });
    assert!(!listed.await.more);
    let of_other = OperationsQuery { host_id: Some(other.key().clone()), ..OperationsQuery::default() };
    assert!(list(&lattice, &of_other).await.operations.is_empty());
    let of_actor = OperationsQuery { actor_id: Some(actor.key.clone()), ..OperationsQuery::default() };
    assert_eq!(list(&lattice, &of_actor).await.operations.good, [own]);
    other.stop(None).await;
}

#[tokio::test]
async fn what_a_host_left_unfinished_is_lost() {
    let lattice = Lattice::start().await;
    let (other, _dir) = another_host(&lattice).await;
    let key = other.key().clone();
    let jetstream = jetstream::new(lattice.client.clone());
    let ledger = jetstream.get_key_value("LATTICEOPS_default").await.expect("there is a ledger");
    // As a host writes it that is killed in the next moment.
    let id = "0194c4a5-7f5e-7d7c-a8c5-5c0c8f0e8a14";
    let left = json!({"fingerprint": NO_FINGERPRINT, "record": {
        "host_id": key, "incarnation": "an earlier start", "operation_id": id, "phase": "fetching", "command": "la"
    }});
    ledger.put(id, left.to_string().into()).await.expect("written");
    let listed = list(&lattice, &OperationsQuery::default()).await;
    let [record] = listed.operations.good.as_slice() else { panic!("one operation: {listed:?}") };
    assert_eq!((record.phase, record.causes.len()), (OperationPhase::Lost, 1));
    let stored = ledger.get(id).await.expect("the bucket answers").expect("still there");
    assert!(String::from_utf8_lossy(&stored).contains("fetching"), "only the host itself closes it");

    other.stop(None).await;
    assert_eq!(list(&lattice, &OperationsQuery::default()).await.operations.good[0].phase, OperationPhase::Lost);
}

#[tokio::test]
async fn a_host_that_comes_back_closes_what_it_left() {
    let lattice = Lattice::start().await;
    let jetstream = jetstream::new(lattice.client.clone());
    let ledger = jetstream.get_key_value("LATTICEOPS_default").await.expect("there is a ledger");
    let id = "0194c4a5-7f5e-7d7c-a8c5-5c0c8f0e8a15";
    let left = json!({"fingerprint": NO_FINGERPRINT, "record": {
        "host_id": lattice.host_key(), "incarnation": "an earlier start", "operation_id": id, "phase": "compiling"
    }});
    ledger.put(id, left.to_string().into()).await.expect("written");
    let lattice = lattice.restart().await;
    eventually("the host closes it", DEADLINE, async || {
        let stored = ledger.get(id).await.expect("the bucket answers").expect("still there");
        String::from_utf8_lossy(&stored).contains("\"phase\":\"lost\"").then_some(())
    })
    .await;
    drop(lattice);
}

#[tokio::test]
async fn without_the_ledger_commands_run_and_say_so() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("unrecorded", &guests::echo());
    let jetstream = jetstream::new(lattice.client.clone());
    jetstream.delete_key_value("LATTICEOPS_default").await.expect("deleted");
    let ack = command(&lattice, "{host}", "0194c4a5-7f5e-7d7c-a8c5-5c0c8f0e8a16", &scale(&actor, 1)).await;
    assert!(ack.accepted && ack.unrecorded, "{ack:?}");
    let record = lattice.finished(&ack).await;
    assert_eq!((record.phase, record.unrecorded), (OperationPhase::Running, true));
    assert_eq!(lattice.counts(&actor.key).await, [("{}".to_owned(), 1)]);
}

#[tokio::test]
async fn members_come_and_go() {
    let lattice = Lattice::start().await;
    let (other, _dir) = another_host(&lattice).await;
    let members = async || {
        let members: Members = decode(&lattice.ask("lattice.members", "").await.payload).expect("members");
        members.members.good.into_iter().map(|member| member.host_id).collect::<Vec<_>>()
    };
    let mut both = vec![lattice.host_key(), other.key().clone()];
    both.sort();
    eventually("both are members", DEADLINE, async || (members().await == both).then_some(())).await;
    other.stop(None).await;
    let left = [lattice.host_key()];
    eventually("one has left", DEADLINE, async || (members().await == left).then_some(())).await;
}

const FOREIGN: &str = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA";

/// Publishes an event of a host, as hosts of other projects do.
async fn tell(lattice: &Lattice, host: &str, name: &str, friendly_name: &str) {
    let event = json!({
        "specversion": "1.0", "id": "1", "type": format!("com.wasmcloud.lattice.{name}"), "source": host,
        "data": {"friendly_name": friendly_name, "version": "0.82.0", "actors": {}, "providers": [], "labels": {}}
    });
    lattice.client.publish("wasmbus.evt.default", event.to_string().into()).await.expect("sent");
}

async fn members(lattice: &Lattice) -> Vec<Member> {
    let members: Members = decode(&lattice.ask("lattice.members", "").await.payload).expect("members");
    members.members.good
}

async fn foreign(lattice: &Lattice) -> Option<Member> {
    members(lattice).await.into_iter().find(|member| member.foreign)
}

#[tokio::test]
async fn a_host_of_another_project_is_noted_from_its_heartbeat() {
    let lattice = Lattice::start().await;
    tell(&lattice, FOREIGN, "host_heartbeat", "strange-bird-1").await;
    let member = eventually("it is noted", DEADLINE, async || foreign(&lattice).await).await;
    assert_eq!((member.host_id.as_str(), member.friendly_name.as_str()), (FOREIGN, "strange-bird-1"));
    tell(&lattice, FOREIGN, "host_stopped", "").await;
    eventually("it is gone", DEADLINE, async || foreign(&lattice).await.is_none().then_some(())).await;
}

/// A forged event took a host of this project off the list, or made it one of another: gathers left it out, and what it was
/// doing counted as lost. What a forged event tells was kept however long it was.
#[tokio::test]
async fn regression_forged_events_take_no_host_of_this_project_off_the_members() {
    // It does not note itself again while the test runs.
    let lattice = Lattice::start_with(|config| config.member_interval = Duration::from_secs(600)).await;
    let (other, _dir) = another_host(&lattice).await;
    let both = async || members(&lattice).await.into_iter().filter(|member| !member.foreign).count() == 2;
    eventually("both are members", DEADLINE, async || both().await.then_some(())).await;
    // Each is seen by one of the hosts.
    for _ in 0..8 {
        for host in [lattice.host_key(), other.key().clone()] {
            tell(&lattice, host.as_str(), "host_heartbeat", "forged").await;
            tell(&lattice, host.as_str(), "host_stopped", "").await;
        }
    }
    for n in 0..8 {
        tell(&lattice, HostSeed::generate().public().as_str(), "host_heartbeat", &format!("{n}{}", "x".repeat(9000)))
            .await;
    }
    let noted = eventually("the later ones are noted", DEADLINE, async || {
        let members = members(&lattice).await;
        (members.iter().filter(|member| member.foreign).count() == 8).then_some(members)
    });
    let noted = noted.await;
    for host in [lattice.host_key(), other.key().clone()] {
        assert!(noted.iter().any(|member| member.host_id == host && !member.foreign), "{host} is gone");
    }
    assert!(noted.iter().all(|member| member.friendly_name.len() <= 200));
    other.stop(None).await;
}

#[tokio::test]
async fn a_question_is_held_until_there_is_news() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("news", &guests::echo());
    let ack = lattice.command("cmd.{host}.scale", scale(&actor, 1)).await;
    let record_after = async |past| {
        let operation_id = ack.operation_id.clone().expect("our hosts tell it");
        let query = OperationQuery { operation_id, past, wait: 5000 };
        record(&lattice, ControlSubject::Operation { host: lattice.host_key() }, &query).await.expect("a record")
    };
    let mut seen = vec![OperationPhase::Accepted];
    tokio::time::timeout(Duration::from_secs(60), async {
        while !seen.last().is_some_and(|phase: &OperationPhase| phase.is_final()) {
            seen.push(record_after(seen.last().copied()).await.phase);
        }
    })
    .await
    .expect("it ends");
    assert_eq!(seen.last(), Some(&OperationPhase::Running));
}

#[tokio::test]
async fn regression_a_refused_command_leaves_no_unfinished_record() {
    let lattice = Lattice::start().await;
    let actor = lattice.actor("absent", &guests::echo());
    let refused = lattice.command("cmd.{host}.sa", json!({"actor_ref": actor.key.as_str()})).await;
    assert!(!refused.accepted);
    // Written after it, so that what it left would be there too.
    let ack = lattice.command("cmd.{host}.scale", scale(&actor, 1)).await;
    let done = lattice.finished(&ack).await;
    let listed = eventually("the later one is listed", DEADLINE, async || {
        let listed = list(&lattice, &OperationsQuery::default()).await.operations.good;
        listed.contains(&done).then_some(listed)
    });
    assert_eq!(listed.await, [done]);
}
