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

/// Where the time of starts went in the host, phase by phase.
#[track_caller]
fn assert_phases(row: &Value, expect: &[&str], starts: std::ops::RangeInclusive<u64>) {
    let found = &row["in_host"];
    let phases = found["phases"].as_array().unwrap_or_else(|| panic!("no phases in {row}"));
    let names: Vec<_> = phases.iter().map(|phase| phase["phase"].as_str().expect("a phase")).collect();
    assert_eq!(names, expect, "{row}");
    assert!(starts.contains(&found["starts"].as_u64().expect("a number of starts")), "{row}");
    let median = |time: &Value| time["median"].as_f64().unwrap_or_else(|| panic!("no median in {row}"));
    assert!(phases.iter().all(|phase| median(phase) <= found["total"]["max"].as_f64().expect("a number")), "{row}");
    // What the client sees begins earlier and ends later, by another clock of the same machine.
    assert!(0.0 < median(&found["total"]) && median(&found["total"]) <= median(&row["measured"]), "{row}");
}

const PHASES: [&str; 5] = ["accepted", "fetching", "verifying", "compiling", "starting"];

/// The artifacts of the lattice.
async fn artifacts(home: &Home, nats: &NatsServer) -> Value {
    run(home, nats, &["get", "artifacts", "-o", "json"]).await.json()["artifacts"].clone()
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
        "start-180k-warm",
        "start-180k-cold",
        "fetch-1m",
        "fetch-20m",
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
        let without = ["floor", "gather-100", "auction", "start-cold", "start-180k-cold", "provider", "http"];
        let has_budget = !without.contains(&name) && !name.starts_with("fetch");
        let verdict = row["verdict"].as_str().expect("a verdict");
        assert_eq!(row["budget"].is_object(), has_budget, "{row}");
        assert_eq!(matches!(verdict, "within" | "exceeded"), has_budget, "{row}");
        match name {
            "start-warm" | "start-180k-warm" => assert_phases(row, &PHASES, 1..=10),
            "start-cold" | "start-180k-cold" => assert_phases(row, &PHASES, 1..=1),
            _ => assert!(row["in_host"].is_null(), "{row}"),
        }
    }
    assert_eq!(row(&report, "fetch-20m")["unit"], "bytes_per_second");
    assert_eq!(artifacts(&home, &nats).await, Value::Array(Vec::new()));
    assert_eq!((&report["rounds"], &report["lattice"]), (&1.into(), &"default".into()));
    assert!(report["server"]["version"].is_string() && report["machine"]["cpus"].is_u64(), "{report}");
    assert_eq!(actors(&home, &nats).await, Value::Array(Vec::new()));
    let inventory = run(&home, &nats, &["get", "inventory", "-o", "json"]).await.json();
    assert_eq!(inventory["inventories"][0]["providers"], Value::Array(Vec::new()));
    let links = run(&home, &nats, &["get", "links", "-o", "json"]).await.json();
    assert_eq!(links["links"], Value::Array(Vec::new()));
    assert!(!home.data_dir().join("bench").exists());

    let table = run(&home, &nats, &["bench", "--only", "floor,query,start-180k-cold", "--rounds", "1"]).await;
    let lines: Vec<&str> = table.done().lines().collect();
    assert!(lines[0].starts_with("lattice `default`, host ") && lines[0].contains("nats-server 2."), "{table:?}");
    assert!(lines.iter().any(|line| line.starts_with("query") && line.contains("at most 1.30")), "{table:?}");
    assert!(!lines.iter().any(|line| line.starts_with("call")), "{table:?}");
    let titles = lines.iter().position(|line| line.starts_with("in the host")).unwrap_or_else(|| panic!("{table:?}"));
    assert!(PHASES.iter().all(|phase| lines[titles].contains(phase)), "{table:?}");
    assert!(lines[titles + 1].starts_with("start-180k-cold  1 "), "{table:?}");
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
async fn a_host_without_files_is_given_modules_by_the_lattice() {
    let (home, nats) = (Home::new().await, NatsServer::start().await);
    let host = host(&home, &nats, "prod", &[]).await;
    let bench = ["bench", "--rounds", "1", "-o", "json"];
    let report = run(&home, &nats, &bench).await.json();
    assert_figures(row(&report, "query"));
    let reason = |name| row(&report, name)["reason"].as_str().expect("it says why").to_owned();
    for name in ["auction", "start-warm", "start-cold", "start-180k-warm", "start-180k-cold", "fetch-1m"] {
        assert_figures(row(&report, name));
    }
    assert!(reason("call").contains("cluster seed"), "{report}");
    assert_eq!(artifacts(&home, &nats).await, Value::Array(Vec::new()));

    let checked = run(&home, &nats, &[&bench[..], &["--check"]].concat()).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let told: Value = serde_json::from_str(&checked.stdout).expect("exactly one document");
    assert_eq!(row(&told, "call")["verdict"], "not_measured");
    stop_host(host).await;
}

#[tokio::test]
async fn nothing_stays_in_the_lattice_however_a_bench_ends() {
    let (home, nats) = (Home::new().await, NatsServer::start().await);
    let host = host(&home, &nats, "prod", &[]).await;
    let mine = home.data_dir().join("mine.wasm");
    std::fs::create_dir_all(home.data_dir()).expect("the test's directory can be written");
    std::fs::write(&mine, lattice_testkit::guests::built::COUNTER).expect("the test's directory can be written");
    run(&home, &nats, &["push", mine.to_str().expect("a path"), "nats://lattice-bench-mine:1"]).await.done();
    let arguments = ["bench", "--only", "start-180k-cold", "--rounds", "1000", "--nats-url", &nats.url()];
    let in_use = async || (artifacts(&home, &nats).await.as_array()?.len() > 1).then_some(());
    for (signal, code) in [(Signal::INT, Some(130)), (Signal::KILL, None)] {
        let mut bench = Daemon::start(home.command(&arguments));
        eventually("a module of the bench lies in the lattice", DEADLINE, in_use).await;
        bench.signal(signal);
        assert_eq!(bench.end().await, code);
        if signal == Signal::KILL {
            run(&home, &nats, &["bench", "--only", "query", "--rounds", "1"]).await.done();
        }
        let left = artifacts(&home, &nats).await;
        assert_eq!(
            (left.as_array().map(Vec::len), &left[0]["reference"]),
            (Some(1), &"nats://lattice-bench-mine:1".into())
        );
    }
    stop_host(host).await;
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_a_usage_error() {
    let home = Home::new().await;
    home.run(&["bench", "--only", "speed", "-o", "json"]).await.failed_json(2, "usage");
    home.run(&["bench", "--rounds", "0", "-o", "json"]).await.failed_json(2, "usage");
    home.run(&["bench", "--nats-url", "127.0.0.1:1", "-o", "json"]).await.failed_json(3, "unreachable");
}
