use super::*;
use crate::{
    control,
    encoding::{Format, decode, encode},
};

const HOST: &str = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA";
const ACTOR: &str = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";
const PROVIDER: &str = "VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW";

/// A MessagePack body made from a JSON text as it stands.
fn body(json: &str) -> Vec<u8> {
    let json = json.replace("{host}", HOST).replace("{actor}", ACTOR).replace("{provider}", PROVIDER);
    let value: serde_json::Value = serde_json::from_str(&json).expect("the test's body is JSON");
    encode(&value, Format::MESSAGE_PACK)
}

#[test]
fn operations_are_named_as_published() {
    assert_eq!(Operation::ALL.len(), 17);
    for operation in Operation::ALL {
        assert_eq!(operation.wire_name(), format!("LatticeController.{}", operation.name()));
        assert_eq!(Operation::from_wire_name(&operation.wire_name()), Some(*operation));
        assert_eq!(Operation::from_wire_name(operation.name()), Some(*operation));
    }
    assert_eq!(Operation::GetHosts.wire_name(), "LatticeController.GetHosts");
    for other in ["", ".", "GetMoon", "Other.GetHosts", "a.LatticeController.GetHosts", "LatticeController."] {
        assert_eq!(Operation::from_wire_name(other), None, "{other}");
    }
}

#[test]
fn what_other_compilers_leave_out_is_read_as_nothing() {
    let text = r#"{"jsDomain":"","latticeId":"prod","natsUrl":"","userJwt":"","userSeed":""}"#;
    let credentials: SetLatticeCredentials = decode(&body(text)).expect("TinyGo's way to say nothing");
    assert_eq!(credentials, decode(&body(r#"{"latticeId":"prod"}"#)).expect("Rust's way to say nothing"));
    let text = r#"{"actorRef":"x","annotations":null,"count":0,"hostId":"{host}","latticeId":"prod"}"#;
    let start: control::StartActor = decode(&body(text)).expect("nil is no annotation");
    assert!(start.annotations.is_empty());
    let text = r#"{"credentials":null,"latticeId":"prod"}"#;
    let registries: SetRegistryCredentials = decode(&body(text)).expect("nil is no credential");
    assert_eq!(registries.credentials, None);
}

#[test]
fn links_are_read_in_either_spelling() {
    let snake = r#"{"latticeId":"prod","link":{"actor_id":"{actor}","provider_id":"{provider}","link_name":"default",
        "contract_id":"a:b","values":{"k":"v"}}}"#;
    let camel = r#"{"latticeId":"prod","link":{"actorId":"{actor}","providerId":"{provider}","linkName":"default",
        "contractId":"a:b","values":{"k":"v"}}}"#;
    let snake: AdvertiseLink = decode(&body(snake)).expect("as the interface crate writes it");
    let camel: AdvertiseLink = decode(&body(camel)).expect("as the later provider's actors write it");
    assert_eq!(snake, camel);
}

#[test]
fn the_lattice_is_required() {
    for text in ["{}", r#"{"latticeId":null}"#, r#"{"latticeId":""}"#, r#"{"latticeId":"a b"}"#] {
        assert!(decode::<SetLatticeCredentials>(&body(text)).is_err(), "{text}");
        assert!(decode::<SetRegistryCredentials>(&body(text)).is_err(), "{text}");
    }
}

#[test]
fn an_absent_claim_is_empty_text() {
    let claims = [("name".to_owned(), Some("Echo".to_owned())), ("version".to_owned(), None)].into();
    let claims = control::Claims { claims: vec![claims].into() };
    let response = GetClaimsResponse::from(claims);
    assert_eq!(response.claims[0]["version"], "");
    assert_eq!(response.claims[0]["name"], "Echo");
}

#[test]
fn a_host_without_prefix_is_of_its_lattice() {
    let text = r#"{"id":"{host}","lattice":"prod","uptime_seconds":3}"#;
    let host: control::Host = decode(&body(text)).expect("a host");
    assert_eq!(Host::from(host).lattice_prefix.as_deref(), Some("prod"));
}

#[test]
fn debug_shows_no_secret() {
    let secret = "hunter2";
    let credentials = SetLatticeCredentials {
        js_domain: None,
        lattice_id: LatticeName::default(),
        nats_url: Some(format!("nats://me:{secret}@127.0.0.1")),
        user_jwt: Some(secret.into()),
        user_seed: Some(secret.into()),
    };
    let registry = RegistryCredential { password: Some(secret.into()), ..Default::default() };
    let registries = SetRegistryCredentials {
        credentials: Some([("registry.example".to_owned(), registry)].into()),
        lattice_id: LatticeName::default(),
    };
    for text in [format!("{credentials:?}"), format!("{registries:?}")] {
        assert!(text.contains("default") && !text.contains(secret), "{text}");
    }
}

#[test]
fn registries_are_read_from_pairs_too() {
    let map = r#"{"credentials":{"r.example":{"password":"p","username":"u"}},"latticeId":"prod"}"#;
    let pairs =
        r#"{"credentials":[["r.example",{"password":"p","registryType":null,"username":"u"}]],"latticeId":"prod"}"#;
    let map: SetRegistryCredentials = decode(&body(map)).expect("as the interface crate writes it");
    let pairs: SetRegistryCredentials = decode(&body(pairs)).expect("as the later provider's actors write it");
    assert_eq!(map, pairs);
}

#[test]
fn codes_have_names_of_their_own() {
    for (index, code) in ErrorCode::OWN.iter().enumerate() {
        assert!(ErrorCode::OWN[..index].iter().all(|other| other.as_str() != code.as_str()), "{code}");
        assert!(code.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{code}");
    }
    assert_eq!(ErrorCode::Host(control::RefusalCode::LinkConflict).as_str(), "link_conflict");
}

#[test]
fn an_ack_says_what_kind_of_refusal_it_is_and_nothing_more_when_accepted() {
    let refused = control::Ack::refused("no").with_code(control::RefusalCode::Full);
    let refused = CtlOperationAck::from(refused);
    assert_eq!(encode(&refused, Format::MESSAGE_PACK), b"\x83\xa8accepted\xc2\xa5error\xa2no\xa4code\xa4full");
    let accepted = CtlOperationAck::from(control::Ack::accepted());
    assert_eq!(encode(&accepted, Format::MESSAGE_PACK), b"\x82\xa8accepted\xc3\xa5error\xa0");
}

#[test]
fn the_first_item_of_a_list_tells_what_is_missing() {
    let mut bid = ActorAuctionAck { actor_ref: "x".into(), host_id: HOST.parse().expect("a key"), incomplete: None };
    let plain = encode(&bid, Format::MESSAGE_PACK);
    bid.note(Shortfall { missing: vec![HOST.parse().expect("a key")], unreadable: 1 });
    let noted = encode(&bid, Format::MESSAGE_PACK);
    assert_eq!(noted[1..plain.len()], plain[1..], "what is known stands as before");
    let shortfall =
        [b"\xaaincomplete\x82\xa7missing\x91\xd8".as_slice(), HOST.as_bytes(), b"\xaaunreadable\x01"].concat();
    assert_eq!(noted[plain.len()..].len(), shortfall.len() + 1, "{noted:?}");
    assert_eq!(decode::<ActorAuctionAck>(&noted).expect("readable"), bid);
}
