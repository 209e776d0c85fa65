use lattice_protocol::LinkValues;
use lattice_provider::Defaults;

use super::*;

fn read(values: &[(&str, &str)]) -> Result<Grants, String> {
    let values: LinkValues = values.iter().copied().collect();
    Grants::read(&Settings::new(&values, &Defaults::default()), &lattice("own")).map_err(|failure| failure.to_string())
}

fn grants(values: &[(&str, &str)]) -> Grants {
    read(values).expect("grants")
}

fn lattice(name: &str) -> LatticeName {
    name.parse().expect("a name")
}

fn text(refused: Result<impl std::fmt::Debug, Refusal>) -> String {
    refused.expect_err("not granted").to_string()
}

#[test]
fn without_values_it_is_reading_in_the_own_lattice() {
    let grants = grants(&[]);
    let granted: Vec<_> = Operation::ALL.iter().filter(|one| grants.require_operation(**one).is_ok()).collect();
    let read = ["AuctionProvider", "AuctionActor", "GetHosts", "GetHostInventory", "GetClaims", "GetLinks"];
    let set = ["SetLatticeCredentials", "SetRegistryCredentials"];
    assert_eq!(granted.iter().map(|one| one.name()).collect::<Vec<_>>(), [&read[..], &set].concat());
    assert_eq!(grants.require_lattice(&lattice("own")), Ok(()));
    assert!(text(grants.require_lattice(&lattice("other"))).contains("`lattices`"));
    assert!(text(grants.require_nats("127.0.0.1:4222")).contains("`nats_urls`"));
    assert!(text(grants.require_registry("r.example")).contains("`registries`"));
    assert!(grants.require_image("anything").is_ok() && !grants.limits_hosts() && !grants.shows_link_values());
    assert_eq!((grants.requests_per_second, grants.gather_limit), (50, Duration::from_secs(2)));
}

#[test]
fn operations_are_granted_by_kind() {
    let schedule = grants(&[("operations", "schedule")]);
    assert_eq!(schedule.require_operation(Operation::StartActor), Ok(()));
    let refused = text(schedule.require_operation(Operation::GetHosts));
    assert!(refused.starts_with("[not_granted] ") && refused.contains("`read`") && refused.contains("`operations`"));
    let all = grants(&[("OPERATIONS", "read, schedule,manage")]);
    assert!(Operation::ALL.iter().all(|operation| all.require_operation(*operation).is_ok()));
    assert!(all.shows_link_values());
}

#[test]
fn lattices_are_granted_by_name() {
    let some = grants(&[("lattices", "a, b")]);
    assert!(some.require_lattice(&lattice("b")).is_ok() && some.require_lattice(&lattice("own")).is_err());
    assert!(grants(&[("lattices", "*")]).require_lattice(&lattice("whatever")).is_ok());
}

#[test]
fn images_are_granted_by_whole_parts_of_their_names() {
    let some = grants(&[("images", "r.example/team, builtin://keyvalue, oci://other.example/x:1,file:///srv/")]);
    for granted in [
        "r.example/team/app:1",
        "r.example/team:2",
        "r.example/team@sha256:00",
        "oci://r.example/team/app",
        "builtin://keyvalue",
        "other.example/x:1",
        "file:///srv/a.wasm",
    ] {
        assert_eq!(some.require_image(granted), Ok(()), "{granted}");
    }
    for other in [
        "r.example/teams/app:1",
        "r.example/tea",
        "builtin://keyvalue2",
        "other.example/x:10",
        "file:///srv/../etc/passwd",
        "file:///srv/%2e%2E/etc/passwd",
        "file:///srv",
        "R.example/team/app",
        "",
    ] {
        assert!(text(some.require_image(other)).contains("`images`"), "{other}");
    }
    let long = text(some.require_image(&"x\n".repeat(10_000)));
    assert!(long.len() < 1000 && !long.contains('\n'), "{long}");
}

