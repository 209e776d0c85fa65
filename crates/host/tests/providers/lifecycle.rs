//! Starting, serving, stopping, and being there again after a restart of the host.

use lattice_protocol::{OperationPhase, ProviderState, RefusalCode};
use lattice_testkit::eventually;
use serde_json::json;

use crate::{
    programs::{key, needy, obedient, script},
    stage::{Stage, start},
    support::{DEADLINE, Lattice},
};

crate::tests! {
    serves_an_actor_from_start_to_stop,
    a_second_start_is_refused_and_another_link_name_is_another_provider,
    what_is_not_there_is_refused,
    an_archive_is_fetched_verified_and_run,
    an_archive_is_no_builtin_whatever_it_claims,
    a_stop_with_other_annotations_is_refused,
    a_provider_runs_again_after_a_restart_of_its_host,
    one_that_cannot_be_restored_is_tried_until_it_serves,
    one_that_cannot_be_restored_is_tried_no_more_when_it_is_stopped,
    a_provider_gets_its_configuration_and_a_clean_environment,
    what_it_prints_is_kept_line_by_line,
    one_that_ignores_every_request_to_end_is_killed_with_its_children,
    auctions_are_won_only_by_hosts_that_would_start_it,
}

async fn serves_an_actor_from_start_to_stop() {
    let stage = Stage::with(Vec::new()).await;
    let mut events = stage.lattice.events().await;
    stage.start_well("obedient").await;
    let provider = stage.provider("obedient").await.expect("it is listed");
    assert_eq!((provider.revision, provider.name.as_deref()), (3, Some("Test obedient")));
    assert_eq!(stage.until("obedient", ProviderState::Running).await.restarts, 0);
    assert_eq!(events.names(2).await, ["provider_started", "health_check_passed"]);

    stage.link("obedient", &[("value", "seven")]).await;
    assert_eq!(stage.call("Echo", "there and back").await.expect("an answer"), "there and back");
    assert_eq!(stage.text("Value").await, "seven");
    assert_eq!(stage.call("CallBack", "round and round").await.expect("an answer"), "round and round");
    let error = stage.call("Fly", "").await.expect_err("there is no such operation").to_string();
    assert!(error.contains("there is no operation `Test.Fly`"), "{error}");

    let record = stage.stop("obedient").await;
    assert_eq!((record.phase, record.causes), (OperationPhase::Stopped, Vec::new()));
    assert!(stage.provider("obedient").await.is_none());
    assert_eq!(events.names(2).await, ["linkdef_set", "provider_stopped"]);
    let error = stage.call("Echo", "").await.expect_err("nobody serves").to_string();
    assert!(error.contains("nobody there"), "{error}");
    assert_eq!(stage.deliveries().await, []);
}

async fn a_second_start_is_refused_and_another_link_name_is_another_provider() {
    let stage = Stage::with(Vec::new()).await;
    stage.start_well("obedient").await;
    let ack = stage.lattice.command("cmd.{host}.lp", start("obedient", "default")).await;
    assert_eq!((ack.accepted, ack.code), (false, Some(RefusalCode::Conflict)));
    assert!(ack.error.contains("provider is already running"), "{}", ack.error);
    let record = stage.lattice.carry_out("cmd.{host}.lp", start("obedient", "backup")).await;
    assert_eq!(record.causes, [""; 0]);
    let inventory = stage.lattice.inventory().await;
    let names: Vec<_> = inventory.providers.iter().map(|provider| provider.link_name.as_str()).collect();
    assert_eq!(names, ["backup", "default"]);
    stage.stop("obedient").await;
    let inventory = stage.lattice.inventory().await;
    assert_eq!(inventory.providers.iter().map(|provider| provider.link_name.as_str()).collect::<Vec<_>>(), ["backup"]);
}

