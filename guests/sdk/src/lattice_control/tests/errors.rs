//! Errors: those of calls that fail, those of commands that are refused, and those of answers that are none.

use super::golden::golden;
use super::*;

/// What is made of a call that fails with the text.
fn told(text: &str) -> ControlError {
    with(Err(text), |control| control.get_hosts("default")).0.unwrap_err()
}

fn stop(answer: &[u8]) -> Result<(), ControlError> {
    answered(answer, |control| control.stop_host(&StopHost::default()))
}

fn error(code: Code, text: &str) -> ControlError {
    ControlError { code, text: text.into() }
}

#[test]
fn the_code_stands_somewhere_in_what_the_host_says() {
    let not_granted = error(Code::NotGranted, "the link lacks `operations=read`");
    assert_eq!(told("the call failed: [not_granted] the link lacks `operations=read`"), not_granted);
    assert_eq!(told("[not_granted] the link lacks `operations=read`"), not_granted);
    assert_eq!(told("[full] no room for [m_x]"), error(Code::Full, "no room for [m_x]"));
    assert_eq!(told("call 3 [1, 2] [] [A] [9a] [timed_out]: late"), error(Code::TimedOut, ": late"));
    assert_eq!(told("x[[full] y"), error(Code::Full, "y"));
    assert_eq!(told("[tomorrow_2] a new one"), error(Code::Unknown("tomorrow_2".into()), "a new one"));
}

#[test]
fn without_a_code_the_text_says_all() {
    for text in ["no link", "", "[", "]", "[]", "x ]full[", "[Full] y", "[a b] c", "[full", "[_a] b"] {
        assert_eq!(told(text), error(Code::Other, text));
    }
}

#[test]
fn a_refused_command_is_an_error() {
    assert_eq!(stop(&golden("ack")), Ok(()));
    assert_eq!(stop(&golden("ack_refused")), Err(error(Code::Refused, "no such host")));
    let full = error(Code::Full, "the host runs as much as it can");
    assert_eq!(stop(&golden("ack_refused_with_code")), Err(full));
    let coded = b"\x83\xa4code\xa3new\xa8accepted\xc2\xa5error\xa2no";
    assert_eq!(stop(coded), Err(error(Code::Unknown("new".into()), "no")));
    assert_eq!(stop(b"\x82\xa8accepted\xc2\xa4code\xc0"), Err(error(Code::Refused, "")));
    // The published interface takes what is missing for false.
    assert_eq!(stop(b"\x80"), Err(error(Code::Refused, "")));
    assert_eq!(stop(b"\x83\xa8accepted\xc3\xa5error\xa2no\xa4code\xa4full"), Ok(()));
}

#[test]
fn credentials_for_registries_can_be_refused_too() {
    let set = |answer: &[u8]| {
        answered(answer, |control| control.set_registry_credentials(&SetRegistryCredentials::default()))
    };
    assert_eq!(set(&golden("ack")), Ok(()));
    assert_eq!(set(&golden("ack_refused")), Err(error(Code::Refused, "no such host")));
    assert_eq!(set(b"\xc3").unwrap_err().code, Code::Unreadable);
}

#[test]
fn an_answer_of_another_shape_is_unreadable() {
    let text =
        "the answer to `LatticeController.StopHost` is not a map with `accepted` (a boolean) and `error` (a string)";
    for answer in [&b""[..], b"\xc0", b"\xc3", b"\x81\xa8accepted\x01", b"\x82\xa8accepted\xc3\xa5error\x01"] {
        assert_eq!(stop(answer), Err(error(Code::Unreadable, text)), "{:02x?}", answer);
    }
    let text = "the answer to `LatticeController.StopHost` is unreadable: the MessagePack ends early at byte 1";
    assert_eq!(stop(b"\x81"), Err(error(Code::Unreadable, text)));
    for answer in [&b""[..], b"\x80", b"\xa1x"] {
        let hosts = answered(answer, |control| control.get_hosts("default"));
        assert_eq!(hosts, Err(error(Code::Unreadable, "the answer to `LatticeController.GetHosts` is not an array")));
        assert!(answered(b"", |control| control.get_links("default")).is_err());
        assert!(answered(b"\x90", |control| control.get_claims("default")).is_err());
        assert!(answered(b"\x90", |control| control.get_host_inventory(&GetHostInventory::default())).is_err());
    }
}

#[test]
fn an_error_is_its_code_and_text() {
    let refused: String = error(Code::NoSuchHost, "there is no host N").into();
    assert_eq!(refused, "[no_such_host] there is no host N");
    assert_eq!(told(&refused), error(Code::NoSuchHost, "there is no host N"));
    let unknown: String = told("[tomorrow] a new one").into();
    assert_eq!(unknown, "[tomorrow] a new one");
    let source: &dyn std::error::Error = &error(Code::Other, "no link");
    assert_eq!(source.to_string(), "[other] no link");
}

#[test]
fn every_known_code_has_its_name() {
    let names = [
        "invalid",
        "unknown_operation",
        "not_granted",
        "rate_limited",
        "overloaded",
        "no_credentials",
        "credentials_incomplete",
        "credentials_invalid",
        "credentials_expired",
        "credentials_refused",
        "unreachable",
        "no_jetstream",
        "no_hosts",
        "no_such_host",
        "timed_out",
        "incomplete",
        "unreadable",
        "too_large",
        "not_shared",
        "unlinked",
        "failed",
        "refused",
        "other_lattice",
        "unsupported",
        "not_allowed",
        "not_running",
        "conflict",
        "link_conflict",
        "bid_stale",
        "operation_conflict",
        "full",
        "stopping",
        "unavailable",
        "not_found",
        "other",
    ];
    for name in names {
        let code = Code::of(name);
        assert!(!matches!(code, Code::Unknown(_)), "{}", name);
        assert_eq!((code.as_str(), code.to_string().as_str()), (name, name));
    }
    assert_eq!(Code::of("other"), Code::Other);
}

#[test]
fn no_secret_is_printed() {
    let secret = Some("s3cret");
    let lattice = SetLatticeCredentials { user_jwt: secret, user_seed: secret, ..SetLatticeCredentials::default() };
    let credential = RegistryCredential { password: secret, token: secret, ..RegistryCredential::default() };
    let registries = [("registry.example", credential)];
    let registries = SetRegistryCredentials { credentials: Some(&registries), ..SetRegistryCredentials::default() };
    let provider = StartProvider { configuration: secret, ..StartProvider::default() };
    let link = NewLink { values: &[("password", "s3cret")], ..NewLink::default() };
    let definition = LinkDefinition { values: map(&[("password", "s3cret")]), ..LinkDefinition::default() };
    for printed in [
        format!("{:?}", lattice),
        format!("{:?}", registries),
        format!("{:?}", provider),
        format!("{:?}", AdvertiseLink { link, ..AdvertiseLink::default() }),
        format!("{:?}", definition),
    ] {
        assert!(!printed.contains("s3cret"), "{}", printed);
        assert!(printed.contains("default") || printed.contains("password"), "{}", printed);
    }
}
