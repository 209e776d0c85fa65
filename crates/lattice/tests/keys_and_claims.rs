//! Keys and claims from the command line.

mod support;

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};
use support::{EMPTY_MODULE, Home};

/// Writes a signed module with these words behind `claims sign`, and returns what `claims inspect` shows of it.
async fn inspected(home: &Home, words: &str) -> Value {
    let sign = format!("claims sign x.wasm --out s.wasm --name x {words}");
    home.run(&sign.split_whitespace().collect::<Vec<_>>()).await.done();
    home.run(&["claims", "inspect", "s.wasm", "-o", "json"]).await.document()
}

#[tokio::test]
async fn keys_are_told_or_kept() {
    let home = Home::new().await;
    for (kind, public, seed) in [
        ("account", "A", "SA"),
        ("module", "M", "SM"),
        ("cluster", "C", "SC"),
        ("host", "N", "SN"),
        ("provider", "V", "SV"),
    ] {
        let key = home.run(&["keys", "gen", kind, "-o", "json"]).await.json();
        assert!(key["public_key"].as_str().expect("it is told").starts_with(public), "{key}");
        assert!(key["seed"].as_str().expect("it is told").starts_with(seed), "{kind}");
    }
    let kept = home.run(&["keys", "gen", "account", "--out", "a.nk", "-o", "json"]).await.json();
    assert_eq!(kept.get("seed"), None);
    assert_eq!(mode(&home, "a.nk"), 0o600);
    let before = fs::read(home.path("a.nk")).expect("it was written");
    let again = home.run(&["keys", "gen", "account", "--out", "a.nk", "-o", "json"]).await.failed_json(1, "failed");
    assert!(again["error"]["hint"].to_string().contains("a key is never overwritten"), "{again}");
    assert_eq!(fs::read(home.path("a.nk")).expect("it is there"), before);
    home.run(&["keys", "gen", "host", "--out", "new/below/h.nk"]).await.done();
    assert_eq!(["new", "new/below", "new/below/h.nk"].map(|path| mode(&home, path)), [0o700, 0o700, 0o600]);
}

fn mode(home: &Home, path: &str) -> u32 {
    fs::metadata(home.path(path)).expect("it was made").permissions().mode() & 0o777
}

#[tokio::test]
async fn kept_keys_are_listed_without_their_seeds() {
    let home = Home::new().await;
    let list = async || home.run(&["keys", "list", "-o", "json"]).await.json();
    assert_eq!(list().await, json!({"keys": []}));
    assert!(home.run(&["keys", "list"]).await.done().contains("no keys"));
    assert!(!home.data_dir().exists(), "looking makes nothing");

    home.file("x.wasm", EMPTY_MODULE);
    home.file("script", b"#!/bin/sh\n");
    let sign = ["claims", "sign", "x.wasm", "--out", "s.wasm", "--name", "my actor", "-o", "json"];
    let module = home.run(&sign).await.json();
    let create = ["par", "create", "script", "--contract", "a:b", "--name", "cache", "-o", "json"];
    let provider = home.run(&create).await.json();
    let keys = list().await;
    let told = |key: &Value| json!([key["kind"], key["name"], key["public_key"], key["tight"], key["problem"]]);
    let told: Vec<Value> = keys["keys"].as_array().expect("a list").iter().map(told).collect();
    let expect = [
        json!(["account", "account", module["issuer"], true, null]),
        json!(["module", "my actor", module["public_key"], true, null]),
        json!(["provider", "cache", provider["public_key"], true, null]),
    ];
    assert_eq!(told, expect);

    // What is amiss is told, and nothing of what the files hold.
    let path = |name: &str| home.data_dir().join("keys").join(name);
    fs::set_permissions(path("account.nk"), fs::Permissions::from_mode(0o640)).expect("it is ours");
    fs::set_permissions(path("providers"), fs::Permissions::from_mode(0o770)).expect("it is ours");
    fs::write(path("cluster.nk"), "no seed at all").expect("it is ours");
    fs::write(path("notes.txt"), "no key").expect("it is ours");
    let keys = list().await;
    let problem = |at: usize| keys["keys"][at]["problem"].as_str().unwrap_or_default().to_owned();
    assert!(problem(0).contains("can be read by others; make it yours alone: chmod 600"), "{keys}");
    assert!(problem(1).contains("holds no seed"), "{keys}");
    assert!(keys["keys"][1]["kind"].is_null() && keys["keys"][1]["public_key"].is_null(), "{keys}");
    assert_eq!(problem(2), "");
    assert!(problem(3).contains("others can replace the key"), "{keys}");
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(4));
    let table = home.run(&["keys", "list", "-o", "wide"]).await;
    assert!(table.done().contains(module["public_key"].as_str().expect("a key")), "{table:?}");
    assert_eq!(table.stderr.matches("warning: ").count(), 3, "{table:?}");
    let seed = fs::read_to_string(path("account.nk")).expect("it is ours");
    for printed in [&table.stdout, &table.stderr, &keys.to_string()] {
        assert!(!printed.contains(seed.trim()) && !printed.contains("no seed at all"), "{printed}");
    }
}

