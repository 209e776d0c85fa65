use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lattice_protocol::ClusterKey;

use super::*;
use crate::{
    defaults::INVOCATION_LIFETIME,
    error::{InvocationError, TokenError},
    seed::ClusterSeed,
};

const SEED: &str = "SCAIYCZTW775GJYX3MVWLURALVC3PULW43PTEKGH72JBMA3A7LOLGLQ2JA";
const ID: &str = "00000000000000000000000000000001";

const ACTOR: EntityRef<'_> = EntityRef {
    public_key: "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR",
    link_name: "",
    contract_id: "",
};
const KEYVALUE: EntityRef<'_> = EntityRef {
    public_key: "VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW",
    link_name: "default",
    contract_id: "wasmcloud:keyvalue",
};
const GET: InvocationParts<'_> =
    InvocationParts { origin: ACTOR, target: KEYVALUE, operation: "KeyValue.Get", payload: b"\xa7counter" };
const HANDLE: InvocationParts<'_> = InvocationParts {
    origin: EntityRef { contract_id: "wasmcloud:httpserver", ..KEYVALUE },
    target: ACTOR,
    operation: "HttpServer.HandleRequest",
    payload: b"",
};

fn signer() -> InvocationSigner {
    InvocationSigner::new(SEED.parse().expect("a cluster seed"))
}

