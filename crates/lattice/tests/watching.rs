//! `get hosts --watch` and `get inventory --watch`.

mod support;

use lattice_testkit::eventually;
use rustix::process::Signal;
use serde_json::Value;
use support::{DEADLINE, Daemon, Home};

#[tokio::test]
async fn changes_are_shown_as_they_happen() {
    let home = Home::new().await;
    let (mut up, ready) = Daemon::up(&home, &["--demo"]).await;
    let host = ready["host_name"].as_str().expect("it has a name");
    let mut hosts = Daemon::start(home.command(&["get", "hosts", "--watch", "-o", "json"]));
    let mut inventory = Daemon::start(home.command(&["get", "inventory", "--watch", "-o", "json"]));
    let mut people = Daemon::start(home.command(&["get", "inventory", "--watch"]));
    next(&mut hosts).await;
    next(&mut inventory).await;
    assert!(people.line().await.expect("titles").starts_with("host"));

    home.run(&["label", "put", host, "zone=b"]).await.done();
    until(&mut hosts, |shown| shown["hosts"][0]["labels"]["zone"] == "b").await;
    home.run(&["scale", "actor", "hello", "--count", "7"]).await.done();
    let count = |shown: &Value| {
        let actors = shown["inventories"][0]["actors"].as_array()?;
        let hello = actors.iter().find(|actor| actor["name"] == "hello")?;
        hello["instances"].as_array().map(Vec::len)
    };
    until(&mut inventory, |shown| count(shown) == Some(7)).await;
    eventually("people see it", DEADLINE, async || people.line().await?.contains("  7  ").then_some(())).await;

    up.signal(Signal::TERM);
    assert_eq!(up.end().await, Some(0));
    for watch in [&mut hosts, &mut inventory, &mut people] {
        watch.signal(Signal::INT);
        assert_eq!(watch.end().await, Some(0));
    }
}

#[tokio::test]
async fn a_watch_of_nothing_says_so() {
    let home = Home::new().await;
    let (_up, _) = Daemon::up(&home, &[]).await;
    home.run(&["get", "hosts", "--watch", "-x", "other", "-o", "json"]).await.failed_json(3, "no_hosts");
    home.run(&["get", "inventory", "nobody", "--watch"]).await.failed(3, "no host fits `nobody`");
    home.run(&["get", "hosts", "--watch", "--require-complete", "-o", "json"]).await.failed_json(2, "usage");
}

async fn next(watch: &mut Daemon) -> Value {
    let line = watch.line().await.expect("it goes on");
    serde_json::from_str(&line).expect("a line is a document")
}

/// Reads on until what is shown fits.
async fn until(watch: &mut Daemon, fits: impl Fn(&Value) -> bool) {
    eventually("it is shown", DEADLINE, async || fits(&next(watch).await).then_some(())).await;
}
