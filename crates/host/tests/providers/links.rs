//! Links on their way to providers.

use futures::StreamExt as _;
use lattice_client::{Client, ClientSettings, Settled};
use lattice_protocol::{DeliveryState, LatticeName, RpcSubjects};
use lattice_testkit::{eventually, guests};
use serde_json::json;

use crate::{
    programs::{late, script},
    stage::Stage,
    support::DEADLINE,
};

crate::tests! {
    a_link_that_was_there_before_is_told_at_the_start,
    changed_values_reach_the_provider_and_a_removal_detaches,
    a_link_that_the_provider_refuses_is_told_as_failed,
    regression_a_refused_link_is_taken_once_its_reason_is_gone,
    regression_a_refused_link_that_is_put_again_is_tried_at_once,
    deliveries_and_operations_tell_of_which_version_of_a_link_they_speak,
    one_that_does_not_answer_has_its_links_delivered,
    one_that_is_slow_to_serve_confirms_its_links_after_all,
    each_link_name_is_a_process_with_links_of_its_own,
    the_same_link_again_changes_nothing,
    what_the_claims_do_not_allow_is_refused_both_ways,
    an_actor_at_its_limit_that_is_called_back_says_so,
    what_a_provider_calls_on_its_own_host_goes_past_the_broker,
    a_provider_signs_in_its_own_name_alone,
    a_provider_in_a_mixed_lattice_has_the_seed_of_the_cluster,
}

async fn a_link_that_was_there_before_is_told_at_the_start() {
    let stage = Stage::with(Vec::new()).await;
    let link = stage.link_to("obedient", &[("value", "early")]);
    assert!(stage.lattice.put_link(&link).await.accepted);
    assert_eq!(stage.deliveries().await, []);
    stage.start_well("obedient").await;
    stage.delivered(&link, DeliveryState::Confirmed).await;
    assert_eq!(stage.text("Value").await, "early");
}

async fn changed_values_reach_the_provider_and_a_removal_detaches() {
    let stage = Stage::with(Vec::new()).await;
    stage.start_well("obedient").await;
    stage.link("obedient", &[("value", "one")]).await;
    assert!(stage.lattice.put_link(&stage.link_to("obedient", &[("value", "two")])).await.accepted);
    eventually("the new value counts", DEADLINE, async || (stage.text("Value").await == "two").then_some(())).await;

    assert!(stage.lattice.delete_link(&stage.link_to("obedient", &[])).await.accepted);
    eventually("the link is gone", DEADLINE, async || stage.deliveries().await.is_empty().then_some(())).await;
    let error = stage.call("Echo", "").await.expect_err("it is not linked").to_string();
    assert!(error.contains("has no link `default` for contract `test:obedient`"), "{error}");
}

async fn a_link_that_the_provider_refuses_is_told_as_failed() {
    let stage = Stage::with(Vec::new()).await;
    stage.start_well("obedient").await;
    let link = stage.link_to("obedient", &[("refuse", "the moon is full")]);
    assert!(stage.lattice.put_link(&link).await.accepted);
    let delivery = stage.delivered(&link, DeliveryState::Failed).await;
    assert_eq!(delivery.error.as_deref(), Some("the provider refused it: the moon is full"));
    let error = stage.call("Echo", "").await.expect_err("it is not linked").to_string();
    assert!(error.contains("not linked"), "{error}");
    // Values that it takes mend that.
    stage.link("obedient", &[("value", "better")]).await;
    assert_eq!(stage.text("Value").await, "better");
}

/// A file that has the obedient provider refuse links for what it holds, as long as it is there.
fn reason(dir: &tempfile::TempDir, text: &str) -> String {
    let path = dir.path().join("reason");
    std::fs::write(&path, text).expect("the directory can be written");
    path.to_str().expect("UTF-8").to_owned()
}

