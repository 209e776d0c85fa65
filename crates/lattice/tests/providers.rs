//! Capability providers as the binary starts, shows and stops them.

mod support;

use lattice_claims::ProviderSeed;
use lattice_testkit::eventually;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::{CONTRACT, DEADLINE, Daemon, Home, MUTE, archive};

const SECRET: &str = "sesame-sesame";

#[tokio::test]
async fn a_provider_is_started_shown_linked_and_stopped() {
    let home = Home::new().await;
    let (up, ready) = Daemon::up(&home, &["--demo"]).await;
    let host = ready["host_name"].as_str().expect("it has a name");
    let key = archive(&home, "mute", MUTE);
    let start = ["start", "provider", "mute.par.gz"];
    let config = format!("{{\"password\":\"{SECRET}\"}}");
    let started =
        home.run(&[&start[..], &["--annotation", "team=blue", "--config", &config, "-o", "json"]].concat()).await;
    assert!(!started.stderr.contains(SECRET), "{started:?}");
    let told = started.json();
    assert_eq!(
        (&told["outcome"], &told["provider_id"], &told["link_name"]),
        (&json!("done"), &json!(key), &json!("default"))
    );
    assert_eq!(told["host_id"], ready["host_id"]);
    assert!(told["operation_id"].is_string(), "{told}");

    a_second_one_is_refused(&home, host).await;
    the_inventory_shows_it(&home, &key).await;
    its_lines_are_shown(&home, &ready, &key).await;
    links_reach_it(&home, host, &key).await;
    one_that_is_killed_is_started_again(&home, &up).await;
    it_is_stopped(&home, host, &key).await;
}

async fn a_second_one_is_refused(home: &Home, host: &str) {
    let start = ["start", "provider", "mute.par.gz"];
    let nobody = home.run(&[&start[..], &["-o", "json"]].concat()).await.failed_json(3, "not_found");
    assert!(nobody["error"]["causes"].to_string().contains("provider is already running"), "{nobody}");
    assert!(nobody["error"]["hint"].to_string().contains("lattice auction provider REF"), "{nobody}");
    let named = [&start[..], &["--host", host]].concat();
    home.run(&named).await.failed(4, "provider is already running");
    home.run(&[&named[..], &["-o", "json"]].concat()).await.failed_json(4, "refused");
}

async fn the_inventory_shows_it(home: &Home, key: &str) {
    let inventory = home.run(&["get", "inventory", "-o", "json"]).await.json();
    let providers = inventory["inventories"][0]["providers"].as_array().expect("a list");
    let provider = providers.iter().find(|provider| provider["id"] == key).expect("it is listed");
    assert_eq!((&provider["id"], &provider["name"], &provider["revision"]), (&json!(key), &json!("mute"), &json!(3)));
    assert_eq!(provider["annotations"], json!({"team": "blue"}));
    assert_eq!((&provider["process"]["state"], &provider["process"]["restarts"]), (&json!("running"), &json!(0)));
    let table = home.run(&["get", "inventory"]).await;
    let row = table.done().lines().find(|line| line.contains(" mute ")).expect("there is a row of it");
    for cell in ["mute", &key[..8], "running", "team=blue", "mute.par.gz"] {
        assert!(row.contains(cell), "no {cell} in {row}");
    }
}

async fn its_lines_are_shown(home: &Home, ready: &Value, key: &str) {
    let told = home.run(&["logs", "provider", "mute", "-o", "json"]).await.json();
    assert_eq!((&told["provider_id"], &told["host_id"]), (&json!(key), &ready["host_id"]));
    let line = |text: &str| {
        let lines = told["lines"].as_array().expect("it is a list");
        lines.iter().find(|line| line["text"] == text).cloned().unwrap_or_else(|| panic!("no {text} in {told}"))
    };
    assert_eq!((&line("ready")["stream"], &line("oops")["stream"]), (&json!("stdout"), &json!("stderr")));
    let table = home.run(&["logs", "provider", &key[..6]]).await;
    assert!(table.done().lines().any(|line| line.ends_with("Z  err   oops")), "{table:?}");
    let few = home.run(&["logs", "provider", "mute.par.gz", "--lines", "1"]).await;
    assert_eq!(few.done().lines().count(), 1);

    let mut following = Daemon::start(home.command(&["logs", "provider", "mute", "--follow", "-o", "json"]));
    let first = following.line().await.expect("a line");
    let first: Value = serde_json::from_str(&first).expect("a line is a document");
    assert!(first["number"].is_u64() && first["text"].is_string(), "{first}");
    following.signal(Signal::INT);
    assert_eq!(following.end().await, Some(0));
}

