//! `lattice update actor`, on one host and on all, and what leaves the old image serving.

mod support;

use lattice_client::{Client, ClientSettings, ConnectSettings};
use lattice_protocol::Members;
use lattice_testkit::{eventually, guests};
use rustix::process::Signal;
use serde_json::Value;
use support::{DEADLINE, Daemon, EMPTY_MODULE, Home};

/// One actor in two revisions, each of which answers calls with its number, and modules that cannot follow it.
async fn sign(home: &Home) {
    for revision in ["1", "2"] {
        home.file("plain.wasm", &guests::say(revision));
        let out = format!("{revision}.wasm");
        home.run(&["claims", "sign", "plain.wasm", "--out", &out, "--name", "mine", "--revision", revision])
            .await
            .done();
    }
    home.file("other.wasm", &guests::echo());
    home.file("text.wasm", b"text");
    home.file("empty.wasm", EMPTY_MODULE);
    home.run(&["claims", "sign", "empty.wasm", "--out", "deaf.wasm", "--name", "mine", "--revision", "3"]).await.done();
}

/// The revision that answers calls.
async fn serving(home: &Home) -> String {
    home.run(&["call", "mine", "Any.Thing", "--raw"]).await.done().to_owned()
}

async fn update(home: &Home, arguments: &[&str]) -> support::Outcome {
    home.run(&[&["update", "actor", "mine"], arguments].concat()).await
}

#[tokio::test]
async fn one_host() {
    let home = Home::new().await;
    let (_up, ready) = Daemon::up(&home, &[]).await;
    sign(&home).await;
    home.run(&["start", "actor", "1.wasm", "--count", "3", "--annotation", "team=a"]).await.done();
    assert_eq!(serving(&home).await, "1");

    let updated = update(&home, &["2.wasm", "-o", "json"]).await.json();
    assert_eq!((&updated["outcome"], &updated["host_id"]), (&"done".into(), &ready["host_id"]), "{updated}");
    assert!(updated["swap_micros"].is_u64(), "{updated}");
    assert_eq!(serving(&home).await, "2");
    let table = home.run(&["get", "inventory"]).await;
    let row = table.done().lines().find(|line| line.contains("team=a")).expect("it runs").split_whitespace();
    let numbers: Vec<_> = row.skip(4).take(2).collect();
    assert_eq!(numbers, ["3", "2"], "{table:?}");

    a_lower_revision_needs_force(&home).await;
    bad_images_leave_the_old_one(&home).await;

    update(&home, &["2.wasm", "--annotation", "team=b", "-o", "json"]).await.failed_json(4, "refused");
    let accepted = update(&home, &["2.wasm", "--no-wait", "-o", "json"]).await.json();
    assert_eq!(accepted["outcome"], "accepted");
    let id = accepted["operation_id"].as_str().expect("it has an id");
    assert_eq!(home.run(&["operation", "watch", id, "-o", "json"]).await.json()["phase"], "running");
    assert_eq!(serving(&home).await, "2");
    home.run(&["update", "actor", "nobody", "2.wasm"]).await.failed(3, "no actor fits `nobody`");
}

async fn a_lower_revision_needs_force(home: &Home) {
    let refused = update(home, &["1.wasm", "-o", "json"]).await.failed_json(1, "failed");
    assert!(refused["error"]["causes"].to_string().contains("is revision 1, and revision 2 runs"), "{refused}");
    assert!(refused["error"]["hint"].to_string().contains("--force"), "{refused}");
    update(home, &["1.wasm"]).await.failed(1, "hint: --force takes a lower revision");
    assert_eq!(serving(home).await, "2");
    let told = update(home, &["1.wasm", "--force"]).await;
    assert!(told.done().starts_with("actor mine (") && told.done().contains("/1.wasm now, in "), "{told:?}");
    assert_eq!(serving(home).await, "1");
}

async fn bad_images_leave_the_old_one(home: &Home) {
    let reference = |name: &str| format!("file://{}", support::shown(&home.path(name)));
    let (text, deaf) = (reference("text.wasm"), reference("deaf.wasm"));
    let cases = [
        (&*text, "not a WebAssembly module"),
        (&deaf, "__guest_call"),
        ("other.wasm", "is actor "),
        ("no.wasm", "no.wasm"),
    ];
    for (image, said) in cases {
        let failed = update(home, &[image, "--force", "-o", "json"]).await;
        assert!(
            matches!(failed.code, Some(1 | 3)) && failed.document().to_string().contains(said),
            "{image}: {failed:?}"
        );
        assert_eq!(serving(home).await, "1", "{image}");
    }
}

