//! The first journey: `up --demo`, the commands that it shows, a second `up`, `down`.

mod support;

use std::time::Duration;

use lattice_testkit::eventually;
use rustix::process::Signal;
use support::{DEADLINE, Daemon, Home, Outcome, until_gone};
use tokio::time;

#[tokio::test]
async fn the_first_journey() {
    let home = Home::new().await;
    let (mut up, ready) = Daemon::up(&home, &["--demo"]).await;
    let family = up.family();
    assert!(family.len() >= 3, "the guard and the broker are processes of their own: {family:?}");

    shown_commands_work(&home, &ready).await;
    reading_gives_one_document(&home).await;
    an_actor_comes_and_goes(&home).await;
    events_are_followed(&home).await;
    a_second_up_attaches(&home, up.pid()).await;

    let down = home.run(&["down", "-o", "json"]).await.json();
    assert_eq!((&down["stopped"], &down["pid"]), (&true.into(), &up.pid().into()));
    let mut last = String::new();
    while let Some(line) = up.line().await {
        last = line;
    }
    assert!(last.contains("host_stopped"), "{last}");
    assert_eq!(up.end().await, Some(0));
    until_gone(&family).await;
    assert_eq!(home.run(&["down", "-o", "json"]).await.json()["stopped"], false);
    home.run(&["status", "-o", "json"]).await.failed_json(3, "not_running");
}

/// Each is run by a shell as it was printed.
async fn shown_commands_work(home: &Home, ready: &serde_json::Value) {
    let commands = ready["try"].as_array().expect("there are commands to try");
    assert_eq!(commands.len(), 3);
    for command in commands {
        let mut shell = home.shell_command("sh");
        shell.args(["-c", command.as_str().expect("it is a command")]);
        let outcome = Outcome::of(shell).await;
        let printed = outcome.done();
        if command.to_string().contains("call") {
            assert!(printed.contains("Hello, Ada!"), "{outcome:?}");
        }
    }
    let inventory = home.run(&["get", "inventory", "-o", "json"]).await.json();
    let actors = inventory["inventories"][0]["actors"].as_array().expect("a list");
    let hello = actors.iter().find(|actor| actor["name"] == "hello").expect("it is listed");
    let instances = hello["instances"].as_array().expect("it runs");
    let count: u64 = instances.iter().filter_map(|instance| instance["max_instances"].as_u64()).sum();
    assert_eq!(count, 5, "{inventory}");
}

async fn reading_gives_one_document(home: &Home) {
    let hosts = home.run(&["get", "hosts", "-o", "json"]).await.json();
    let (id, name) = (hosts["hosts"][0]["id"].clone(), hosts["hosts"][0]["friendly_name"].clone());
    let (id, name) = (id.as_str().expect("it has one"), name.as_str().expect("it has one"));
    for host in [id, &id[..6], &id[..6].to_lowercase(), name] {
        let inventory = home.run(&["get", "inventory", host, "-o", "json"]).await.json();
        assert_eq!(inventory["inventories"][0]["host_id"], id);
    }
    let claims = home.run(&["get", "claims", "-o", "json"]).await.json();
    let all = claims["claims"].as_array().expect("a list");
    assert!(all.iter().any(|claims| claims["name"] == "hello"), "{claims}");
    let status = home.run(&["status", "-o", "json"]).await.json();
    assert_eq!(status["host_id"], id);
    home.run(&["get", "inventory", "nobody", "-o", "json"]).await.failed_json(3, "not_found");
    let other = lattice_claims::HostSeed::generate().public();
    home.run(&["stop", "host", other.as_str(), "-o", "json"]).await.failed_json(3, "not_found");
    home.run(&["stop", "actor", "nobody", "-o", "json"]).await.failed_json(3, "not_found");
    home.run(&["get", "hosts", "-x", "other", "-o", "json"]).await.failed_json(3, "no_hosts");
}

