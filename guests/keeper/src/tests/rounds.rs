//! Rounds in a played lattice: what hosts are told, what is answered and logged.

use lattice_guest::messaging::Message;
use lattice_guest::msgpack::{decode, Value};
use lattice_guest::testing::Record;

use super::lattice::{Lattice, Played, ACTOR, IMAGE};

/// Keeps so many instances, in zone `a` if the zone matters, and returns the answer.
fn keep(lattice: &mut Lattice, instances: u64, zone: bool) -> (Result<Vec<u8>, String>, Record) {
    let labels = if zone { Value::map([("zone", "a".into())]) } else { Value::Nil };
    let entries =
        [("actor", ACTOR.into()), ("image", IMAGE.into()), ("instances", instances.into()), ("labels", labels)];
    lattice.run("Keeper.Keep", &Value::map(entries).encode())
}

/// After one round the hosts have so many and were told so much; after another one nothing has changed.
fn check(lattice: &mut Lattice, instances: u64, zone: bool, has: &[u16], told: &[(&str, u64)]) -> Record {
    let (answer, record) = keep(lattice, instances, zone);
    let answer = answer.unwrap();
    let answer = decode(&answer).unwrap();
    let running = lattice.hosts.values().filter(|host| !host.missing).map(|host| u64::from(host.has)).sum();
    assert_eq!(answer.get("running"), Some(&Value::Uint(running)));
    assert_eq!(answer.get("changed"), Some(&Value::Bool(!told.is_empty())));
    assert_eq!(lattice.has(), has);
    let told: Vec<_> = told.iter().map(|(host, count)| (String::from(*host), *count)).collect();
    assert_eq!(lattice.take_told(), told);
    record
}

fn check_settled(lattice: &mut Lattice, instances: u64) {
    let has = lattice.has();
    let record = check(lattice, instances, false, &has, &[]);
    assert_eq!(logged(&record), Vec::<String>::new());
}

fn logged(record: &Record) -> Vec<String> {
    let lines = record.calls.iter().filter(|call| call.operation == "Logging.WriteLog");
    let line = |payload: &[u8]| {
        let line = decode(payload).unwrap();
        let text = |key| line.get(key).and_then(Value::as_str).unwrap();
        format!("{}: {}", text("level"), text("text"))
    };
    lines.map(|call| line(&call.payload)).collect()
}

fn error(lattice: &mut Lattice, instances: u64) -> (String, Vec<String>) {
    let (answer, record) = keep(lattice, instances, true);
    (answer.unwrap_err(), logged(&record))
}

#[test]
fn from_nothing_to_all_of_them() {
    let mut lattice = Lattice::of(&[0, 0, 0]);
    let record = check(&mut lattice, 6, false, &[2, 2, 2], &[("A", 2), ("B", 2), ("C", 2)]);
    let line = "info: keeper: 0 of 6 instances of M1 ran; A had 0 and gets 2; B had 0 and gets 2; C had 0 and gets 2";
    assert_eq!(logged(&record), [line]);
    check_settled(&mut lattice, 6);
}

#[test]
fn the_answer_tells_what_was_done() {
    let mut lattice = Lattice::of(&[2, 3, 0, 0]);
    lattice.host("C").missing = true;
    lattice.host("D").bids = false;
    let (answer, _) = keep(&mut lattice, 6, true);
    let host =
        |id, had, has| Value::map([("host", Value::Str(id)), ("had", Value::Uint(had)), ("has", Value::Uint(has))]);
    let expected = Value::map([
        ("wanted", Value::Uint(6)),
        ("running", Value::Uint(6)),
        ("hosts", Value::Array(vec![host("A", 2, 3), host("B", 3, 3)])),
        ("missing", Value::Array(vec!["C".into()])),
        ("unreadable", Value::Uint(0)),
        ("problems", Value::Array(Vec::new())),
        ("changed", Value::Bool(true)),
    ]);
    assert_eq!(decode(&answer.unwrap()), Ok(expected));
}

#[test]
fn a_host_goes_and_comes_back() {
    let mut lattice = Lattice::of(&[2, 2, 2]);
    lattice.host("B").missing = true;
    let record = check(&mut lattice, 6, false, &[3, 2, 3], &[("A", 3), ("C", 3)]);
    let line = "info: keeper: 4 of 6 instances of M1 ran; A had 2 and gets 3; C had 2 and gets 3; B is missing";
    assert_eq!(logged(&record), [line]);
    // That it is still missing is no news.
    check_settled(&mut lattice, 6);
    lattice.host("B").missing = false;
    check(&mut lattice, 6, false, &[2, 2, 2], &[("A", 2), ("C", 2)]);
    check_settled(&mut lattice, 6);
}

