//! What belongs to the lattice or to a host: links, labels, configuration, credentials for registries.

mod support;

use lattice_claims::ProviderSeed;
use serde_json::{Value, json};
use support::{Daemon, Home, Outcome};

const CONTRACT: &str = "wasmcloud:httpserver";
const SECRET: &str = "sesame-sesame";

/// What nobody may see who did not ask for it.
#[track_caller]
fn assert_hides(outcome: &Outcome, secret: &str) {
    assert!(!outcome.stdout.contains(secret) && !outcome.stderr.contains(secret), "{outcome:#?}");
}

/// That a command was done, as programs are told.
#[track_caller]
fn assert_done(outcome: &Outcome) {
    let ended = outcome.json();
    assert_eq!(ended["outcome"], "done", "{ended}");
    assert!(ended["operation_id"].is_string() && ended["host_id"].is_string(), "{ended}");
}

fn provider() -> String {
    ProviderSeed::generate().public().to_string()
}

#[tokio::test]
async fn links() {
    let home = Home::new().await;
    let (_up, _) = Daemon::up(&home, &["--demo"]).await;
    for contract in [CONTRACT, "wasmcloud:keyvalue"] {
        home.run(&["link", "del", "visits", contract]).await.done();
    }
    let (first, second) = (provider(), provider());
    home.file("secret.txt", format!("{SECRET}\n").as_bytes());
    let put = ["link", "put", "hello", &first, CONTRACT, "--value", "port=8080", "--value", "key=@secret.txt"];
    let told = home.run(&put).await;
    let sentence = format!("is linked to provider {}… for {CONTRACT}\n", &first[..8]);
    assert!(told.done().starts_with("actor hello (") && told.done().ends_with(&sentence), "{told:?}");
    assert_hides(&told, SECRET);
    let again = home.run(&[&put[..], &["-o", "json"]].concat()).await;
    assert_done(&again);
    assert_hides(&again, SECRET);

    values_are_shown_to_who_asks(&home, &first).await;
    another_provider_needs_force(&home, &first, &second).await;
    what_is_no_link_is_refused(&home, &second).await;

    let del = ["link", "del", "hello", CONTRACT];
    let told = home.run(&del).await;
    assert!(told.done().ends_with(&format!("is not linked for {CONTRACT}\n")), "{told:?}");
    // Again, for what is not there is not there.
    assert_done(&home.run(&[&del[..], &["--name", "other", "-o", "json"]].concat()).await);
    assert_eq!(home.run(&["get", "links", "-o", "json"]).await.json(), json!({"links": [], "errors": []}));
}

async fn values_are_shown_to_who_asks(home: &Home, provider: &str) {
    let table = home.run(&["get", "links"]).await;
    let row: Vec<&str> = table.done().lines().nth(1).expect("a link").split_whitespace().collect();
    assert_eq!(row[1..], [&*format!("{}…", &provider[..8]), CONTRACT, "default", "key", "port"], "{table:?}");
    assert_hides(&table, SECRET);
    let hidden = home.run(&["get", "links", "-o", "json"]).await;
    assert_eq!(hidden.json()["links"][0]["values"], json!({"key": "***", "port": "***"}));
    let shown = home.run(&["get", "links", "--values", "-o", "json"]).await.json();
    assert_eq!(shown["links"][0]["values"], json!({"key": SECRET, "port": "8080"}));
    assert_eq!(shown["links"][0]["provider_id"], provider);
    let table = home.run(&["get", "links", "--values"]).await;
    assert!(table.done().contains(&format!("key={SECRET} port=8080")), "{table:?}");
}

async fn another_provider_needs_force(home: &Home, stands: &str, wanted: &str) {
    let put = ["link", "put", "hello", wanted, CONTRACT];
    let refused = home.run(&[&put[..], &["-o", "json"]].concat()).await.failed_json(4, "refused");
    assert!(refused["error"]["causes"].to_string().contains(stands), "{refused}");
    assert!(refused["error"]["hint"].to_string().contains("--force"), "{refused}");
    home.run(&put).await.failed(4, &format!("is linked to provider {stands} already"));
    assert_eq!(link_provider(home).await, stands);
    home.run(&[&put[..], &["--force"]].concat()).await.done();
    assert_eq!(link_provider(home).await, wanted);
}

async fn link_provider(home: &Home) -> Value {
    home.run(&["get", "links", "-o", "json"]).await.json()["links"][0]["provider_id"].clone()
}