fn issuers() -> Issuers {
    Issuers::new([signer().cluster()]).expect("a sound key")
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

#[test]
fn urls_as_published() {
    assert_eq!(ACTOR.url(), "wasmbus://MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR");
    let target =
        "wasmbus://wasmcloud/keyvalue/default/VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW/KeyValue.Get";
    assert_eq!(GET.claims().target_url, target);
    let odd = EntityRef { public_key: "Vxxx", link_name: "My Link", contract_id: "Acme:Big Thing" };
    assert_eq!(odd.url(), "wasmbus://acme/big_thing/my_link/Vxxx");
    let lower = EntityRef { public_key: "mxxx", ..KEYVALUE };
    assert_eq!(lower.url(), "wasmbus://mxxx");
}

#[test]
fn hashes_as_published() {
    assert_eq!(GET.claims().hash, "EA0F0DDC5E0E4A67B21F63E933C1E2FB86A80A3426AD1A97116119A5BDF96C2B");
    assert_eq!(HANDLE.claims().hash, "1BB992D2CE81F34A7A183D38C970480A2BC09A796C28233F1C6ABADF6AC39092");
}

#[test]
fn token_as_published() {
    let signer = signer();
    let claims =
        Claims { id: "A".repeat(22), ..Claims::new(signer.cluster().into(), ID.to_owned(), GET.claims(), now()) };
    let token = signer.sign_claims(&claims);
    assert!(token.starts_with("eyJ0eXAiOiJqd3QiLCJhbGciOiJFZDI1NTE5In0."), "{token}");
    let signature = "._vEYDU81V5p341BFFXgz7svalYRvufbXejWUN4OOJH4fjVh725N1rZL8scL27Cn8w9PfQlFtYLbfnPnbYMh0Cw";
    assert!(token.ends_with(signature), "{token}");
    assert_eq!(issuers().verify(&token, &GET, now()).expect("a genuine token"), claims);
}

#[test]
fn own_tokens_verify_and_expire() {
    let token = signer().sign(ID, &HANDLE, now());
    let claims = issuers().verify(&token, &HANDLE, now()).expect("a genuine token");
    assert_eq!((claims.subject.as_str(), claims.id.len(), claims.layout), (ID, 22, Some(3)));
    let end = now() + INVOCATION_LIFETIME;
    assert!(issuers().verify(&token, &HANDLE, end).is_ok());
    let late = issuers().verify(&token, &HANDLE, end + Duration::from_secs(1));
    assert!(matches!(late, Err(InvocationError::Token { source: TokenError::Expired { .. } })), "{late:?}");
}

#[test]
fn tokens_without_expiry_are_accepted_as_published_hosts_make_them() {
    let token = signer().with_lifetime(None).sign(ID, &GET, now());
    let claims = issuers().verify(&token, &GET, now() + Duration::from_secs(1 << 40)).expect("valid for ever");
    assert_eq!(claims.expires, None);
}

#[test]
fn other_clusters_are_not_trusted() {
    let foreign = InvocationSigner::new(ClusterSeed::generate());
    let token = foreign.sign(ID, &GET, now());
    let error = issuers().verify(&token, &GET, now()).expect_err("an unknown cluster");
    assert_eq!(error.to_string(), format!("the invocation's issuer `{}` is not trusted", foreign.cluster()));
}

#[test]
fn an_issuer_of_another_kind_is_refused() {
    let signer = signer();
    let claims = Claims::new(ACTOR.public_key.to_owned(), ID.to_owned(), GET.claims(), now());
    let error = issuers().verify(&signer.sign_claims(&claims), &GET, now()).expect_err("an actor's key");
    assert!(matches!(error, InvocationError::Token { source: TokenError::Issuer { .. } }), "{error:?}");
}

#[test]
fn a_token_signed_by_another_key_than_its_issuer_is_refused() {
    let forger = InvocationSigner::new(ClusterSeed::generate());
    for parts in [GET, HANDLE] {
        let claims = Claims::new(signer().cluster().into(), ID.to_owned(), parts.claims(), now());
        let error = issuers().verify(&forger.sign_claims(&claims), &parts, now()).expect_err("a forged token");
        assert!(matches!(error, InvocationError::Token { source: TokenError::Signature }), "{error:?}");
    }
}

fn refused(signed: InvocationParts<'_>, sent: InvocationParts<'_>) -> InvocationError {
    let token = signer().sign(ID, &signed, now());
    issuers().verify(&token, &sent, now()).expect_err("another invocation than was signed")
}

#[test]
fn a_token_fits_its_own_invocation_only() {
    let other = EntityRef { public_key: "MAARQX72EAZ4T4ODYOQZED3FJ6P27KWWVVTUNV6TVX2VBRVVSUKLAQHP", ..ACTOR };
    let payload = refused(GET, InvocationParts { payload: b"\xa7Counter", ..GET });
    assert!(matches!(payload, InvocationError::Hash), "{payload:?}");
    let emptied = refused(GET, InvocationParts { payload: b"", ..GET });
    assert!(matches!(emptied, InvocationError::Hash), "{emptied:?}");
    let filled = refused(HANDLE, InvocationParts { payload: b"x", ..HANDLE });
    assert!(matches!(filled, InvocationError::Hash), "{filled:?}");
    let operation = refused(GET, InvocationParts { operation: "KeyValue.Del", ..GET });
    assert!(matches!(operation, InvocationError::Target { .. }), "{operation:?}");
    let target = refused(HANDLE, InvocationParts { target: other, ..HANDLE });
    assert!(matches!(target, InvocationError::Target { .. }), "{target:?}");
    let origin = refused(GET, InvocationParts { origin: other, ..GET });
    assert!(matches!(origin, InvocationError::Origin { .. }), "{origin:?}");
}

#[test]
fn an_envelope_is_verified_before_its_payload_is_there() {
    let token = signer().sign(ID, &GET, now());
    let elsewhere = InvocationParts { payload: b"", ..GET };
    let envelope = issuers().verify_envelope(&token, &elsewhere, now()).expect("a genuine token");
    let error = envelope.clone().verify_payload(b"").expect_err("another payload");
    assert!(matches!(error, InvocationError::Hash), "{error:?}");
    assert_eq!(envelope.verify_payload(GET.payload).expect("the signed payload").subject, ID);

    let late = issuers().verify_envelope(&token, &elsewhere, now() + INVOCATION_LIFETIME * 2);
    assert!(matches!(late, Err(InvocationError::Token { .. })), "{late:?}");
    let other = issuers().verify_envelope(&token, &InvocationParts { operation: "KeyValue.Del", ..GET }, now());
    assert!(matches!(other, Err(InvocationError::Target { .. })), "{other:?}");
    let foreign = InvocationSigner::new(ClusterSeed::generate()).sign(ID, &GET, now());
    let foreign = issuers().verify_envelope(&foreign, &elsewhere, now());
    assert!(matches!(foreign, Err(InvocationError::UntrustedIssuer { .. })), "{foreign:?}");
}

#[test]
fn any_changed_character_of_a_token_is_refused() {
    let token = signer().sign(ID, &GET, now());
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("still text");
        assert!(issuers().verify(&changed, &GET, now()).is_err(), "changed at {at}");
    }
}