#[tokio::test]
async fn every_claim_can_be_signed_and_is_shown() {
    let home = Home::new().await;
    home.file("x.wasm", EMPTY_MODULE);
    let all = "--call-alias acme/x --cap a:b --cap c:d --tag one --tag two --revision=-3 --version 1.0 --is-provider \
               --issued-at 2023-11-14T22:13:20Z --not-before 10s --expires-in 36500d --token-id T";
    let shown = inspected(&home, all).await;
    let expect = json!({
        "name": "x",
        "call_alias": "acme/x",
        "capabilities": ["a:b", "c:d"],
        "tags": ["one", "two"],
        "revision": -3,
        "version": "1.0",
        "provider": true,
        "token_id": "T",
        "layout": 3,
        "issued_at": "2023-11-14T22:13:20Z",
        "not_before": "2023-11-14T22:13:30Z",
        "expires_at": "2123-10-21T22:13:20Z",
        "hash": "93A44BBB96C751218E4C00D479E4C14358122A389ACCA16205B1E4D0DC5F9476",
        "valid": true,
    });
    for (key, expect) in expect.as_object().expect("an object") {
        assert_eq!(&shown[key], expect, "{key}");
    }
    let first = fs::read(home.path("s.wasm")).expect("it was written");
    assert_eq!(inspected(&home, all).await, shown);
    assert_eq!(fs::read(home.path("s.wasm")).expect("it was written"), first, "the same words make the same bytes");

    let least = inspected(&home, "").await;
    for key in ["call_alias", "revision", "version", "not_before", "expires_at"] {
        assert_eq!(least[key], Value::Null, "{key}");
    }
    assert_eq!((&least["provider"], &least["expires"], &least["tags"]), (&json!(false), &json!("never"), &json!([])));
    assert_ne!(least["token_id"], inspected(&home, "").await["token_id"]);
}

#[tokio::test]
async fn times_of_claims() {
    let home = Home::new().await;
    home.file("x.wasm", EMPTY_MODULE);
    let early = inspected(&home, "--valid-from 2h").await;
    assert_eq!(early["valid"], false);
    assert!(early["problem"].to_string().contains("not valid before"), "{early}");
    let late = inspected(&home, "--issued-at 2023-11-14T22:13:20Z --expires-in 1h").await;
    assert!(late["problem"].to_string().contains("expired at 2023-11-14T23:13:20Z"), "{late}");
    let sign = |words: &'static str| {
        let line = format!("claims sign x.wasm --out never.wasm --name x {words} -o json");
        let home = &home;
        async move { home.run(&line.split_whitespace().collect::<Vec<_>>()).await }
    };
    sign("--expires-in 1h --not-before 2h").await.failed_json(2, "usage");
    sign("--not-before soon").await.failed_json(2, "usage");
    sign("--issued-at 1h").await.failed_json(2, "usage");
    sign("--token-id=").await.failed_json(2, "usage");
    let long: &'static str = Box::leak(format!("--tag {}", "x".repeat(60_000)).into_boxed_str());
    let refused = sign(long).await.failed_json(1, "invalid_module");
    assert!(refused["error"]["causes"].to_string().contains("at most 65536 are read"), "{refused}");
    assert!(!home.path("never.wasm").exists());
}

