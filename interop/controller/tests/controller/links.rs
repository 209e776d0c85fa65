//! Links: read, made, changed and removed.

use lattice_interop::{LATTICE, Link, eventually, links::example, map};
use serde_json::{Value, json};
use wasmbus_rpc::core::LinkDefinition;
use wasmcloud_interface_lattice_control::{AdvertiseLinkRequest, LatticeController as _, RemoveLinkDefinitionRequest};

use crate::stage::{CONTRACT, Stage, refusal};

/// The program sees each change, and the actor reads them all, its own among them.
#[tokio::test]
async fn they_come_and_go() {
    let stage = Stage::start().await;
    for values in [map([("URL", "redis://127.0.0.1:6379")]), map([("URL", "redis://127.0.0.1:6380"), ("PREFIX", "x")])]
    {
        let link = Link { values, ..example() };
        stage.done(stage.sender.advertise_link(&stage.context, &advertise(&link)).await);
        until_shown(&stage, &[link.told()]).await;
    }
    let read = stage.sender.get_links(&stage.context, LATTICE).await.expect("links");
    stage.read_all(&read);
    let mut shown = stage.get(&["links", "--values"], "links").await;
    for link in &mut shown {
        link.as_object_mut().expect("a link is an object").remove("deliveries");
    }
    assert_eq!(sorted(json!(read.links)), sorted(Value::Array(shown)));
    assert_eq!(read.links.len(), 2, "{read:?}");

    stage.done(stage.sender.remove_link(&stage.context, &remove(&example())).await);
    until_shown(&stage, &[]).await;
    // Nothing is left to remove, which is what was asked for.
    stage.done(stage.sender.remove_link(&stage.context, &remove(&example())).await);
}

/// The values of links may be secret: who may only read gets the links without.
#[tokio::test]
async fn their_values_are_for_those_who_manage() {
    let stage = Stage::start().await;
    stage.done(stage.sender.advertise_link(&stage.context, &advertise(&example())).await);
    stage.grant(&["operations=read"]).await;
    let read = stage.sender.get_links(&stage.context, LATTICE).await.expect("links");
    stage.read_all(&read);
    assert!(read.links.len() == 2 && read.links.iter().all(|link| link.values.is_empty()), "{read:?}");
}

/// Those that say what actors may do here nobody changes through it.
#[tokio::test]
async fn those_of_this_contract_are_out_of_reach() {
    let stage = Stage::start().await;
    let mut request = advertise(&example());
    request.link.contract_id = CONTRACT.to_owned();
    assert!(refusal(stage.sender.advertise_link(&stage.context, &request).await).contains("[not_granted]"));
    let mut request = remove(&example());
    (request.actor_id, request.contract_id) = (stage.actor.clone(), CONTRACT.to_owned());
    assert!(refusal(stage.sender.remove_link(&stage.context, &request).await).contains("[not_granted]"));
    assert_eq!(stage.get(&["links"], "links").await.len(), 1, "its own is still there");
}

/// Waits until the program shows these links beside the actor's own.
async fn until_shown(stage: &Stage, expected: &[Value]) {
    let what = format!("the links are {expected:?}");
    eventually(&what, async || {
        let mut links = stage.get(&["links", "--values"], "links").await;
        links.retain(|link| link["contract_id"] != CONTRACT);
        let same = |(shown, expected): (&Value, &Value)| {
            ["actor_id", "provider_id", "link_name", "contract_id", "values"]
                .iter()
                .all(|key| shown[*key] == expected[*key])
        };
        (links.len() == expected.len() && links.iter().zip(expected).all(same)).then_some(())
    })
    .await;
}

fn sorted(links: Value) -> Vec<Value> {
    let Value::Array(mut links) = links else { panic!("no list: {links}") };
    links.sort_by_key(|link| link["actor_id"].to_string());
    links
}

fn advertise(link: &Link) -> AdvertiseLinkRequest {
    let mut definition = LinkDefinition::default();
    definition.actor_id = link.actor.to_owned();
    definition.provider_id = link.provider.to_owned();
    definition.contract_id = link.contract.to_owned();
    definition.link_name = link.name.to_owned();
    definition.values = link.values.clone();
    AdvertiseLinkRequest { lattice_id: LATTICE.to_owned(), link: definition }
}

fn remove(link: &Link) -> RemoveLinkDefinitionRequest {
    RemoveLinkDefinitionRequest {
        actor_id: link.actor.to_owned(),
        contract_id: link.contract.to_owned(),
        lattice_id: LATTICE.to_owned(),
        link_name: link.name.to_owned(),
    }
}
