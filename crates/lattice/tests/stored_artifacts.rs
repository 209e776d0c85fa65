//! Artifacts in the lattice itself: `lattice push`, `pull`, `get artifacts` and `delete artifact`.

mod support;

use std::fs;

use lattice_testkit::{NatsServer, guests};
use serde_json::{Value, json};
use support::{Home, MUTE, Outcome, archive, host::host as start, host::run};

struct Stage {
    home: Home,
    nats: NatsServer,
}

impl Stage {
    async fn new() -> Self {
        Self { home: Home::new().await, nats: NatsServer::start().await }
    }

    async fn run(&self, line: &str) -> Outcome {
        run(&self.home, &self.nats, &line.split(' ').collect::<Vec<_>>()).await
    }

    /// As people see it.
    async fn shown(&self, line: &str) -> Outcome {
        let arguments: Vec<&str> = line.split(' ').collect();
        self.home.run_with(("LATTICE_NATS_URL", &self.nats.url()), &arguments).await
    }

    async fn references(&self) -> Vec<Value> {
        let listed = self.run("get artifacts").await.json();
        let artifacts = listed["artifacts"].as_array().expect("a list").iter();
        artifacts.map(|artifact| artifact["reference"].clone()).collect()
    }

    fn bytes(&self, file: &str) -> Vec<u8> {
        fs::read(self.home.path(file)).expect("the file is there")
    }
}

#[tokio::test]
async fn a_module_is_pushed_listed_pulled_and_deleted() {
    let stage = Stage::new().await;
    let _host = start(&stage.home, &stage.nats, "prod", &[]).await;
    stage.home.file("mine.wasm", &guests::echo());
    let signed = stage.run("claims sign mine.wasm --out signed.wasm --name mine").await.json();
    assert_eq!(stage.references().await, [] as [Value; 0]);

    let pushed = stage.run("push signed.wasm nats://hello:1").await.json();
    let size = stage.bytes("signed.wasm").len();
    assert_eq!((&pushed["reference"], &pushed["outcome"]), (&json!("nats://hello:1"), &json!("done")), "{pushed}");
    assert_eq!((&pushed["size"], &pushed["actor_id"]), (&json!(size), &signed["public_key"]), "{pushed}");
    let again = stage.run("push signed.wasm nats://hello:1").await.json();
    assert_eq!((&again["outcome"], &again["digest"]), (&json!("unchanged"), &pushed["digest"]), "{again}");
    let again = stage.shown("push signed.wasm nats://hello:1").await;
    assert!(again.done().starts_with("nats://hello:1 lies in the lattice already ("), "{again:?}");

    let listed = stage.run("get artifacts").await.json();
    let artifact = &listed["artifacts"][0];
    assert_eq!((&artifact["kind"], &artifact["name"]), (&json!("module"), &json!("mine")), "{listed}");
    assert_eq!((&artifact["key"], &artifact["digest"]), (&signed["public_key"], &pushed["digest"]), "{listed}");
    let table = stage.shown("get artifacts").await;
    let titles: Vec<&str> = table.done().lines().next().expect("titles").split_whitespace().collect();
    assert_eq!(titles, ["reference", "kind", "name", "key", "size", "digest", "age"]);
    assert!(table.stdout.contains("nats://hello:1  module  mine"), "{table:?}");

    let pulled = stage.run("pull nats://hello:1 --out back.wasm").await.json();
    assert_eq!((&pulled["digest"], &pulled["file"]), (&pushed["digest"], &json!("back.wasm")), "{pulled}");
    assert_eq!(stage.bytes("back.wasm"), stage.bytes("signed.wasm"));

    stage.run("delete artifact nats://hello:1").await.json();
    assert_eq!(stage.references().await, [] as [Value; 0]);
    stage.run("delete artifact nats://hello:1").await.failed_json(3, "not_found");
    stage.run("pull nats://hello:1 --out gone.wasm").await.failed_json(3, "not_found");
    assert!(!stage.home.path("gone.wasm").exists());
    let operations = stage.shown("get operations").await;
    assert!(
        operations.done().contains("artifact.push") && operations.stdout.contains("artifact.delete"),
        "{operations:?}"
    );
}

#[tokio::test]
async fn what_lies_there_is_replaced_by_force_alone() {
    let stage = Stage::new().await;
    let _host = start(&stage.home, &stage.nats, "prod", &[]).await;
    stage.home.file("mine.wasm", &guests::echo());
    stage.home.file("yours.wasm", &guests::say("hi"));
    // Signed on the way, as for a start.
    let first = stage.shown("push mine.wasm nats://x").await;
    assert!(first.stderr.contains("mine.wasm is not signed: signed with your development keys"), "{first:?}");
    assert!(first.done().starts_with("nats://x is stored in the lattice ("), "{first:?}");
    let taken = stage.run("push yours.wasm nats://x").await.failed_json(4, "refused");
    assert!(taken["error"]["hint"].to_string().contains("--force"), "{taken}");
    let forced = stage.run("push yours.wasm nats://x --force").await.json();
    assert_eq!(stage.run("get artifacts").await.json()["artifacts"][0]["digest"], forced["digest"]);
}