async fn links_reach_it(home: &Home, host: &str, key: &str) {
    let put = ["link", "put", "hello", "mute", CONTRACT, "--value", "url=x"];
    let told = home.run(&[&put[..], &["-o", "json"]].concat()).await.json();
    let delivery = json!([{"host_id": told["host_id"], "state": "delivered"}]);
    assert_eq!((&told["outcome"], &told["deliveries"], &told["provider_id"]), (&json!("done"), &delivery, &json!(key)));
    let told = home.run(&put).await;
    assert!(told.done().contains("is linked to provider"), "{told:?}");
    assert!(told.stdout.contains(&format!("the provider on host {host} (")), "{told:?}");
    assert!(told.stdout.ends_with("): delivered\n"), "{told:?}");

    let links = home.run(&["get", "links", "-o", "json"]).await.json();
    let all = links["links"].as_array().expect("a list");
    let link = all.iter().find(|link| link["provider_id"] == key).expect("it is listed");
    assert_eq!((&link["deliveries"], &links["errors"]), (&delivery, &json!([])));
    let table = home.run(&["get", "links"]).await;
    assert!(table.done().lines().next().is_some_and(|titles| titles.ends_with("has it")), "{table:?}");
    assert!(table.stdout.contains(&format!("{host} delivered")), "{table:?}");

    // What it does not serve never reaches it.
    let other = ["link", "put", "hello", key, "test:other"];
    let refused = home.run(&[&other[..], &["-o", "json"]].concat()).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let deliveries = &refused.document()["deliveries"][0];
    assert_eq!(
        (&deliveries["state"], &deliveries["error"]),
        (&json!("failed"), &json!("it serves contract `test:script`"))
    );
    let told = home.run(&other).await;
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.stdout.ends_with("failed: it serves contract `test:script`\n"), "{told:?}");
    assert!(told.stderr.contains("error: the link is set, but not every provider took that"), "{told:?}");
    let quick = home.run(&[&other[..], &["--no-wait", "-o", "json"]].concat()).await.json();
    assert!(quick.get("deliveries").is_none(), "{quick}");

    let told = home.run(&["link", "del", "hello", CONTRACT, "-o", "json"]).await.json();
    assert_eq!(told["deliveries"], json!([{"host_id": told["host_id"], "state": "removed"}]));
    let quick = home.run(&["link", "del", "hello", "test:other", "--no-wait", "-o", "json"]).await.json();
    assert_eq!(quick["outcome"], "done");
}

async fn one_that_is_killed_is_started_again(home: &Home, up: &Daemon) {
    let is_it =
        |pid: &u32| std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"sleep\0"));
    let process = up.family().into_iter().find(is_it).expect("it runs");
    let process = Pid::from_raw(process.cast_signed()).expect("it is a process id");
    kill_process(process, Signal::KILL).expect("the process takes signals");
    let table = eventually("it is started again", DEADLINE, async || {
        let table = home.run(&["get", "inventory"]).await;
        table.done().contains("killed by signal 9").then_some(table)
    })
    .await;
    assert!(table.stdout.lines().next().is_some_and(|titles| titles.contains("last exit")), "{table:?}");
    let lines = home.run(&["logs", "provider", "mute"]).await;
    assert!(lines.done().contains("Z  host  process killed by signal 9"), "{lines:?}");
}

