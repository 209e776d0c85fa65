use std::{fmt::Debug, ops::Deref};

use serde::de::DeserializeOwned;

use super::*;
use crate::error_chain;
use crate::{
    encoding::{Encoding, Format, Spelling, decode, decode_command, encode},
    error::DecodeError,
    id::{ActorKey, LatticeName, LinkName},
    operation::{OperationPhase, OperationQuery, OperationRecord, OperationRecords, OperationsQuery},
};

const HOST: &str = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA";
const ACTOR: &str = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";
const PROVIDER: &str = "VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW";
const SEED: &str = "SCAIYCZTW775GJYX3MVWLURALVC3PULW43PTEKGH72JBMA3A7LOLGLQ2JA";

/// The same body in both encodings, the MessagePack one made from the JSON text as it stands.
fn bodies(json: &str) -> [Vec<u8>; 2] {
    let json = json.replace("{host}", HOST).replace("{actor}", ACTOR).replace("{provider}", PROVIDER);
    let value: serde_json::Value = serde_json::from_str(&json).expect("the test's body is JSON");
    [json.into_bytes(), encode(&value, Format::MESSAGE_PACK)]
}

fn read<T: DeserializeOwned + PartialEq + Debug>(json: &str) -> T {
    let [json, message_pack] = bodies(json);
    let value = decode_command(&json).expect("the JSON body is understood");
    assert_eq!(decode_command::<T>(&message_pack).expect("the MessagePack body is understood"), value);
    value
}

fn refused<T: DeserializeOwned + Debug>(json: &str, expect: &str) {
    for body in bodies(json) {
        let error = decode_command::<T>(&body).expect_err("the body is refused");
        let text = error_chain(&error);
        assert!(text.contains(expect), "`{json}`: `{text}` does not contain `{expect}`");
    }
}

