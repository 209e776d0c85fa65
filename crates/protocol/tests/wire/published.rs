//! What published hosts and clients of several generations send is understood.

use lattice_protocol::{
    Ack, ActorAuction, ActorBid, Annotations, Claims, Count, DeleteLink, Host, HostInventory, LabelChange,
    LinkDefinition, LinkName, Links, ProviderAuction, ProviderBid, PutRegistries, RegistryCredential, ScaleActor,
    StartActor, StartProvider, StopActor, StopHost, StopProvider, UpdateActor, decode, decode_command,
    event::{CloudEvent, EventData},
};
use serde::de::DeserializeOwned;

use crate::{
    corpus::{actor, backup, host, lattice, message, provider},
    golden::credential,
};

fn read<T: DeserializeOwned>(name: &str) -> T {
    decode(&message("published.txt", name)).expect("what is published is understood")
}

fn command<T: DeserializeOwned>(name: &str) -> T {
    decode_command(&message("published.txt", name)).expect("what is published is understood")
}

#[test]
fn inventories_of_every_generation() {
    for name in ["inventory_0_82", "inventory_0_79", "inventory_otp", "inventory_0_18_2"] {
        let inventory: HostInventory = read(name);
        assert_eq!(inventory.host_id, host(), "{name}");
        assert_eq!(inventory.actors[0].id, actor(), "{name}");
        let bad = inventory.actors.iter().flat_map(|actor| &actor.instances.bad);
        assert_eq!(inventory.actors.bad.iter().chain(&inventory.providers.bad).chain(bad).count(), 0, "{name}");
    }
}

#[test]
fn bounds_stand_under_either_name_or_none() {
    let bounds = |name| -> Vec<(u16, u16)> {
        let inventory: HostInventory = read(name);
        inventory.actors[0].instances.iter().map(|i| (i.max_instances, i.max_concurrent)).collect()
    };
    assert_eq!(bounds("inventory_0_82"), [(u16::MAX, u16::MAX)]);
    assert_eq!(bounds("inventory_0_79"), [(7, 7), (u16::MAX, u16::MAX)]);
    assert_eq!(bounds("inventory_otp"), [(1, 1), (1, 1)]);
    assert_eq!(bounds("inventory_0_18_2"), []);
}

#[test]
fn a_provider_without_link_name_is_listed() {
    let inventory: HostInventory = read("inventory_0_82");
    assert_eq!(inventory.providers[0].id, provider());
    assert_eq!(inventory.providers[0].link_name, LinkName::default());
}

#[test]
fn a_bad_item_is_named_and_costs_no_other() {
    let inventory: HostInventory = read("inventory_one_bad_actor");
    assert_eq!(inventory.actors.iter().map(|actor| &actor.id).collect::<Vec<_>>(), [&actor()]);
    assert_eq!(
        inventory.actors.bad,
        [
            "item 0 at `id`: `MNOTAKEY` is not an actor key (M…): a key has 56 characters",
            "item 2 at `.`: invalid type: integer `7`, expected struct ActorDescription",
        ]
    );
    let instances = &inventory.actors[0].instances;
    assert_eq!(instances.iter().map(|instance| instance.revision).collect::<Vec<_>>(), [4]);
    assert_eq!(instances.bad, ["item 0 at `revision`: invalid type: a string, expected i32"]);
    assert!(inventory.providers.is_empty());
}

#[test]
fn pings_of_three_generations() {
    let ping: Host = read("ping_0_82");
    assert_eq!((ping.uptime_seconds, ping.js_domain, ping.lattice), (200, None, Some("default".into())));
    assert_eq!(ping.cluster_issuers.as_deref(), Some("CDEXAMPLE,COTHER"));
    let ping: Host = read("ping_otp");
    assert_eq!((ping.uptime_seconds, ping.js_domain.as_deref()), (200, Some("edge")));
    assert_eq!((ping.prov_rpc_host.as_deref(), ping.lattice), (Some("127.0.0.1"), None));
    let ping: Host = read("ping_0_18_2");
    assert_eq!((ping.id, ping.uptime_seconds, ping.friendly_name.as_str()), (host(), 200, ""));
}

