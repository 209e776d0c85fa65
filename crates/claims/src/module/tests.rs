use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use serde_json::Value;

use super::{
    canonical::{push_section, push_size},
    *,
};
use crate::{
    error::TokenError,
    seed::{AccountSeed, ModuleSeed},
};

const EMPTY: &[u8] = b"\0asm\x01\0\0\0";
const ECHO: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/fixtures/echo_messaging_v0.9.0.wasm"));
const LOGGER: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/fixtures/logger.wasm"));

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn module() -> Vec<u8> {
    wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "f") (result i32) i32.const 42))"#)
        .expect("sound text")
}

fn full_claims() -> NewModuleClaims {
    NewModuleClaims {
        expires: Some(1_700_000_100),
        not_before: Some(1_699_999_900),
        name: Some("Greeter".to_owned()),
        tags: vec!["demo".to_owned()],
        caps: vec!["wasmcloud:httpserver".to_owned()],
        revision: Some(7),
        version: Some("0.1.0".to_owned()),
        call_alias: Some("acme/greeter".parse().expect("an alias")),
        ..NewModuleClaims::new(ModuleSeed::generate().public(), now())
    }
}

fn signed_with(claims: &NewModuleClaims) -> Vec<u8> {
    sign_module(&module(), claims, &AccountSeed::generate()).expect("a sound module")
}

fn with_custom(module: &[u8], name: &str, content: &[u8]) -> Vec<u8> {
    let mut section = Vec::new();
    push_size(&mut section, name.len());
    section.extend_from_slice(name.as_bytes());
    section.extend_from_slice(content);
    let mut bytes = module.to_vec();
    push_section(&mut bytes, 0, &section);
    bytes
}

/// The text of the token that `module` ends with.
fn token_at_end(module: &[u8]) -> &str {
    Canonical::of(module).expect("a sound module").token().expect("text").expect("a signed module")
}

#[test]
fn hashes_as_published() {
    let hash = |module: &[u8]| module_hash(module).expect("a sound module");
    assert_eq!(hash(EMPTY), "93A44BBB96C751218E4C00D479E4C14358122A389ACCA16205B1E4D0DC5F9476");
    let padded = [EMPTY, b"\x01\x84\x80\x80\x80\x00\x01\x60\0\0"].concat();
    let shortest = [EMPTY, b"\x01\x04\x01\x60\0\0"].concat();
    assert_eq!(hash(&padded), "968E98ACD3E2898569441C1769845BC3AD79616458FFCD1CCE35FADB48FF7381");
    assert_eq!(hash(&shortest), hash(&padded));
}

#[test]
fn tokens_do_not_count_in_the_hash_and_other_sections_do() {
    let hash = |module: &[u8]| module_hash(module).expect("a sound module");
    let plain = module();
    assert_eq!(hash(&with_custom(&plain, "jwt", b"x")), hash(&plain));
    assert_eq!(hash(&with_custom(&plain, "wasmcloud_jwt", b"x")), hash(&plain));
    assert_ne!(hash(&with_custom(&plain, "jwt2", b"x")), hash(&plain));
}

#[test]
fn the_hash_of_a_component_goes_through_its_nested_modules() {
    let hash = |module: &[u8]| module_hash(module).expect("a sound component");
    let component = |inner: &[u8]| {
        let mut nested = b"\0asm\x0d\0\x01\0".to_vec();
        push_section(&mut nested, 1, inner);
        let mut outer = b"\0asm\x0d\0\x01\0".to_vec();
        push_section(&mut outer, 4, &nested);
        outer
    };
    let plain = component(&module());
    assert_eq!(Canonical::of(&plain).expect("a sound component").into_bytes(), plain);
    assert_eq!(hash(&component(&with_custom(&module(), "jwt", b"x"))), hash(&plain));
    assert_ne!(hash(&component(EMPTY)), hash(&plain));
    let written = wat::parse_str("(component (core module (func)) (component))").expect("sound text");
    assert_eq!(Canonical::of(&written).expect("a sound component").into_bytes(), written);
}

