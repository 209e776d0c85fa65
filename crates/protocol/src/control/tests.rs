use std::{fmt::Debug, ops::Deref};

use serde::de::DeserializeOwned;

use super::*;
use crate::error_chain;
use crate::{
    encoding::{Format, decode, decode_command, encode},
    error::DecodeError,
    id::{ActorKey, LatticeName, LinkName},
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
    let registries: Registries =
        decode(br#"{"a":{},"b":{"registryType":null},"c":{"registry_type":"bindle","token":""}}"#)
            .expect("three credentials");
    let types = registries.0.values().map(|credential| credential.registry_type.as_str());
    assert_eq!(types.collect::<Vec<_>>(), ["oci", "oci", "bindle"]);
    assert!(registries.0.values().all(|credential| credential.token.is_none()));
}

#[test]
fn debug_shows_no_secret() {
    let secret = "hunter2";
    let values: LinkValues = [("PASSWORD", secret)].into_iter().collect();
    let credential =
        RegistryCredential { password: Some(secret.into()), token: Some(secret.into()), ..Default::default() };
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