async fn what_is_not_there_is_refused() {
    let stage = Stage::with(Vec::new()).await;
    let refused = async |rest: &str, body: serde_json::Value| {
        let ack = stage.lattice.command(rest, body).await;
        assert!(!ack.accepted);
        ack.error
    };
    let error = refused("cmd.{host}.lp", start("teapot", "default")).await;
    assert!(error.contains("there is no builtin provider `teapot`; there are `obedient`"), "{error}");
    let error = refused("cmd.{host}.sp", json!({"provider_ref": key("obedient"), "link_name": "default"})).await;
    assert!(error.contains("is not running on this host"), "{error}");
    let long = json!({"provider_ref": "builtin://obedient", "configuration": "x".repeat(500_001)});
    let error = refused("cmd.{host}.lp", long).await;
    assert!(error.contains("500001 characters, at most 500000"), "{error}");
    let record = stage.lattice.carry_out("cmd.{host}.lp", json!({"provider_ref": "file:///nowhere.par"})).await;
    assert!(record.causes.join(": ").contains("/nowhere.par"), "{:?}", record.causes);
}

async fn an_archive_is_fetched_verified_and_run() {
    use lattice_artifact::archive::{Packing, pack, this_target};
    let stage = Stage::with(Vec::new()).await;
    let seed = lattice_claims::ProviderSeed::generate();
    let contract = "test:obedient".parse().expect("a contract");
    let claims = lattice_claims::NewProviderClaims::new(seed.public(), contract, std::time::SystemTime::now());
    let (path, target) = (stage.lattice.dir.path().join("sleeper.par.gz"), this_target());
    let write = |script: &[u8]| {
        let account = &stage.lattice.seeds.account;
        let archive =
            pack(claims.clone(), account, &[(target.as_str(), script)], Packing::TarGz).expect("it can be packed");
        std::fs::write(&path, archive).expect("the directory can be written");
    };
    let command = json!({"provider_ref": format!("file://{}", path.display()), "link_name": "default"});
    let stop = json!({"provider_ref": seed.public(), "link_name": "default"});

    write(b"#!/bin/sh\necho one; exec sleep 600\n");
    assert_eq!(stage.lattice.carry_out("cmd.{host}.lp", command.clone()).await.causes, [""; 0]);
    let record = stage.lattice.carry_out("cmd.{host}.sp", stop).await;
    assert_eq!(record.phase, OperationPhase::Stopped);

    // Other bytes under the same revision are another program.
    write(b"#!/bin/sh\necho two; exit 9\n");
    let record = stage.lattice.carry_out("cmd.{host}.lp", command.clone()).await;
    let causes = record.causes.join(": ");
    assert!(causes.contains("exited with code 9") && causes.contains("two"), "{causes}");

    let mut archive = std::fs::read(&path).expect("it is there");
    let middle = archive.len() / 2;
    archive[middle] ^= 1;
    std::fs::write(&path, archive).expect("the directory can be written");
    let record = stage.lattice.carry_out("cmd.{host}.lp", command).await;
    assert_eq!(record.phase, OperationPhase::Failed, "{record:?}");
}

/// It would be given a builtin's links, and what its instances tell each other.
async fn an_archive_is_no_builtin_whatever_it_claims() {
    use lattice_artifact::archive::{Packing, pack, this_target};
    let stage = Stage::with(Vec::new()).await;
    let contract = "test:obedient".parse().expect("a contract");
    let claims = lattice_claims::NewProviderClaims::new(key("obedient"), contract, std::time::SystemTime::now());
    let script = (this_target(), b"#!/bin/sh\nexec sleep 600\n");
    let packed = pack(claims, &stage.lattice.seeds.account, &[(script.0.as_str(), script.1)], Packing::TarGz);
    let path = stage.lattice.dir.path().join("forged.par.gz");
    std::fs::write(&path, packed.expect("it can be packed")).expect("the directory can be written");
    let command = json!({"provider_ref": format!("file://{}", path.display()), "link_name": "default"});
    let record = stage.lattice.carry_out("cmd.{host}.lp", command).await;
    assert_eq!(record.phase, OperationPhase::Failed, "{record:?}");
    let causes = record.causes.join(": ");
    assert!(causes.contains("which is `builtin://obedient` of this host and no archive's"), "{causes}");
}