#[test]
fn a_key_that_is_no_point_of_the_curve_is_refused_when_it_is_configured() {
    let key: ClusterKey = "CABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAARHO".parse().expect("a sound text");
    assert!(matches!(Issuers::new([key]), Err(TokenError::IssuerKey { .. })));
}

#[test]
fn debug_shows_no_seed() {
    assert!(!format!("{:?}", signer()).contains(&SEED[2..]));
}

const HANDLE_PROVIDER: &str = "VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW";

/// A key lent to the provider that calls in [`HANDLE`], with the token that says so.
fn lent(expires: u64) -> (ClusterSeed, Delegation) {
    let key = ClusterSeed::generate();
    let delegation = Delegation {
        key: key.public(),
        provider: HANDLE_PROVIDER.parse().expect("a key"),
        link: HANDLE.origin.link_name.parse().expect("a link name"),
        contract: HANDLE.origin.contract_id.parse().expect("a contract"),
        host: crate::HostSeed::generate().public(),
        incarnation: "e1".to_owned(),
        expires,
    };
    (key, delegation)
}

#[test]
fn a_lent_key_signs_its_providers_calls_and_no_others() {
    let soon = crate::unix_seconds(now()) + 60;
    let (key, delegation) = lent(soon);
    let delegates = Delegates::default();
    let issuers = issuers().with_delegates(delegates.clone());
    let signer = InvocationSigner::new(key);
    let verify = |parts: &InvocationParts<'_>, now| issuers.verify(&signer.sign(ID, parts, now), parts, now);

    let unknown = verify(&HANDLE, now()).expect_err("nobody has lent it yet");
    assert!(matches!(unknown, InvocationError::UntrustedIssuer { .. }), "{unknown:?}");
    assert!(issuers.is_stranger(delegation.key.as_str()));
    delegates.add(delegation.clone(), now()).expect("a key");
    verify(&HANDLE, now()).expect("its own call");
    assert!(!issuers.is_stranger(delegation.key.as_str()));

    let actor = InvocationParts { origin: ACTOR, ..HANDLE };
    let other_link = InvocationParts { origin: EntityRef { link_name: "other", ..HANDLE.origin }, ..HANDLE };
    let other_contract = InvocationParts { origin: EntityRef { contract_id: "a:b", ..HANDLE.origin }, ..HANDLE };
    for parts in [actor, other_link, other_contract] {
        let foreign = verify(&parts, now()).expect_err("in another name");
        assert!(matches!(foreign, InvocationError::ForeignName { .. }), "{foreign:?}");
    }
    let late = now() + Duration::from_secs(61);
    let late = verify(&HANDLE, late).expect_err("the loan has ended");
    assert!(matches!(late, InvocationError::Token { source: TokenError::Expired { .. } }), "{late:?}");
    delegates.remove(delegation.key.as_str(), now());
    assert!(verify(&HANDLE, now()).is_err());
}

#[test]
fn only_the_cluster_lends_keys() {
    let (key, delegation) = lent(crate::unix_seconds(now()) + 60);
    let token = sign_delegation(&delegation, &SEED.parse().expect("a cluster seed"), now());
    assert_eq!(issuers().verify_delegation(&token, now()).expect("the cluster's"), delegation);
    let own = sign_delegation(&delegation, &key, now());
    let error = issuers().verify_delegation(&own, now()).expect_err("lent by itself");
    assert!(matches!(error, InvocationError::UntrustedIssuer { .. }), "{error:?}");
    // A key that was lent lends nothing on.
    let delegates = Delegates::default();
    delegates.add(delegation.clone(), now()).expect("a key");
    assert!(issuers().with_delegates(delegates).verify_delegation(&own, now()).is_err());
    let late = now() + Duration::from_secs(61);
    assert!(issuers().verify_delegation(&token, late).is_err());
    let call = signer().sign(ID, &GET, now());
    assert!(issuers().verify_delegation(&call, now()).is_err(), "an invocation is no loan");
    assert!(issuers().verify(&token, &GET, now()).is_err(), "a loan is no invocation");
}
