//! The bytes of each operation's argument, and what is made of the bytes of its result.

use super::golden::{golden, names};
use super::*;
use crate::testing::HostCall;

const NOTES: Pairs<'_> = &[("app", "demo"), ("tier", "web")];
const LABEL: Pairs<'_> = &[("some_label", "a_b")];

/// Does `operate`, answered with the golden `answer`: it must make the call with the golden `argument`.
fn check<T: PartialEq + std::fmt::Debug>(
    operation: &str,
    argument: &str,
    answer: &[u8],
    operate: impl FnOnce(LatticeControl<'_>) -> Result<T, ControlError>,
) -> T {
    let (result, record) = with(Ok(answer), operate);
    let call = HostCall {
        binding: "default".into(),
        namespace: "wasmcloud:latticecontrol".into(),
        operation: ["LatticeController.", operation].concat(),
        payload: golden(argument),
    };
    assert_eq!(record.calls, [call], "`{}`", argument);
    result.unwrap()
}

fn check_command(
    operation: &str,
    argument: &str,
    operate: impl FnOnce(LatticeControl<'_>) -> Result<(), ControlError>,
) {
    check(operation, argument, &golden("ack"), operate);
}

#[test]
fn auction_provider() {
    let auction = ProviderAuction { link_name: "backup", provider_ref: REDIS, ..ProviderAuction::default() };
    let answer = golden("auction_provider_result");
    let bids = check("AuctionProvider", "auction_provider", &answer, |control| control.auction_provider(&auction));
    let bid = ProviderBid { host_id: HOST.into(), link_name: "backup".into(), provider_ref: REDIS.into() };
    assert_eq!((bids.is_complete(), bids.items), (true, vec![bid]));
}

#[test]
fn auction_actor() {
    let auction = ActorAuction { actor_ref: ECHO, constraints: LABEL, ..ActorAuction::default() };
    let answer = golden("auction_actor_result");
    let bids = check("AuctionActor", "auction_actor", &answer, |control| control.auction_actor(&auction));
    let bid = ActorBid { actor_ref: ECHO.into(), host_id: HOST.into() };
    assert_eq!((bids.is_complete(), bids.items), (true, vec![bid]));
}

#[test]
fn get_hosts() {
    let answer = golden("get_hosts_result");
    let hosts = check("GetHosts", "lattice_name", &answer, |control| control.get_hosts("default"));
    let host = Host {
        cluster_issuers: Some("CDEXAMPLE".into()),
        ctl_host: Some("nats://127.0.0.1:4222".into()),
        id: HOST.into(),
        labels: map(&[("hostcore.arch", "x86_64"), ("hostcore.os", "linux"), ("some_label", "a_b")]),
        lattice_prefix: Some("default".into()),
        rpc_host: Some("nats://127.0.0.1:4222".into()),
        uptime_human: Some("3m 20s".into()),
        uptime_seconds: 200,
        version: Some("0.1.0".into()),
        ..Host::default()
    };
    assert_eq!((hosts.is_complete(), hosts.items), (true, vec![host]));
}

#[test]
fn get_host_inventory() {
    let of = GetHostInventory { host_id: HOST, ..GetHostInventory::default() };
    let answer = golden("get_host_inventory_result");
    let inventory = check("GetHostInventory", "get_host_inventory", &answer, |control| control.get_host_inventory(&of));
    let instance = |annotations, revision| ActorInstance {
        annotations: map(annotations),
        count: 1,
        instance_id: "0192f6d8-5c7e-4b1a-8f00-aa5577cc0011".into(),
        revision,
    };
    let actor = ActorDescription {
        id: ACTOR.into(),
        image_ref: Some(ECHO.into()),
        instances: vec![instance(NOTES, 4), instance(&[], -1)],
        name: Some("Echo".into()),
    };
    let provider = ProviderDescription {
        annotations: map(&[]),
        id: PROVIDER.into(),
        image_ref: Some(REDIS.into()),
        link_name: "default".into(),
        name: Some("Redis".into()),
        revision: 2,
    };
    let labels = map(&[("hostcore.arch", "x86_64"), ("hostcore.os", "linux"), ("some_label", "a_b")]);
    let expected = HostInventory { actors: vec![actor], host_id: HOST.into(), labels, providers: vec![provider] };
    assert_eq!(inventory, expected);
    let many = golden("get_host_inventory_result_many");
    let many = check("GetHostInventory", "get_host_inventory", &many, |control| control.get_host_inventory(&of));
    let counts: Vec<_> = many.actors[0].instances.iter().map(|instance| instance.count).collect();
    assert_eq!(counts, [65_535, 1]);
}

#[test]
fn get_claims() {
    let answer = golden("get_claims_result");
    let claims = check("GetClaims", "lattice_name", &answer, |control| control.get_claims("default"));
    let of_echo = [
        ("call_alias", ""),
        ("caps", "wasmcloud:keyvalue"),
        ("iss", "ABC"),
        ("name", "Echo"),
        ("rev", "4"),
        ("sub", ACTOR),
        ("tags", ""),
        ("version", ""),
    ];
    assert_eq!(claims, [map(&of_echo)]);
}

#[test]
fn get_links() {
    let answer = golden("get_links_result");
    let links = check("GetLinks", "lattice_name", &answer, |control| control.get_links("default"));
    let link = LinkDefinition {
        actor_id: ACTOR.into(),
        provider_id: PROVIDER.into(),
        link_name: "default".into(),
        contract_id: "wasmcloud:keyvalue".into(),
        values: map(&[("URL", "redis://127.0.0.1"), ("some_key", "v")]),
    };
    assert_eq!(links, [link]);
}

#[test]
fn commands_about_actors() {
    let (actor_id, actor_ref, host_id, annotations) = (ACTOR, ECHO, HOST, NOTES);
    let scale = ScaleActor { actor_id, actor_ref, annotations, count: 500, host_id, ..ScaleActor::default() };
    check_command("ScaleActor", "scale_actor", |control| control.scale_actor(&scale));
    let start = StartActor { actor_ref, annotations, count: 3, host_id, ..StartActor::default() };
    check_command("StartActor", "start_actor", |control| control.start_actor(&start));
    let update = UpdateActor {
        actor_id,
        annotations,
        host_id,
        new_actor_ref: "registry.example/echo:0.3.5",
        ..UpdateActor::default()
    };
    check_command("UpdateActor", "update_actor", |control| control.update_actor(&update));
    let stop = StopActor { actor_id, annotations, count: 2, host_id, ..StopActor::default() };
    check_command("StopActor", "stop_actor", |control| control.stop_actor(&stop));
    let stop_all = StopActor { annotations: &[], count: 0, ..stop };
    check_command("StopActor", "stop_actor_least", |control| control.stop_actor(&stop_all));
}

#[test]
fn commands_about_providers() {
    let start = StartProvider {
        annotations: NOTES,
        configuration: Some("{\"a_b\":1}"),
        host_id: HOST,
        provider_ref: REDIS,
        ..StartProvider::default()
    };
    check_command("StartProvider", "start_provider", |control| control.start_provider(&start));
    let stop = StopProvider {
        annotations: NOTES,
        contract_id: "wasmcloud:keyvalue",
        host_id: HOST,
        provider_id: PROVIDER,
        ..StopProvider::default()
    };
    check_command("StopProvider", "stop_provider", |control| control.stop_provider(&stop));
}

#[test]
fn commands_about_links() {
    let link = NewLink {
        actor_id: ACTOR,
        provider_id: PROVIDER,
        contract_id: "wasmcloud:keyvalue",
        values: &[("URL", "redis://127.0.0.1"), ("some_key", "v")],
        ..NewLink::default()
    };
    let advertise = AdvertiseLink { link, ..AdvertiseLink::default() };
    check_command("AdvertiseLink", "advertise_link", |control| control.advertise_link(&advertise));
    let remove = RemoveLink { actor_id: ACTOR, contract_id: "wasmcloud:keyvalue", ..RemoveLink::default() };
    check_command("RemoveLink", "remove_link", |control| control.remove_link(&remove));
}

#[test]
fn stop_host() {
    let stop = StopHost { host_id: HOST, timeout: Some(10), ..StopHost::default() };
    check_command("StopHost", "stop_host", |control| control.stop_host(&stop));
    let patient = StopHost { timeout: None, ..stop };
    let (_, record) = with(Ok(&golden("ack")), |control| control.stop_host(&patient));
    // The same map without its last entry.
    let shorter = golden("stop_host").len() - b"\xa7timeout\x0a".len();
    assert_eq!(record.calls[0].payload[1..], golden("stop_host")[1..shorter]);
    assert_eq!(record.calls[0].payload[0], 0x82);
}

#[test]
fn set_lattice_credentials() {
    let credentials = SetLatticeCredentials {
        js_domain: Some("edge"),
        nats_url: Some("nats://127.0.0.1:4222"),
        user_jwt: Some("eyJ0"),
        user_seed: Some("SUEXAMPLE"),
        ..SetLatticeCredentials::default()
    };
    let set = |control: LatticeControl<'_>| control.set_lattice_credentials(&credentials);
    check_command("SetLatticeCredentials", "set_lattice_credentials", set);
    let nothing = SetLatticeCredentials::default();
    let set = |control: LatticeControl<'_>| control.set_lattice_credentials(&nothing);
    check_command("SetLatticeCredentials", "set_lattice_credentials_least", set);
}

#[test]
fn set_registry_credentials() {
    let credential = RegistryCredential { password: Some("pw"), username: Some("me"), ..RegistryCredential::default() };
    let credentials = [("registry.example", credential)];
    let set = SetRegistryCredentials { credentials: Some(&credentials), ..SetRegistryCredentials::default() };
    check("SetRegistryCredentials", "set_registry_credentials", b"", |control| control.set_registry_credentials(&set));
    let set = SetRegistryCredentials::default();
    check("SetRegistryCredentials", "set_registry_credentials_least", b"\xc0", |control| {
        control.set_registry_credentials(&set)
    });
}

#[test]
fn the_link_can_be_chosen() {
    let (_, record) = with_host(|_| Ok(vec![0x90]), || LatticeControl::linked("edge").get_hosts("default"));
    assert_eq!(record.calls[0].binding, "edge");
}

/// What the tests read and write is all there is.
#[test]
fn no_golden_message_is_left_out() {
    let checked = [
        "auction_provider",
        "auction_provider_result",
        "auction_actor",
        "auction_actor_result",
        "lattice_name",
        "get_hosts_result",
        "get_host_inventory",
        "get_host_inventory_result",
        "get_claims_result",
        "scale_actor",
        "start_actor",
        "advertise_link",
        "remove_link",
        "get_links_result",
        "update_actor",
        "start_provider",
        "stop_provider",
        "stop_actor",
        "stop_host",
        "stop_actor_least",
        "ack",
        "ack_refused",
        "set_lattice_credentials",
        "set_lattice_credentials_least",
        "set_registry_credentials",
        "set_registry_credentials_least",
        "ack_refused_with_code",
        "auction_actor_result_incomplete",
        "get_host_inventory_result_many",
    ];
    assert_eq!(names(), checked);
}