/// History: what was refused once was never tried again.
async fn regression_a_refused_link_is_taken_once_its_reason_is_gone() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = reason(&dir, "it is down");
    let stage = Stage::with(Vec::new()).await;
    stage.start_well("obedient").await;
    let link = stage.link_to("obedient", &[("refuse_while", &path)]);
    assert!(stage.lattice.put_link(&link).await.accepted);
    assert_eq!(stage.delivered(&link, DeliveryState::Failed).await.error, refused_for("it is down"));
    reason(&dir, "it is starting");
    // Until it is tried again it is told as it was, and then for the latest reason; never as being on its way.
    eventually("the latest reason is told", DEADLINE, async || {
        let told = stage.deliveries().await.remove(0);
        assert_eq!(told.state, DeliveryState::Failed);
        (told.error == refused_for("it is starting")).then_some(())
    })
    .await;
    std::fs::remove_file(path).expect("it is there");
    stage.delivered(&link, DeliveryState::Confirmed).await;
    assert_eq!(stage.text("Value").await, "");
}

/// History: it was not, for nothing had changed, and the reason that was told was the old one.
async fn regression_a_refused_link_that_is_put_again_is_tried_at_once() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = reason(&dir, "it is down");
    let stage = Stage::with(Vec::new()).await;
    // Whoever of them takes the command on, it is for the other's provider too.
    let neighbour = stage.lattice.join().await;
    stage.start_well("obedient").await;
    let client = Client::new(stage.lattice.client.clone(), ClientSettings::default());
    let mut events = stage.lattice.events().await;
    let link = stage.link_to("obedient", &[("refuse_while", &path)]);
    for round in 0..6 {
        let text = format!("it is down for the {round}. time");
        reason(&dir, &text);
        let put = client.put_link(&link, false).await.expect("a host takes it on");
        let Ok(Settled::ByOperation(record)) = put.wait(DEADLINE).await else { panic!("it is recorded") };
        let put = record.link_revision.expect("it stands");
        let told = eventually("the new try is told of", DEADLINE, async || {
            let told = stage.deliveries().await.into_iter().find(|told| told.revision >= Some(put))?;
            (told.state != DeliveryState::Pending).then_some(told)
        })
        .await;
        assert_eq!((told.state, told.error, told.revision), (DeliveryState::Failed, refused_for(&text), Some(put)));
    }
    std::fs::remove_file(path).expect("it is there");
    stage.link("obedient", &[("value", "other")]).await;
    assert_eq!(events.names(2).await, ["linkdef_set", "linkdef_set"], "it was set once, and changed once");
    neighbour.host.stop(None).await;
}

fn refused_for(reason: &str) -> Option<String> {
    Some(format!("the provider refused it: {reason}"))
}

async fn deliveries_and_operations_tell_of_which_version_of_a_link_they_speak() {
    let stage = Stage::with(Vec::new()).await;
    stage.start_well("obedient").await;
    let put = async |values: &[(&str, &str)]| {
        let record = stage.lattice.carry_out("linkdefs.put", json!(stage.link_to("obedient", values))).await;
        record.link_revision.expect("it stands")
    };
    let refused = put(&[("refuse", "not yet")]).await;
    let link = stage.link_to("obedient", &[]);
    assert_eq!(stage.delivered(&link, DeliveryState::Failed).await.revision, Some(refused));
    let taken = put(&[("value", "good")]).await;
    assert!(taken > refused);
    // Whatever is told from here on is about the link as it stands.
    let first = stage.deliveries().await.remove(0);
    assert_eq!((first.revision, first.error), (Some(taken), None));
    assert_eq!(stage.delivered(&link, DeliveryState::Confirmed).await.revision, Some(taken));
    // What the provider has counts for the same link put again; it is not sent to it once more.
    let again = put(&[("value", "good")]).await;
    assert!(again > taken);
    eventually("the later put is known", DEADLINE, async || {
        let told = stage.deliveries().await.remove(0);
        assert_eq!((told.state, told.error), (DeliveryState::Confirmed, None));
        (told.revision == Some(again)).then_some(())
    })
    .await;
}

async fn one_that_does_not_answer_has_its_links_delivered() {
    let stage = Stage::with(vec![script("mute", "exec sleep 600")]).await;
    stage.start_well("mute").await;
    let link = stage.link_to("mute", &[]);
    assert!(stage.lattice.put_link(&link).await.accepted);
    stage.delivered(&link, DeliveryState::Delivered).await;
    stage.stop("mute").await;
}