#[test]
fn a_host_comes_back_empty() {
    let mut lattice = Lattice::of(&[3, 0, 3]);
    // First the one that gets more, and once it has them the others get fewer.
    check(&mut lattice, 6, false, &[3, 2, 3], &[("B", 2)]);
    check(&mut lattice, 6, false, &[2, 2, 2], &[("A", 2), ("C", 2)]);
    check_settled(&mut lattice, 6);
}

#[test]
fn a_host_that_does_not_tell_what_it_has_counts_as_missing() {
    for text in ["the call failed: [no_such_host] there is no host B", "[timed_out] no answer", "the call timed out"] {
        let mut lattice = Lattice::of(&[2, 2]);
        lattice.host("B").silent = Some(text);
        let (answer, record) = keep(&mut lattice, 4, false);
        let answer = answer.unwrap();
        let answer = decode(&answer).unwrap();
        assert_eq!(answer.get("running"), Some(&Value::Uint(4)));
        assert_eq!(answer.get("missing"), Some(&Value::Array(vec!["B".into()])));
        let problem = &answer.get("problems").and_then(Value::as_array).unwrap()[0];
        assert_eq!(problem.get("host"), Some(&Value::Str("B")));
        assert_eq!(lattice.take_told(), [("A".into(), 4)], "{}", text);
        let line = &logged(&record)[0];
        assert!(line.contains("; A had 2 and gets 4; B is missing; B says: ["), "{}", line);
    }
}

#[test]
fn more_or_fewer_are_wanted() {
    let mut lattice = Lattice::of(&[2, 2, 2]);
    check(&mut lattice, 8, false, &[3, 3, 2], &[("A", 3), ("B", 3)]);
    check(&mut lattice, 3, false, &[1, 1, 1], &[("A", 1), ("B", 1), ("C", 1)]);
    check(&mut lattice, 0, false, &[0, 0, 0], &[("A", 0), ("B", 0), ("C", 0)]);
    check_settled(&mut lattice, 0);
}

#[test]
fn only_hosts_with_the_labels_have_any() {
    let mut lattice = Lattice::of(&[2, 2, 0]);
    lattice.host("B").zone = "b";
    check(&mut lattice, 4, true, &[2, 2, 2], &[("C", 2)]);
    check(&mut lattice, 4, true, &[2, 0, 2], &[("B", 0)]);
    // Where the zone does not matter, it does not.
    check(&mut lattice, 6, false, &[2, 2, 2], &[("B", 2)]);
}

#[test]
fn a_host_that_refuses_is_passed_over() {
    for code in ["full", "stopping", "invalid", "refused", "no_such_thing_yet"] {
        let mut lattice = Lattice::of(&[0, 0, 0]);
        lattice.host("B").refuses = Some(code);
        let told = [("A", 2), ("B", 2), ("C", 2), ("A", 3), ("C", 3)];
        let record = check(&mut lattice, 6, false, &[3, 0, 3], &told);
        let line = logged(&record).concat();
        assert!(
            line.ends_with(&format!("; A had 0 and gets 3; C had 0 and gets 3; B says: [{}] no", code)),
            "{}",
            line
        );
    }
}

#[test]
fn nobody_gives_up_what_a_host_has_refused() {
    let mut lattice = Lattice::of(&[6, 0]);
    lattice.host("B").refuses = Some("full");
    let (answer, record) = keep(&mut lattice, 6, false);
    let answer = answer.unwrap();
    assert_eq!(decode(&answer).unwrap().get("changed"), Some(&Value::Bool(false)));
    assert_eq!(logged(&record), ["info: keeper: 6 of 6 instances of M1 ran; B says: [full] no"]);
    assert_eq!((lattice.has(), lattice.take_told()), (vec![6, 0], vec![("B".into(), 3)]));
}

/// That a host accepts is no promise that it can: its image may not be there.
#[test]
fn nobody_gives_up_what_a_host_accepts_and_never_runs() {
    let mut lattice = Lattice::of(&[3, 0]);
    lattice.host("B").fails_to_start = true;
    for _ in 0..3 {
        assert!(keep(&mut lattice, 3, false).0.is_ok());
        assert_eq!((lattice.has(), lattice.take_told()), (vec![3, 0], vec![("B".into(), 1)]));
    }
}

#[test]
fn a_host_that_will_not_give_up_its_surplus_is_told_and_left() {
    let mut lattice = Lattice::of(&[3, 3]);
    lattice.host("A").refuses = Some("stopping");
    let (answer, _) = keep(&mut lattice, 4, false);
    let answer = answer.unwrap();
    let answer = decode(&answer).unwrap();
    assert_eq!((answer.get("running"), lattice.has()), (Some(&Value::Uint(5)), vec![3, 2]));
}