async fn a_stop_with_other_annotations_is_refused() {
    let stage = Stage::with(Vec::new()).await;
    let mut command = start("obedient", "default");
    command["annotations"] = json!({"app": "demo", "tier": "web"});
    assert_eq!(stage.lattice.carry_out("cmd.{host}.lp", command).await.causes, [""; 0]);
    let stop =
        |annotations| json!({"provider_ref": key("obedient"), "link_name": "default", "annotations": annotations});
    let ack = stage.lattice.command("cmd.{host}.sp", stop(json!({"app": "other"}))).await;
    assert_eq!((ack.accepted, ack.code), (false, Some(RefusalCode::NotRunning)));
    let record = stage.lattice.carry_out("cmd.{host}.sp", stop(json!({"app": "demo"}))).await;
    assert_eq!(record.phase, OperationPhase::Stopped);
}

async fn a_provider_runs_again_after_a_restart_of_its_host() {
    let stage = Stage::with(Vec::new()).await;
    let mut command = start("obedient", "default");
    command["configuration"] = json!("as before");
    assert_eq!(stage.lattice.carry_out("cmd.{host}.lp", command).await.causes, [""; 0]);
    stage.link("obedient", &[("value", "kept")]).await;
    let Stage { lattice, actor, .. } = stage;
    let lattice = lattice.restart_with(|config| config.providers.builtins = vec![obedient()]).await;
    lattice.host.restored().await;
    let stage = Stage::of(lattice).await;
    stage.until("obedient", ProviderState::Running).await;
    stage
        .delivered(&crate::stage::link(&actor.key, &key("obedient"), &[]), lattice_protocol::DeliveryState::Confirmed)
        .await;
    stage.link("obedient", &[]).await;
    assert_eq!(stage.text("Configuration").await, "as before");
}

async fn one_that_cannot_be_restored_is_tried_until_it_serves() {
    let (stage, need, _dir) = restarted_without_need().await;
    let process = stage.until("needy", ProviderState::Restoring).await;
    let error = process.last_exit.expect("it failed");
    assert!(error.contains("exited with code 3") && error.contains("nothing there"), "{error}");
    std::fs::write(&need, "").expect("the directory can be written");
    assert_eq!(stage.until("needy", ProviderState::Running).await.last_exit, None);
    stage.link("needy", &[]).await;
    assert_eq!(stage.text("Configuration").await, "as before");
}

async fn one_that_cannot_be_restored_is_tried_no_more_when_it_is_stopped() {
    let (stage, need, _dir) = restarted_without_need().await;
    stage.until("needy", ProviderState::Restoring).await;
    assert_eq!(stage.stop("needy").await.phase, OperationPhase::Stopped);
    assert!(stage.provider("needy").await.is_none());
    std::fs::write(&need, "").expect("the directory can be written");
    let lattice = stage.lattice.restart_with(|config| config.providers.builtins = vec![needy("needy", &need)]).await;
    lattice.host.restored().await;
    assert!(lattice.inventory().await.providers.is_empty());
}

/// A host that ran a provider, and was restarted when what that needs was gone; and what it needs.
async fn restarted_without_need() -> (Stage, std::path::PathBuf, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let need = dir.path().join("need");
    std::fs::write(&need, "").expect("the directory can be written");
    let stage = Stage::with(vec![needy("needy", &need)]).await;
    let mut command = start("needy", "default");
    command["configuration"] = json!("as before");
    assert_eq!(stage.lattice.carry_out("cmd.{host}.lp", command).await.causes, [""; 0]);
    std::fs::remove_file(&need).expect("it is there");
    let lattice = stage.lattice.restart_with(|config| config.providers.builtins = vec![needy("needy", &need)]).await;
    lattice.host.restored().await;
    (Stage::of(lattice).await, need, dir)
}

