mod commands;
mod questions;

use lattice_guest::dispatch;
use lattice_guest::msgpack::{decode, Value};
use lattice_guest::testing::{with_host, Record};

use super::*;

const ACCEPTED: &[u8] = b"\x82\xa8accepted\xc3\xa5error\xa0";

/// What the operation makes of a controller that says `says`.
fn steer(operation: &str, argument: Value<'_>, says: &[u8]) -> (Result<Vec<u8>, String>, Record) {
    let says = says.to_vec();
    with_host(move |_| Ok(says.clone()), || dispatch(OPERATIONS, operation, &argument.encode()))
}

/// The operation calls the one of the same name of the contract with `sent`, and answers `answer` to what that `says`.
fn check(operation: &str, argument: Value<'_>, sent: Value<'_>, says: &[u8], answer: Value<'_>) {
    let (answered, record) = steer(operation, argument, says);
    assert_eq!(answered, Ok(answer.encode()), "{}", operation);
    assert_eq!(record.calls.len(), 1);
    let call = &record.calls[0];
    assert_eq!((call.binding.as_str(), call.namespace.as_str()), ("default", "wasmcloud:latticecontrol"));
    assert_eq!(call.operation, operation.replace("Helm.", "LatticeController."));
    assert_eq!(decode(&call.payload), Ok(sent), "{}", operation);
}

fn check_command(operation: &str, argument: Value<'_>, sent: Value<'_>) {
    check(operation, argument, sent, ACCEPTED, Value::map([("accepted", Value::Bool(true))]));
}

fn check_invalid(operation: &str, argument: Value<'_>, text: &str) {
    let (answered, record) = steer(operation, argument, ACCEPTED);
    assert_eq!(answered, Err(["[invalid] ", text].concat()));
    assert_eq!(record.calls, []);
}

fn texts<'a, const N: usize>(entries: [(&'a str, &'a str); N]) -> Value<'a> {
    Value::map(entries.map(|(key, text)| (key, Value::Str(text))))
}

fn strings<const N: usize>(texts: [&str; N]) -> Value<'_> {
    Value::Array(texts.map(Value::Str).to_vec())
}

#[test]
fn every_operation_of_the_contract_is_there() {
    let of_contract = [
        "AuctionProvider",
        "AuctionActor",
        "GetHosts",
        "GetHostInventory",
        "GetClaims",
        "ScaleActor",
        "StartActor",
        "AdvertiseLink",
        "RemoveLink",
        "GetLinks",
        "UpdateActor",
        "StartProvider",
        "StopProvider",
        "StopActor",
        "StopHost",
        "SetLatticeCredentials",
        "SetRegistryCredentials",
    ];
    assert_eq!(OPERATIONS.len(), of_contract.len());
    for name in of_contract {
        // None needs more than a count, and each calls its namesake.
        let (_, record) = steer(&["Helm.", name].concat(), count_only(name), b"\xc0");
        assert_eq!(record.calls.len(), 1, "{}", name);
        assert_eq!(record.calls[0].operation, ["LatticeController.", name].concat());
    }
}

fn count_only(name: &str) -> Value<'static> {
    match name {
        "ScaleActor" | "StopActor" => Value::map([("count", Value::Uint(1))]),
        "AdvertiseLink" => Value::map([("link", Value::map([]))]),
        _ => Value::Nil,
    }
}

#[test]
fn the_link_to_the_controller_can_be_chosen() {
    let (_, record) = steer("Helm.GetHosts", texts([("via", "edge")]), b"\x90");
    assert_eq!(record.calls[0].binding, "edge");
}

#[test]
fn failures_are_told_with_their_code() {
    let argument = texts([("host", "N")]);
    let (answer, _) = steer("Helm.StopHost", argument.clone(), b"\x83\xa8accepted\xc2\xa5error\xa2no\xa4code\xa4full");
    assert_eq!(answer, Err("[full] no".into()));
    let (answer, _) = with_host(
        |_| Err("the call failed: [no_such_host] there is no host N".into()),
        || dispatch(OPERATIONS, "Helm.StopHost", &argument.encode()),
    );
    assert_eq!(answer, Err("[no_such_host] there is no host N".into()));
}

#[test]
fn what_cannot_be_meant_is_invalid() {
    check_invalid("Helm.GetHosts", Value::Str("default"), "the argument must be a map, not a string");
    check_invalid(
        "Helm.StopHost",
        texts([("hots", "N")]),
        "unknown key `hots`, there are `host`, `timeout`, `lattice`, `via`",
    );
    check_invalid(
        "Helm.StopHost",
        Value::map([("host", Value::Uint(1))]),
        "`host` must be a string, not a whole number",
    );
    check_invalid("Helm.StopHost", texts([("timeout", "1")]), "`timeout` must be a whole number from 0, not a string");
    let argument = Value::map([("annotations", Value::map([("a", Value::Uint(1))]))]);
    check_invalid("Helm.StartActor", argument, "`annotations` must be a map of strings");
    let argument = Value::map([("credentials", texts([("r", "pw")]))]);
    check_invalid("Helm.SetRegistryCredentials", argument, "`credentials` must be a map, not a string");
    check_invalid("Helm.AdvertiseLink", Value::Nil, "`link` must be a map, not nil");
    let argument = Value::map([("count", Value::Uint(70_000))]);
    check_invalid("Helm.StopActor", argument, "`count` must be a whole number from 0 to 65535");
    for operation in ["Helm.GetHosts", "Helm.GetClaims", "Helm.GetLinks", "Helm.GetHostInventory", "Helm.StopHost"] {
        let argument = Value::map([("lattice", Value::Uint(5))]);
        check_invalid(operation, argument, "`lattice` must be a string, not a whole number");
    }
    // The first is told.
    let argument = Value::map([("timeout", "1".into()), ("host", Value::Uint(1))]);
    check_invalid("Helm.StopHost", argument, "`host` must be a string, not a whole number");
    assert_eq!(
        dispatch(OPERATIONS, "Helm.GetHosts", b"\x81"),
        Err("[invalid] the MessagePack ends early at byte 1".into())
    );
}