/// Regression: hashing took a time that grew with the square of the depth.
#[test]
fn components_too_deep_in_one_another_are_refused() {
    let nested = |depth| {
        (0..depth).fold(b"\0asm\x0d\0\x01\0".to_vec(), |inner, _| {
            let mut outer = b"\0asm\x0d\0\x01\0".to_vec();
            push_section(&mut outer, 4, &inner);
            outer
        })
    };
    assert_eq!(Canonical::of(&nested(32)).expect("a sound component").into_bytes(), nested(32));
    assert!(matches!(refused(&nested(33)), ModuleClaimsError::TooDeep { max: 32 }));
}

#[test]
fn published_actors_verify() {
    let echo = verify_module(ECHO, now()).expect("a genuine actor");
    assert_eq!(echo.subject.as_str(), "MDJ5BWS6JXSWOZL2ZENW2D4FBSHQ5ZMFGEGJB33TLKYKMXTLLAXINU36");
    assert_eq!(echo.issuer.as_str(), "ABRK5MP6QRTH7HXOVP2PR2TLDW6DPLBAF3LTGVWQRFVEF7W5VOUMACXB");
    assert_eq!((echo.name.as_deref(), echo.version.as_deref()), (Some("Echo Messaging"), Some("0.1.5")));
    assert_eq!((echo.revision, echo.layout, echo.issued_at), (Some(0), Some(2), 1_679_578_778));
    assert_eq!(echo.caps, ["wasmcloud:messaging", "wasmcloud:builtin:logging"]);
    assert!(echo.has_capability(&"wasmcloud:messaging".parse().expect("a contract")));
    assert!(!echo.has_capability(&"wasmcloud:httpserver".parse().expect("a contract")));

    let logger = verify_module(LOGGER, now()).expect("a genuine actor");
    assert_eq!(logger.subject.as_str(), "MAARQX72EAZ4T4ODYOQZED3FJ6P27KWWVVTUNV6TVX2VBRVVSUKLAQHP");
    assert_eq!((logger.layout, logger.call_alias, logger.expires), (None, None, None));
}

/// Signers before 2023 hashed a module's sections as they stood, and others may have appended sections since.
#[test]
fn a_hash_of_the_bytes_as_they_stood_is_accepted() {
    let padded = [EMPTY, b"\x01\x84\x80\x80\x80\x00\x01\x60\0\0"].concat();
    let rest = with_custom(EMPTY, "name", b"");
    let rest = &rest[EMPTY.len()..];
    let hash = data_encoding::HEXUPPER.encode(&<sha2::Sha256 as sha2::Digest>::digest([&padded, rest].concat()));
    let account = AccountSeed::generate();
    let metadata = serde_json::json!({"hash": hash});
    let claims = crate::Claims::new(account.public().into(), ModuleSeed::generate().public().into(), metadata, now());
    let token = crate::sign_token(&claims, account.key_pair());
    let module = [&with_custom(&padded, "jwt", token.as_bytes()), rest].concat();
    assert_eq!(verify_module(&module, now()).expect("signed as it stands").hash, hash);
    assert_ne!(module_hash(&module).expect("a sound module"), hash);

    let mut changed = module;
    let last = changed.len() - 1;
    changed[last] ^= 1;
    assert!(matches!(refused(&changed), ModuleClaimsError::Hash { .. }));
}

#[test]
fn a_genuine_token_on_another_module_is_refused_whatever_its_generation() {
    for (genuine, section) in [(ECHO, "wasmcloud_jwt"), (LOGGER, "jwt")] {
        let grafted = with_custom(&module(), section, token_at_end(genuine).as_bytes());
        let error = verify_module(&grafted, now()).expect_err("not the module that was signed");
        let found = module_hash(&module()).expect("a sound module");
        assert!(matches!(&error, ModuleClaimsError::Hash { found: hash, .. } if *hash == found), "{error:?}");
    }
}