async fn one_that_is_slow_to_serve_confirms_its_links_after_all() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let go = dir.path().join("go");
    let stage = Stage::with(vec![late("late", &go)]).await;
    let gone = stage.link_to("late", &[("value", "known at the start")]);
    assert!(stage.lattice.put_link(&gone).await.accepted);
    stage.start_well("late").await;
    stage.delivered(&gone, DeliveryState::Delivered).await;
    let link = stage.link_to("late", &[("value", "sent too early")]);
    assert!(stage.lattice.put_link(&link).await.accepted);
    std::fs::write(&go, "").expect("the directory can be written");
    stage.delivered(&link, DeliveryState::Confirmed).await;
    assert_eq!(stage.text("Value").await, "sent too early");
}

async fn each_link_name_is_a_process_with_links_of_its_own() {
    let stage = Stage::with(Vec::new()).await;
    let names = ["one", "two"];
    let mut actors = Vec::new();
    for name in names {
        let record = stage.lattice.carry_out("cmd.{host}.lp", crate::stage::start("obedient", name)).await;
        assert_eq!(record.causes, [""; 0]);
        let wasm = guests::host_call(name, crate::programs::CONTRACT);
        let actor = stage.lattice.actor_with(name, &wasm, &lattice_claims::ModuleSeed::generate(), |claims| {
            claims.caps = vec![crate::programs::CONTRACT.to_owned()];
        });
        stage.lattice.carry_out("cmd.{host}.la", json!({"actor_ref": actor.reference()})).await;
        let mut link = crate::stage::link(&actor.key, &crate::programs::key("obedient"), &[("value", name)]);
        link.link_name = name.parse().expect("a link name");
        assert!(stage.lattice.put_link(&link).await.accepted);
        stage.delivered(&link, DeliveryState::Confirmed).await;
        actors.push(actor.key);
    }
    let text = async |actor, operation| {
        let answer = stage.call_actor(actor, operation, "").await.expect("an answer");
        rmp_serde::from_slice::<String>(&answer).expect("a text")
    };
    for (actor, name) in actors.iter().zip(names) {
        assert_eq!(text(actor, "Value").await, name);
    }
    assert_ne!(text(&actors[0], "Signer").await, text(&actors[1], "Signer").await);
    // Who ends under one name takes nothing from those under another.
    let stop = json!({"provider_ref": crate::programs::key("obedient"), "link_name": "one"});
    stage.lattice.carry_out("cmd.{host}.sp", stop).await;
    assert_eq!(text(&actors[1], "Value").await, "two");
    let error = stage.call_actor(&actors[0], "Value", "").await.expect_err("nobody serves").to_string();
    assert!(error.contains("nobody there"), "{error}");
}

async fn the_same_link_again_changes_nothing() {
    let stage = Stage::with(Vec::new()).await;
    stage.start_well("obedient").await;
    stage.link("obedient", &[("value", "once")]).await;
    let mut events = stage.lattice.events().await;
    let link = stage.link_to("obedient", &[("value", "once")]);
    for _ in 0..20 {
        assert!(stage.lattice.put_link(&link).await.accepted);
    }
    let deliveries = stage.deliveries().await;
    assert_eq!(deliveries.iter().map(|delivery| delivery.state).collect::<Vec<_>>(), [DeliveryState::Confirmed]);
    assert_eq!(stage.text("Value").await, "once");
    stage.link("obedient", &[("value", "twice")]).await;
    assert_eq!(events.names(1).await, ["linkdef_set"]);
    let linked = eventually("the provider says so", DEADLINE, async || {
        let linked = stage.lines("obedient").await.iter().filter(|line| line.text.contains("linked")).count();
        (linked >= 2).then_some(linked)
    })
    .await;
    assert_eq!(linked, 2, "told of it once, and of its change once");
}