#[tokio::test]
async fn what_nobody_trusts_is_not_to_be_signed_again() {
    let stage = Stage::new().await;
    let other = stage.run("keys gen account").await.json()["public_key"].clone();
    let trusted = format!("--trusted-issuer={}", other.as_str().expect("a key"));
    let _host = start(&stage.home, &stage.nats, "prod", &[&trusted]).await;
    stage.home.file("mine.wasm", &guests::echo());
    let refused = stage.run("push mine.wasm nats://hello:1").await.failed_json(4, "refused");
    let hint = refused["error"]["hint"].as_str().expect("there is one");
    assert!(hint.contains("--trusted-issuer") && !hint.contains("claims sign"), "{refused}");
}

#[tokio::test]
async fn archives_are_stored_and_nonsense_is_not() {
    let stage = Stage::new().await;
    let _host = start(&stage.home, &stage.nats, "prod", &[]).await;
    let key = archive(&stage.home, "mute", MUTE);
    stage.run("push mute.par.gz nats://mute:0.1").await.json();
    let listed = stage.run("get artifacts").await.json();
    let artifact = &listed["artifacts"][0];
    assert_eq!((&artifact["kind"], &artifact["key"]), (&json!("provider"), &json!(key)), "{listed}");

    stage.home.file("notes.txt", b"neither a module nor an archive, and long enough to look at");
    let refused = stage.run("push notes.txt nats://notes").await.failed_json(4, "refused");
    assert!(refused.to_string().contains("neither a WebAssembly module nor a provider archive"), "{refused}");
    stage.home.file("broken.wasm", b"\0asm\x01\0\0\0\0\x20\x01");
    stage.run("push broken.wasm nats://broken").await.failed_json(1, "invalid_module");
    stage.run("push none.wasm nats://none").await.failed_json(3, "not_found");
    for (line, text) in [
        ("push mute.par.gz file:///x", "nothing can be stored as `file:///x`"),
        ("pull file:///x --out x", "`file:///x` is not in the lattice"),
        ("delete artifact file:///x", "`file:///x` is not in the lattice"),
        ("pull nats:// --out x", "the object's name in `nats://` is empty"),
    ] {
        let told = stage.run(line).await.failed_json(2, "usage");
        assert_eq!(told["error"]["message"], text, "{line}");
    }
    assert_eq!(stage.references().await, ["nats://mute:0.1"]);
}

#[tokio::test]
async fn files_reach_hosts_that_take_none() {
    let stage = Stage::new().await;
    let _host = start(&stage.home, &stage.nats, "prod", &[]).await;
    stage.home.file("mine.wasm", &guests::echo());
    let started = stage.shown("start actor mine.wasm").await;
    let said = "the host takes no files: stored in the lattice as nats://mine:";
    assert!(started.stderr.contains(said) && started.done().starts_with("started 1 instance"), "{started:?}");
    let stored = stage.references().await;
    assert_eq!(stored.len(), 1);
    let inventory = stage.run("get inventory").await.json();
    assert_eq!(inventory["inventories"][0]["actors"][0]["image_ref"], stored[0], "{inventory}");
    // The same again is there already.
    stage.run("start actor mine.wasm --host prod --count 2").await.json();
    assert_eq!(stage.references().await, stored);

    stage.run("scale actor mine --count 1 --ref mine.wasm").await.json();
    stage.home.file("mine.wasm", &guests::say("new"));
    stage.run("update actor mine mine.wasm --all-hosts").await.json();
    assert_eq!(stage.references().await.len(), 2);
    stage.home.file("mine.wasm", &guests::say("newer"));
    stage.run("update actor mine mine.wasm").await.json();
    assert_eq!(stage.references().await.len(), 3);

    archive(&stage.home, "mute", MUTE);
    let started = stage.run("start provider mute.par.gz").await;
    assert!(started.stderr.contains("stored in the lattice as nats://mute:"), "{started:?}");
    started.json();
}

#[tokio::test]
async fn a_file_is_stored_where_that_is_wanted() {
    let stage = Stage::new().await;
    let _host = start(&stage.home, &stage.nats, "prod", &["--allow-file"]).await;
    stage.home.file("mine.wasm", &guests::echo());
    let started = stage.run("start actor mine.wasm --push").await;
    assert!(started.stderr.contains("stored in the lattice as nats://mine:"), "{started:?}");
    started.json();
    stage.run("start actor nats://mine --push").await.failed_json(2, "usage");
    // As a host on another machine has it.
    let missing = stage.run("start actor file:///no/such/mine.wasm").await.failed_json(1, "failed");
    assert!(missing["error"]["hint"].to_string().contains("--push"), "{missing}");
}