#[test]
fn claims_may_hold_null() {
    let claims: Claims = read("claims_otp");
    assert_eq!(claims.claims.len(), 1);
    assert_eq!(claims.claims[0]["version"], None);
    assert_eq!(claims.claims[0]["name"].as_deref(), Some("Echo"));
    assert_eq!(claims.claims.bad, ["item 1 at `values`: invalid type: map, expected a string"]);
}

#[test]
fn links_with_an_id_and_empty_links() {
    let links: Links = read("links_otp");
    assert_eq!(links.links.len(), 1);
    assert_eq!(links.links.bad.len(), 1, "a link without actor is none");
}

#[test]
fn links_are_put_and_deleted() {
    for name in ["put_link_0_82", "put_link_otp"] {
        let link: LinkDefinition = command(name);
        assert_eq!((link.actor_id, link.provider_id), (actor(), provider()), "{name}");
    }
    for name in ["delete_link_0_82", "delete_link_otp", "put_link_0_82"] {
        let delete: DeleteLink = command(name);
        assert_eq!((delete.actor_id, delete.contract_id.as_str()), (actor(), "wasmcloud:keyvalue"), "{name}");
        assert_eq!((delete.link_name, delete.lattice_id), (LinkName::default(), None), "{name}");
    }
}

#[test]
fn commands_of_every_generation() {
    for (name, count, annotations) in [
        ("start_actor_0_18_2", 0, ""),
        ("start_actor_0_6", 0, "b"),
        ("start_actor_0_9", 2, "b"),
        ("start_actor_0_28_zero", 0, ""),
    ] {
        let start: StartActor = command(name);
        assert_eq!((start.count.get(), start.host_id), (count, Some(host())), "{name}");
        assert_eq!(start.annotations.get("a").unwrap_or_default(), annotations, "{name}");
    }
    for (name, count, actor_id) in [
        ("scale_0_9", 3.into(), Some(actor())),
        ("scale_0_28", 5.into(), Some(actor())),
        ("scale_0_31", Count::MAX, None),
        ("scale_0_82", 5.into(), None),
        ("scale_stop_0_82", 0.into(), None),
        ("scale_docs_0_82", 4.into(), None),
        ("scale_max_instances", 4.into(), None),
    ] {
        let scale: ScaleActor = command(name);
        assert_eq!((scale.count, scale.actor_id), (count, actor_id), "{name}");
    }
    for (name, count) in [("stop_actor_0_4", 1), ("stop_actor_0_28", 2), ("stop_actor_0_82", 0)] {
        let stop: StopActor = command(name);
        assert_eq!((stop.actor_id, stop.count.get()), (actor(), count), "{name}");
    }
    for (name, annotations) in [("update_actor_0_18_2", ""), ("update_actor_0_82", "b"), ("update_actor_null", "")] {
        let update: UpdateActor = command(name);
        assert_eq!(
            (update.actor_id, update.new_actor_ref.as_str()),
            (actor(), "registry.example/echo:0.3.5"),
            "{name}"
        );
        assert_eq!(update.annotations.get("a").unwrap_or_default(), annotations, "{name}");
    }
    assert_eq!(command::<StopHost>("stop_host_0_82").timeout, None);
    assert_eq!(command::<StopHost>("stop_host_0_6").timeout, Some(2000));
    assert_eq!(read::<Ack>("ack_0_82"), Ack::accepted());
}