#[tokio::test]
async fn all_hosts() {
    let home = Home::new().await;
    let (_up, ready) = Daemon::up(&home, &["--friendly-name", "first"]).await;
    let second = second_host(&home, &ready).await;
    sign(&home).await;
    for host in ["first", "second"] {
        home.run(&["start", "actor", "1.wasm", "--host", host]).await.done();
    }
    update(&home, &["2.wasm", "-o", "json"]).await.failed_json(2, "ambiguous");

    let table = update(&home, &["2.wasm", "--all-hosts", "--max-parallel", "2"]).await;
    assert_eq!(table.done().matches(" done ").count(), 2, "{table:?}");
    assert_eq!(revisions(&home).await, [2, 2]);

    // After the first that fails no other begins.
    let failed = update(&home, &["1.wasm", "--all-hosts"]).await;
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stdout.contains("is revision 1, and revision 2 runs"), "{failed:?}");
    assert!(failed.stderr.contains("2 of 2 hosts do not run the new image"), "{failed:?}");
    assert!(failed.stderr.contains("hint: --force"), "{failed:?}");
    let failed = update(&home, &["1.wasm", "--all-hosts", "-o", "json"]).await;
    assert_eq!(failed.code, Some(1), "{failed:?}");
    let mut outcomes = outcomes(&failed.document());
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["failed", "not_begun"]);

    let forced = update(&home, &["1.wasm", "--all-hosts", "--force", "-o", "json"]).await.json();
    assert_eq!((self::outcomes(&forced), &forced["complete"]), (vec!["done".to_owned(); 2], &true.into()));
    assert_eq!(revisions(&home).await, [1, 1]);

    a_mute_host_is_named(&home, &second).await;
}

/// Another host in the lattice that `up` runs.
async fn second_host(home: &Home, ready: &Value) -> Daemon {
    let url = ready["nats_url"].as_str().expect("it has a broker");
    let seed = support::shown(&home.data_dir().join("keys/cluster.nk"));
    let identity = ["--friendly-name", "second", "--data-dir", "second", "--cluster-seed", &seed];
    let second = Daemon::start(home.command(&[&["host", "--nats-url", url, "--allow-file"], &identity[..]].concat()));
    let nats = lattice_client::connect(ConnectSettings::new(url)).await.expect("the broker is there");
    let client = Client::new(nats, ClientSettings::default());
    // Whom a host knows to be there may be a second old. Any host answers, so that several answers are asked for.
    eventually("both hosts are known to both", DEADLINE, async || {
        let answers = futures::future::join_all((0..16).map(|_| client.members())).await;
        let counts = |answer: Result<Members, _>| answer.is_ok_and(|known| known.members.iter().count() == 2);
        answers.into_iter().all(counts).then_some(())
    })
    .await;
    second
}

fn outcomes(updates: &Value) -> Vec<String> {
    let updates = updates["updates"].as_array().expect("a list").iter();
    updates.map(|update| update["outcome"].as_str().expect("it ended").to_owned()).collect()
}

/// The revisions of the actor on each host.
async fn revisions(home: &Home) -> Vec<u64> {
    let inventories = home.run(&["get", "inventory", "--require-complete", "-o", "json"]).await.json();
    let inventories = inventories["inventories"].as_array().expect("a list").iter();
    inventories.filter_map(|host| host["actors"][0]["revision"].as_u64()).collect()
}

async fn a_mute_host_is_named(home: &Home, second: &Daemon) {
    second.signal(Signal::STOP);
    // Now and then nobody but the mute host is asked who belongs to the lattice; that is told too.
    eventually("it is named", DEADLINE, async || {
        let part = home.run(&["get", "inventory", "--timeout", "1s"]).await;
        assert!(part.done().contains("first") && !part.stderr.is_empty(), "{part:?}");
        part.stderr.contains("no answer from second (").then_some(())
    })
    .await;
    let part = home.run(&["get", "inventory", "--timeout", "1s", "--require-complete"]).await;
    assert_eq!(part.code, Some(1), "{part:?}");
    assert!(part.stdout.contains("first") && part.stderr.contains("the answers are not complete"), "{part:?}");
    let part = home.run(&["get", "inventory", "--timeout", "1s", "--require-complete", "-o", "json"]).await;
    assert_eq!((part.code, &part.document()["complete"]), (Some(1), &false.into()), "{part:?}");
    let told = update(home, &["2.wasm", "--all-hosts", "--timeout", "1s", "-o", "json"]).await;
    assert_eq!((told.code, outcomes(&told.document())), (Some(1), vec!["done".to_owned()]), "{told:?}");
    assert_eq!(told.document()["complete"], false, "{told:?}");
    let silent = home.run(&["label", "put", "second", "a=b", "--timeout", "1s"]).await;
    assert!(matches!(silent.code, Some(3 | 5)), "{silent:?}");
    second.signal(Signal::CONT);
}