/// An unsigned module of the user's own.
async fn an_actor_comes_and_goes(home: &Home) {
    home.file("mine.wasm", &lattice_testkit::guests::echo());
    let started = home.run(&["start", "actor", "mine.wasm", "--annotation", "team=a", "-o", "json"]).await;
    assert!(started.stderr.contains("is not signed: signed with your development keys"), "{started:?}");
    assert_eq!(started.json()["outcome"], "done");
    let answer = home.run(&["call", "mine", "Any.Thing", "[1,\"two\",null]", "-o", "json"]).await.json();
    assert_eq!(answer, serde_json::json!([1, "two", null]));
    let raw = home.run(&["call", "mine", "Any.Thing", "7", "--raw"]).await;
    assert_eq!(raw.done(), "\x07");
    home.run(&["keys", "gen", "cluster", "--out", "other.nk"]).await.done();
    let foreign = ["call", "mine", "Any.Thing", "7", "--cluster-seed", "other.nk", "-o", "json"];
    assert!(home.run(&foreign).await.failed_json(4, "refused").to_string().contains("is not trusted"));
    home.run(&["stop", "actor", "mine", "--annotation", "team=b", "-o", "json"]).await.failed_json(4, "refused");
    home.run(&["stop", "actor", "mine", "--annotation", "team=a", "-o", "json"]).await.json();
    home.run(&["call", "mine", "Any.Thing", "-o", "json"]).await.failed_json(3, "not_found");
    home.file("empty.wasm", support::EMPTY_MODULE);
    let failed = home.run(&["start", "actor", "empty.wasm", "-o", "json"]).await;
    assert!(failed.failed_json(1, "failed").to_string().contains("__guest_call"));
}

async fn events_are_followed(home: &Home) {
    let mut events = Daemon::start(home.command(&["events", "--type", "actor_scaled", "-o", "json"]));
    let mut count = 5;
    // Until it listens there is nothing to hear, so something happens again and again.
    let line = eventually("an event is heard", DEADLINE, async || {
        count = 11 - count;
        home.run(&["scale", "actor", "hello", "--count", &count.to_string()]).await.done();
        time::timeout(Duration::from_millis(200), events.line()).await.ok().flatten()
    })
    .await;
    let event: serde_json::Value = serde_json::from_str(&line).expect("a line is a document");
    assert_eq!(event["type"], "com.wasmcloud.lattice.actor_scaled");
    events.signal(Signal::INT);
    assert_eq!(events.end().await, Some(0));
}

async fn a_second_up_attaches(home: &Home, first: u32) {
    let (mut second, ready) = Daemon::up(home, &[]).await;
    assert_eq!((&ready["pid"], &ready["attached"]), (&first.into(), &true.into()));
    home.run(&["scale", "actor", "hello", "--count", "2"]).await.done();
    let event: serde_json::Value =
        serde_json::from_str(&second.line().await.expect("events follow")).expect("a document");
    assert!(event["type"].as_str().is_some_and(|kind| kind.starts_with("com.wasmcloud.lattice.")), "{event}");
    second.signal(Signal::INT);
    assert_eq!(second.end().await, Some(0));
    assert_eq!(home.run(&["status", "-o", "json"]).await.json()["pid"], first);
}

/// History: `up` wrote to a full pipe where it should have heard the signal.
#[tokio::test]
async fn a_reader_that_stalls_keeps_nothing_from_stopping() {
    /// Bytes that a pipe holds.
    const PIPE: usize = 64 * 1024;
    let home = Home::new().await;
    let (mut up, _) = Daemon::up(&home, &["--demo"]).await;
    let family = up.family();
    // Nobody reads the events from here on: a hundred instances are told one by one, each in more than 400 bytes.
    for _ in 0..=PIPE / 400 / 100 {
        home.run(&["scale", "actor", "hello", "--count", "100"]).await.done();
        home.run(&["scale", "actor", "hello", "--count", "1"]).await.done();
    }
    up.signal(Signal::TERM);
    assert_eq!(up.end().await, Some(0));
    until_gone(&family).await;
}
