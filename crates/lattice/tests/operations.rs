//! What becomes of commands: their records, and following one to its end.

mod support;

use lattice_testkit::guests;
use serde_json::{Value, json};
use support::{Daemon, Home};

const UNKNOWN: &str = "0194c4a5-7f5e-7d7c-a8c5-5c0c8f0e8a11";

/// Begins a start and returns its operation.
async fn begin(home: &Home, reference: &str, host: &str) -> String {
    let start = ["start", "actor", reference, "--host", host, "--no-wait", "-o", "json"];
    let accepted = home.run_with(("USER", "ada"), &start).await.json();
    assert_eq!(accepted["outcome"], "accepted");
    accepted["operation_id"].as_str().expect("it has an id").to_owned()
}

#[tokio::test]
async fn one_is_followed_to_its_end() {
    let home = Home::new().await;
    let (_up, ready) = Daemon::up(&home, &[]).await;
    let host = ready["host_name"].as_str().expect("it has a name");
    home.file("mine.wasm", &guests::echo());
    let id = begin(&home, "mine.wasm", host).await;
    let record = home.run(&["operation", "watch", &id, "-o", "json"]).await.json();
    assert_eq!((&record["phase"], &record["operation_id"]), (&"running".into(), &id.as_str().into()), "{record}");
    assert!(record["requester"].as_str().expect("it is told").starts_with("ada"), "{record}");
    let sheet = home.run(&["operation", "watch", &id]).await;
    assert!(
        sheet.done().contains("command    start actor\n") && sheet.stdout.contains("\nby         ada"),
        "{sheet:?}"
    );

    let id = begin(&home, "file:///does/not/exist.wasm", host).await;
    let failed = home.run(&["operation", "watch", &id, "-o", "json"]).await;
    assert_eq!((failed.code, &failed.document()["phase"]), (Some(1), &"failed".into()), "{failed:?}");
    let failed = home.run(&["operation", "watch", &id]).await;
    assert_eq!(failed.code, Some(1), "{failed:?}");
    let because = "because: there is no such file on this machine\n";
    assert!(failed.stdout.lines().any(|line| line.trim() == because.trim()), "{failed:?}");
    assert!(failed.stderr.contains("error: the operation failed"), "{failed:?}");

    let unknown = home.run(&["operation", "watch", UNKNOWN, "-o", "json"]).await.failed_json(3, "not_found");
    assert!(unknown["error"]["hint"].to_string().contains("lattice get operations"), "{unknown}");
    home.run(&["operation", "watch", UNKNOWN, "-x", "other", "-o", "json"]).await.failed_json(3, "no_hosts");
}

#[tokio::test]
async fn records_are_listed() {
    let home = Home::new().await;
    let (_up, ready) = Daemon::up(&home, &["--demo"]).await;
    let host = ready["host_name"].as_str().expect("it has a name");
    home.run(&["scale", "actor", "hello", "--count", "2"]).await.done();
    home.run(&["label", "put", host, "zone=a"]).await.done();
    home.run(&["start", "actor", "file:///does/not/exist.wasm", "--host", host]).await.failed(1, "no such file");

    assert_eq!(commands(&home, &["--limit", "3"]).await, ["la", "labels.put", "scale"]);
    assert_eq!(commands(&home, &["--actor", "hello"]).await, ["scale", "la"]);
    assert_eq!(commands(&home, &["--host", host, "--limit", "2"]).await, ["la", "labels.put"]);
    let none = home.run(&["get", "operations", "--unfinished", "-o", "json"]).await.json();
    assert_eq!(none, json!({"operations": [], "more": false, "errors": []}));
    let part = home.run(&["get", "operations", "--limit", "1", "-o", "json"]).await.json();
    assert_eq!(part["more"], true);

    let table = home.run(&["get", "operations", "--limit", "1"]).await;
    let row = table.done().lines().nth(1).expect("a record");
    assert!(row.contains("start actor  failed") && row.ends_with("there is no such file on this machine"), "{table:?}");
    assert!(table.stderr.contains("--limit shows more"), "{table:?}");
    let wide = home.run(&["get", "operations", "--limit", "1", "-o", "wide"]).await;
    assert!(wide.done().contains("file:///does/not/exist.wasm") && !wide.stdout.contains('…'), "{wide:?}");
    home.run(&["get", "operations", "--actor", "nobody"]).await.failed(3, "no actor fits `nobody`");
    home.run(&["get", "operations", "--host", "nobody"]).await.failed(3, "no host fits `nobody`");
    home.run(&["get", "operations", "--limit", "0", "-o", "json"]).await.failed_json(2, "usage");
}

async fn commands(home: &Home, filters: &[&str]) -> Vec<String> {
    let listed = home.run(&[&["get", "operations", "-o", "json"], filters].concat()).await.json();
    let records = listed["operations"].as_array().expect("a list").iter();
    records.filter_map(|record: &Value| Some(record["command"].as_str()?.to_owned())).collect()
}