#[test]
fn a_token_inside_a_nested_module_does_not_count() {
    for section in ["wasmcloud_jwt", "jwt"] {
        let mut component = b"\0asm\x0d\0\x01\0".to_vec();
        push_section(&mut component, 1, &with_custom(&module(), section, token_at_end(ECHO).as_bytes()));
        let error = verify_module(&component, now()).expect_err("only a nested token");
        assert!(matches!(error, ModuleClaimsError::Unsigned), "{error:?}");
    }
}

#[test]
fn signed_modules_verify_with_every_claim() {
    let (claims, account) = (full_claims(), AccountSeed::generate());
    let signed = sign_module(&module(), &claims, &account).expect("a sound module");
    let read = verify_module(&signed, now()).expect("a signed module");
    let expect = ModuleClaims {
        subject: claims.subject,
        issuer: account.public(),
        id: claims.id,
        issued_at: 1_700_000_000,
        expires: claims.expires,
        not_before: claims.not_before,
        name: claims.name,
        hash: module_hash(&module()).expect("a sound module"),
        tags: claims.tags,
        caps: claims.caps,
        revision: claims.revision,
        version: claims.version,
        call_alias: claims.call_alias,
        provider: false,
        layout: Some(3),
    };
    assert_eq!(read, expect);
    assert_eq!(read_module(&signed).expect("a sound module"), Some(expect));
    assert_eq!(read.expires_human(now()), "in 1m 40s");
    assert_eq!(read.not_before_human(now()), "immediately");
}

#[test]
fn the_token_has_the_published_layout() {
    let claims = NewModuleClaims { id: "J".to_owned(), ..full_claims() };
    let account = AccountSeed::generate();
    let signed = sign_module(&module(), &claims, &account).expect("a sound module");
    let token = token_at_end(&signed);
    let section = with_custom(&module(), "wasmcloud_jwt", token.as_bytes());
    assert_eq!(signed, section, "the token is the last section");

    let body = token.split('.').nth(1).expect("three parts");
    let json = data_encoding::BASE64URL_NOPAD.decode(body.as_bytes()).expect("base64url");
    let expect = format!(
        concat!(
            r#"{{"exp":1700000100,"jti":"J","iat":1700000000,"iss":"{}","sub":"{}","nbf":1699999900,"#,
            r#""wascap":{{"name":"Greeter","hash":"{}","tags":["demo"],"caps":["wasmcloud:httpserver"],"rev":7,"#,
            r#""ver":"0.1.0","call_alias":"acme/greeter","prov":false}},"wascap_revision":3}}"#
        ),
        account.public(),
        claims.subject,
        module_hash(&module()).expect("a sound module"),
    );
    assert_eq!(String::from_utf8(json).expect("text"), expect);
}

#[test]
fn signing_replaces_every_older_token() {
    let account = AccountSeed::generate();
    let twice = with_custom(&with_custom(&module(), "jwt", b"old"), "wasmcloud_jwt", b"old");
    let claims = full_claims();
    let signed = sign_module(&twice, &claims, &account).expect("a sound module");
    assert_eq!(signed, sign_module(&module(), &claims, &account).expect("a sound module"));
    let again = sign_module(&signed, &claims, &account).expect("a sound module");
    assert_eq!(again, signed);
    let resigned = sign_module(LOGGER, &claims, &account).expect("a genuine actor");
    assert_eq!(verify_module(&resigned, now()).expect("signed here").issuer, account.public());
}

/// Whatever the others say: published hosts look no further, either.
#[test]
fn the_first_token_counts() {
    let account = AccountSeed::generate();
    let sign = |name: &str| {
        let claims = NewModuleClaims { name: Some(name.to_owned()), ..full_claims() };
        token_at_end(&sign_module(&module(), &claims, &account).expect("a sound module")).to_owned()
    };
    let (one, two) = (sign("one"), sign("two"));
    let with = |first: &str, second: &str| {
        let module = with_custom(&module(), "jwt", first.as_bytes());
        verify_module(&with_custom(&module, "wasmcloud_jwt", second.as_bytes()), now())
    };
    assert_eq!(with(&one, &two).expect("sound claims").name.as_deref(), Some("one"));
    assert_eq!(with(&two, &one).expect("sound claims").name.as_deref(), Some("two"));
    assert_eq!(with(&one, "text").expect("sound claims").name.as_deref(), Some("one"));
    let error = with("text", &one).expect_err("the first is none");
    assert!(matches!(error, ModuleClaimsError::Token { source: TokenError::Malformed { .. } }), "{error:?}");
    let genuine = with(token_at_end(ECHO), &one).expect_err("the first is another module's");
    assert!(matches!(genuine, ModuleClaimsError::Hash { .. }), "{genuine:?}");
}

