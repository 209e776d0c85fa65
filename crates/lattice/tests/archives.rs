//! Provider archives from the command line.

mod support;

use std::fs;

use lattice_artifact::archive::this_target;
use serde_json::{Value, json};
use support::{Daemon, Home, MUTE, Outcome, shown};

/// A line without quotes, for programs.
async fn run(home: &Home, line: &str) -> Outcome {
    let arguments: Vec<&str> = line.split(' ').chain(["-o", "json"]).collect();
    home.run(&arguments).await
}

/// The start of an ELF program for aarch64.
fn arm_program() -> Vec<u8> {
    [&b"\x7fELF\x02\x01\x01"[..], &[0; 11], &[183, 0], &[0; 44]].concat()
}

fn targets(inspected: &Value) -> Vec<&str> {
    let executables = inspected["executables"].as_array().expect("a list");
    executables.iter().map(|executable| executable["target"].as_str().expect("a text")).collect()
}

#[tokio::test]
async fn an_archive_is_made_inspected_and_started() {
    let home = Home::new().await;
    home.file("mute", MUTE.as_bytes());
    home.run(&["keys", "gen", "account", "--out", "a.nk"]).await.done();
    home.run(&["keys", "gen", "provider", "--out", "v.nk"]).await.done();
    let create = "par create mute --contract test:script --name quiet --vendor Acme --revision 3 --version 1.0 --expires-in 90d \
                  --issuer a.nk --provider-key v.nk";
    let made = run(&home, create).await.json();
    assert_eq!((&made["file"], &made["targets"]), (&json!("mute.par.gz"), &json!([this_target()])));
    assert_eq!(&fs::read(home.path("mute.par.gz")).expect("it was written")[..2], b"\x1f\x8b");
    // Nothing was made in the data directory: every key was named.
    assert!(!home.data_dir().exists());

    let claims = run(&home, "par inspect mute.par.gz").await.json();
    assert_eq!((&claims["public_key"], &claims["issuer"]), (&made["public_key"], &made["issuer"]));
    let told = ["name", "contract", "vendor", "revision", "version", "valid"].map(|key| &claims[key]);
    assert_eq!(json!(told), json!(["quiet", "test:script", "Acme", 3, "1.0", true]));
    assert!(claims["expires"].as_str().is_some_and(|expires| expires.starts_with("in ")), "{claims}");
    let executable = &claims["executables"][0];
    assert_eq!((&executable["size"], &executable["as_claimed"]), (&json!(MUTE.len()), &json!(true)));
    let table = home.run(&["par", "inspect", "mute.par.gz"]).await;
    for told in ["name        quiet", "in order    yes", &this_target(), executable["hash"].as_str().expect("a text")] {
        assert!(table.done().contains(told), "no {told} in {table:?}");
    }

    let (_up, _) = Daemon::up(&home, &[]).await;
    let started = run(&home, "start provider mute.par.gz").await.json();
    assert_eq!(started["provider_id"], made["public_key"]);
}

#[tokio::test]
async fn development_keys_keep_a_providers_identity() {
    let home = Home::new().await;
    home.file("mute", MUTE.as_bytes());
    let create = "par create mute --contract test:script --name quiet --out x.par";
    let first = run(&home, create).await.json();
    let again = run(&home, &format!("{create} --revision 2")).await.json();
    assert_eq!(again["public_key"], first["public_key"]);
    assert!(home.data_dir().join("keys/providers/quiet.nk").is_file());
    // As `claims sign` does, it replaces what it made.
    assert_eq!(run(&home, "par inspect x.par").await.json()["revision"], 2);
    assert!(fs::read(home.path("x.par")).expect("it was written").starts_with(b"claims.jwt"), "it is not compressed");
    let other = run(&home, "par create mute --contract test:script --name other").await.json();
    assert_ne!(other["public_key"], first["public_key"]);
    assert_eq!(other["issuer"], first["issuer"]);
}

#[tokio::test]
async fn another_machines_program_is_added() {
    let home = Home::new().await;
    home.file("mute", MUTE.as_bytes());
    home.file("arm", &arm_program());
    let made = run(&home, "par create mute --contract test:script --name quiet --target x86_64-linux").await.json();
    let added = run(&home, "par insert mute.par.gz arm --target aarch64-linux").await.json();
    assert_eq!(added["public_key"], made["public_key"]);
    assert_eq!(added["targets"], json!(["aarch64-linux", "x86_64-linux"]));
    let inspected = run(&home, "par inspect mute.par.gz").await.json();
    assert_eq!((targets(&inspected), &inspected["valid"]), (vec!["aarch64-linux", "x86_64-linux"], &json!(true)));

    let insert = "par insert mute.par.gz arm --target aarch64-linux";
    home.run(&insert.split(' ').collect::<Vec<_>>()).await.failed(1, "has an executable for `aarch64-linux` already");
    home.run(&["keys", "gen", "account", "--out", "a.nk"]).await.done();
    let stranger = run(&home, "par insert mute.par.gz mute --target arm-linux --issuer a.nk").await;
    let stranger = stranger.failed_json(1, "invalid_archive");
    assert!(stranger["error"]["hint"].to_string().contains("--issuer"), "{stranger}");
}

