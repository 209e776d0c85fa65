//! `lattice bench` against a lattice of its own. Nothing here is said of how long anything takes.

mod support;

use lattice_testkit::{NatsServer, eventually};
use rustix::process::Signal;
use serde_json::Value;
use support::{DEADLINE, Daemon, Home, Outcome, host::host, until_gone};

fn row<'a>(report: &'a Value, name: &str) -> &'a Value {
    let rows = report["measures"].as_array().expect("a list of measures");
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name} in {report}"))
}

#[track_caller]
fn assert_figures(row: &Value) {
    for figure in ["floor", "measured", "ratio"] {
        let value = |name: &str| row[figure][name].as_f64().unwrap_or_else(|| panic!("no {figure} in {row}"));
        // A swap may take less than the microsecond it is told in.
        let can_be_none = row["name"] == "update-pause" && figure != "floor";
        assert!(0.0 < value("min") || can_be_none, "{row}");
        assert!(value("min") <= value("median") && value("median") <= value("max"), "{row}");
    }
}

/// Where commands look for keys too.
fn own(home: &Home) -> String {
    home.data_dir().display().to_string()
}

async fn stop_host(mut host: Daemon) {
    host.signal(Signal::TERM);
    assert_eq!(host.end().await, Some(0));
}

async fn run(home: &Home, nats: &NatsServer, arguments: &[&str]) -> Outcome {
    home.run_with(("LATTICE_NATS_URL", &nats.url()), arguments).await
}

/// The actors of the host.
async fn actors(home: &Home, nats: &NatsServer) -> Value {
    let inventory = run(home, nats, &["get", "inventory", "-o", "json"]).await.json();
    inventory["inventories"][0]["actors"].clone()
}

#[tokio::test]
async fn measures_a_lattice_and_leaves_nothing_behind() {
    let (home, nats) = (Home::new().await, NatsServer::start().await);
    let host = host(&home, &nats, &own(&home), &["--allow-file"]).await;
    let report = run(&home, &nats, &["bench", "--rounds", "1", "-o", "json"]).await.json();
    let names = [
        "floor",
        "query",
        "gather-10",
        "gather-100",
        "gather-1000",
        "auction",
        "start-warm",
        "start-cold",
        "update-pause",
        "call",
        "call-32",
        "provider",
        "neighbour",
        "http",
        "http-50",
    ];
    for name in names {
        let row = row(&report, name);
        assert_figures(row);
        let has_budget = !matches!(name, "floor" | "gather-100" | "auction" | "start-cold" | "provider" | "http");
        let verdict = row["verdict"].as_str().expect("a verdict");
        assert_eq!(row["budget"].is_object(), has_budget, "{row}");
        assert_eq!(matches!(verdict, "within" | "exceeded"), has_budget, "{row}");
    }
    assert_eq!((&report["rounds"], &report["lattice"]), (&1.into(), &"default".into()));
    assert!(report["server"]["version"].is_string() && report["machine"]["cpus"].is_u64(), "{report}");
    assert_eq!(actors(&home, &nats).await, Value::Array(Vec::new()));
    let inventory = run(&home, &nats, &["get", "inventory", "-o", "json"]).await.json();
    assert_eq!(inventory["inventories"][0]["providers"], Value::Array(Vec::new()));
    let links = run(&home, &nats, &["get", "links", "-o", "json"]).await.json();
    assert_eq!(links["links"], Value::Array(Vec::new()));
    assert!(!home.data_dir().join("bench").exists());

    let table = run(&home, &nats, &["bench", "--only", "floor,query", "--rounds", "1"]).await;
    let lines: Vec<&str> = table.done().lines().collect();
    assert!(lines[0].starts_with("lattice `default`, host ") && lines[0].contains("nats-server 2."), "{table:?}");
    assert!(lines.iter().any(|line| line.starts_with("query") && line.contains("at most 1.30")), "{table:?}");
    assert!(!lines.iter().any(|line| line.starts_with("call")), "{table:?}");
    stop_host(host).await;
}

#[tokio::test]
async fn stops_its_actor_and_its_responder_when_interrupted() {
    let (home, nats) = (Home::new().await, NatsServer::start().await);
    let host = host(&home, &nats, &own(&home), &["--allow-file"]).await;
    let arguments = ["bench", "--only", "call", "--rounds", "1000", "--nats-url", &nats.url()];
    let mut bench = Daemon::start(home.command(&arguments));
    eventually("the bench's actor runs", DEADLINE, async || {
        (actors(&home, &nats).await[0]["name"] == "lattice-bench").then_some(())
    })
    .await;
    let family = bench.family();
    assert!(family.len() > 1, "it has started a responder: {family:?}");
    bench.signal(Signal::INT);
    assert_eq!(bench.end().await, Some(130));
    until_gone(&family).await;
    assert_eq!(actors(&home, &nats).await, Value::Array(Vec::new()));
    stop_host(host).await;
}

#[tokio::test]
async fn a_killed_bench_leaves_no_responder_and_the_next_one_stops_its_actor() {
    let (home, nats) = (Home::new().await, NatsServer::start().await);
    let host = host(&home, &nats, &own(&home), &["--allow-file"]).await;
    let arguments = ["bench", "--only", "call", "--rounds", "1000", "--nats-url", &nats.url()];
    let bench = Daemon::start(home.command(&arguments));
    eventually("the bench's actor runs", DEADLINE, async || {
        (actors(&home, &nats).await[0]["name"] == "lattice-bench").then_some(())
    })
    .await;
    let family = bench.family();
    bench.signal(Signal::KILL);
    until_gone(&family).await;
    run(&home, &nats, &["bench", "--only", "query", "--rounds", "1"]).await.done();
    assert_eq!(actors(&home, &nats).await, Value::Array(Vec::new()));
    stop_host(host).await;
}

#[tokio::test]
async fn a_host_without_files_is_measured_as_far_as_it_can_be() {
    let (home, nats) = (Home::new().await, NatsServer::start().await);
    let host = host(&home, &nats, "prod", &[]).await;
    let bench = ["bench", "--rounds", "1", "-o", "json"];
    let report = run(&home, &nats, &bench).await.json();
    assert_figures(row(&report, "query"));
    let reason = |name| row(&report, name)["reason"].as_str().expect("it says why").to_owned();
    assert!(reason("start-warm").contains("file references are not allowed"), "{report}");
    assert!(reason("start-cold").contains("file references are not allowed"), "{report}");
    assert!(reason("call").contains("cluster seed"), "{report}");

    let checked = run(&home, &nats, &[&bench[..], &["--check"]].concat()).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let told: Value = serde_json::from_str(&checked.stdout).expect("exactly one document");
    assert_eq!(row(&told, "call")["verdict"], "not_measured");
    stop_host(host).await;
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_a_usage_error() {
    let home = Home::new().await;
    home.run(&["bench", "--only", "speed", "-o", "json"]).await.failed_json(2, "usage");
    home.run(&["bench", "--rounds", "0", "-o", "json"]).await.failed_json(2, "usage");
    home.run(&["bench", "--nats-url", "127.0.0.1:1", "-o", "json"]).await.failed_json(3, "unreachable");
}