async fn what_the_claims_do_not_allow_is_refused_both_ways() {
    let stage = Stage::with(Vec::new()).await;
    let wasm = guests::host_call("default", crate::programs::CONTRACT);
    let outlaw = stage.lattice.actor("outlaw", &wasm);
    let command = json!({"actor_ref": outlaw.reference()});
    assert_eq!(stage.lattice.carry_out("cmd.{host}.la", command).await.causes, [""; 0]);
    stage.start_well("obedient").await;
    let link = crate::stage::link(&outlaw.key, &crate::programs::key("obedient"), &[]);
    assert!(stage.lattice.put_link(&link).await.accepted);
    stage.delivered(&link, DeliveryState::Confirmed).await;
    let error = stage.call_actor(&outlaw.key, "Echo", "").await.expect_err("it may not").to_string();
    assert!(error.contains("do not allow contract `test:obedient`"), "{error}");
    stage.link("obedient", &[]).await;
    let told = stage.call("Visit", outlaw.key.to_string()).await.expect("an answer");
    let told: String = rmp_serde::from_slice(&told).expect("a text");
    assert!(told.contains("the actor's claims do not allow contract `test:obedient`"), "{told}");
}

/// History: the provider waited for the actor, and the actor for the provider, until nobody waited for either.
async fn an_actor_at_its_limit_that_is_called_back_says_so() {
    let stage = Stage::with(Vec::new()).await;
    stage.start_well("obedient").await;
    stage.link("obedient", &[]).await;
    let one = json!({"actor_ref": stage.actor.reference(), "count": 1});
    assert_eq!(stage.lattice.carry_out("cmd.{host}.scale", one).await.causes, [""; 0]);
    let error = stage.call("CallBack", "").await.expect_err("there is no room for it").to_string();
    assert!(error.contains("the actor is at its limit, and one of its calls waits for this one"), "{error}");
    assert_eq!(stage.text("Value").await, "", "it serves on");
}

async fn what_a_provider_calls_on_its_own_host_goes_past_the_broker() {
    let stage = Stage::with(Vec::new()).await;
    stage.start_well("obedient").await;
    stage.link("obedient", &[]).await;
    let subject = RpcSubjects::new(LatticeName::default()).actor(&stage.actor.key);
    let mut seen = stage.lattice.client.subscribe(subject.clone()).await.expect("subscribed");
    assert_eq!(stage.call("CallBack", "hello").await.expect("an answer"), "hello");
    // Whatever was sent before the answer came is there before this.
    stage.lattice.client.publish(subject, "the end".into()).await.expect("connected");
    let mut calls = 0;
    while seen.next().await.expect("connected").payload != "the end" {
        calls += 1;
    }
    let expected = if cfg!(target_os = "linux") { 1 } else { 2 };
    assert_eq!(calls, expected, "the actor is called by the test, and by the provider");
}

async fn a_provider_signs_in_its_own_name_alone() {
    let stage = Stage::with(Vec::new()).await;
    // Another host of the lattice hears of the key too.
    let neighbour = stage.lattice.join().await;
    stage.start_well("obedient").await;
    stage.link("obedient", &[]).await;
    let signer = stage.text("Signer").await;
    assert_ne!(signer, stage.lattice.seeds.cluster.public().to_string());
    assert_eq!(stage.call("CallBack", "its own").await.expect("an answer"), "its own");
    let told = stage.text("Forge").await;
    assert!(told.contains("may use for its own calls") && told.contains("Forged"), "{told}");
    let counted: Vec<_> =
        stage.lattice.host.refusals().snapshot().into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counted, [(lattice_rpc::RefusalKind::Forged, 1)]);

    let keys = stage.lattice.bucket("LATTICEKEYS").await;
    assert!(keys.entry(signer.as_str()).await.expect("readable").is_some_and(|entry| !entry.value.is_empty()));
    stage.stop("obedient").await;
    let gone = keys.get(signer.as_str()).await.expect("readable");
    assert_eq!(gone, None, "it is taken back");
    neighbour.host.stop(None).await;
}

async fn a_provider_in_a_mixed_lattice_has_the_seed_of_the_cluster() {
    let lattice = crate::support::Lattice::start_with(|config| {
        config.providers.builtins = vec![crate::programs::obedient()];
        config.mode = lattice_host::Mode::Mixed;
    })
    .await;
    let stage = Stage::of(lattice).await;
    stage.start_well("obedient").await;
    stage.link("obedient", &[]).await;
    assert_eq!(stage.text("Signer").await, stage.lattice.seeds.cluster.public().to_string());
}
