//! An `up` that is killed leaves nothing running, and the next one restores what ran.

mod support;

use std::fs;

use lattice_testkit::eventually;
use rustix::process::Signal;
use serde_json::Value;
use support::{DEADLINE, Daemon, Home, until_gone};

#[tokio::test]
async fn a_killed_up_leaves_nothing_and_the_next_restores() {
    let home = Home::new().await;
    let (mut up, ready) = Daemon::up(&home, &["--demo"]).await;
    home.run(&["scale", "actor", "hello", "--count", "3"]).await.done();
    until_noted(&home, &ready, 3).await;
    let family = up.family();
    assert!(family.len() >= 3, "the guard and the broker are processes of their own: {family:?}");
    up.signal(Signal::KILL);
    assert_eq!(up.end().await, None);
    until_gone(&family).await;
    home.run(&["status", "-o", "json"]).await.failed_json(3, "not_running");

    let (mut next, again) = Daemon::up(&home, &[]).await;
    assert_eq!(again["host_id"], ready["host_id"]);
    let actors = again["inventory"]["actors"].as_array().expect("a list");
    let actor = actors.iter().find(|actor| actor["name"] == "hello").expect("it runs again");
    let providers: Vec<&Value> = again["inventory"]["providers"].as_array().expect("a list").iter().collect();
    assert_eq!(providers.len(), 2, "{again}");
    let instances = actor["instances"].as_array().expect("it runs");
    let count: u64 = instances.iter().filter_map(|instance| instance["max_instances"].as_u64()).sum();
    assert_eq!(count, 3, "{again}");

    let family = next.family();
    next.signal(Signal::INT);
    assert_eq!(next.end().await, Some(0));
    until_gone(&family).await;
}

/// The host notes what runs just after it runs.
async fn until_noted(home: &Home, ready: &Value, count: u64) {
    let host = ready["host_id"].as_str().expect("it has a key");
    let path = home.data_dir().join("hosts").join(host).join("running.json");
    let noted = || serde_json::from_slice::<Value>(&fs::read(&path).ok()?).ok();
    let is_noted = |noted: Value| {
        noted["actors"].as_array().is_some_and(|actors| actors.iter().any(|actor| actor["count"] == count))
    };
    eventually("it is noted", DEADLINE, async || is_noted(noted()?).then_some(())).await;
}