async fn what_is_no_link_is_refused(home: &Home, provider: &str) {
    home.run(&["link", "put", "nobody", provider, CONTRACT]).await.failed(3, "no actor fits `nobody`");
    home.run(&["link", "put", "hello", "VKEY", CONTRACT, "-o", "json"]).await.failed_json(3, "not_found");
    home.run(&["link", "put", "hello", provider, "a b", "-o", "json"]).await.failed_json(2, "usage");
    home.run(&["link", "put", "hello", provider, CONTRACT, "--value", "x=@none"])
        .await
        .failed(3, "none cannot be read");
}

#[tokio::test]
async fn labels() {
    let home = Home::new().await;
    let (_up, ready) = Daemon::up(&home, &["--label", "zone=a"]).await;
    let host = ready["host_name"].as_str().expect("it has a name");
    let told = home.run(&["label", "put", host, "zone=b", "gpu=yes"]).await;
    assert!(told.done().ends_with("has zone=b gpu=yes\n"), "{told:?}");
    assert_done(&home.run(&["label", "put", host, "free=as in air", "-o", "json"]).await);
    assert_eq!(own_labels(&home).await, json!({"free": "as in air", "gpu": "yes", "zone": "b"}));

    let refused = home.run(&["label", "put", host, "a=1", "hostcore.os=plan9", "b=2", "-o", "json"]).await;
    let refused = refused.failed_json(4, "refused").to_string();
    assert!(refused.contains("label `hostcore.os` was not set; a=1 was set"), "{refused}");
    assert!(refused.contains("is the host's own"), "{refused}");
    home.run(&["label", "del", host, "hostcore.os"]).await.failed(4, "label `hostcore.os` was not removed\n");

    let told = home.run(&["label", "del", host, "free", "a", "gpu"]).await;
    assert!(told.done().ends_with("has free a gpu no more\n"), "{told:?}");
    assert_done(&home.run(&["label", "del", host, "free", "-o", "json"]).await);
    assert_eq!(own_labels(&home).await, json!({"zone": "b"}));
    home.run(&["label", "put", "nobody", "a=b"]).await.failed(3, "no host fits `nobody`");
}

/// The labels of the one host but for its own.
async fn own_labels(home: &Home) -> Value {
    let mut hosts = home.run(&["get", "hosts", "--require-complete", "-o", "json"]).await.json();
    let labels = hosts["hosts"][0]["labels"].as_object_mut().expect("it has labels");
    labels.retain(|key, _| !key.starts_with("hostcore."));
    Value::Object(labels.clone())
}

#[tokio::test]
async fn configuration() {
    let home = Home::new().await;
    let (_up, _) = Daemon::up(&home, &["--demo"]).await;
    let provider = provider();
    home.file("kept.txt", format!("{SECRET}\n").as_bytes());
    let told = home.run(&["config", "put", "hello", "greeting", "Hello"]).await;
    assert_eq!(told.done(), "`greeting` of hello is set, 5 bytes\n");
    let told = home.run(&["config", "put", "hello", "password", "@kept.txt", "-o", "json"]).await;
    assert_done(&told);
    assert_hides(&told, SECRET);
    let mut shell = home.shell_command("sh");
    let typed = r#"printf '\377\376' | "$0" config put hello bytes - && "$0" config put hello -- dash -x"#;
    shell.args(["-c", typed, env!("CARGO_BIN_EXE_lattice")]);
    Outcome::of(shell).await.done();
    assert_done(&home.run(&["config", "put", &provider, "a.b", "", "-o", "json"]).await);

    let table = home.run(&["get", "config", "hello"]).await;
    let rows: Vec<String> = table.done().lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows, ["keybytes", "bytes2", "dash2", "greeting5", "password14"]);
    assert_hides(&table, SECRET);
    let all = home.run(&["get", "config", "hello", "-o", "json"]).await.json();
    let bytes = json!({"base64": "//4="});
    let expected = json!({"bytes": bytes, "dash": "-x", "greeting": "Hello", "password": format!("{SECRET}\n")});
    assert_eq!(all["values"], expected);
    let one = home.run(&["get", "config", "hello", "bytes", "-o", "json"]).await.json();
    assert_eq!((&one["values"], &one["entity_id"]), (&json!({"bytes": bytes}), &all["entity_id"]));
    assert_eq!(home.run(&["get", "config", "hello", "greeting"]).await.done(), "Hello");
    let provided = home.run(&["get", "config", &provider, "-o", "json"]).await.json();
    assert_eq!(provided["values"], json!({"a.b": ""}));

    let missing = home.run(&["get", "config", "hello", "none", "-o", "json"]).await.failed_json(3, "not_found");
    assert_eq!(missing["error"]["hint"], "`lattice get config hello` shows the keys");
    home.run(&["config", "put", "hello", "a b", "x", "-o", "json"]).await.failed_json(2, "usage");
    home.run(&["config", "put", "nobody", "a", "x"]).await.failed(3, "no actor fits `nobody`");
    home.run(&["config", "del", "hello"]).await.failed(2, "--all");

    assert_eq!(home.run(&["config", "del", "hello", "bytes"]).await.done(), "`bytes` of hello is removed\n");
    home.run(&["get", "config", "hello", "bytes"]).await.failed(3, "nothing is kept for hello under `bytes`");
    assert_done(&home.run(&["config", "del", "hello", "--all", "-o", "json"]).await);
    assert_eq!(home.run(&["get", "config", "hello", "-o", "json"]).await.json()["values"], json!({}));
    let provided = home.run(&["get", "config", &provider, "-o", "json"]).await.json();
    assert_eq!(provided["values"], json!({"a.b": ""}));
}