#[test]
fn nats_servers_are_granted_by_place() {
    let some = grants(&[("nats_urls", "nats://A.example, b.example:5222, tls://c.example,[::1]:4222")]);
    for granted in [
        "a.example:4222",
        "nats://me:secret@a.example",
        "tls://a.example",
        "a.example, B.example:5222",
        "tls://c.example",
        "[::1]",
    ] {
        assert_eq!(some.require_nats(granted), Ok(()), "{granted}");
    }
    for other in ["a.example:4223", "b.example", "nats://c.example", "a.example,evil.example", "a.example@evil.example"]
    {
        let refused = text(some.require_nats(other));
        assert!(refused.starts_with("[not_granted]") && refused.contains("`nats_urls`"), "{other}: {refused}");
    }
    let secret = text(some.require_nats("nats://me:hunter2@evil.example"));
    assert!(!secret.contains("hunter2") && secret.contains("evil.example:4222"), "{secret}");
    for odd in ["", "http://a.example", "ws://a.example", "a.example,", "nats://"] {
        assert!(text(some.require_nats(odd)).starts_with("[invalid]"), "{odd}");
    }
    assert!(grants(&[("nats_urls", "*")]).require_nats("anywhere.example").is_ok());
}

#[test]
fn registries_are_granted_by_place_and_path() {
    let some = grants(&[("registries", "R.example, other.example:5000/team")]);
    for granted in ["r.example", "R.EXAMPLE", "r.example/team", "other.example:5000/team", "other.example:5000/team/a"]
    {
        assert_eq!(some.require_registry(granted), Ok(()), "{granted}");
    }
    for other in ["r.example.evil", "other.example:5000", "other.example:5000/teams", "other.example", ""] {
        assert!(some.require_registry(other).is_err(), "{other}");
    }
}

/// Another port is another service.
#[test]
fn a_host_is_not_its_ports() {
    assert!(grants(&[("registries", "r.example")]).require_registry("r.example:5000").is_err());
    let some = grants(&[("images", "r.example, nats://hello")]);
    for granted in ["r.example/app:1", "oci://r.example/app", "nats://hello:1"] {
        assert_eq!(some.require_image(granted), Ok(()), "{granted}");
    }
    for other in ["r.example:5000/app:1", "r.example.evil/app", "nats://hello2:1"] {
        assert!(some.require_image(other).is_err(), "{other}");
    }
}

#[test]
fn a_bindle_is_of_the_server_that_is_granted() {
    let some = grants(&[("images", "bindle://example.com/team,bindle://example.com/other@https://b.example/v1/")]);
    for granted in ["bindle://example.com/team/app/1.0.0", "bindle://example.com/other/1.0.0@https://b.example/v1/"] {
        assert_eq!(some.require_image(granted), Ok(()), "{granted}");
    }
    for other in [
        "bindle://example.com/team/app/1.0.0@https://evil.example/v1/",
        "bindle://example.com/other/1.0.0",
        "bindle://example.com/other/1.0.0@https://b.example/v1/@https://evil.example/",
    ] {
        assert!(some.require_image(other).is_err(), "{other}");
    }
}

#[test]
fn hosts_are_granted_by_label() {
    let some = grants(&[("host_labels", "zone=lab, tier=edge")]);
    let labels = |pairs: &[(&str, &str)]| -> Labels { pairs.iter().copied().collect() };
    assert!(some.limits_hosts() && some.has_host(&labels(&[("zone", "lab"), ("tier", "edge"), ("more", "x")])));
    assert!(!some.has_host(&labels(&[("zone", "lab")])));
    let constraints = |pairs: &[(&str, &str)]| -> Constraints { pairs.iter().copied().collect() };
    let narrowed = some.narrowed(constraints(&[("zone", "lab"), ("gpu", "yes")])).expect("it is granted");
    assert_eq!(narrowed, constraints(&[("zone", "lab"), ("gpu", "yes"), ("tier", "edge")]));
    assert!(text(some.narrowed(constraints(&[("zone", "prod")]))).contains("`host_labels`"));
}

#[test]
fn what_cannot_be_meant_is_no_link() {
    let check = |values: &[(&str, &str)], expect: &str| {
        let reason = read(values).expect_err("refused");
        assert!(reason.contains(expect) && !reason.contains("hunter2"), "{reason}");
    };
    check(&[("operations", "read,write")], "`write`; there are `read`, `schedule` and `manage`");
    check(&[("lattices", "a b")], "`a b`, which is no lattice's name");
    check(&[("host_labels", "zone")], "no `key=value`");
    check(&[("nats_urls", "http://me:hunter2@x")], "no URL of a NATS server");
    check(&[("requests_per_second", "0")], "grants nothing at all");
    check(&[("requests_per_second", "many")], "no number");
    check(&[("gather_limit", "soon")], "no duration");
    check(&[("gather_limit", "0s")], "no duration");
}