#[test]
fn each_check_is_told_by_itself() {
    let claims = NewModuleClaims { expires: Some(1), not_before: Some(u64::MAX), ..full_claims() };
    let signed = signed_with(&claims);
    let (body, _) = token_at_end(&signed).rsplit_once('.').expect("three parts");
    let forged = format!("{body}.{}", data_encoding::BASE64URL_NOPAD.encode(&[0; 64]));
    let found = check_module(&with_custom(EMPTY, "jwt", forged.as_bytes()), now()).expect("there are claims");
    assert_eq!(found.claims.subject, claims.subject);
    assert!(matches!(found.token.signature, Err(TokenError::Signature)));
    assert!(matches!(found.token.expiry, Err(TokenError::Expired { at: 1 })));
    assert!(matches!(found.token.begin, Err(TokenError::NotYetValid { from: u64::MAX })));
    assert!(matches!(found.hash, Err(ModuleClaimsError::Hash { .. })));
    let verdict = found.verdict().expect_err("nothing of it holds");
    assert!(matches!(verdict, ModuleClaimsError::Token { source: TokenError::Signature }), "{verdict:?}");

    let sound = check_module(&signed_with(&full_claims()), now()).expect("there are claims");
    let crate::TokenChecks { signature, expiry, begin, .. } = &sound.token;
    assert!(signature.is_ok() && expiry.is_ok() && begin.is_ok() && sound.hash.is_ok());
    assert!(matches!(check_module(&module(), now()), Err(ModuleClaimsError::Unsigned)));
}

#[test]
fn signed_components_verify() {
    let component = wat::parse_str("(component (core module (func)))").expect("sound text");
    let claims = full_claims();
    let signed = sign_module(&component, &claims, &AccountSeed::generate()).expect("a sound component");
    assert_eq!(verify_module(&signed, now()).expect("a signed component").subject, claims.subject);
}

#[test]
fn times_are_checked() {
    let signed = signed_with(&full_claims());
    let at = |second| verify_module(&signed, UNIX_EPOCH + Duration::from_secs(second));
    assert!(at(1_700_000_100).is_ok());
    let late = at(1_700_000_101);
    assert!(
        matches!(late, Err(ModuleClaimsError::Token { source: TokenError::Expired { at: 1_700_000_100 } })),
        "{late:?}"
    );
    let early = at(1_699_999_899);
    assert!(
        matches!(early, Err(ModuleClaimsError::Token { source: TokenError::NotYetValid { from: 1_699_999_900 } })),
        "{early:?}"
    );
}

fn refused(module: &[u8]) -> ModuleClaimsError {
    verify_module(module, now()).expect_err("not acceptable")
}

#[test]
fn what_is_no_sound_module_is_named() {
    assert!(matches!(refused(b""), ModuleClaimsError::NotWasm));
    assert!(matches!(refused(b"#!/bin/sh"), ModuleClaimsError::NotWasm));
    assert!(matches!(refused(b"\0asm"), ModuleClaimsError::Damaged { .. }));
    assert!(matches!(refused(&module()), ModuleClaimsError::Unsigned));
    assert_eq!(read_module(&module()).expect("a sound module"), None);
    let code_cut = [EMPTY, b"\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x64\x01"].concat();
    assert!(matches!(refused(&code_cut), ModuleClaimsError::Truncated { offset: 20 }), "{:?}", refused(&code_cut));
}

#[test]
fn every_truncation_of_a_signed_module_is_refused() {
    let signed = signed_with(&full_claims());
    for length in 0..signed.len() {
        assert!(verify_module(&signed[..length], now()).is_err(), "cut to {length}");
    }
}