/// Another secret, in a variable.
const VARIABLE: (&str, &str) = ("REGISTRY_TOKEN", "t0k3n-of-the-variable");

/// The registries, as programs are told of them.
async fn known(home: &Home) -> Value {
    let told = home.run(&["registry", "list", "-o", "json"]).await;
    assert_hides(&told, SECRET);
    assert_hides(&told, VARIABLE.1);
    told.json()
}

#[tokio::test]
async fn registries() {
    let home = Home::new().await;
    let (_up, _) = Daemon::up(&home, &[]).await;
    home.file("secret.txt", format!("{SECRET}\n").as_bytes());
    home.file("empty.txt", b"\n");
    let set = ["registry", "set", "registry.example:5000"];
    let with_password = [&set[..], &["--user", "ada", "--password-file", "secret.txt"]].concat();
    let told = home.run(&with_password).await;
    assert_eq!(told.done(), "1 host has the credentials of registry.example:5000\n");
    assert_hides(&told, SECRET);
    let told = home.run(&[&set[..], &["--token-file", "secret.txt", "-o", "json"]].concat()).await;
    let expected = json!({"registry": "registry.example:5000", "taken": 1, "errors": [], "missing": [], "complete": true, "stored": true});
    assert_eq!(told.json(), expected);
    assert_hides(&told, SECRET);
    let operations = home.run(&["get", "operations", "-o", "json"]).await;
    assert_eq!(operations.json()["operations"][0]["command"], "registries.put");
    assert_hides(&operations, SECRET);

    home.run(&["registry", "set", "ada:pw@r.example", "--token-file", "secret.txt"]).await.failed(2, "goes to --user");
    home.run(&["registry", "set", "r:many", "--token-file", "secret.txt"]).await.failed(2, "host:port");
    home.run(&[&set[..], &["--token-file", "empty.txt"]].concat()).await.failed(2, "is empty");
    home.run(&[&set[..], &["--token-file", "none.txt"]].concat()).await.failed(3, "none.txt cannot be read");
    home.run(&[&set[..], &["--token-env", "NEVER_SET"]].concat()).await.failed(2, "NEVER_SET is not set");
    home.run(&[&set[..], &["--user", "ada", "-o", "json"]].concat()).await.failed_json(2, "usage");
    home.run(&[&set[..], &["--password-file", "secret.txt", "-o", "json"]].concat()).await.failed_json(2, "usage");
    home.run(&[&with_password[..], &["--token-file", "secret.txt"]].concat()).await.failed(2, "cannot be used with");
    home.run(&[&set[..], &["-o", "json"]].concat()).await.failed_json(2, "usage");
    home.run(&[&with_password[..], &["-x", "other", "-o", "json"]].concat()).await.failed_json(3, "no_hosts");
}