#[tokio::test]
async fn a_seed_of_another_kind_signs_nothing() {
    let home = Home::new().await;
    home.file("x.wasm", EMPTY_MODULE);
    home.run(&["keys", "gen", "account", "--out", "a.nk"]).await.done();
    home.run(&["keys", "gen", "module", "--out", "m.nk"]).await.done();
    for (issuer, module, found) in [("m.nk", "m.nk", "an actor key"), ("a.nk", "a.nk", "an account key")] {
        let sign =
            ["claims", "sign", "x.wasm", "--out", "s.wasm", "--name", "x", "--issuer", issuer, "--module-key", module];
        let refused = home.run(&[&sign[..], &["-o", "json"]].concat()).await.failed_json(64, "configuration");
        assert!(refused["error"]["causes"].to_string().contains(&format!("this is the seed of {found}")), "{refused}");
    }
    assert!(!home.path("s.wasm").exists());
}

#[tokio::test]
async fn a_signed_module_is_inspected() {
    let home = Home::new().await;
    home.file("x.wasm", EMPTY_MODULE);
    home.run(&["keys", "gen", "account", "--out", "a.nk"]).await.done();
    home.run(&["keys", "gen", "module", "--out", "m.nk"]).await.done();
    let sign = [
        "claims",
        "sign",
        "x.wasm",
        "--out",
        "s.wasm",
        "--name",
        "x",
        "--call-alias",
        "acme/x",
        "--cap",
        "wasmcloud:httpserver",
        "--tag",
        "a",
        "--revision",
        "3",
        "--version",
        "1.0",
        "--expires-in",
        "90d",
        "--issuer",
        "a.nk",
        "--module-key",
        "m.nk",
        "-o",
        "json",
    ];
    let signed = home.run(&sign).await.json();
    let claims = home.run(&["claims", "inspect", "s.wasm", "-o", "json"]).await.json();
    assert_eq!(claims["public_key"], signed["public_key"]);
    assert_eq!(claims["issuer"], signed["issuer"]);
    assert_eq!(
        (&claims["name"], &claims["call_alias"], &claims["revision"], &claims["version"], &claims["valid"]),
        (&"x".into(), &"acme/x".into(), &3.into(), &"1.0".into(), &true.into())
    );
    // Nothing was made in the data directory: every key was named.
    assert!(!home.data_dir().exists());
    home.run(&["claims", "inspect", "x.wasm"]).await.failed(1, "not signed");
}

#[tokio::test]
async fn development_keys_keep_an_actors_identity() {
    let home = Home::new().await;
    home.file("x.wasm", EMPTY_MODULE);
    let sign = ["claims", "sign", "x.wasm", "--out", "s.wasm", "--name", "x", "-o", "json"];
    let first = home.run(&sign).await.json();
    assert_eq!(home.run(&sign).await.json()["public_key"], first["public_key"]);
    let key = home.data_dir().join("keys/account.nk");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).expect("it is ours");
    let refused = home.run(&sign).await.failed_json(64, "configuration");
    assert!(refused["error"]["hint"].as_str().expect("there is a mend").starts_with("make it yours alone: chmod 600"));
}

#[tokio::test]
async fn a_changed_module_is_not_in_order() {
    let home = Home::new().await;
    home.file("x.wasm", EMPTY_MODULE);
    home.run(&["claims", "sign", "x.wasm", "--out", "s.wasm", "--name", "x"]).await.done();
    let mut bytes = fs::read(home.path("s.wasm")).expect("it was written");
    bytes.extend(b"\0\x02\x01x");
    home.file("changed.wasm", &bytes);
    let outcome = home.run(&["claims", "inspect", "changed.wasm", "-o", "json"]).await;
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let claims = outcome.document();
    assert_eq!(claims["valid"], false);
    assert!(claims["problem"].as_str().expect("it is told").contains("not the one that was signed"), "{claims}");
}
