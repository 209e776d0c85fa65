//! `lattice auction`, and starts that an auction places.

mod support;

use lattice_testkit::guests;
use serde_json::json;
use support::{Daemon, Home, MUTE, Outcome, archive};

/// That nobody bids, as programs are told: a whole document, and the exit code.
#[track_caller]
fn assert_nobody(outcome: &Outcome, why: &str) {
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    let document = outcome.document();
    assert_eq!((&document["ranked"], &document["complete"]), (&json!([]), &true.into()), "{document}");
    assert!(document["declined"][0]["reasons"].to_string().contains(why), "no {why:?} in {document}");
}

#[tokio::test]
async fn auctions_are_held_and_explained() {
    let home = Home::new().await;
    let (_up, ready) = Daemon::up(&home, &["--label", "zone=a", "--max-instances", "5"]).await;
    let host = ready["host_name"].as_str().expect("it has a name");
    home.file("mine.wasm", &guests::echo());
    let auction = ["auction", "actor", "mine.wasm"];
    let with = |more: &[&'static str]| [&auction[..], more].concat();

    let held = home.run(&with(&["--constraint", "zone=a", "-o", "json"])).await.json();
    assert_eq!((&held["ranked"][0]["rank"], &held["ranked"][0]["host_id"]), (&1.into(), &ready["host_id"]), "{held}");
    let table = home.run(&with(&["--explain"])).await;
    let titles = table.done().lines().next().expect("it has titles");
    assert!(titles.starts_with("rank") && titles.ends_with("why") && table.stdout.contains(host), "{table:?}");

    home.run(&with(&["--constraint", "zone=b"])).await.failed(3, "no host bids\nhint: --explain shows why");
    let explained = home.run(&with(&["--constraint", "zone=b", "--explain"])).await;
    assert_eq!(explained.code, Some(3), "{explained:?}");
    assert!(
        explained.stdout.starts_with("no bid:\n") && explained.stdout.contains("label `zone` is `a`"),
        "{explained:?}"
    );
    assert_nobody(&home.run(&with(&["--constraint", "zone=b", "-o", "json"])).await, "label `zone`");
    assert_nobody(&home.run(&with(&["--count", "6", "-o", "json"])).await, "may run 5 instances");
    home.run(&with(&["-x", "other", "-o", "json"])).await.failed_json(3, "no_hosts");

    archive(&home, "mute", MUTE);
    let held = home.run(&["auction", "provider", "mute.par.gz", "-o", "json"]).await.json();
    assert_eq!((&held["ranked"][0]["host_id"], &held["complete"]), (&ready["host_id"], &true.into()), "{held}");
    let provider = ["auction", "provider", "builtin://none", "-o", "json"];
    assert_nobody(&home.run(&provider).await, "none");
    home.run(&["auction", "provider", "", "-o", "json"]).await.failed_json(2, "usage");
    home.run(&["auction", "provider", "none.par.gz", "-o", "json"]).await.failed_json(3, "not_found");
}

#[tokio::test]
async fn starts_go_where_they_fit() {
    let home = Home::new().await;
    let (_up, ready) = Daemon::up(&home, &["--label", "zone=a", "--max-instances", "5"]).await;
    let host = ready["host_name"].as_str().expect("it has a name");
    home.file("mine.wasm", &guests::echo());
    let start = ["start", "actor", "mine.wasm"];
    let with = |more: &[&'static str]| [&start[..], more].concat();
    let told = home.run(&with(&["--constraint", "zone=a", "--count", "2"])).await;
    assert!(told.done().starts_with("started 2 instances of actor mine (") && told.stdout.contains(host), "{told:?}");
    home.run(&with(&["--constraint", "zone=b"])).await.failed(3, "lattice auction actor REF --explain");
    let nobody = home.run(&with(&["--constraint", "zone=b", "-o", "json"])).await.failed_json(3, "not_found");
    assert!(nobody["error"]["causes"].to_string().contains(host), "{nobody}");

    // What is full does not bid, and refuses who asks it all the same.
    home.run(&with(&["--count", "4", "-o", "json"])).await.failed_json(3, "not_found");
    let named = ["--count", "4", "--host", host, "-o", "json"];
    home.run(&[&start[..], &named].concat()).await.failed_json(4, "refused");
    home.run(&[&start[..], &["--constraint", "zone=a", "--host", host]].concat())
        .await
        .failed(2, "cannot be used with");
}