#[test]
fn forged_and_unusable_tokens_are_named() {
    let token = token_at_end(ECHO);
    let forged = format!("{}=", &token[..token.len() - 1]);
    let graft = |token: &[u8]| refused(&with_custom(&Canonical::of(ECHO).expect("sound").into_bytes(), "jwt", token));
    assert!(matches!(graft(forged.as_bytes()), ModuleClaimsError::Token { source: TokenError::Malformed { .. } }));
    assert!(matches!(graft(b"\xff"), ModuleClaimsError::Token { source: TokenError::Malformed { .. } }));
    let (signed, _) = token.rsplit_once('.').expect("three parts");
    let zeros = format!("{signed}.{}", data_encoding::BASE64URL_NOPAD.encode(&[0; 64]));
    assert!(matches!(graft(zeros.as_bytes()), ModuleClaimsError::Token { source: TokenError::Signature }));
}

/// Later tools may say more, and others less.
#[test]
fn unknown_and_missing_keys_are_no_matter() {
    let account = AccountSeed::generate();
    let hash = module_hash(&module()).expect("a sound module");
    let mut null = serde_json::json!({"hash": hash});
    for key in ["name", "tags", "caps", "rev", "ver", "call_alias", "prov"] {
        null[key] = Value::Null;
    }
    let more = serde_json::json!({"hash": hash, "later": {"deep": [1]}, "call_alias": ""});
    for metadata in [serde_json::json!({"hash": hash}), null, more] {
        let mut claims =
            serde_json::json!({"iss": account.public(), "sub": ModuleSeed::generate().public(), "aud": ["x"]});
        claims["wascap"] = metadata;
        let claims: crate::Claims<Value> = serde_json::from_value(claims).expect("claims");
        let token = crate::sign_token(&claims, account.key_pair());
        let read = verify_module(&with_custom(&module(), "jwt", token.as_bytes()), now()).expect("sound claims");
        assert_eq!((read.name, read.tags.len(), read.caps.len(), read.call_alias), (None, 0, 0, None));
        assert_eq!((read.revision, read.provider, read.layout, read.issued_at), (None, false, None, 0));
    }
}

#[test]
fn a_module_that_is_a_provider_says_so() {
    let claims = NewModuleClaims { provider: true, ..full_claims() };
    assert!(verify_module(&signed_with(&claims), now()).expect("a signed module").provider);
}

#[test]
fn tokens_are_not_too_long_to_be_read() {
    let with = |length: usize| {
        let claims = NewModuleClaims { tags: vec!["x".repeat(length)], ..full_claims() };
        sign_module(&module(), &claims, &AccountSeed::generate())
    };
    let error = with(crate::MAX_TOKEN).expect_err("nobody would read it");
    assert!(matches!(error, ModuleClaimsError::Token { source: TokenError::TooLarge { .. } }), "{error:?}");
    // Base64 makes four characters of three bytes.
    let long = with(crate::MAX_TOKEN / 4 * 3 - 1000).expect("it can be read");
    assert_eq!(verify_module(&long, now()).expect("a signed module").tags[0].len(), crate::MAX_TOKEN / 4 * 3 - 1000);
    let error = refused(&with_custom(&module(), "jwt", "x".repeat(crate::MAX_TOKEN + 1).as_bytes()));
    assert!(matches!(error, ModuleClaimsError::Token { source: TokenError::TooLarge { .. } }), "{error:?}");
}

