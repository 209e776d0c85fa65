use std::time::{Duration, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use lattice_protocol::ContractId;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    error::TokenError,
    seed::{AccountSeed, ModuleSeed, ProviderSeed},
};

/// Of the published example of RFC 8032, 7.1, test 1: the seed of an account.
const ACCOUNT: [u8; 32] = [
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5,
    0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
];
const PROVIDER: &str = "VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW";

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn contract() -> ContractId {
    "wasmcloud:keyvalue".parse().expect("a contract")
}

fn full_claims() -> NewProviderClaims {
    NewProviderClaims {
        id: "J".to_owned(),
        expires: Some(1_700_000_100),
        not_before: Some(1_699_999_900),
        name: Some("Values".to_owned()),
        vendor: "Acme".to_owned(),
        revision: Some(7),
        version: Some("0.1.0".to_owned()),
        target_hashes: ["x86_64-linux", "aarch64-macos"]
            .map(|target| (target.to_owned(), binary_hash(target.as_bytes())))
            .into(),
        config_schema: Some(json!({"type": "object"})),
        ..NewProviderClaims::new(PROVIDER.parse().expect("a provider's key"), contract(), now())
    }
}

/// The token of `claims` after `change`, signed by an account of its own.
fn changed(change: impl FnOnce(&mut Value)) -> String {
    let account = AccountSeed::generate();
    let claims: Claims = Token::read(&sign_provider(&full_claims(), &account)).expect("a token").into_claims();
    let mut value = serde_json::to_value(&claims).expect("JSON");
    change(&mut value);
    let claims: Claims = serde_json::from_value(value).expect("still claims");
    crate::sign_token(&claims, account.key_pair())
}

type Claims = crate::Claims<Value>;

fn refused(token: &str) -> ProviderClaimsError {
    verify_provider(token, now()).expect_err("not acceptable")
}

