//! However the program ends, nobody whom it started is left: not the children of its providers, not those of them that
//! became daemons and are deaf to every signal.

mod support;

use std::fs;

use lattice_testkit::{NatsServer, eventually};
use rustix::process::Signal;
use support::{
    DEADLINE, Daemon, Home, archive,
    host::{host, run},
    is_alive,
};

/// What the members of a family call themselves.
const MEMBERS: [&str; 3] = ["provider", "child", "daemon"];

/// A provider with a child, and a daemon that left its session and its parents. None reads its input, none ends by TERM, HUP
/// or INT, and each sleeps in a loop, so that killing only its `sleep` does not end it.
fn family(home: &Home) -> String {
    let directory = home.path("family");
    fs::create_dir(&directory).expect("the home can be written");
    let directory = directory.display();
    format!(
        r#"#!/bin/sh
trap '' TERM HUP INT
export FAMILY="{directory}"
sh -c 'echo $$ > "$FAMILY/child"; for turn in 1 2 3; do sleep 200; done' &
setsid sh -c '(sh -c "echo \$\$ > \$FAMILY/daemon; for turn in 1 2 3; do sleep 200; done" &)'
echo $$ > "$FAMILY/provider"
for turn in 1 2 3; do sleep 200; done
"#
    )
}

/// Waits until the family is complete; returns its process ids.
async fn complete(home: &Home) -> Vec<u32> {
    let pid = |name: &str| fs::read_to_string(home.path("family").join(name)).ok()?.trim().parse().ok();
    let family = eventually("everybody has said who they are", DEADLINE, async || {
        MEMBERS.map(pid).into_iter().collect::<Option<Vec<u32>>>()
    })
    .await;
    let found = home.processes();
    let missed: Vec<_> = family.iter().filter(|pid| !found.contains(pid)).collect();
    assert!(missed.is_empty(), "a search that misses {missed:?} shows nothing: {found:?}");
    family
}

async fn until_nobody_is_left(home: &Home) {
    eventually("nobody is left", DEADLINE, async || home.processes().is_empty().then_some(())).await;
}

/// A host with one provider of its own and one that brings along a family.
async fn host_of_a_family(home: &Home, nats: &NatsServer) -> (Daemon, Vec<u32>) {
    archive(home, "family", &family(home));
    let daemon = host(home, nats, "prod", &["--allow-file"]).await;
    for provider in ["family.par.gz", "builtin://http-server"] {
        run(home, nats, &["start", "provider", provider]).await.json();
    }
    (daemon, complete(home).await)
}

#[tokio::test]
async fn a_killed_host_leaves_nobody() {
    let (home, nats) = (Home::new().await, NatsServer::start().await);
    let (mut host, _) = host_of_a_family(&home, &nats).await;
    host.signal(Signal::KILL);
    assert_eq!(host.end().await, None);
    until_nobody_is_left(&home).await;
}

#[tokio::test]
async fn a_host_that_ends_in_order_leaves_nobody() {
    let (home, nats) = (Home::new().await, NatsServer::start().await);
    let (mut host, family) = host_of_a_family(&home, &nats).await;
    host.signal(Signal::TERM);
    assert_eq!(host.end().await, Some(0));
    let left: Vec<_> = family.into_iter().filter(|pid| is_alive(*pid)).collect();
    assert!(left.is_empty(), "{left:?} outlived their host");
    until_nobody_is_left(&home).await;
}

#[tokio::test]
async fn a_killed_up_leaves_nobody() {
    let home = Home::new().await;
    archive(&home, "family", &family(&home));
    let (mut up, _) = Daemon::up(&home, &["--demo"]).await;
    home.run(&["start", "provider", "family.par.gz"]).await.done();
    complete(&home).await;
    up.signal(Signal::KILL);
    assert_eq!(up.end().await, None);
    until_nobody_is_left(&home).await;
}