#[test]
fn provider_commands_of_every_generation() {
    for (name, link, configuration) in [
        ("start_provider_0_18_2", LinkName::default(), None),
        ("start_provider_0_6", backup(), Some(r#"{"a_b":1}"#)),
        ("start_provider_0_82", LinkName::default(), None),
        ("start_provider_otp_script", LinkName::default(), None),
    ] {
        let start: StartProvider = command(name);
        assert_eq!((start.link_name, start.configuration.as_deref()), (link, configuration), "{name}");
    }
    for (name, link, contract) in [
        ("stop_provider_0_18_2", LinkName::default(), "wasmcloud:keyvalue"),
        ("stop_provider_0_28", backup(), "wasmcloud:keyvalue"),
        ("stop_provider_0_82", LinkName::default(), ""),
        ("stop_provider_otp_script", LinkName::default(), ""),
    ] {
        let stop: StopProvider = command(name);
        assert_eq!((stop.provider_id, stop.link_name), (provider(), link), "{name}");
        assert_eq!(stop.contract_id.as_ref().map_or("", |contract| contract.as_str()), contract, "{name}");
    }
}

#[test]
fn auctions_and_bids_of_every_generation() {
    for (name, label) in [("actor_auction_0_18_2", "a_b"), ("actor_auction_otp_script", "")] {
        let auction: ActorAuction = command(name);
        assert_eq!(auction.constraints.get("some_label").unwrap_or_default(), label, "{name}");
        assert_eq!((auction.annotations, auction.count.get(), auction.explain), (Annotations::new(), 0, false));
    }
    for name in ["provider_auction_0_82", "provider_auction_otp_script"] {
        let auction: ProviderAuction = command(name);
        assert_eq!((auction.link_name, auction.explain), (LinkName::default(), false), "{name}");
    }
    let bid: ActorBid = command("actor_bid_0_82");
    assert_eq!((bid.host_id, bid.bid), (host(), None));
    let bid: ProviderBid = command("provider_bid_0_18_2");
    assert_eq!((bid.host_id, bid.constraints.is_empty(), bid.bid), (host(), true, None));
}

#[test]
fn labels_are_put_and_deleted() {
    for (name, value) in [("label_put_0_82", "a_b"), ("label_del_0_82", ""), ("label_del_without_value", "")] {
        let expect = LabelChange { key: "some_label".into(), value: value.into() };
        assert_eq!(command::<LabelChange>(name), expect, "{name}");
    }
}

#[test]
fn registries_in_both_shapes() {
    for (name, lattice_id, count) in [
        ("registries_0_82", None, 2),
        ("registries_0_19", None, 1),
        ("registries_lattice_controller", None, 1),
        ("registries_interface_file", Some(lattice()), 1),
    ] {
        let put: PutRegistries = command(name);
        assert_eq!((put.lattice_id, put.registries.0.len()), (lattice_id, count), "{name}");
        let registry_type = if name == "registries_lattice_controller" { "" } else { "oci" };
        let expect = RegistryCredential { registry_type: registry_type.to_owned(), ..credential() };
        assert_eq!(put.registries.0.get("registry.example:5000"), Some(&expect), "{name}");
    }
}

#[test]
fn events_of_other_generations() {
    let data = |name| CloudEvent::from_bytes(&message("published.txt", name)).expect("an event").known_data();
    match data("actor_updated_otp") {
        Some(EventData::ActorUpdated(updated)) => {
            assert_eq!((updated.public_key, updated.revision, updated.host_id), (actor(), 1_700_000_000, None));
        }
        other => panic!("{other:?}"),
    }
    match data("actor_update_failed_otp") {
        Some(EventData::ActorUpdateFailed(failed)) => {
            assert_eq!((failed.public_key, failed.reason.as_str()), (actor(), "bad module"));
        }
        other => panic!("{other:?}"),
    }
    match data("linkdef_set_otp") {
        Some(EventData::LinkdefSet(link)) => {
            assert_eq!((link.actor_id, link.values.get("PASSWORD")), (actor(), Some("hunter2")));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(data("linkdef_deleted_0_82"), Some(EventData::LinkdefDeleted(_))));
    assert!(matches!(data("config_set_0_82"), Some(EventData::ConfigSet(_))));
}

#[test]
fn an_event_of_others_shows_no_link_value() {
    let event = CloudEvent::from_bytes(&message("published.txt", "linkdef_set_otp")).expect("an event");
    assert!(!format!("{event:?} {:?}", event.known_data()).contains("hunter2"));
}
