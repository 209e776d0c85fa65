//! What published hosts and clients of several generations send is understood.

use lattice_protocol::{
    Ack, Claims, Count, DeleteLink, Host, HostInventory, LinkName, Links, ScaleActor, StartProvider, StopActor,
    StopHost, StopProvider, decode, decode_command,
};
use serde::de::DeserializeOwned;

use crate::corpus::{actor, host, message, provider};

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
    let delete: DeleteLink = read("delete_link_0_82");
    assert_eq!(delete.actor_id, actor());
}

#[test]
fn commands_of_every_generation() {
    let count = |name| command::<ScaleActor>(name).count;
    assert_eq!([count("scale_0_82"), count("scale_0_28"), count("scale_0_31")], [5.into(), 5.into(), Count::MAX]);
    assert_eq!(command::<ScaleActor>("scale_0_82").actor_id, None);
    assert_eq!(command::<ScaleActor>("scale_0_28").actor_id, Some(actor()));
    let stop: StopActor = command("stop_actor_0_82");
    assert_eq!((stop.actor_id, stop.count), (actor(), 0.into()));
    let stop: StopProvider = command("stop_provider_0_82");
    assert_eq!((stop.provider_id, stop.contract_id), (provider(), None));
    let start: StartProvider = command("start_provider_0_82");
    assert_eq!((start.link_name, start.configuration), (LinkName::default(), None));
    assert_eq!(command::<StopHost>("stop_host_0_82").timeout, None);
    assert_eq!(read::<Ack>("ack_0_82"), Ack::accepted());
}