#[tokio::test]
async fn every_claim_of_an_archive_can_be_signed_and_is_shown() {
    let home = Home::new().await;
    home.file("mute", MUTE.as_bytes());
    let schema = json!({"type": "object", "properties": {"port": {"type": "integer"}}});
    home.file("schema.json", schema.to_string().as_bytes());
    let create = "par create mute --contract test:script --name quiet --vendor Acme --revision 3 --version 1.0 --config-schema \
                  schema.json --issued-at 2023-11-14T22:13:20Z --not-before 10s --expires-in 36500d --token-id T --out x.par";
    run(&home, create).await.json();
    let first = fs::read(home.path("x.par")).expect("it was written");
    run(&home, create).await.json();
    assert_eq!(fs::read(home.path("x.par")).expect("it was written"), first, "the same words make the same bytes");
    home.file("arm", &arm_program());
    run(&home, "par insert x.par arm --target aarch64-linux").await.json();
    let shown = run(&home, "par inspect x.par").await.json();
    let expect = json!({
        "name": "quiet",
        "contract": "test:script",
        "vendor": "Acme",
        "revision": 3,
        "version": "1.0",
        "config_schema": schema,
        "layout": 3,
        "not_before": "2023-11-14T22:13:30Z",
        "expires_at": "2123-10-21T22:13:20Z",
        "valid": true,
    });
    for (key, expect) in expect.as_object().expect("an object") {
        assert_eq!(&shown[key], expect, "{key}");
    }
    assert_ne!(shown["token_id"], "T", "what is signed again has a new id");

    for (name, text) in
        [("list.json", "[1]"), ("text.json", "{"), ("long.json", &json!({"x": "y".repeat(60_000)}).to_string())]
    {
        home.file(name, text.as_bytes());
        let create = format!("par create mute --contract a:b --name x --out never.par --config-schema {name}");
        let (exit, code) = if name == "long.json" { (1, "invalid_archive") } else { (2, "usage") };
        run(&home, &create).await.failed_json(exit, code);
    }
    run(&home, "par create mute --contract a:b --name x --config-schema none.json").await.failed_json(3, "not_found");
    assert!(!home.path("never.par").exists());
}

#[tokio::test]
async fn a_changed_archive_is_not_in_order() {
    let home = Home::new().await;
    home.file("mute", MUTE.as_bytes());
    run(&home, "par create mute --contract test:script --name quiet --out x.par").await.json();
    let mut bytes = fs::read(home.path("x.par")).expect("it was written");
    let ready = bytes.windows(5).rposition(|window| window == b"ready").expect("the script is in it");
    bytes[ready] = b'R';
    home.file("changed.par", &bytes);
    let outcome = run(&home, "par inspect changed.par").await;
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let told = outcome.document();
    assert_eq!((&told["valid"], &told["executables"][0]["as_claimed"]), (&json!(false), &json!(false)));
    assert!(told["problem"].to_string().contains("is not the one that was signed"), "{told}");
    // What is not in order is not signed again.
    home.file("arm", &arm_program());
    run(&home, "par insert changed.par arm --target aarch64-linux").await.failed_json(1, "invalid_archive");
}

#[tokio::test]
async fn what_is_no_archive_and_no_program_is_told() {
    let home = Home::new().await;
    home.file("mute", MUTE.as_bytes());
    home.file("notes.txt", b"no program");
    home.file("arm", &arm_program());
    let create = |what: &str| format!("par create {what} --contract test:script --name quiet");
    run(&home, &create("none")).await.failed_json(3, "not_found");
    run(&home, &create(".")).await.failed_json(1, "failed");
    run(&home, &create("notes.txt")).await.failed_json(1, "invalid_archive");
    let other = run(&home, &create("arm --target x86_64-linux")).await.failed_json(1, "invalid_archive");
    assert!(other["error"]["causes"].to_string().contains("an ELF program for aarch64"), "{other}");
    run(&home, &create("mute --target a/b")).await.failed_json(2, "usage");
    run(&home, &create("mute --out ./mute")).await.failed_json(2, "usage");
    run(&home, &create("mute --out none/x.par")).await.failed_json(1, "failed");
    home.run(&["par", "create", "mute", "--contract", "", "--name", "x"]).await.failed(2, "--contract");
    home.run(&["par", "create", "mute", "--contract", "a:b", "--name", ""]).await.failed(2, "--name");
    assert!(!home.path("notes.txt.par.gz").exists());

    home.run(&["keys", "gen", "module", "--out", "m.nk"]).await.done();
    let kind = run(&home, &create("mute --provider-key m.nk")).await.failed_json(64, "configuration");
    assert!(kind["error"]["causes"].to_string().contains("expected the seed of a provider key"), "{kind}");
    run(&home, &create("mute --issuer m.nk")).await.failed_json(64, "configuration");

    run(&home, "par inspect none.par").await.failed_json(3, "not_found");
    run(&home, "par inspect notes.txt").await.failed_json(1, "invalid_archive");
    let mute = shown(&home.path("mute"));
    home.run(&["par", "inspect", &mute]).await.failed(1, "neither a tar file nor one compressed with gzip");
}
