//! `lattice claims verify`: each check of a module or an archive, and its verdict.

mod support;

use std::fs;

use lattice_claims::AccountSeed;
use serde_json::{Value, json};
use support::{EMPTY_MODULE, Home, MUTE, Outcome};

/// A published actor, unchanged: its claims are of an earlier layout, and somebody else's.
const PUBLISHED: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/fixtures/echo_messaging_v0.9.0.wasm"));
const PUBLISHER: &str = "ABRK5MP6QRTH7HXOVP2PR2TLDW6DPLBAF3LTGVWQRFVEF7W5VOUMACXB";

/// A line for programs.
async fn run(home: &Home, line: &str) -> Outcome {
    let arguments: Vec<&str> = line.split_whitespace().chain(["-o", "json"]).collect();
    home.run(&arguments).await
}

/// A home with a module and a program, and with two archives and modules signed by the development account, whose key is
/// returned.
async fn signed() -> (Home, String) {
    let home = Home::new().await;
    home.file("x.wasm", EMPTY_MODULE);
    home.file("mute", MUTE.as_bytes());
    let module = run(&home, "claims sign x.wasm --out s.wasm --name x").await.json();
    run(&home, "par create mute --contract a:b --name mute --target x86_64-linux --out m.par").await.json();
    run(&home, "par insert m.par mute --target aarch64-linux").await.json();
    let issuer = module["issuer"].as_str().expect("a key").to_owned();
    (home, issuer)
}

/// The verdicts in a document, as `check` or `check target`.
fn verdicts(document: &Value) -> Vec<(String, &str)> {
    let checks = document["checks"].as_array().unwrap_or_else(|| panic!("no checks: {document}"));
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let name =
        |check: &Value| [text(&check["check"]), text(&check["target"])].into_iter().flatten().collect::<Vec<_>>();
    checks.iter().map(|check| (name(check).join(" "), check["verdict"].as_str().expect("a verdict"))).collect()
}

/// That all is well but for these checks, which have a problem of these words.
#[track_caller]
fn fails(outcome: &Outcome, code: i32, failing: &[(&str, &str)]) {
    assert_eq!(outcome.code, Some(code), "{outcome:?}");
    let document = outcome.document();
    assert_eq!(document["valid"], code == 0, "{document}");
    let found: Vec<_> = verdicts(&document).into_iter().filter(|(_, verdict)| *verdict == "fails").collect();
    let expect: Vec<_> = failing.iter().map(|(check, _)| ((*check).to_owned(), "fails")).collect();
    assert_eq!(found, expect, "{document}");
    for (_, words) in failing {
        assert!(document["checks"].to_string().contains(words), "no {words:?} in {document}");
    }
}

#[tokio::test]
async fn each_check_of_a_module_has_a_verdict() {
    let (home, issuer) = signed().await;
    let sound = run(&home, "claims verify s.wasm").await.json();
    assert_eq!((&sound["kind"], &sound["issuer"], &sound["name"]), (&json!("module"), &json!(issuer), &json!("x")));
    let checks = ["signature", "hash", "not_before", "expiry"].map(|check| (check.to_owned(), "holds"));
    assert_eq!(verdicts(&sound), [&checks[..], &[("issuer".to_owned(), "not_asked")]].concat());
    let table = home.run(&["claims", "verify", "s.wasm"]).await;
    for told in ["in order  yes", "signature   holds      by A", "expiry      holds      never", "--trusted-issuer"] {
        assert!(table.done().contains(told), "no {told:?} in {}", table.stdout);
    }

    let mut bytes = fs::read(home.path("s.wasm")).expect("it was written");
    bytes.extend(b"\0\x02\x01x");
    home.file("changed.wasm", &bytes);
    let changed = run(&home, "claims verify changed.wasm").await;
    fails(&changed, 1, &[("hash", "not the one that was signed")]);
    let table = home.run(&["claims", "verify", "changed.wasm"]).await;
    assert_eq!(table.code, Some(1));
    assert!(table.stdout.contains("hash        FAILS      the module is not the one that was signed"), "{table:?}");

    run(&home, "claims sign x.wasm --out old.wasm --name x --issued-at 2023-11-14T22:13:20Z --expires-in 1h")
        .await
        .json();
    fails(&run(&home, "claims verify old.wasm").await, 1, &[("expiry", "expired at 2023-11-14T23:13:20Z")]);
    run(&home, "claims sign x.wasm --out new.wasm --name x --not-before 9999-01-01T00:00:00Z").await.json();
    fails(&run(&home, "claims verify new.wasm").await, 1, &[("not_before", "not valid before 9999-01-01")]);
}