fn refused_token(token: &str) -> TokenError {
    match refused(token) {
        ProviderClaimsError::Token { source } => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn signed_claims_verify_with_everything_they_say() {
    let (claims, account) = (full_claims(), AccountSeed::generate());
    let token = sign_provider(&claims, &account);
    let read = verify_provider(&token, now()).expect("signed claims");
    let expect = ProviderClaims {
        subject: claims.subject,
        issuer: account.public(),
        id: claims.id,
        issued_at: 1_700_000_000,
        expires: claims.expires,
        not_before: claims.not_before,
        name: claims.name,
        contract: claims.contract,
        vendor: claims.vendor,
        revision: claims.revision,
        version: claims.version,
        target_hashes: claims.target_hashes,
        config_schema: claims.config_schema,
        layout: Some(3),
    };
    assert_eq!(read, expect);
    assert_eq!(read_provider(&token).expect("a token"), expect);
    assert_eq!(read.expires_human(now()), "in 1m 40s");
    assert_eq!(read.not_before_human(now()), "immediately");
}

#[test]
fn claims_are_signed_again_with_everything_they_say() {
    let account = AccountSeed::generate();
    let first = verify_provider(&sign_provider(&full_claims(), &account), now()).expect("signed claims");
    let later = now() + Duration::from_secs(60);
    let again = NewProviderClaims::again(first.clone(), later);
    let second = verify_provider(&sign_provider(&again, &account), later).expect("signed claims");
    assert_ne!(second.id, first.id);
    assert_eq!(second.issued_at, first.issued_at + 60);
    assert_eq!(ProviderClaims { id: first.id.clone(), issued_at: first.issued_at, ..second }, first);
}

/// The signature was computed once with another implementation (Python: Ed25519 of the `cryptography` package).
#[test]
fn the_token_has_the_published_layout() {
    let pair = nkeys::KeyPair::new_from_raw(nkeys::KeyPairType::Account, ACCOUNT).expect("any 32 bytes are a seed");
    let account: AccountSeed = pair.seed().expect("it has one").parse().expect("an account's seed");
    let token = sign_provider(&full_claims(), &account);
    let parts: Vec<&str> = token.split('.').collect();
    let json = BASE64URL_NOPAD.decode(parts[1].as_bytes()).expect("base64url");
    let expect = concat!(
        r#"{"exp":1700000100,"jti":"J","iat":1700000000,"#,
        r#""iss":"ADLVVGABQKYQVN6VJP7NHSLEA45A5YLS6PNKMIZFV4BBU2HXA5IRVRTU","#,
        r#""sub":"VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW","nbf":1699999900,"#,
        r#""wascap":{"name":"Values","capid":"wasmcloud:keyvalue","vendor":"Acme","rev":7,"ver":"0.1.0","#,
        r#""target_hashes":{"aarch64-macos":"15667D40E0046FCCD3025C3D0782907898C60F7AE075C290C6148B1F03A55943","#,
        r#""x86_64-linux":"2FB1268B281B87B9D4CFEA8B8B0F168C727E1F1A868F3B0FBD0404D27E7C990D"},"#,
        r#""config_schema":{"type":"object"}},"wascap_revision":3}"#
    );
    assert_eq!(String::from_utf8(json).expect("text"), expect);
    assert_eq!(
        (parts[0], parts[2]),
        (
            "eyJ0eXAiOiJqd3QiLCJhbGciOiJFZDI1NTE5In0",
            "v52QyCPSgFi7BYYQ_250n0wQKoe6VO4uWHHp3ajcTRw81yBAJZX05vbraVlMlWJvihm6c_NVh0lUuKBB4nS9DA"
        )
    );
}

#[test]
fn what_is_not_said_is_left_out_but_for_the_name() {
    let claims =
        NewProviderClaims { id: "J".to_owned(), ..NewProviderClaims::new(full_claims().subject, contract(), now()) };
    let account = AccountSeed::generate();
    let token = sign_provider(&claims, &account);
    let json = BASE64URL_NOPAD.decode(token.split('.').nth(1).expect("three parts").as_bytes()).expect("base64url");
    let expect = format!(
        concat!(
            r#"{{"jti":"J","iat":1700000000,"iss":"{}","sub":"{}","#,
            r#""wascap":{{"name":null,"capid":"wasmcloud:keyvalue","vendor":"","target_hashes":{{}}}},"wascap_revision":3}}"#
        ),
        account.public(),
        PROVIDER,
    );
    assert_eq!(String::from_utf8(json).expect("text"), expect);
    let read = verify_provider(&token, now()).expect("signed claims");
    assert_eq!((read.name.as_deref(), read.expires_human(now()).as_str()), (None, "never"));
    assert_ne!(NewProviderClaims::new(claims.subject.clone(), contract(), now()).id, "J");
}

/// Published claims may lack what is optional, say null for it, or say more.
#[test]
fn optional_keys_may_be_missing_null_or_unknown() {
    let bare = json!({"capid": "wasmcloud:keyvalue", "target_hashes": {}});
    let mut null = bare.clone();
    for key in ["name", "vendor", "rev", "ver", "config_schema", "later"] {
        null[key] = Value::Null;
    }
    for metadata in [bare, null] {
        let token = changed(|claims| {
            claims["wascap"] = metadata;
            claims.as_object_mut().expect("an object").remove("wascap_revision");
        });
        let read = verify_provider(&token, now()).expect("sound claims");
        assert_eq!((read.name, read.vendor.as_str(), read.revision, read.version), (None, "", None, None));
        assert_eq!((read.config_schema, read.layout), (None, None));
    }
}

#[test]
fn keys_that_must_be_there() {
    for key in ["capid", "target_hashes"] {
        let token = changed(|claims| drop(claims["wascap"].as_object_mut().expect("an object").remove(key)));
        assert!(matches!(refused_token(&token), TokenError::Json { part: "claims", .. }), "{key}");
    }
    for metadata in [Value::Null, json!([]), json!({"capid": 1, "target_hashes": {}})] {
        let token = changed(|claims| claims["wascap"] = metadata);
        assert!(matches!(refused_token(&token), TokenError::Json { part: "claims", .. }));
    }
}

#[test]
fn times_are_checked() {
    let token = sign_provider(&full_claims(), &AccountSeed::generate());
    let at = |second| verify_provider(&token, UNIX_EPOCH + Duration::from_secs(second)).map(drop);
    assert!(at(1_700_000_100).is_ok() && at(1_699_999_900).is_ok());
    let late = at(1_700_000_101).expect_err("it expired");
    assert!(matches!(late, ProviderClaimsError::Token { source: TokenError::Expired { at: 1_700_000_100 } }));
    let early = at(1_699_999_899).expect_err("it is not valid yet");
    assert!(matches!(early, ProviderClaimsError::Token { source: TokenError::NotYetValid { from: 1_699_999_900 } }));
    assert!(read_provider(&token).is_ok(), "showing needs no time");
}

#[test]
fn each_check_is_told_by_itself() {
    let claims = NewProviderClaims { expires: Some(1), not_before: Some(u64::MAX), ..full_claims() };
    let token = sign_provider(&claims, &AccountSeed::generate());
    let found = check_provider(&token, now()).expect("there are claims");
    assert!(found.token.signature.is_ok());
    assert!(matches!(found.token.expiry, Err(TokenError::Expired { at: 1 })));
    assert!(matches!(found.token.begin, Err(TokenError::NotYetValid { from: u64::MAX })));
    assert_eq!(found.claims.subject, claims.subject);
    let verdict = found.verdict().expect_err("it expired");
    assert!(matches!(verdict, ProviderClaimsError::Token { source: TokenError::Expired { .. } }), "{verdict:?}");
}

#[test]
fn identifiers_of_other_kinds_are_named() {
    let key = ModuleSeed::generate().public().to_string();
    let token = changed(|claims| claims["sub"] = key.clone().into());
    assert!(matches!(refused_token(&token), TokenError::Subject { .. }));
    let token = changed(|claims| claims["iss"] = ProviderSeed::generate().public().to_string().into());
    assert!(matches!(refused_token(&token), TokenError::Issuer { .. }));
    let token = changed(|claims| claims["wascap"]["capid"] = "a contract\n".into());
    assert!(matches!(refused(&token), ProviderClaimsError::Contract { .. }));
    assert!(matches!(read_provider(&token), Err(ProviderClaimsError::Contract { .. })), "nor is it shown");
}

#[test]
fn another_account_or_another_text_is_refused() {
    let other = AccountSeed::generate().public().to_string();
    let token = changed(|claims| claims["iss"] = other.into());
    assert!(matches!(refused_token(&token), TokenError::Signature));

    let signed = |claims: &NewProviderClaims| sign_provider(claims, &AccountSeed::generate());
    let (one, two) = (signed(&full_claims()), signed(&NewProviderClaims { revision: Some(8), ..full_claims() }));
    let body = |token: &str| token.rsplit_once('.').expect("three parts").0.to_owned();
    let signature = |token: &str| token.rsplit_once('.').expect("three parts").1.to_owned();
    let swapped = format!("{}.{}", body(&two), signature(&one));
    assert!(matches!(refused_token(&swapped), TokenError::Signature));
    let header = BASE64URL_NOPAD.encode(br#"{"typ":"jwt","alg":"none"}"#);
    let unsigned = format!("{header}.{}", one.split_once('.').expect("three parts").1);
    assert!(matches!(refused_token(&unsigned), TokenError::Algorithm { .. }));
}

#[test]
fn every_truncation_is_refused() {
    let token = sign_provider(&full_claims(), &AccountSeed::generate());
    for length in 0..token.len() {
        assert!(verify_provider(&token[..length], now()).is_err(), "cut to {length}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}", json in "[\\[{\":,0-9a-z}\\]]{0,100}") {
        let _ = verify_provider(&text, now());
        let body = BASE64URL_NOPAD.encode(json.as_bytes());
        let _ = verify_provider(&format!("eyJ0eXAiOiJqd3QiLCJhbGciOiJFZDI1NTE5In0.{body}.{}", "A".repeat(86)), now());
    }

    #[test]
    fn damaged_tokens_are_refused_or_mean_the_same(at in 0usize..500, byte in any::<u8>()) {
        let token = sign_provider(&full_claims(), &AccountSeed::generate());
        let mut damaged = token.clone().into_bytes();
        damaged[at] = byte;
        let Ok(damaged) = String::from_utf8(damaged) else { return Ok(()) };
        if let Ok(read) = verify_provider(&damaged, now()) {
            prop_assert_eq!(read, read_provider(&token).expect("a token"));
        }
    }
}