#[tokio::test]
async fn registries_are_set_one_by_one_or_all_at_once() {
    let home = Home::new().await;
    let (_up, _) = Daemon::up(&home, &[]).await;
    home.file("secret.txt", format!("{SECRET}\n").as_bytes());
    let user = ["--user", "ada", "--password-env", VARIABLE.0];
    home.run_with(VARIABLE, &[&["registry", "set", "ghcr.io/acme"][..], &user].concat()).await.done();
    let bindle = ["registry", "set", "https://B.example/", "--kind", "bindle", "--token-file", "secret.txt"];
    home.run(&bindle).await.done();
    let registry = |registry, kind, credential| json!({"registry": registry, "kind": kind, "credential": credential});
    let both = [registry("b.example", "bindle", "token"), registry("ghcr.io/acme", "oci", "password")];
    assert_eq!(known(&home).await, json!({"registries": both, "stored": true}));
    let table = home.run(&["registry", "list"]).await;
    assert!(
        table.done().lines().any(|line| line.split_whitespace().eq(["ghcr.io/acme", "oci", "password"])),
        "{table:?}"
    );
    let told = home.run(&["registry", "remove", "b.example", "c.example"]).await;
    assert_eq!(told.done(), "1 host has no credentials of b.example, c.example\n");
    assert_eq!(known(&home).await["registries"], json!([both[1]]));

    home.file("all.json", format!(r#"{{"a.example": {{"token": "{SECRET}"}}}}"#).as_bytes());
    let told = home.run(&["registry", "put", "all.json"]).await;
    assert_eq!(told.done(), "1 host has the credentials of a.example and of no other\n");
    assert_eq!(known(&home).await["registries"], json!([registry("a.example", "oci", "token")]));
    let toml = format!("[\"t.example/team\"]\nusername = \"ada\"\npassword = \"{SECRET}\"\n");
    home.file("all.toml", toml.as_bytes());
    home.run(&["registry", "put", "all.toml"]).await.done();
    assert_eq!(known(&home).await["registries"], json!([registry("t.example/team", "oci", "password")]));
    what_is_no_map_changes_nothing(&home).await;
    assert_eq!(known(&home).await["registries"], json!([registry("t.example/team", "oci", "password")]));
    let told = home.run(&["registry", "clear"]).await;
    assert_eq!(told.done(), "1 host has no credentials any more\n");
    assert_eq!(known(&home).await, json!({"registries": [], "stored": true}));
}

async fn what_is_no_map_changes_nothing(home: &Home) {
    let cases = [
        ("", 2, "names no registry"),
        ("# none", 2, "names no registry"),
        ("a = 1\nb = \"SECRET", 2, "is neither JSON nor TOML, see line 2"),
        (r#"{"a.example": "SECRET"}"#, 2, "is no map of registries to credentials"),
        (r#"{"latticeId": "default"}"#, 2, "is no map of registries to credentials"),
        (r#"{"a.example": {"username": "ada", "token": "SECRET"}}"#, 1, "has a token beside a user's name"),
        (r#"{"ada:SECRET@a b": {"token": "x"}}"#, 1, "may hold a password"),
    ];
    for (text, exit, said) in cases {
        home.file("bad", text.replace("SECRET", SECRET).as_bytes());
        let outcome = home.run(&["registry", "put", "bad"]).await;
        assert_eq!(outcome.code, Some(exit), "{outcome:?}");
        assert!(outcome.stderr.contains(said), "no {said:?} in {outcome:?}");
        assert_hides(&outcome, SECRET);
    }
}

/// Neither the log, as detailed as it gets, nor anything that the lattice stores holds a credential that it was given.
#[tokio::test]
async fn credentials_lie_open_nowhere() {
    let home = Home::new().await;
    let user = "ada-lovelace";
    let mut command = home.command(&["up", "-vv", "-o", "json"]);
    let log = std::fs::File::create(home.path("log")).expect("the home can be written");
    command.stderr(log);
    let mut up = Daemon::start(command);
    assert!(up.line().await.expect("it says that it is ready").contains("ready"));
    home.file("given/secret.txt", format!("{SECRET}\n").as_bytes());
    let set = ["registry", "set", "ghcr.io/acme", "--user", user, "--password-file", "given/secret.txt"];
    home.run(&set).await.done();
    home.file("given/mixed.json", format!(r#"{{"a.b": {{"username": "{user}", "token": "{SECRET}"}}}}"#).as_bytes());
    assert_eq!(home.run(&["registry", "put", "given/mixed.json"]).await.code, Some(1));
    let url = format!(r#"{{"https://{user}:{SECRET}@r.example": {{"token": "{SECRET}", "registryType": "floppy"}}}}"#);
    home.file("given/url.json", url.as_bytes());
    assert_eq!(home.run(&["registry", "put", "given/url.json"]).await.code, Some(1));
    home.run(&["down"]).await.done();
    assert_eq!(up.end().await, Some(0));
    std::fs::remove_dir_all(home.path("given")).expect("the home can be written");
    let log = std::fs::read_to_string(home.path("log")).expect("there is a log");
    assert!(log.contains("ghcr.io/acme"), "it tells that credentials were set: {log}");
    let files = files_below(&home.path(""));
    let stores_them = |path: &std::path::PathBuf| path.to_string_lossy().contains("KV_LATTICEREGISTRIES_default");
    assert!(files.iter().any(stores_them), "the bucket is among what is searched");
    for path in files {
        let bytes = std::fs::read(&path).expect("the file can be read");
        for secret in [SECRET, user] {
            let is_in_it = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!is_in_it, "{secret} lies open in {}", path.display());
        }
    }
}

fn files_below(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).expect("the directory can be read").flatten();
    let below = entries.flat_map(|entry| match entry.file_type().expect("it is there") {
        kind if kind.is_dir() => files_below(&entry.path()),
        kind if kind.is_file() => vec![entry.path()],
        _ => Vec::new(),
    });
    below.collect()
}
