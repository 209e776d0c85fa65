//! Operations that ask: what they send, and what is answered.

use super::*;

#[test]
fn hosts_come_with_what_is_missing() {
    let host =
        b"\x91\x84\xa2id\xa1N\xa6labels\x81\xa1z\xa1a\xaduptimeSeconds\x05\xaaincomplete\x81\xa7missing\x91\xa2N2";
    let answer = |lattice| {
        Value::map([
            (
                "hosts",
                Value::Array(vec![Value::map([
                    ("id", Value::Str("N")),
                    ("labels", texts([("z", lattice)])),
                    ("uptime_seconds", Value::Uint(5)),
                ])]),
            ),
            ("missing", strings(["N2"])),
            ("unreadable", Value::Uint(0)),
            ("complete", Value::Bool(false)),
        ])
    };
    check("Helm.GetHosts", texts([("lattice", "prod")]), Value::Str("prod"), host, answer("a"));
    check("Helm.GetHosts", Value::Nil, Value::Str("default"), host, answer("a"));
}

#[test]
fn an_auction_names_who_bids() {
    let says = b"\x91\x82\xa8actorRef\xa1i\xa6hostId\xa1N";
    let constraints = || texts([("zone", "a")]);
    let sent = [("actorRef", "i".into()), ("constraints", constraints()), ("latticeId", "default".into())];
    let bid = texts([("actor_ref", "i"), ("host_id", "N")]);
    let answer = |bid| {
        Value::map([
            ("bids", Value::Array(vec![bid])),
            ("missing", strings([])),
            ("unreadable", Value::Uint(0)),
            ("complete", Value::Bool(true)),
        ])
    };
    let argument = [("actor_ref", "i".into()), ("constraints", constraints())];
    check("Helm.AuctionActor", Value::map(argument), Value::map(sent), says, answer(bid));
    let says = b"\x91\x83\xa6hostId\xa1N\xa8linkName\xa1l\xabproviderRef\xa1i";
    let sent = [
        ("constraints", constraints()),
        ("latticeId", "default".into()),
        ("linkName", "l".into()),
        ("providerRef", "i".into()),
    ];
    let bid = texts([("host_id", "N"), ("link_name", "l"), ("provider_ref", "i")]);
    let argument = [("provider_ref", "i".into()), ("link_name", "l".into()), ("constraints", constraints())];
    check("Helm.AuctionProvider", Value::map(argument), Value::map(sent), says, answer(bid));
}

#[test]
fn an_inventory_is_told_whole() {
    let instance =
        Value::map([("annotations", texts([("a", "b")])), ("instanceId", "i1".into()), ("revision", Value::Int(-1))]);
    let actor = Value::map([("id", "M".into()), ("instances", Value::Array(vec![instance]))]);
    let provider = Value::map([("id", "V".into()), ("linkName", "l".into()), ("name", "Redis".into())]);
    let says = Value::map([
        ("actors", Value::Array(vec![actor])),
        ("hostId", "N".into()),
        ("labels", texts([("zone", "a")])),
        ("providers", Value::Array(vec![provider])),
    ]);
    let instance = Value::map([
        ("instance_id", "i1".into()),
        ("count", Value::Uint(1)),
        ("revision", Value::Int(-1)),
        ("annotations", texts([("a", "b")])),
    ]);
    let actor = Value::map([("id", "M".into()), ("instances", Value::Array(vec![instance]))]);
    let provider = Value::map([
        ("id", "V".into()),
        ("name", "Redis".into()),
        ("link_name", "l".into()),
        ("revision", Value::Uint(0)),
        ("annotations", Value::map([])),
    ]);
    let answer = Value::map([
        ("host_id", "N".into()),
        ("labels", texts([("zone", "a")])),
        ("actors", Value::Array(vec![actor])),
        ("providers", Value::Array(vec![provider])),
    ]);
    let sent = texts([("hostId", "N"), ("latticeId", "default")]);
    check("Helm.GetHostInventory", texts([("host", "N")]), sent, &says.encode(), answer);
}

#[test]
fn claims_and_links_are_told() {
    let says = Value::map([("claims", Value::Array(vec![texts([("sub", "M")])]))]);
    check("Helm.GetClaims", Value::Nil, Value::Str("default"), &says.encode(), says.clone());
    let link = Value::map([
        ("actor_id", "M".into()),
        ("provider_id", "V".into()),
        ("link_name", "l".into()),
        ("contract_id", "c".into()),
        ("values", texts([("k", "v")])),
    ]);
    let says = Value::map([("links", Value::Array(vec![link]))]);
    check("Helm.GetLinks", Value::Nil, Value::Str("default"), &says.encode(), says.clone());
}
