//! Ten hosts on one machine: one that does not answer is named, one that is gone is not waited for, and actors are placed.

mod support;

use lattice_testkit::{NatsServer, eventually, guests};
use rustix::process::Signal;
use serde_json::Value;
use support::{DEADLINE, Daemon, Home, Outcome};

const HOSTS: usize = 10;

struct TenHosts {
    home: Home,
    nats: NatsServer,
    hosts: Vec<Daemon>,
}

impl TenHosts {
    async fn start() -> Self {
        let (home, nats) = (Home::new().await, NatsServer::start().await);
        let start = |number: usize| {
            let (name, zone) = (format!("host-{number}"), format!("zone={}", number % 2));
            let flags = ["host", "--friendly-name", &name, "--data-dir", &name, "--allow-file", "--label", &zone];
            let mut command = home.command(&flags);
            command.env("LATTICE_NATS_URL", nats.url());
            Daemon::start(command)
        };
        let hosts = (0..HOSTS).map(start).collect();
        let ten = Self { home, nats, hosts };
        eventually("all hosts answer", DEADLINE, async || {
            let hosts = ten.run(&["get", "hosts"]).await;
            (hosts.code == Some(0) && names(&hosts.json()).len() == HOSTS).then_some(())
        })
        .await;
        ten
    }

    async fn run(&self, arguments: &[&str]) -> Outcome {
        let mut arguments = arguments.to_vec();
        arguments.extend(["-o", "json"]);
        self.home.run_with(("LATTICE_NATS_URL", &self.nats.url()), &arguments).await
    }

    /// Instances of all actors by host, in no order.
    async fn counts(&self) -> Vec<usize> {
        let inventories = self.run(&["get", "inventory"]).await.json();
        let count = |inventory: &Value| {
            let actors = inventory["actors"].as_array().expect("a list").iter();
            actors.map(|actor| actor["instances"].as_array().map_or(0, Vec::len)).sum()
        };
        inventories["inventories"].as_array().expect("a list").iter().map(count).collect()
    }
}

fn names(hosts: &Value) -> Vec<String> {
    let hosts = hosts["hosts"].as_array().expect("a list").iter();
    hosts.map(|host| host["friendly_name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn who_is_missing_is_named_and_who_is_gone_is_not_waited_for() {
    let mut ten = TenHosts::start().await;
    let all = ten.run(&["get", "hosts", "--require-complete"]).await.json();
    assert_eq!((names(&all).len(), &all["complete"]), (HOSTS, &Value::Bool(true)), "{all}");

    ten.hosts[3].signal(Signal::STOP);
    let part = ten.run(&["get", "hosts", "--timeout", "1s"]).await.json();
    assert_eq!((names(&part).len(), &part["complete"]), (HOSTS - 1, &Value::Bool(false)), "{part}");
    let missing = part["missing"].as_array().expect("a list");
    assert!(missing.len() == 1 && missing[0].as_str().expect("text").starts_with("host-3"), "{part}");
    let wanted = ten.run(&["get", "hosts", "--timeout", "1s", "--require-complete"]).await;
    assert_eq!(wanted.code, Some(1), "{wanted:?}");
    assert_eq!(names(&wanted.document()).len(), HOSTS - 1);
    ten.hosts[3].signal(Signal::CONT);
    eventually("it answers again", DEADLINE, async || {
        let hosts = ten.run(&["get", "hosts"]).await.json();
        (names(&hosts).len() == HOSTS).then_some(())
    })
    .await;

    ten.hosts[7].signal(Signal::KILL);
    ten.hosts[7].end().await;
    // Nothing tells that the host is gone but that nobody answers for it. It was a member until now, so that waiting for
    // it would take the whole of this.
    let rest = ten.run(&["get", "hosts", "--timeout", "60s", "--require-complete"]).await.json();
    assert_eq!(names(&rest).len(), HOSTS - 1, "{rest}");
    assert!(!names(&rest).contains(&"host-7".to_owned()), "{rest}");
}

#[tokio::test]
async fn actors_are_spread_over_the_hosts_that_fit() {
    let ten = TenHosts::start().await;
    ten.home.file("mine.wasm", &guests::echo());
    let start = ["start", "actor", "mine.wasm", "--constraint", "zone=1"];
    for _ in 0..HOSTS {
        ten.run(&start).await.json();
    }
    let mut counts = ten.counts().await;
    counts.sort_unstable();
    assert_eq!(counts, [0, 0, 0, 0, 0, 2, 2, 2, 2, 2]);
    let nobody = ten.run(&["start", "actor", "mine.wasm", "--constraint", "zone=9"]).await;
    assert_eq!(nobody.code, Some(3), "{nobody:?}");
    assert!(nobody.stdout.contains("zone"), "{nobody:?}");
}