async fn a_provider_gets_its_configuration_and_a_clean_environment() {
    let lattice = Lattice::start_with(|config| {
        config.providers.builtins = vec![obedient()];
        config.providers.environment = vec![("RUST_LOG".to_owned(), "info".to_owned())];
    })
    .await;
    let stage = Stage::of(lattice).await;
    let mut command = start("obedient", "default");
    let configuration = "ü".repeat(500_000);
    command["configuration"] = json!(configuration);
    assert_eq!(stage.lattice.carry_out("cmd.{host}.lp", command).await.causes, [""; 0]);
    stage.link("obedient", &[]).await;
    assert_eq!(stage.text("Configuration").await, configuration);
    assert_eq!(stage.text("Environment").await, "RUST_LOG");
}

async fn what_it_prints_is_kept_line_by_line() {
    let stage = Stage::with(vec![script("chatty", "echo one; echo two >&2; printf 'three\\033[1m'; exit 4")]).await;
    let causes = stage.start("chatty").await.causes.join(": ");
    assert!(causes.contains("the provider exited with code 4 before it served"), "{causes}");
    assert!(causes.contains("one") && causes.contains("two") && causes.contains("three\u{fffd}[1m"), "{causes}");
    let query = json!({"provider_id": key("chatty"), "link_name": "default", "limit": 10});
    let answer = stage.lattice.ask("lattice.{host}.logs", query.to_string()).await;
    let lines: lattice_protocol::LogLines = lattice_protocol::decode(&answer.payload).expect("lines");
    let mut lines: Vec<_> = lines.lines.iter().map(|line| format!("{}: {}", line.stream, line.text)).collect();
    lines.sort();
    assert_eq!(lines, ["host: process exited with code 4", "stderr: two", "stdout: one", "stdout: three\u{fffd}[1m"]);
    let query = json!({"provider_id": key("obedient")}).to_string();
    let answer = stage.lattice.ask("lattice.{host}.logs", query).await;
    let ack: lattice_protocol::Ack = lattice_protocol::decode(&answer.payload).expect("a refusal");
    assert_eq!(ack.code, Some(RefusalCode::NotFound));
}

async fn one_that_ignores_every_request_to_end_is_killed_with_its_children() {
    let deaf =
        "trap '' TERM HUP INT; setsid sh -c \"trap '' TERM; echo $$; sleep 600\" & echo $$; while :; do sleep 1; done";
    let stage = Stage::with(vec![script("deaf", deaf)]).await;
    stage.start_well("deaf").await;
    let pids = eventually("both have said who they are", DEADLINE, async || {
        let lines = stage.lines("deaf").await;
        let pids: Vec<u32> = lines.iter().filter_map(|line| line.text.parse().ok()).collect();
        (pids.len() == 2).then_some(pids)
    })
    .await;
    let record = stage.stop("deaf").await;
    assert_eq!(record.phase, OperationPhase::Stopped);
    for pid in pids {
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "{pid} is gone when the stop is told");
    }
}

async fn auctions_are_won_only_by_hosts_that_would_start_it() {
    let stage = Stage::with(Vec::new()).await;
    let auction = |reference: &str, zone: Option<&str>| {
        let constraints = zone.map_or(json!({}), |zone| json!({"zone": zone}));
        json!({"provider_ref": reference, "link_name": "default", "constraints": constraints, "explain": true})
    };
    let answer = async |body: serde_json::Value| {
        let answer = stage.lattice.ask("auction.provider", body.to_string()).await;
        serde_json::from_slice::<serde_json::Value>(&answer.payload).expect("JSON")
    };
    let bid = answer(auction("builtin://obedient", None)).await;
    assert_eq!(
        (&bid["provider_ref"], &bid["host_id"]),
        (&json!("builtin://obedient"), &json!(stage.lattice.host_key()))
    );
    let declined = answer(auction("builtin://obedient", Some("moon"))).await;
    assert!(declined["error"].as_str().is_some_and(|error| error.contains("label `zone`")), "{declined}");
    let declined = answer(auction("builtin://teapot", None)).await;
    assert!(declined["error"].as_str().is_some_and(|error| error.contains("no builtin provider")), "{declined}");
    stage.start_well("obedient").await;
    let declined = answer(auction("builtin://obedient", None)).await;
    assert!(declined["error"].as_str().is_some_and(|error| error.contains("already running")), "{declined}");
}
