use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::seed::ClusterSeed;

fn encode(value: &Value) -> String {
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

fn token(header: Value, claims: Value) -> String {
    let signed = format!("{}.{}", encode(&header), encode(&claims));
    format!("{signed}.{}", BASE64URL_NOPAD.encode(&[0; SIGNATURE_BYTES]))
}

fn header() -> Value {
    json!({"typ": "jwt", "alg": "Ed25519"})
}

fn claims() -> Value {
    json!({"iss": "I", "sub": "S", "wascap": {}})
}

fn refused(text: &str, expect: &str) {
    let error = Token::<Value>::read(text).expect_err("no token");
    assert_eq!(error.to_string(), expect);
}

#[test]
fn reads_the_least_that_a_token_can_say() {
    let text = token(header(), claims());
    let token = Token::<Value>::read(&text).expect("a token");
    let expect = Claims {
        expires: None,
        id: String::new(),
        issued_at: 0,
        issuer: "I".to_owned(),
        subject: "S".to_owned(),
        not_before: None,
        metadata: json!({}),
        layout: None,
    };
    assert_eq!(token.claims(), &expect);
    assert_eq!(token.into_claims(), expect);
}

#[test]
fn names_what_is_wrong_with_the_form() {
    refused("", "the text is not a token: it has not three parts");
    refused("a.b", "the text is not a token: it has not three parts");
    refused("a.b.c.d", "the text is not a token: a part is not base64url");
    refused("a.b.c", "the text is not a token: a part is not base64url");
    refused("eyJ9.e30.AA", "the token's header cannot be read");
    refused(&"x".repeat(MAX_TOKEN + 1), "the token has 65537 bytes, at most 65536 are read");
    refused(&format!("{}=", token(header(), claims())), "the text is not a token: its signature is not base64url");
    let short = token(header(), claims());
    refused(&short[..short.len() - 4], "the text is not a token: its signature has not 64 bytes");
    refused(&token(header(), json!([])), "the token's claims cannot be read");
}

#[test]
fn names_what_is_wrong_with_header_and_names() {
    refused(
        &token(json!({"typ": "jwt", "alg": "none"}), claims()),
        "the token's algorithm is \"none\", only \"Ed25519\" is accepted",
    );
    refused(
        &token(json!({"typ": "x", "alg": "Ed25519"}), claims()),
        "the text is not a token: its header says that it is something else",
    );
    refused(&token(header(), json!({"sub": "S", "wascap": {}})), "the token names no issuer");
    refused(&token(header(), json!({"iss": "I", "wascap": {}})), "the token names no subject");
    refused(&token(header(), json!({"iss": "", "sub": "S", "wascap": {}})), "the token names no issuer");
}

#[test]
fn a_deeply_nested_token_is_an_error_not_a_crash() {
    let json = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let text = format!("{}.{}.", encode(&header()), BASE64URL_NOPAD.encode(json.as_bytes()));
    refused(&text, "the token's claims cannot be read");
}

#[test]
fn header_and_fields_stand_in_the_published_order() {
    let seed = ClusterSeed::generate();
    let claims = Claims {
        expires: Some(2),
        id: "J".to_owned(),
        issued_at: 1,
        not_before: Some(0),
        ..Claims::new("I".to_owned(), "S".to_owned(), json!({}), UNIX_EPOCH)
    };
    let text = sign_token(&claims, seed.key_pair());
    let parts: Vec<_> =
        text.split('.').map(|part| BASE64URL_NOPAD.decode(part.as_bytes()).expect("base64url")).collect();
    assert_eq!(parts[0], br#"{"typ":"jwt","alg":"Ed25519"}"#);
    let expect = r#"{"exp":2,"jti":"J","iat":1,"iss":"I","sub":"S","nbf":0,"wascap":{},"wascap_revision":3}"#;
    assert_eq!(parts[1], expect.as_bytes());
    assert_eq!(parts[2].len(), SIGNATURE_BYTES);
}

#[test]
fn validity_includes_its_first_and_last_second() {
    let mut value = claims();
    value["nbf"] = json!(10);
    value["exp"] = json!(20);
    let text = token(header(), value);
    let token = Token::<Value>::read(&text).expect("a token");
    let check = |second| token.check_times(UNIX_EPOCH + Duration::from_secs(second)).map_err(|error| error.to_string());
    assert_eq!(check(9), Err("the token is not valid before 1970-01-01T00:00:10Z".to_owned()));
    assert_eq!(check(10), Ok(()));
    assert_eq!(check(20), Ok(()));
    assert_eq!(check(21), Err("the token expired at 1970-01-01T00:00:20Z".to_owned()));
}

#[test]
fn only_the_signer_verifies() {
    let (seed, other) = (ClusterSeed::generate(), ClusterSeed::generate());
    let claims = Claims::new("I".to_owned(), "S".to_owned(), json!({}), UNIX_EPOCH);
    let text = sign_token(&claims, seed.key_pair());
    let token = Token::<Value>::read(&text).expect("a token");
    assert!(token.check_signature(seed.key_pair()).is_ok());
    assert!(matches!(token.check_signature(other.key_pair()), Err(TokenError::Signature)));
}

/// The public key of an account in its text form: base32 of its prefix, its bytes, and their sum.
fn account(key: [u8; 32]) -> AccountKey {
    let mut bytes = [&[0][..], &key].concat();
    let sum = bytes.iter().fold(0u16, |sum, byte| {
        let shifted = |sum: u16, _| if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 };
        (0..8).fold(sum ^ u16::from(*byte) << 8, shifted)
    });
    bytes.extend(sum.to_le_bytes());
    data_encoding::BASE32_NOPAD.encode(&bytes).parse().expect("an account's key")
}

/// There are keys for which a signature of zeros is one of any text.
#[test]
fn keys_that_anybody_can_sign_for_issue_nothing() {
    let neutral = account(std::array::from_fn(|at| u8::from(at == 0)));
    let made_up: [u8; SIGNATURE_BYTES] = std::array::from_fn(|at| u8::from(at == 0));
    let key = KeyPair::from_public_key(neutral.as_str()).expect("a point of the curve");
    key.verify(b"any text", &made_up).expect("such a key takes it");

    let mut value = claims();
    value["iss"] = json!(neutral);
    let (signed, _) =
        token(header(), value).rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).expect("parts");
    let text = format!("{signed}.{}", BASE64URL_NOPAD.encode(&made_up));
    let token = Token::<Value>::read(&text).expect("a token");
    let found = token.checks(&neutral, UNIX_EPOCH).signature;
    assert!(matches!(&found, Err(TokenError::IssuerKey { issuer }) if *issuer == neutral.as_str()), "{found:?}");
    let no_point = account(std::array::from_fn(|at| if at == 0 { 2 } else { 0 }));
    assert!(matches!(token.checks(&no_point, UNIX_EPOCH).signature, Err(TokenError::IssuerKey { .. })));
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}", number in any::<u64>()) {
        let _ = Token::<Value>::read(&text);
        let mut value = claims();
        value["exp"] = json!(number);
        value["nbf"] = json!(number);
        let text = token(header(), value);
        let token = Token::<Value>::read(&text).expect("a token");
        let _ = token.check_times(UNIX_EPOCH).map_err(|error| error.to_string());
    }
}