#[test]
fn counts_of_scale() {
    let scale = |count: &str| read::<ScaleActor>(&format!(r#"{{"actor_ref":"x",{count}}}"#)).count;
    for key in ["count", "max_instances", "maxInstances", "max_concurrent", "maxConcurrent"] {
        assert_eq!(scale(&format!(r#""{key}":5"#)), 5.into(), "{key}");
    }
    assert_eq!(scale(r#""count":0"#), 0.into());
    assert_eq!(scale(r#""count":65535"#), Count::MAX);
    assert_eq!(scale(r#""count":null"#), Count::MAX);
}

#[test]
fn what_is_no_count_is_refused() {
    for count in ["-1", "-70000", "0.5", "5.0", "65536", "4294967296", r#""5""#, "true", "[]", "{}", "1e3"] {
        let expect = "expected a whole number from 0 to 65535 or null";
        refused::<ScaleActor>(&format!(r#"{{"actor_ref":"x","count":{count}}}"#), expect);
        refused::<ScaleActor>(&format!(r#"{{"actor_ref":"x","count":{count}}}"#), "`count`");
        refused::<StartActor>(&format!(r#"{{"actor_ref":"x","count":{count}}}"#), expect);
    }
    refused::<StopActor>(r#"{"actor_ref":"{actor}","count":-1}"#, "`count`");
}

#[test]
fn scale_without_count_is_refused() {
    refused::<ScaleActor>(r#"{"actor_ref":"x"}"#, "missing field `count`");
    refused::<ScaleActor>(r#"{"actor_ref":"x","counts":5}"#, "missing field `count`");
}

#[test]
fn absent_and_nil_counts_of_other_commands() {
    assert_eq!(read::<StartActor>(r#"{"actor_ref":"x"}"#).count, 0.into());
    assert_eq!(read::<StartActor>(r#"{"actor_ref":"x","count":null}"#).count, Count::MAX);
    assert_eq!(read::<StopActor>(r#"{"actor_ref":"{actor}"}"#).count, 0.into());
    assert_eq!(read::<StopActor>(r#"{"actor_ref":"{actor}","count":null}"#).count, 0.into());
}

#[test]
fn unknown_keys_nil_and_empty_text_are_read_as_nothing() {
    let least: StartActor = read(r#"{"actor_ref":"x"}"#);
    for more in [
        r#""annotations":null,"host_id":null,"lattice_id":null"#,
        r#""annotations":{},"hostId":"","latticeId":"","later":{"deep":[1,{}]}"#,
    ] {
        assert_eq!(read::<StartActor>(&format!(r#"{{"actor_ref":"x",{more}}}"#)), least);
    }
    let provider: StartProvider = read(r#"{"provider_ref":"x","link_name":"","configuration":""}"#);
    assert_eq!((provider.link_name, provider.configuration), (LinkName::default(), None));
    assert_eq!(read::<LabelChange>(r#"{"key":"a"}"#), read(r#"{"key":"a","value":null}"#));
    assert_eq!(read::<ActorAuction>(r#"{"actorRef":"x","constraints":null}"#), read(r#"{"actor_ref":"x"}"#));
}

#[test]
fn both_spellings_are_read() {
    let snake = r#"{"actor_id":"{actor}","actor_ref":"x","count":1,"host_id":"{host}","lattice_id":"a"}"#;
    let camel = r#"{"actorId":"{actor}","actorRef":"x","count":1,"hostId":"{host}","latticeId":"a"}"#;
    assert_eq!(read::<ScaleActor>(snake), read(camel));
    for key in ["actor_ref", "actorRef", "actor_id", "actorId"] {
        let stop: StopActor = read(&format!(r#"{{"{key}":"{{actor}}"}}"#));
        assert_eq!(stop.actor_id.as_str(), ACTOR, "{key}");
    }
    for key in ["provider_ref", "providerRef", "provider_id", "providerId"] {
        let stop: StopProvider = read(&format!(r#"{{"{key}":"{{provider}}"}}"#));
        assert_eq!(stop.provider_id.as_str(), PROVIDER, "{key}");
    }
}

#[test]
fn one_field_in_two_spellings_is_refused_by_name() {
    refused::<StartActor>(r#"{"actor_ref":"x","actorRef":"y"}"#, "duplicate field `actor_ref`");
    refused::<ScaleActor>(r#"{"actor_ref":"x","count":1,"max_instances":2}"#, "duplicate field `count`");
    refused::<StopHost>(r#"{"host_id":"","hostId":""}"#, "duplicate field `host_id`");
    refused::<StopActor>(r#"{"actor_ref":"{actor}","actorId":"{actor}"}"#, "duplicate field `actor_ref`");
}

#[test]
fn a_command_acts_on_nothing_it_was_not_told() {
    assert_eq!(read::<StopHost>("{}"), StopHost::default());
    refused::<StopHost>(r#"{"foo":1}"#, "none of its keys is known here; expected are hostId, host_id, latticeId");
    refused::<ScaleActor>(r#"{"foo":1}"#, "missing field `count`");
    for body in ["[]", "[null]", "[null,null,5]"] {
        refused::<StopHost>(body, "not a map with text keys");
    }
    for body in ["null", "500", "true", r#""stop""#] {
        refused::<StopHost>(body, "expected struct StopHost");
    }
    for body in [&[0x81, 0x00, 0xc0], &[0x81, 0x07, 0x01]] {
        assert!(matches!(decode_command::<StopHost>(body), Err(DecodeError::NotAMap)), "{body:x?}");
    }
    let bytes_for_key = [0x81, 0xc4, 0x01, b'a', 0x01];
    assert!(matches!(decode_command::<StopHost>(&bytes_for_key), Err(DecodeError::UnknownKeys { .. })));
    assert!(matches!(decode_command::<StopHost>(b""), Err(DecodeError::Empty)));
}

#[test]
fn a_position_is_no_name() {
    for body in bodies(r#"["x",{},5]"#) {
        assert!(matches!(decode_command::<StartActor>(&body), Err(DecodeError::NotAMap)));
    }
}

#[test]
fn the_place_of_an_error_is_named() {
    refused::<StartActor>(r#"{"actor_ref":"x","annotations":{"a":1}}"#, "at `annotations.a`");
    refused::<StartActor>(r#"{"actor_ref":"x","lattice_id":"a b"}"#, "at `lattice_id`: the lattice name `a b`");
    refused::<StartActor>(r#"{"actor_ref":"x","latticeId":"v1"}"#, "at `latticeId`: the lattice name must not be `v1`");
    refused::<StopActor>(
        r#"{"actor_ref":"wasmcloud.example/echo"}"#,
        "at `actor_ref`: `wasmcloud.example/echo` is not",
    );
    refused::<StartActor>("{}", "missing field `actor_ref`");
}

#[test]
fn errors_repeat_no_secret() {
    let bodies = [
        r#"{"actor_ref":"{s}","count":"{s}"}"#,
        r#"{"actor_ref":"x","annotations":"{s}"}"#,
        r#"{"actor_ref":"x","annotations":{"{s}":5}}"#,
        r#"{"actor_ref":"x","host_id":"{s}"}"#,
        r#"{"actor_ref":"x","host_id":" {s}\n"}"#,
        r#"{"actor_ref":"x","lattice_id":"{s} "}"#,
        r#"["{s}"]"#,
        r#""{s}""#,
        r#"{"{s}":1}"#,
    ];
    for body in bodies {
        let [json, message_pack] = self::bodies(&body.replace("{s}", SEED));
        for body in [json, message_pack] {
            let error = decode_command::<StartActor>(&body).expect_err("every one of them is wrong");
            for text in [error_chain(&error), format!("{error:?}")] {
                assert!(!text.contains(&SEED[2..40]), "{text}");
            }
        }
    }
    let [json, message_pack] = self::bodies(r#"{"https://me:hunter2@registry.example":{"username":1}}"#);
    for body in [json, message_pack] {
        let error = decode::<Registries>(&body).expect_err("a user's name is a text");
        assert!(!format!("{} {error:?}", error_chain(&error)).contains("hunter2"), "{}", error_chain(&error));
        assert!(error_chain(&error).contains("may hold a password"), "{}", error_chain(&error));
    }
    let [json, message_pack] = self::bodies(r#"{"registry.example":"hunter2"}"#);
    for body in [json, message_pack] {
        let error = decode::<Registries>(&body).expect_err("a credential is a map");
        assert!(!format!("{} {error:?}", error_chain(&error)).contains("hunter2"));
        assert!(
            error_chain(&error).contains("at `registry.example`: invalid type: a string, expected"),
            "{}",
            error_chain(&error)
        );
    }
}

#[test]
fn lattice_queries() {
    let named = |name: &str| LatticeQuery { lattice_id: Some(name.parse().expect("a plain word")) };
    assert_eq!(LatticeQuery::read(b"").expect("nothing is a query"), LatticeQuery::default());
    let accepted = [
        ("null", LatticeQuery::default()),
        ("{}", LatticeQuery::default()),
        (r#""""#, LatticeQuery::default()),
        (r#"{"other":[1]}"#, LatticeQuery::default()),
        (r#"{"lattice_id":null}"#, LatticeQuery::default()),
        (r#"{"latticeId":""}"#, LatticeQuery::default()),
        (r#""prod""#, named("prod")),
        (r#"{"lattice_id":"prod"}"#, named("prod")),
        (r#"{"latticeId":"prod"}"#, named("prod")),
    ];
    for (json, expect) in accepted {
        for body in bodies(json) {
            assert_eq!(LatticeQuery::read(&body).expect("it is a query"), expect, "{json}");
        }
    }
    let expected = "expected nil, the lattice's name or a map that holds it";
    let refused = [
        (r#""v1""#, "must not be `v1`"),
        (r#""a.b""#, "contains '.'"),
        (r#"{"latticeId":"v1"}"#, "at `latticeId`: the lattice name must not be `v1`"),
        (r#"{"lattice_id":5}"#, "at `lattice_id`"),
        ("500", expected),
        ("true", expected),
        ("[]", expected),
        (r#"["prod"]"#, expected),
    ];
    for (json, expect) in refused {
        for body in bodies(json) {
            let text = error_chain(&LatticeQuery::read(&body).expect_err("it is no query"));
            assert!(text.contains(expect), "`{json}`: `{text}` does not contain `{expect}`");
        }
    }
    for garbage in [&b"{"[..], b"prod", &[0xc1], &[0xa5, b'a'], &[0xff]] {
        assert!(LatticeQuery::read(garbage).is_err(), "{garbage:x?}");
    }
}

#[test]
fn identity_has_two_names_in_inventories() {
    for key in ["id", "public_key", "publicKey"] {
        let actor: ActorDescription = read(&format!(r#"{{"{key}":"{{actor}}"}}"#));
        assert_eq!(actor.id.as_str(), ACTOR, "{key}");
        let provider: ProviderDescription = read(&format!(r#"{{"{key}":"{{provider}}","linkName":null}}"#));
        assert_eq!(provider.id.as_str(), PROVIDER, "{key}");
    }
}

#[test]
fn regression_bytes_in_an_item_cost_only_the_item() {
    let good = encode(&read::<ActorDescription>(r#"{"id":"{actor}"}"#), Format::MESSAGE_PACK);
    let odd: [&[u8]; 5] = [
        &[0xc4, 2, 0xff, 0xfe],
        &[0xd4, 1, 2],
        &[0x81, 0x05, 0x06],
        &[0x81, 0x92, 1, 2, 3],
        &[0x81, 0xa2, b'i', b'd', 0xc4, 1, 0xff],
    ];
    for odd in odd {
        let list = [&[0x81, 0xa6], &b"actors"[..], &[0x93], &good, odd, &good].concat();
        #[derive(serde::Deserialize)]
        struct List {
            actors: Items<ActorDescription>,
        }
        let List { actors } = decode(&list).expect("the list is readable");
        assert_eq!((actors.len(), actors.bad.len()), (2, 1), "{odd:x?}");
        assert!(actors.bad[0].starts_with("item 1 at "), "{:?}", actors.bad);
    }
}

#[test]
fn of_very_many_bad_items_the_first_are_told() {
    let items: Items<ActorKey> = decode(format!("[{}1]", "0,".repeat(5_000)).as_bytes()).expect("a list");
    assert_eq!((items.good.len(), items.bad.len()), (0, 101));
    assert_eq!(items.bad[100], "items after 100 are not all readable either");
}

#[test]
fn a_registry_is_an_oci_registry_unless_told() {
    let registries: Registries = decode(
        br#"{"a":{},"b":{"registryType":null},"c":{"registry_type":"bindle","token":""},"d":{"registryType":""}}"#,
    )
    .expect("four credentials");
    let types = registries.0.values().map(|credential| credential.registry_type.as_str());
    // An empty one is kept as it is, for hosts are to say that it is odd.
    assert_eq!(types.collect::<Vec<_>>(), ["oci", "oci", "bindle", ""]);
    assert!(registries.0.values().all(|credential| credential.token.is_none()));
}

#[test]
fn the_two_shapes_of_registries_are_told_apart() {
    let named = |name: &str| Some(name.parse().expect("a plain word"));
    let one = Registries([("r.example".to_owned(), RegistryCredential::default())].into());
    let none = Registries::default();
    for (json, lattice_id, registries) in [
        (r#"{}"#, None, &none),
        (r#"{"r.example":{}}"#, None, &one),
        (r#"{"credentials":{"r.example":{}}}"#, None, &one),
        (r#"{"latticeId":"prod","credentials":{"r.example":{}}}"#, named("prod"), &one),
        (r#"{"credentials":{"r.example":{}},"lattice_id":""}"#, None, &one),
        (r#"{"latticeId":"prod","r.example":{}}"#, named("prod"), &one),
        (r#"{"latticeId":"prod","credentials":{}}"#, named("prod"), &none),
        (r#"{"credentials":{}}"#, None, &none),
    ] {
        let put = read::<PutRegistries>(json);
        assert_eq!((put.lattice_id, &put.registries), (lattice_id, registries), "{json}");
        assert_eq!(read::<Registries>(json), *registries, "{json}");
    }
    let both = "registries stand both under `credentials` and beside it";
    refused::<PutRegistries>(r#"{"credentials":{"a":{}},"b":{}}"#, both);
    refused::<PutRegistries>(r#"{"b":{},"credentials":{}}"#, both);
    refused::<PutRegistries>(r#"{"credentials":{"username":"me","password":"pw"}}"#, "at `credentials.");
    refused::<PutRegistries>(r#"{"latticeId":{}}"#, "at `latticeId`");
    refused::<PutRegistries>(r#"{"latticeId":"a.b"}"#, "contains '.'");
    refused::<PutRegistries>("[]", "a map of registries to credentials");
    for absent in [r#"{"latticeId":"prod"}"#, r#"{"lattice_id":""}"#, r#"{"latticeId":"prod","credentials":null}"#] {
        refused::<PutRegistries>(absent, "it has no map of registries; one that is empty, and no other, forgets all");
    }
    refused::<PutRegistries>("null", "expected a map of registries to credentials; an empty one forgets all");
    let twice = decode::<PutRegistries>(br#"{"credentials":{},"credentials":{}}"#).expect_err("it stands twice");
    assert!(error_chain(&twice).contains("duplicate field `credentials`"), "{}", error_chain(&twice));
    for twice in [&br#"{"a":{},"a":{}}"#[..], br#"{"credentials":{"a":{},"a":{}}}"#] {
        let twice = decode::<PutRegistries>(twice).expect_err("a registry stands twice");
        assert!(error_chain(&twice).contains("a registry stands in it twice"), "{}", error_chain(&twice));
    }
    let written = String::from_utf8(encode(&one, Format::JSON)).expect("JSON is text");
    assert_eq!(written, r#"{"r.example":{"registryType":"oci"}}"#, "written is the plain map");
}

#[test]
fn debug_shows_no_secret() {
    let secret = "hunter2";
    let values: LinkValues = [("PASSWORD", secret)].into_iter().collect();
    let credential =
        RegistryCredential { token: Some(secret.into()), username: Some(secret.into()), ..Default::default() };
    let credential = RegistryCredential { password: Some(secret.into()), ..credential };
    let provider = StartProvider {
        annotations: Annotations::default(),
        configuration: Some(secret.into()),
        host_id: None,
        lattice_id: None,
        link_name: LinkName::default(),
        provider_ref: "x".into(),
    };
    let link = LinkDefinition {
        actor_id: ACTOR.parse().expect("a key"),
        provider_id: PROVIDER.parse().expect("a key"),
        link_name: LinkName::default(),
        contract_id: "wasmcloud:keyvalue".parse().expect("a contract id"),
        values: values.clone(),
    };
    let shown = [
        format!("{values:?}"),
        format!("{link:?}"),
        format!("{:?}", Links { links: vec![link].into() }),
        format!("{provider:?}"),
        format!("{:?}", Registries([("r".to_owned(), credential)].into())),
        format!("{:?}", ConfigValue { data: secret.into(), found: true }),
        format!("{:?}", ConfigValues([("k".to_owned(), secret.into())].into())),
    ];
    for text in shown {
        assert!(!text.contains(secret) && !text.contains("104, 117"), "{text}");
    }
}

#[test]
fn maps_compare_and_measure() {
    let notes = |entries: &[(&str, &str)]| -> Annotations { entries.iter().copied().collect() };
    let both = notes(&[("a", "1"), ("b", "2")]);
    assert!(both.contains(&notes(&[])) && both.contains(&notes(&[("a", "1")])) && both.contains(&both));
    assert!(!both.contains(&notes(&[("a", "2")])) && !notes(&[("a", "1")]).contains(&both));
    assert_eq!((both.len(), both.size(), both.get("b")), (2, 4, Some("2")));
}

#[test]
fn every_command_knows_its_lattice() {
    let named: StopHost = read(r#"{"latticeId":"prod"}"#);
    assert_eq!(named.lattice_id().map(LatticeName::as_str), Some("prod"));
    assert_eq!(StopHost::default().lattice_id(), None);
}

#[test]
fn counts_are_parsed_as_they_are_read() {
    let check = |text: &str, expect: Option<u16>| {
        assert_eq!(text.parse::<Count>().ok().map(Count::get), expect, "{text}");
    };
    check("0", Some(0));
    check("65535", Some(65_535));
    for text in ["-1", "65536", "0.5", "", " 1", "x"] {
        check(text, None);
    }
    let error = "x".parse::<Count>().expect_err("no number").to_string();
    assert_eq!(error, "a count is a whole number from 0 to 65535, not `x`");
}

#[test]
fn items_are_a_slice_of_the_good_ones() {
    let items: Items<u8> = (1..4).collect();
    assert_eq!(items.deref(), [1, 2, 3]);
    assert_eq!((&items).into_iter().count(), 3);
    assert_eq!(items.into_iter().sum::<u8>(), 6);
}

#[test]
fn what_newer_hosts_say_is_read() {
    for (json, expect) in [
        (r#""link_conflict""#, RefusalCode::LinkConflict),
        (r#""too_large""#, RefusalCode::TooLarge),
        (r#""other""#, RefusalCode::Other),
        (r#""not_thought_of""#, RefusalCode::Other),
        (r#""""#, RefusalCode::Other),
    ] {
        let ack: Ack = read(&format!(r#"{{"accepted":false,"error":"no","code":{json},"later":[{{}}]}}"#));
        assert_eq!(ack.code, Some(expect), "{json}");
    }
    for (json, expect) in [
        (r#""swapping""#, OperationPhase::Swapping),
        (r#""lost""#, OperationPhase::Lost),
        (r#""unknown""#, OperationPhase::Unknown),
        (r#""polishing""#, OperationPhase::Unknown),
    ] {
        let json = format!(r#"{{"operation_id":"o","host_id":"{{host}}","phase":{json},"later":1}}"#);
        assert_eq!(read::<OperationRecord>(&json).phase, expect, "{json}");
    }
    assert!(!OperationPhase::Unknown.is_final());
}

#[test]
fn what_is_optional_may_be_absent_or_nil_or_empty() {
    let ack = r#""code":null,"error":null,"operation_id":null,"provider_id":null,"unrecorded":null"#;
    assert_eq!(read::<Ack>(&format!(r#"{{"accepted":true,{ack}}}"#)), Ack::accepted());
    let empty = r#"{"accepted":true,"operationId":"","providerId":""}"#;
    assert_eq!(read::<Ack>(empty), Ack::accepted());

    let auction = r#""annotations":null,"constraints":null,"count":null,"explain":null,"lattice_id":"""#;
    assert_eq!(read::<ActorAuction>(&format!(r#"{{"actor_ref":"x",{auction}}}"#)), read(r#"{"actorRef":"x"}"#));
    let auction = r#""constraints":null,"explain":null,"latticeId":null,"link_name":null"#;
    assert_eq!(
        read::<ProviderAuction>(&format!(r#"{{"provider_ref":"x",{auction}}}"#)),
        read(r#"{"providerRef":"x"}"#)
    );
    let bid: ActorBid = read(r#"{"actor_ref":"x","host_id":"{host}","bid":null}"#);
    assert_eq!(bid.bid, None);
    let keys = ["actor_instances", "cached", "free_memory", "friendly_name", "instances", "token"];
    let nils: Vec<_> = keys.iter().map(|key| format!(r#""{key}":null"#)).collect();
    let bid: ProviderBid = read(&format!(r#"{{"providerRef":"x","hostId":"{{host}}","bid":{{{}}}}}"#, nils.join(",")));
    assert_eq!(bid.bid, Some(Bid::default()));
    let declined: Declined =
        read(r#"{"accepted":false,"error":null,"hostId":"{host}","friendlyName":null,"reasons":[]}"#);
    assert_eq!(declined, Declined::new(HOST.parse().expect("a key"), "", Vec::new()));

    let member = r#""age":null,"foreign":null,"friendly_name":null,"incarnation":"","version":null,"more":{}"#;
    let least: Member = read(r#"{"hostId":"{host}","interval":1}"#);
    assert_eq!(read::<Member>(&format!(r#"{{"host_id":"{{host}}","interval":1,{member}}}"#)), least);

    let least: OperationQuery = read(r#"{"operationId":"o"}"#);
    assert_eq!(read::<OperationQuery>(r#"{"operation_id":"o","past":null,"wait":null}"#), least);
    let nils = r#"{"actorId":"","hostId":null,"latticeId":"","limit":null,"unfinished":null}"#;
    assert_eq!(read::<OperationsQuery>(nils), OperationsQuery::default());
    assert_eq!(read::<OperationsQuery>("{}"), OperationsQuery::default());
    let least: OperationRecord = read(r#"{"operationId":"o","hostId":"{host}","phase":"done"}"#);
    let texts = r#""actor_id":"","causes":null,"code":null,"command":null,"incarnation":null,"phases":null"#;
    let rest = r#""reference":null,"requester":null,"swapMicros":null,"unrecorded":null"#;
    let record = format!(r#"{{"operation_id":"o","host_id":"{{host}}","phase":"done",{texts},{rest}}}"#);
    assert_eq!(read::<OperationRecord>(&record), least);
}

#[test]
fn a_phase_that_cannot_be_named_is_none_to_compare_with() {
    let past = |json: &str| read::<OperationQuery>(&format!(r#"{{"operation_id":"o","past":{json}}}"#)).past;
    assert_eq!(past(r#""fetching""#), Some(OperationPhase::Fetching));
    for unknown in [r#""polishing""#, r#""unknown""#, r#""""#] {
        assert_eq!(past(unknown), None, "{unknown}");
    }
}

#[test]
fn a_bad_item_costs_no_other_and_no_record() {
    let members: Members = read(r#"{"members":[{"host_id":"{host}","interval":1},{"interval":1},null,"x"]}"#);
    assert_eq!((members.members.len(), members.members.bad.len()), (1, 3));
    let phases = r#"[{"at":"t","phase":"accepted"},{"phase":"done"},7,{"at":"t","phase":"polishing"}]"#;
    let record = format!(r#"{{"operation_id":"o","host_id":"{{host}}","phase":"done","phases":{phases}}}"#);
    let reached: Vec<_> = read::<OperationRecord>(&record).phases.into_iter().map(|reached| reached.phase).collect();
    assert_eq!(reached, [OperationPhase::Accepted, OperationPhase::Unknown]);
    let records: OperationRecords = read(&format!(r#"{{"operations":[{record},{{"phase":"done"}}]}}"#));
    assert_eq!((records.operations.len(), records.operations.bad.len(), records.more), (1, 1, false));
}

#[test]
fn a_refusal_passes_for_nothing_else() {
    let refusal = r#"{"accepted":false,"error":"no","code":"invalid"}"#;
    refused::<Members>(refusal, "missing field `members`");
    refused::<OperationRecords>(refusal, "missing field `operations`");
    refused::<OperationRecord>(refusal, "missing field `host_id`");
    refused::<ActorBid>(refusal, "missing field `actor_ref`");
    refused::<ProviderBid>(refusal, "missing field `host_id`");
    refused::<Declined>(refusal, "missing field `host_id`");
}

#[test]
fn who_declines_refuses_and_does_not_bid() {
    let reasons = vec!["label `zone` is missing".to_owned(), "the host is full".to_owned()];
    let declined = Declined::new(HOST.parse().expect("a key"), "calm-river-1234", reasons);
    for format in [Format::JSON, Format::MESSAGE_PACK] {
        let bytes = encode(&declined, format);
        let ack: Ack = decode(&bytes).expect("a refusal");
        assert_eq!(ack, Ack::refused("label `zone` is missing; the host is full"));
        assert!(decode::<ActorBid>(&bytes).is_err() && decode::<ProviderBid>(&bytes).is_err());
    }
}

#[test]
fn a_member_may_miss_two_notes() {
    let member: Member = read(r#"{"host_id":"{host}","interval":5000}"#);
    assert!(member.is_fresh(0) && member.is_fresh(15_000));
    assert!(!member.is_fresh(15_001));
    let forever: Member = read(&format!(r#"{{"host_id":"{{host}}","interval":{}}}"#, u64::MAX));
    assert!(forever.is_fresh(u64::MAX));
}

#[test]
fn the_state_of_a_provider_is_read_in_either_spelling_and_from_later_hosts() {
    let process = ProviderProcess {
        healthy: Some(false),
        instance_id: "1".to_owned(),
        last_exit: Some("exited with code 3".to_owned()),
        restarts: 2,
        state: ProviderState::CrashLoop,
    };
    let snake =
        r#"{"healthy":false,"instance_id":"1","last_exit":"exited with code 3","restarts":2,"state":"crash_loop"}"#;
    let camel =
        r#"{"healthy":false,"instanceId":"1","lastExit":"exited with code 3","restarts":2,"state":"crash_loop"}"#;
    for (text, spelling) in [(snake, Spelling::Snake), (camel, Spelling::Camel)] {
        assert_eq!(read::<ProviderProcess>(text), process);
        let format = Format { encoding: Encoding::Json, spelling };
        assert_eq!(String::from_utf8(encode(&process, format)).expect("a text"), text);
    }
    let later: ProviderProcess = read(r#"{"state":"hibernating"}"#);
    assert_eq!((later.state, later.restarts), (ProviderState::Other, 0));
}
