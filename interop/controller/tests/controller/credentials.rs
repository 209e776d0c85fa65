//! Credentials: for other lattices, and for registries.

use lattice_interop::{LATTICE, Lattice, eventually, map};
use serde_json::{Value, json};
use wasmbus_rpc::error::RpcResult;
use wasmcloud_interface_lattice_control::{
    CtlOperationAck, LatticeController as _, RegistryCredential, RegistryCredentialMap, SetLatticeCredentialsRequest,
    SetRegistryCredentialsRequest, StartActorCommand,
};

use crate::stage::{Stage, declined, refusal};

const SHOP: &str = "shop";

/// A lattice of another broker, steered from the next call on.
#[tokio::test]
async fn they_lead_to_another_lattice() {
    let (stage, shop) = (Stage::start().await, Lattice::start_named(SHOP, &[]).await);
    let credentials =
        SetLatticeCredentialsRequest { nats_url: Some(shop.nats_url().to_owned()), ..credentials_for(SHOP) };
    stage.done(set(&stage, &credentials).await);
    let hosts = stage.sender.get_hosts(&stage.context, SHOP).await.expect("hosts");
    stage.read_all(&hosts);
    assert_eq!((hosts.len(), &*hosts[0].id), (1, shop.host()), "{hosts:?}");

    let actor = shop.sign(1).await;
    let start = StartActorCommand {
        actor_ref: actor.reference.clone(),
        count: 2,
        host_id: shop.host().to_owned(),
        lattice_id: SHOP.to_owned(),
        ..StartActorCommand::default()
    };
    stage.done(stage.sender.start_actor(&stage.context, &start).await);
    shop.until_running(&actor, 2).await;
    assert_eq!(stage.lattice.inventory().await["actors"], json!([]));
}

/// A server that takes everybody takes nobody's credentials; where no host is, that is what is said.
#[tokio::test]
async fn none_at_all_are_for_the_providers_own_server() {
    let stage = Stage::start().await;
    assert!(refusal(stage.sender.get_hosts(&stage.context, SHOP).await).contains("[no_credentials]"));
    stage.done(set(&stage, &credentials_for(SHOP)).await);
    assert!(refusal(stage.sender.get_hosts(&stage.context, SHOP).await).contains("[no_hosts]"));
}

/// Half of them, or what is none, is an ack that says why, and changes nothing.
#[tokio::test]
async fn those_that_are_no_good_are_declined() {
    let stage = Stage::start().await;
    let text = |text: &str| Some(text.to_owned());
    let all = [
        (text("e30.e30.e30"), None, "credentials_incomplete"),
        (None, text("SUAHUNTER2"), "credentials_incomplete"),
        (text("no token"), text("SUAHUNTER2"), "credentials_invalid"),
    ];
    for (user_jwt, user_seed, code) in all {
        let credentials = SetLatticeCredentialsRequest { user_jwt, user_seed, ..credentials_for(SHOP) };
        let why = declined(set(&stage, &credentials).await);
        assert!(!why.contains("HUNTER2"), "{why}");
        assert_eq!(stage.answer()["code"], code, "{why}");
        assert!(refusal(stage.sender.get_hosts(&stage.context, SHOP).await).contains("[no_credentials]"));
    }
}

/// They are tried first: nobody listens there.
#[tokio::test]
async fn those_that_lead_nowhere_are_declined() {
    let stage = Stage::start().await;
    let nowhere = Some("nats://127.0.0.1:1".to_owned());
    declined(set(&stage, &SetLatticeCredentialsRequest { nats_url: nowhere, ..credentials_for(SHOP) }).await);
    assert_eq!(stage.answer()["code"], "unreachable", "{}", stage.answer());
}

/// The program shows that the lattice has them. Naming none has those forgotten that the actor may set, as the contract's text
/// has it.
#[tokio::test]
async fn those_for_registries_reach_the_lattice() {
    let stage = Stage::start().await;
    let credential = RegistryCredential {
        password: Some("hunter2".to_owned()),
        registry_type: "oci".to_owned(),
        token: None,
        username: Some("ada".to_owned()),
    };
    let set = async |credentials| {
        let request = SetRegistryCredentialsRequest { credentials, lattice_id: LATTICE.to_owned() };
        stage.sender.set_registry_credentials(&stage.context, &request).await
    };
    set(Some([("registry.example".to_owned(), credential)].into())).await.expect("an answer");
    assert!(stage.is_answer_empty(), "no value is no bytes");
    until_registries(&stage, &["registry.example"]).await;
    for none in [None, Some(RegistryCredentialMap::new())] {
        set(none).await.expect("an answer");
        until_registries(&stage, &[]).await;
    }
}

/// Up to 0.14 the published types have no kind of registry, and all else as later.
#[tokio::test]
async fn older_ones_name_no_kind_of_registry() {
    let stage = Stage::start().await;
    let credential = map([("username", "ada"), ("password", "hunter2")]);
    let request = json!({ "credentials": { "registry.example": credential }, "latticeId": LATTICE });
    stage.call("LatticeController.SetRegistryCredentials", &request).await.expect("an answer");
    assert!(stage.is_answer_empty(), "no value is no bytes");
    until_registries(&stage, &["registry.example"]).await;
}

async fn set(stage: &Stage, credentials: &SetLatticeCredentialsRequest) -> RpcResult<CtlOperationAck> {
    stage.sender.set_lattice_credentials(&stage.context, credentials).await
}

async fn until_registries(stage: &Stage, expected: &[&str]) {
    eventually("the lattice has the credentials", async || {
        let listed = stage.lattice.run(&["registry", "list"]).await;
        let listed = listed["registries"].as_array().expect("a list");
        let names: Vec<&Value> = listed.iter().map(|one| &one["registry"]).collect();
        (names == expected).then_some(())
    })
    .await;
}

fn credentials_for(lattice: &str) -> SetLatticeCredentialsRequest {
    SetLatticeCredentialsRequest { lattice_id: lattice.to_owned(), ..SetLatticeCredentialsRequest::default() }
}
