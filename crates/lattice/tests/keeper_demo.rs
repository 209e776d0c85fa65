//! The demo with several hosts: an actor keeps six instances of another one running on three hosts, and on those that are
//! left when one is killed.

mod support;

use std::{collections::BTreeMap, fs};

use lattice_testkit::eventually;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::{DEADLINE, Daemon, Home, is_alive};

const HOSTS: usize = 3;

/// The hosts of a ready `up`, by their keys.
fn processes(ready: &Value) -> BTreeMap<String, u32> {
    let hosts = ready["hosts"].as_array().expect("there are several").iter();
    let process = |host: &Value| {
        let pid = u32::try_from(host["pid"].as_u64().expect("it is told")).expect("it is one");
        (host["host_id"].as_str().expect("it is told").to_owned(), pid)
    };
    hosts.map(process).collect()
}

/// The key and the process of a host by its name.
fn named(ready: &Value, name: &str) -> (String, u32) {
    let mut hosts = ready["hosts"].as_array().expect("there are several").iter();
    let host = hosts.find(|host| host["name"] == name).expect("there is such a host");
    let key = host["host_id"].as_str().expect("it is told").to_owned();
    let pid = processes(ready)[&key];
    (key, pid)
}

/// How many instances of the actors of that name run, by host.
async fn counts(home: &Home, name: &str) -> BTreeMap<String, u64> {
    let inventories = home.run(&["get", "inventory", "-o", "json"]).await.json();
    let count = |host: &Value| {
        let actors = host["actors"].as_array().expect("a list").iter().filter(|actor| actor["name"] == name);
        let instances = actors.flat_map(|actor| actor["instances"].as_array().expect("a list"));
        instances.map(|instance| instance["max_instances"].as_u64().expect("a number")).sum()
    };
    let hosts = inventories["inventories"].as_array().expect("a list").iter();
    hosts.map(|host| (host["host_id"].as_str().expect("it is told").to_owned(), count(host))).collect()
}

async fn until_each_has(home: &Home, hosts: &BTreeMap<String, u32>, count: u64) {
    let what = format!("each of {} hosts has {count} instances", hosts.len());
    let expect: BTreeMap<String, u64> = hosts.keys().map(|host| (host.clone(), count)).collect();
    eventually(&what, DEADLINE, async || (counts(home, "hello").await == expect).then_some(())).await;
}

async fn until_nobody_is_left(home: &Home) {
    eventually("nobody is left", DEADLINE, async || home.processes().is_empty().then_some(())).await;
}

fn kill(pid: u32) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a process id");
    kill_process(pid, Signal::KILL).expect("it runs");
}

/// Ends an `up` in order, and all that it has started with it.
async fn end(home: &Home, up: &mut Daemon) {
    up.signal(Signal::INT);
    assert_eq!(up.end().await, Some(0));
    until_nobody_is_left(home).await;
}

#[tokio::test]
async fn what_a_killed_host_ran_runs_on_the_others() {
    let home = Home::new().await;
    let (mut up, ready) = Daemon::up(&home, &["--demo", "keeper"]).await;
    let mut hosts = processes(&ready);
    assert_eq!(hosts.len(), HOSTS, "{ready}");
    assert_eq!(hosts[ready["host_id"].as_str().expect("it is told")], up.pid());
    until_each_has(&home, &hosts, 2).await;

    let (killed, pid) = named(&ready, "keeper-2");
    kill(pid);
    hosts.remove(&killed);
    until_each_has(&home, &hosts, 3).await;
    let status = home.run(&["status", "-o", "json"]).await.json();
    assert_eq!(processes(&status), hosts);
    end(&home, &mut up).await;

    // Once more in the same place: the same hosts, and nothing twice.
    let (mut again, ready_again) = Daemon::up(&home, &["--demo=keeper"]).await;
    let hosts = processes(&ready_again);
    assert!(hosts.keys().eq(processes(&ready).keys()), "{ready_again}");
    until_each_has(&home, &hosts, 2).await;
    assert_eq!(counts(&home, "keeper").await.values().sum::<u64>(), 1);
    let links = home.run(&["get", "links", "-o", "json"]).await.json();
    assert_eq!(links["links"].as_array().map(Vec::len), Some(2), "{links}");
    end(&home, &mut again).await;
}

#[tokio::test]
async fn a_killed_up_leaves_none_of_its_hosts() {
    let home = Home::new().await;
    let (mut up, ready) = Daemon::up(&home, &["--demo", "keeper"]).await;
    let hosts = processes(&ready);
    let running = home.processes();
    assert!(hosts.values().all(|pid| running.contains(pid)), "{hosts:?} among {running:?}");
    up.signal(Signal::KILL);
    assert_eq!(up.end().await, None);
    until_nobody_is_left(&home).await;
    assert!(!hosts.into_values().any(is_alive));
}

#[tokio::test]
async fn hosts_are_told_no_secrets_where_all_can_see_them() {
    let home = Home::new().await;
    let (mut up, ready) = Daemon::up(&home, &["--demo", "keeper"]).await;
    let seed = fs::read_to_string(home.data_dir().join("keys/cluster.nk")).expect("it is there");
    for pid in processes(&ready).values() {
        let line = fs::read(format!("/proc/{pid}/cmdline")).expect("it runs");
        assert!(!String::from_utf8_lossy(&line).contains(seed.trim()));
    }
    end(&home, &mut up).await;
}

#[tokio::test]
async fn a_host_that_cannot_start_is_named_with_its_log() {
    let home = Home::new().await;
    let place = home.data_dir().join("demo/hosts/keeper-3");
    fs::create_dir_all(&place).expect("the home can be written");
    fs::write(place.join("hosts"), "in the way").expect("the home can be written");
    let failed = home.run(&["up", "--demo", "keeper", "-o", "json"]).await.failed_json(64, "configuration");
    let (told, log) = (failed.to_string(), place.join("host.log"));
    assert!(told.contains("the host keeper-3 has ended"), "{failed}");
    assert!(told.contains(log.to_str().expect("it is UTF-8")), "{failed}");
    until_nobody_is_left(&home).await;
}

#[tokio::test]
async fn a_demo_that_there_is_not_is_a_usage_error() {
    let home = Home::new().await;
    let refused = home.run(&["up", "--demo", "nothing"]).await;
    refused.failed(2, "[possible values: web, keeper]");
}

#[tokio::test]
async fn a_lattice_that_runs_already_gets_the_keeper_but_no_more_hosts() {
    let home = Home::new().await;
    let (mut up, _) = Daemon::up(&home, &[]).await;
    let attached = home.run(&["up", "--detach", "--demo", "keeper", "-o", "json"]).await;
    assert!(attached.stderr.contains("keeper-2 and keeper-3 of the demo will not start"), "{attached:?}");
    let ready = &attached.json()["ready"];
    let host = ready["host_id"].as_str().expect("it is told").to_owned();
    assert_eq!((&ready["attached"], &ready["hosts"]), (&true.into(), &Value::Null), "{ready}");
    until_each_has(&home, &[(host, up.pid())].into(), 6).await;
    end(&home, &mut up).await;
}