#[tokio::test]
async fn a_list_of_trusted_issuers_is_asked_for_modules_and_archives() {
    let (home, issuer) = signed().await;
    home.file("published.wasm", PUBLISHED);
    run(&home, "claims verify published.wasm").await.json();
    for file in ["s.wasm", "m.par"] {
        let line = format!("claims verify {file} --trusted-issuer {PUBLISHER} --trusted-issuer {issuer}");
        let trusted = run(&home, &line).await.json();
        assert_eq!(verdicts(&trusted).last(), Some(&("issuer".to_owned(), "holds")), "{trusted}");
        let other = run(&home, &format!("claims verify {file} --trusted-issuer {PUBLISHER}")).await;
        fails(&other, 1, &[("issuer", "is not trusted here: add it with `--trusted-issuer`")]);
    }
    run(&home, &format!("claims verify published.wasm --trusted-issuer {PUBLISHER}")).await.json();
    let other = run(&home, &format!("claims verify published.wasm --trusted-issuer {issuer}")).await;
    fails(&other, 1, &[("issuer", PUBLISHER)]);
    let warned = run(&home, &format!("claims verify s.wasm --trusted-issuer {PUBLISHER} --unknown-issuers warn")).await;
    assert_eq!(verdicts(&warned.json()).last(), Some(&("issuer".to_owned(), "warns")));
    let nobody = run(&home, "claims verify s.wasm --unknown-issuers refuse").await;
    fails(&nobody, 1, &[("issuer", "or let unknown issuers pass with `--unknown-issuers`")]);
    let policy = run(&home, "claims verify s.wasm --unknown-issuers deny").await.failed_json(2, "usage");
    assert!(policy["error"]["message"].to_string().contains("it is accept, warn or refuse"), "{policy}");
    let no_account = run(&home, "claims verify s.wasm --trusted-issuer ABC").await.failed_json(2, "usage");
    assert!(no_account["error"]["message"].to_string().contains("--trusted-issuer"), "{no_account}");
    let seed = AccountSeed::generate().secret_text();
    let slip = run(&home, &format!("claims verify s.wasm --trusted-issuer {seed}")).await;
    slip.failed_json(2, "usage");
    assert!(!format!("{}{}", slip.stdout, slip.stderr).contains(&seed), "{slip:?}");
}

#[tokio::test]
async fn every_program_of_an_archive_is_checked() {
    let (home, issuer) = signed().await;
    let sound = run(&home, "claims verify m.par").await.json();
    assert_eq!((&sound["kind"], &sound["issuer"], &sound["valid"]), (&json!("provider"), &json!(issuer), &json!(true)));
    let hashes = ["hash aarch64-linux", "hash x86_64-linux"].map(|check| (check.to_owned(), "holds"));
    assert_eq!(verdicts(&sound)[1..3], hashes);

    // The program of another machine, which no host here would load.
    let mut bytes = fs::read(home.path("m.par")).expect("it was written");
    let arm = bytes.windows(13).position(|window| window == b"aarch64-linux").expect("its entry");
    let ready = arm + bytes[arm..].windows(5).position(|window| window == b"ready").expect("the script is in it");
    bytes[ready] = b'R';
    home.file("changed.par", &bytes);
    let changed = run(&home, "claims verify changed.par").await;
    fails(&changed, 1, &[("hash aarch64-linux", "is not the one that was signed")]);
    let inspected = run(&home, "par inspect changed.par").await;
    assert_eq!((inspected.code, &inspected.document()["valid"]), (Some(1), &json!(false)));

    // The same for one that is compressed.
    run(&home, "par create mute --contract a:b --name mute --out z.par.gz").await.json();
    run(&home, "claims verify z.par.gz").await.json();
}

#[tokio::test]
async fn what_cannot_be_checked_is_an_error() {
    let (home, _) = signed().await;
    home.file("notes.txt", b"neither");
    home.file("cut.wasm", &PUBLISHED[..1000]);
    run(&home, "claims verify none").await.failed_json(3, "not_found");
    let neither = run(&home, "claims verify notes.txt").await.failed_json(1, "failed");
    assert!(neither["error"]["message"].to_string().contains("neither a module nor a provider archive"), "{neither}");
    let unsigned = run(&home, "claims verify x.wasm").await.failed_json(1, "invalid_module");
    assert!(unsigned["error"]["causes"].to_string().contains("the module is not signed"), "{unsigned}");
    run(&home, "claims verify cut.wasm").await.failed_json(1, "invalid_module");
    let bytes = fs::read(home.path("m.par")).expect("it was written");
    home.file("cut.par", &bytes[..1600]);
    run(&home, "claims verify cut.par").await.failed_json(1, "invalid_archive");
}
