use serde::Deserialize;

use super::*;
use crate::{
    contract::lattice_control as contract,
    control::*,
    encoding::{keys::fields_of, spelled::KEYS},
    operation::*,
};

const MESSAGE_PACK_SNAKE: Format = Format { encoding: Encoding::MessagePack, spelling: Spelling::Snake };
const JSON_CAMEL: Format = Format { encoding: Encoding::Json, spelling: Spelling::Camel };

fn check_format(body: &[u8], expect: Option<Format>) {
    assert_eq!(Format::of_request(body), expect, "{body:x?}");
}

#[test]
fn the_first_key_of_several_words_tells_the_spelling() {
    check_format(br#"{"actor_ref":"x"}"#, Some(Format::JSON));
    check_format(br#"{"actorRef":"x"}"#, Some(JSON_CAMEL));
    check_format(br#"{"count":1,"latticeId":"x"}"#, Some(JSON_CAMEL));
    check_format(br#"{"host_id":"x","actorRef":"x"}"#, Some(Format::JSON));
    check_format(br#"{"my_own":1,"hostId":"x"}"#, Some(JSON_CAMEL));
    check_format(b"\x82\xa5count\x01\xa9actor_ref\xa1x", Some(MESSAGE_PACK_SNAKE));
    check_format(b"\x81\xa8actorRef\xa1x", Some(Format::MESSAGE_PACK));
}

#[test]
fn keys_inside_values_tell_nothing() {
    check_format(br#"{"annotations":{"hostId":"x"}}"#, Some(Format::JSON));
    check_format(b"\x81\xabannotations\x81\xa7host_id\xa1x", Some(Format::MESSAGE_PACK));
}

#[test]
fn without_such_a_key_the_encoding_tells() {
    check_format(b"", None);
    for body in [&b"{}"[..], b"null", b"\"x\"", b"[1]", b" {}", b"garbage", br#"{"count":1}"#] {
        check_format(body, Some(Format::JSON));
    }
    for body in [&b"\x80"[..], b"\xc0", b"\xa7default", b"\x90", b"\xc1", b"\x81\xa5count\x01"] {
        check_format(body, Some(Format::MESSAGE_PACK));
    }
}

#[test]
fn a_body_cut_short_still_tells_its_spelling() {
    check_format(br#"{"actorRef":"x","annotations":{"#, Some(JSON_CAMEL));
    check_format(b"\x84\xa9actor_ref\xa1x\xa5cou", Some(MESSAGE_PACK_SNAKE));
}

#[test]
fn media_types() {
    for (text, expect) in [
        ("application/json", Some(Encoding::Json)),
        ("Application/JSON; charset=utf-8", Some(Encoding::Json)),
        ("application/json, application/msgpack", Some(Encoding::Json)),
        ("application/msgpack", Some(Encoding::MessagePack)),
        (" application/x-msgpack ", Some(Encoding::MessagePack)),
        ("application/vnd.msgpack", Some(Encoding::MessagePack)),
        ("", None),
        (";", None),
        ("*/*", None),
        ("text/plain", None),
        ("application/jsonp", None),
    ] {
        assert_eq!(Encoding::of_media_type(text), expect, "{text}");
    }
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        assert_eq!(Encoding::of_media_type(encoding.media_type()), Some(encoding));
        assert_eq!(Format::from(encoding), Format { encoding, spelling: encoding.usual_spelling() });
    }
}

#[test]
fn every_key_of_several_words_is_known() {
    let snake_case = |camel: &str| {
        camel.chars().fold(String::new(), |mut snake, c| {
            if c.is_ascii_uppercase() {
                snake.push('_');
            }
            snake.push(c.to_ascii_lowercase());
            snake
        })
    };
    for (snake, camel) in KEYS {
        assert_eq!(snake_case(camel), *snake);
    }
    let mut sorted = KEYS.to_vec();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted, KEYS, "the keys are sorted and stand once");
}

#[test]
fn every_field_of_several_words_is_read_in_both_spellings() {
    fn check<T: DeserializeOwned>() {
        let (fields, name) = (fields_of::<T>(), std::any::type_name::<T>());
        assert!(!fields.is_empty(), "{name} is no struct");
        for field in fields.iter().filter(|field| field.contains('_') && **field != "registry_type") {
            let key = KEYS.iter().find(|(snake, _)| snake == field);
            let (_, camel) = key.unwrap_or_else(|| panic!("`{field}` of {name} is missing among the keys"));
            assert!(fields.contains(camel), "{name} does not read `{camel}`");
        }
    }
    macro_rules! check {
        ($($type:ty),* $(,)?) => {
            $(check::<$type>();)*
        };
    }
    check!(
        Ack,
        ActorAuction,
        ActorBid,
        ActorDescription,
        ActorInstance,
        ArtifactQuery,
        Artifacts,
        BeginUpload,
        Bid,
        ConfigValue,
        Declined,
        DeleteLink,
        FinishUpload,
        Host,
        HostInventory,
        LabelChange,
        LinkDefinition,
        Member,
        Members,
        OperationQuery,
        OperationRecord,
        OperationRecords,
        OperationsQuery,
        PartQuery,
        ProviderAuction,
        ProviderBid,
        ProviderDescription,
        ReachedPhase,
        RegistryCredential,
        ScaleActor,
        StartActor,
        StartProvider,
        StopActor,
        StopHost,
        StopProvider,
        StoredArtifact,
        UpdateActor,
        UploadBegun,
    );
    check!(
        contract::ActorAuctionAck,
        contract::ActorDescription,
        contract::ActorInstance,
        contract::AdvertiseLink,
        contract::GetHostInventory,
        contract::Host,
        contract::HostInventory,
        contract::ProviderAuctionAck,
        contract::ProviderDescription,
        contract::SetLatticeCredentials,
        contract::SetRegistryCredentials,
    );
}

#[test]
fn only_keys_of_structs_are_respelled() {
    let body = br#"{"actor_id":"MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR",
        "provider_id":"VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW",
        "contract_id":"a:b","values":{"host_id":"x"}}"#;
    let link: LinkDefinition = decode(body).expect("a link");
    let text = String::from_utf8(encode(&link, JSON_CAMEL)).expect("JSON is text");
    assert!(text.contains(r#""actor_id""#) && text.contains(r#""values":{"host_id":"x"}"#), "{text}");
    let scale: ScaleActor =
        decode(br#"{"actor_ref":"host_id","annotations":{"host_id":"x"},"count":1}"#).expect("a command");
    let text = String::from_utf8(encode(&scale, JSON_CAMEL)).expect("JSON is text");
    assert_eq!(text, r#"{"actorRef":"host_id","annotations":{"host_id":"x"},"count":1}"#);
}

#[test]
fn what_follows_the_message() {
    assert!(decode::<Ack>(br#"{"accepted":true} {}"#).is_err(), "JSON must end");
    assert!(decode::<Ack>(b"\x81\xa8accepted\xc3\xc3").is_ok(), "MessagePack ends by itself");
}

#[test]
fn bodies_cut_short_are_refused() {
    for format in [Format::JSON, Format::MESSAGE_PACK] {
        let whole = encode(&Ack::refused("because"), format);
        for length in 0..whole.len() {
            assert!(decode::<Ack>(&whole[..length]).is_err(), "{length} bytes in {format:?}");
        }
    }
}

#[test]
fn nesting_has_a_limit() {
    #[derive(Deserialize)]
    struct Nested(#[expect(dead_code, reason = "only its reading matters")] Vec<Nested>);
    let nested = |depth: usize| [[0x91].repeat(depth), vec![0x90]].concat();
    assert!(decode::<Nested>(&nested(MAX_DEPTH / 2)).is_ok());
    assert!(decode::<Nested>(&nested(MAX_DEPTH + 1)).is_err());
    assert!(decode::<Nested>(format!("{}{}", "[".repeat(500), "]".repeat(500)).as_bytes()).is_err());
    let inventory = format!(r#"{{"actors":{}"#, "[".repeat(100_000));
    assert!(decode::<HostInventory>(inventory.as_bytes()).is_err());
}