async fn it_is_stopped(home: &Home, host: &str, key: &str) {
    let stop = ["stop", "provider"];
    let with = |more: &[&'static str]| [&stop[..], more].concat();
    home.run(&with(&["mute", "--annotation", "team=red"]))
        .await
        .failed(4, "running on this host with other annotations");
    home.run(&with(&["mute", "--link-name", "web"]))
        .await
        .failed(3, "--link-name names another one; it runs under default");
    home.run(&with(&["nobody", "-o", "json"])).await.failed_json(3, "not_found");
    let told = home.run(&with(&["./mute.par.gz", "--annotation", "team=blue"])).await;
    assert_eq!(told.done().split(" (").next(), Some("stopped provider mute"), "{told:?}");
    assert!(told.stdout.contains(host), "{told:?}");

    let gone = [&stop[..], &[key]].concat();
    home.run(&gone).await.failed(3, "no host runs provider");
    home.run(&[&gone[..], &["--host", host, "-o", "json"]].concat()).await.failed_json(4, "refused");
    // What it printed is kept.
    let lines = home.run(&["logs", "provider", key]).await;
    assert!(lines.done().contains("host  stopped: "), "{lines:?}");
    let put = home.run(&["link", "put", "hello", key, CONTRACT]).await;
    assert!(put.done().ends_with(&format!("for {CONTRACT}\n")), "{put:?}");
    assert!(put.stderr.contains("the link reaches it when it starts"), "{put:?}");
}

#[tokio::test]
async fn what_does_not_start_is_explained() {
    let home = Home::new().await;
    let (_up, ready) = Daemon::up(&home, &[]).await;
    let host = ready["host_name"].as_str().expect("it has a name");
    archive(&home, "leaver", "#!/bin/sh\necho no disk >&2\nexit 3\n");
    home.file("garbage.par.gz", b"no archive");
    let start = |more: &[&'static str]| [&["start", "provider"][..], more].concat();

    let failed = home.run(&start(&["leaver.par.gz", "-o", "json"])).await.failed_json(1, "failed");
    let causes = failed["error"]["causes"].to_string();
    assert!(causes.contains("exited with code 3") && causes.contains("no disk"), "{failed}");
    home.run(&start(&["leaver.par.gz"])).await.failed(1, "`leaver.par.gz` was not started");
    home.run(&start(&["garbage.par.gz", "-o", "json"])).await.failed_json(1, "failed");
    home.run(&start(&["none.par.gz", "-o", "json"])).await.failed_json(3, "not_found");
    home.run(&start(&["builtin://none"])).await.failed(3, "no host would run the provider");
    home.run(&[&start(&["builtin://none"])[..], &["--host", host, "-o", "json"]].concat())
        .await
        .failed_json(4, "refused");
    home.run(&start(&["a b", "-o", "json"])).await.failed_json(2, "usage");
    home.run(&start(&["leaver.par.gz", "--config", "a", "--config-file", "b"])).await.failed(2, "cannot be used with");
    home.run(&start(&["leaver.par.gz", "--config-file", "none.json"])).await.failed(3, "none.json cannot be read");
    home.run(&start(&["leaver.par.gz", "-x", "other", "-o", "json"])).await.failed_json(3, "no_hosts");

    let stranger = ProviderSeed::generate().public().to_string();
    home.run(&["logs", "provider", "nobody", "-o", "json"]).await.failed_json(3, "not_found");
    home.run(&["logs", "provider", &stranger]).await.failed(3, "has not run since the host started");
    home.run(&["logs", "provider", &stranger, "--lines", "0", "-o", "json"]).await.failed_json(2, "usage");
    home.run(&["stop", "provider", &stranger, "-o", "json"]).await.failed_json(3, "not_found");
}

#[tokio::test]
async fn nobody_need_wait_for_a_start() {
    let home = Home::new().await;
    let (_up, _) = Daemon::up(&home, &[]).await;
    let key = archive(&home, "mute", MUTE);
    let accepted = home.run(&["start", "provider", "mute.par.gz", "--no-wait", "-o", "json"]).await.json();
    assert_eq!((&accepted["outcome"], &accepted["link_name"]), (&json!("accepted"), &json!("default")));
    let id = accepted["operation_id"].as_str().expect("it has one");
    let ended = home.run(&["operation", "watch", id, "-o", "json"]).await.json();
    assert_eq!((&ended["phase"], &ended["command"]), (&json!("running"), &json!("lp")));
    let stopped = home.run(&["stop", "provider", &key, "-o", "json"]).await.json();
    assert_eq!((&stopped["outcome"], &stopped["provider_id"]), (&json!("done"), &json!(key)));
}

/// Keeps what it is told and serves, as far as anybody can see.
fn listener(home: &Home) -> String {
    let told = home.path("told").display().to_string();
    format!("#!/bin/sh\nhead -n 1 | base64 -d > '{told}.part'\nmv '{told}.part' '{told}'\nexec sleep 600\n")
}

#[tokio::test]
async fn a_configuration_has_up_to_500000_characters() {
    let home = Home::new().await;
    let (_up, _) = Daemon::up(&home, &[]).await;
    archive(&home, "listener", &listener(&home));
    let start = ["start", "provider", "listener.par.gz", "--config-file", "config"];
    home.file("config", "ü".repeat(500_001).as_bytes());
    let refused = home.run(&start).await;
    refused.failed(4, "`configuration` has 500001 characters, at most 500000");
    let configuration = "ü".repeat(500_000);
    home.file("config", configuration.as_bytes());
    home.run(&start).await.done();
    let told = eventually("it was told", DEADLINE, async || std::fs::read(home.path("told")).ok()).await;
    let told: Value = serde_json::from_slice(&told).expect("a document");
    assert!(told["config_json"] == *configuration, "{} bytes", told["config_json"].to_string().len());
}