#[test]
fn another_algorithm_is_refused() {
    let signed = signed_with(&full_claims());
    let (_, rest) = token_at_end(&signed).split_once('.').expect("three parts");
    for algorithm in ["none", "HS256", "EdDSA", "ed25519", ""] {
        let header = format!(r#"{{"typ":"jwt","alg":"{algorithm}"}}"#);
        let token = format!("{}.{rest}", data_encoding::BASE64URL_NOPAD.encode(header.as_bytes()));
        let error = refused(&with_custom(&module(), "jwt", token.as_bytes()));
        let ModuleClaimsError::Token { source: TokenError::Algorithm { found } } = error else { panic!("{error:?}") };
        assert_eq!(found, algorithm);
    }
}

#[test]
fn deep_claims_are_an_error_and_no_crash() {
    let deep = |depth: usize| {
        format!(r#"{{"iss":"I","sub":"S","wascap":{{"x":{}{}}}}}"#, "[".repeat(depth), "]".repeat(depth))
    };
    let header = data_encoding::BASE64URL_NOPAD.encode(br#"{"typ":"jwt","alg":"Ed25519"}"#);
    let body = data_encoding::BASE64URL_NOPAD.encode(deep(20_000).as_bytes());
    let error = refused(&with_custom(&module(), "jwt", format!("{header}.{body}.").as_bytes()));
    assert!(matches!(error, ModuleClaimsError::Token { source: TokenError::Json { .. } }), "{error:?}");
}

fn with_claims(change: impl FnOnce(&mut Value)) -> ModuleClaimsError {
    let account = AccountSeed::generate();
    let signed = sign_module(&module(), &full_claims(), &account).expect("a sound module");
    let mut claims: crate::Claims<Value> = Token::read(token_at_end(&signed)).expect("a token").into_claims();
    let mut value = serde_json::to_value(&claims).expect("JSON");
    change(&mut value);
    claims = serde_json::from_value(value).expect("still claims");
    let token = crate::sign_token(&claims, account.key_pair());
    refused(&with_custom(&module(), "wasmcloud_jwt", token.as_bytes()))
}

#[test]
fn identifiers_of_other_kinds_are_named() {
    let key = ModuleSeed::generate().public().to_string();
    let error = with_claims(|claims| claims["iss"] = key.clone().into());
    assert!(matches!(error, ModuleClaimsError::Token { source: TokenError::Issuer { .. } }), "{error:?}");
    let account = AccountSeed::generate().public().to_string();
    let error = with_claims(|claims| claims["sub"] = account.into());
    assert!(matches!(error, ModuleClaimsError::Token { source: TokenError::Subject { .. } }), "{error:?}");
    let error = with_claims(|claims| claims["wascap"]["call_alias"] = key.into());
    assert!(matches!(error, ModuleClaimsError::CallAlias { .. }), "{error:?}");
    let error = with_claims(|claims| claims["wascap"]["hash"] = "0".into());
    assert!(matches!(error, ModuleClaimsError::Hash { .. }), "{error:?}");
    let error = with_claims(|claims| claims["wascap"] = Value::Null);
    assert!(matches!(error, ModuleClaimsError::Token { source: TokenError::Json { .. } }), "{error:?}");
}

/// Small, repeatable and good enough to pick bytes with.
fn next_random(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize
}

#[test]
fn corrupted_modules_are_refused_or_mean_the_same() {
    let signed = signed_with(&full_claims());
    let (claims, hash) = (verify_module(&signed, now()).expect("signed"), module_hash(&signed).expect("sound"));
    let mut state = 7;
    for _ in 0..200 {
        let mut damaged = signed.clone();
        let at = next_random(&mut state) % damaged.len();
        damaged[at] ^= 1 << (next_random(&mut state) % 8);
        if let Ok(read) = verify_module(&damaged, now()) {
            assert_eq!((read, module_hash(&damaged).expect("sound")), (claims.clone(), hash.clone()), "byte {at}");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(tail in prop::collection::vec(any::<u8>(), 0..200), component in any::<bool>()) {
        let _ = verify_module(&tail, now());
        let header: &[u8] = if component { b"\0asm\x0d\0\x01\0" } else { EMPTY };
        let _ = verify_module(&[header, &tail].concat(), now());
    }

    #[test]
    fn damaged_published_modules_do_not_panic(at in 0..ECHO.len(), byte in any::<u8>()) {
        let mut damaged = ECHO.to_vec();
        damaged[at] = byte;
        if verify_module(&damaged, now()).is_ok() {
            prop_assert_eq!(module_hash(&damaged).expect("sound"), module_hash(ECHO).expect("sound"));
        }
    }
}