#[test]
fn where_nobody_bids_that_is_the_error() {
    let mut lattice = Lattice::of(&[2, 0]);
    lattice.host("A").bids = false;
    lattice.host("B").bids = false;
    let text = "[no_bids] no host with zone=a bids for r.example/echo:1, and 2 of 6 instances run where they may";
    let line = "warn: keeper: 2 of 6 instances of M1 ran; the round failed: ";
    assert_eq!(error(&mut lattice, 6), (text.into(), vec![[line, text].concat()]));
    assert_eq!(lattice.take_told(), []);
    // As many as there are need nobody.
    check_settled(&mut lattice, 2);
    // Nobody at all was heard: the same.
    lattice.auction_fails = Some("the call failed: [incomplete] nobody bids, and B was not heard");
    check_settled(&mut lattice, 2);
    assert_eq!(error(&mut lattice, 6).0, text);
}

#[test]
fn where_all_refuse_nobody_bids() {
    let mut lattice = Lattice::of(&[1, 0]);
    lattice.host("A").refuses = Some("full");
    lattice.host("B").refuses = Some("full");
    let (text, log) = error(&mut lattice, 3);
    let why = "1 of 3 instances run where they may; the last of those with a problem, B, says: [full] no";
    assert!(text.starts_with("[no_bids] ") && text.ends_with(why), "{}", text);
    assert_eq!(log.len(), 1);
    assert!(log[0].contains("; A says: [full] no; B says: [full] no; the round failed: [no_bids] "), "{}", log[0]);
}

#[test]
fn what_is_not_a_host_s_fault_ends_the_round() {
    let mut lattice = Lattice::of(&[0, 0]);
    lattice.fails = Some("the call failed: [not_granted] the link lacks `operations=read`");
    let (text, log) = error(&mut lattice, 2);
    assert_eq!(text, "[not_granted] the link lacks `operations=read`");
    assert_eq!(log, [["warn: keeper: what runs cannot be told: ", text.as_str()].concat()]);
    let mut lattice = Lattice::of(&[0, 0]);
    lattice.host("A").silent = Some("[rate_limited] later");
    let (text, log) = error(&mut lattice, 2);
    assert_eq!((text.as_str(), log.len()), ("[rate_limited] later", 1));
    assert!(log[0].starts_with("warn: keeper: what runs cannot be told: "), "{}", log[0]);
    assert_eq!(lattice.take_told(), []);
    let mut lattice = Lattice::of(&[0, 0]);
    lattice.host("B").refuses = Some("not_granted");
    let (text, log) = error(&mut lattice, 2);
    assert_eq!(text, "[not_granted] no");
    // What was done until then is told.
    assert!(log[0].contains("; A had 0 and gets 1; the round failed: "), "{}", log[0]);
    let mut lattice = Lattice::of(&[0, 0]);
    lattice.auction_fails = Some("[timed_out] no answer");
    assert_eq!(error(&mut lattice, 2).0, "[timed_out] no answer");
}

#[test]
fn a_lattice_without_hosts_has_nobody_who_bids() {
    let mut lattice = Lattice::default();
    assert!(error(&mut lattice, 1).0.starts_with("[no_bids] "));
    check_settled(&mut lattice, 0);
}

#[test]
fn a_timer_s_message_is_a_round() {
    let body = format!("actor={}\nimage={}; instances=2\nlabel.zone=a", ACTOR, IMAGE);
    let message = Message { subject: "timer", reply_to: None, body: body.as_bytes() }.encode();
    let mut lattice = Lattice::of(&[0, 0]);
    lattice.hosts.insert("C", Played { zone: "b", ..Played::default() });
    let (answer, record) = lattice.run("MessageSubscriber.HandleMessage", &message);
    assert_eq!((answer, lattice.has()), (Ok(Vec::new()), vec![1, 1, 0]));
    assert_eq!(logged(&record).len(), 1);
    let (answer, record) = lattice.run("MessageSubscriber.HandleMessage", &message);
    assert_eq!((answer, logged(&record)), (Ok(Vec::new()), Vec::new()));
    lattice.fails = Some("[unlinked] the link is gone");
    let (answer, _) = lattice.run("MessageSubscriber.HandleMessage", &message);
    assert_eq!(answer, Err("[unlinked] the link is gone".into()));
}

#[test]
fn a_message_that_says_nothing_to_keep_is_an_error() {
    let handle = |body: &[u8]| {
        let message = Message { subject: "timer", reply_to: None, body }.encode();
        Lattice::default().run("MessageSubscriber.HandleMessage", &message)
    };
    assert_eq!(handle(b"actor=M1"), (Err("[invalid] there is no `image`".into()), Record::default()));
    assert_eq!(handle(b"\xff"), (Err("the body of the message is not UTF-8".into()), Record::default()));
}
