//! Keys and claims from the command line.

mod support;

use std::{fs, os::unix::fs::PermissionsExt};

use support::{EMPTY_MODULE, Home};

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
    let mode = fs::metadata(home.path("a.nk")).expect("it was written").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = home.run(&["keys", "gen", "account", "--out", "a.nk", "-o", "json"]).await;
    again.failed_json(1, "failed");
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
