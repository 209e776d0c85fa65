//! `lattice host`, as it is run in production.

mod support;

use std::{
    fs,
    time::{Duration, SystemTime},
};

use lattice_claims::{AccountSeed, ModuleSeed, NewModuleClaims, sign_module, unix_seconds};
use lattice_testkit::{NatsServer, eventually, guests};
use rustix::process::Signal;
use support::{
    DEADLINE, EMPTY_MODULE, Home,
    host::{host as start, run},
};

fn signed(module: &[u8], good_for: Option<Duration>) -> Vec<u8> {
    let (account, key) = (AccountSeed::generate(), ModuleSeed::generate());
    let yesterday = SystemTime::now() - Duration::from_secs(86_400);
    let expires = good_for.map(|good| unix_seconds(yesterday + good));
    let claims = NewModuleClaims { expires, ..NewModuleClaims::new(key.public(), yesterday) };
    sign_module(module, &claims, &account).expect("the module can be signed")
}

#[tokio::test]
async fn takes_no_files_and_stops_when_told() {
    let (home, nats) = (Home::new().await, NatsServer::start().await);
    let mut host = start(&home, &nats, "prod", &[]).await;
    let file = format!("file://{}", home.file("mine.wasm", &signed(&guests::echo(), None)));
    // The one that is named refuses, and without a name none bids.
    for (arguments, code) in [(&["--host", "prod"][..], 4), (&[], 3)] {
        let refused = run(&home, &nats, &[&["start", "actor", &file], arguments].concat()).await;
        let text = refused.stdout.clone();
        assert_eq!(refused.code, Some(code), "{refused:?}");
        assert!(text.contains("takes no modules from files") && text.contains("--allow-file"), "{text}");
        assert!(!text.contains("registry"), "{text}");
    }
    run(&home, &nats, &["stop", "host", "prod"]).await.json();
    assert_eq!(host.end().await, Some(0));
}

#[tokio::test]
async fn takes_only_modules_that_are_in_order() {
    let (home, nats) = (Home::new().await, NatsServer::start().await);
    let mut host = start(&home, &nats, "prod", &["--allow-file"]).await;
    let changed = [&signed(EMPTY_MODULE, None)[..], b"\0\x02\x01x"].concat();
    let cases: [(&str, Vec<u8>, &str); 6] = [
        ("text", b"text".to_vec(), "not a WebAssembly module"),
        ("cut", [EMPTY_MODULE, b"\0\x20\x01"].concat(), "truncated or damaged"),
        ("unsigned", guests::echo(), "unsigned modules are not allowed"),
        ("changed", changed, "not the one that was signed"),
        ("expired", signed(&guests::echo(), Some(Duration::from_secs(60))), "expired"),
        ("deaf", signed(EMPTY_MODULE, None), "__guest_call"),
    ];
    for (name, module, said) in cases {
        let path = home.file(&format!("{name}.wasm"), &module);
        // As a reference, so that the host decides and not the one who asks.
        let outcome = run(&home, &nats, &["start", "actor", &format!("file://{path}")]).await;
        assert!(matches!(outcome.code, Some(1 | 4)), "{name}: {outcome:?}");
        assert!(outcome.stdout.contains(said), "{name}: no {said:?} in {}", outcome.stdout);
    }
    let inventory = run(&home, &nats, &["get", "inventory"]).await.json();
    assert_eq!(inventory["inventories"][0]["actors"], serde_json::json!([]), "{inventory}");
    let path = home.file("good.wasm", &signed(&guests::echo(), None));
    run(&home, &nats, &["start", "actor", &path]).await.json();
    host.signal(Signal::TERM);
    assert_eq!(host.end().await, Some(0));
}

#[tokio::test]
async fn two_hosts_do_not_share_an_identity() {
    let (home, nats) = (Home::new().await, NatsServer::start().await);
    let mut host = start(&home, &nats, "prod", &[]).await;
    let second = run(&home, &nats, &["host", "--data-dir", "prod"]).await;
    second.failed_json(4, "refused");
    fs::create_dir(home.path("other")).expect("the home can be written");
    let seed = home.path("prod/keys/host.nk");
    let third = run(&home, &nats, &["host", "--data-dir", "other", "--host-seed", &support::shown(&seed)]).await;
    third.failed_json(4, "refused");
    host.signal(Signal::INT);
    assert_eq!(host.end().await, Some(0));
}

#[tokio::test]
async fn which_host_is_meant_must_be_clear() {
    let (home, nats) = (Home::new().await, NatsServer::start().await);
    let _first = start(&home, &nats, "prod", &["--allow-file"]).await;
    let _second = start(&home, &nats, "second", &["--allow-file"]).await;
    eventually("both hosts answer", DEADLINE, async || {
        let hosts = run(&home, &nats, &["get", "hosts"]).await.json();
        (hosts["hosts"].as_array().map(Vec::len) == Some(2)).then_some(())
    })
    .await;
    home.file("mine.wasm", &guests::echo());
    // An auction chooses one, and then the other, which has less to run.
    for _ in 0..2 {
        run(&home, &nats, &["start", "actor", "mine.wasm"]).await.json();
    }
    let unclear = run(&home, &nats, &["stop", "actor", "mine"]).await.failed_json(2, "ambiguous");
    assert_eq!(unclear.to_string().matches("prod").count(), 2, "{unclear}");
    run(&home, &nats, &["stop", "host", "prod"]).await.failed_json(2, "ambiguous");
}

#[tokio::test]
async fn runs_no_more_than_it_may() {
    let (home, nats) = (Home::new().await, NatsServer::start().await);
    let _host = start(&home, &nats, "prod", &["--allow-file", "--max-instances", "2"]).await;
    home.file("mine.wasm", &guests::echo());
    let start = ["start", "actor", "mine.wasm", "--host", "prod", "--count"];
    let refused = run(&home, &nats, &[&start[..], &["3"]].concat()).await.failed_json(4, "refused");
    assert!(refused.to_string().contains("the host may run 2 instances"), "{refused}");
    run(&home, &nats, &[&start[..], &["2"]].concat()).await.json();
    run(&home, &nats, &["start", "actor", "mine.wasm"]).await.failed_json(3, "not_found");
    run(&home, &nats, &["host", "--max-instances", "many"]).await.failed_json(64, "configuration");
}
