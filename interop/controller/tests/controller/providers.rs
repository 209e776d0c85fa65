//! Providers: started and stopped.

use lattice_interop::{LATTICE, eventually, map};
use serde_json::{Value, json};
use wasmcloud_interface_lattice_control::{LatticeController as _, StartProviderCommand, StopProviderCommand};

use crate::stage::{Stage, declined, refusal};

/// With annotations and a configuration, and without.
#[tokio::test]
async fn they_are_started_and_stopped() {
    let stage = Stage::start().await;
    let noted = map([("team", "a")]);
    for (annotations, configuration) in [(Some(noted), Some("{}".to_owned())), (None, None)] {
        let expected = json!(annotations.clone().unwrap_or_default());
        let command = StartProviderCommand { annotations, configuration, ..start(&stage, "builtin://keyvalue") };
        stage.done(stage.sender.start_provider(&stage.context, &command).await);
        let started = eventually("it serves", async || {
            running(&stage).await.filter(|provider| provider["process"]["healthy"] == true)
        });
        let started = started.await;
        assert_eq!((&started["annotations"], &started["link_name"]), (&expected, &json!("default")), "{started}");
        let key = started["id"].as_str().expect("it has a key");
        stage.done(stage.sender.stop_provider(&stage.context, &stop(&stage, key)).await);
        eventually("it is gone", async || running(&stage).await.is_none().then_some(())).await;
    }
}

/// What the host itself refuses is an ack that says why.
#[tokio::test]
async fn a_hosts_refusal_is_an_ack() {
    let stage = Stage::start().await;
    // Without a tag.
    declined(stage.sender.start_provider(&stage.context, &start(&stage, "registry.invalid/keyvalue")).await);
    let nobody = "VCMYOO52DQIBVPS4535MDWEQ6R47WMTEXG3EGAUDWMKGGG44PE4IUM2R";
    declined(stage.sender.stop_provider(&stage.context, &stop(&stage, nobody)).await);
    let answer = stage.answer();
    assert_eq!((&answer["accepted"], answer["code"].is_string()), (&json!(false), true), "{answer}");
}

/// The published client sends in pieces what is too large for one message, and the provider has read it all: it counts.
#[tokio::test]
async fn a_configuration_comes_in_pieces() {
    let stage = Stage::start().await;
    let configuration = Some("ä".repeat(500_001));
    let command = StartProviderCommand { configuration, ..start(&stage, "builtin://keyvalue") };
    let refused = refusal(stage.sender.start_provider(&stage.context, &command).await);
    assert!(refused.contains("[too_large]") && refused.contains("500001 characters"), "{refused}");
    assert_eq!(running(&stage).await, None);
}

/// The key-value store, as the program shows it.
async fn running(stage: &Stage) -> Option<Value> {
    let inventory = stage.lattice.inventory().await;
    let providers = inventory["providers"].as_array().cloned().unwrap_or_default();
    providers.into_iter().find(|provider| provider["image_ref"] == "builtin://keyvalue")
}

fn start(stage: &Stage, reference: &str) -> StartProviderCommand {
    StartProviderCommand {
        annotations: None,
        configuration: None,
        host_id: stage.lattice.host().to_owned(),
        lattice_id: LATTICE.to_owned(),
        link_name: "default".to_owned(),
        provider_ref: reference.to_owned(),
    }
}

fn stop(stage: &Stage, key: &str) -> StopProviderCommand {
    StopProviderCommand {
        annotations: None,
        contract_id: "wasmcloud:keyvalue".to_owned(),
        host_id: stage.lattice.host().to_owned(),
        lattice_id: LATTICE.to_owned(),
        link_name: "default".to_owned(),
        provider_id: key.to_owned(),
    }
}
