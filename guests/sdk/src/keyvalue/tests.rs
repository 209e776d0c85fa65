use super::*;
use crate::testing::{with_host, HostCall};

/// Does `operate` on the store behind `default`, answered with `answer`: it must make the call with these bytes, and
/// make `expected` of the answer.
macro_rules! check {
    ($operate:expr, $operation:literal, $argument:literal, $answer:literal => $expected:expr) => {
        let operate: fn(KeyValue<'_>) -> Result<_, String> = $operate;
        let (result, record) = with_host(|_| Ok($answer.to_vec()), || operate(KeyValue::default()));
        assert_eq!(result, Ok($expected));
        let call = HostCall {
            binding: "default".into(),
            namespace: "wasmcloud:keyvalue".into(),
            operation: $operation.into(),
            payload: $argument.to_vec(),
        };
        assert_eq!(record.calls, [call]);
    };
}

#[test]
fn get_sends_the_bare_key() {
    check!(|store| store.get("k"), "KeyValue.Get", b"\xa1k", b"\x82\xa5value\xa1v\xa6exists\xc3" => Some("v".into()));
    check!(|store| store.get("k"), "KeyValue.Get", b"\xa1k", b"\x82\xa5value\xa0\xa6exists\xc3" => Some("".into()));
    check!(|store| store.get("k"), "KeyValue.Get", b"\xa1k", b"\x82\xa5value\xa0\xa6exists\xc2" => None);
    check!(|store| store.get("k"), "KeyValue.Get", b"\xa1k", b"\x80" => None);
}

#[test]
fn set_is_answered_with_no_bytes_or_nil() {
    check!(|store| store.set("k", "v"), "KeyValue.Set", b"\x83\xa3key\xa1k\xa5value\xa1v\xa7expires\x00", b"" => ());
    check!(
        |store| store.set_expiring("k", "v", 86_400),
        "KeyValue.Set", b"\x83\xa3key\xa1k\xa5value\xa1v\xa7expires\xce\x00\x01\x51\x80", b"\xc0" => ()
    );
}

#[test]
fn contains_and_del_are_answered_with_a_boolean() {
    check!(|store| store.contains("k"), "KeyValue.Contains", b"\xa1k", b"\xc3" => true);
    check!(|store| store.del("k"), "KeyValue.Del", b"\xa1k", b"\xc2" => false);
}

#[test]
fn increment_sends_and_gets_32_bits_with_a_sign() {
    check!(|store| store.increment("k", 1), "KeyValue.Increment", b"\x82\xa3key\xa1k\xa5value\x01", b"\x2a" => 42);
    check!(
        |store| store.increment("k", i32::MIN),
        "KeyValue.Increment", b"\x82\xa3key\xa1k\xa5value\xd2\x80\x00\x00\x00", b"\xd2\xff\xff\xff\xfe" => -2
    );
}

#[test]
fn lists() {
    check!(
        |store| store.list_add("l", "v"),
        "KeyValue.ListAdd", b"\x82\xa8listName\xa1l\xa5value\xa1v", b"\xcd\x01\x00" => 256
    );
    check!(
        |store| store.list_del("l", "v"),
        "KeyValue.ListDel", b"\x82\xa8listName\xa1l\xa5value\xa1v", b"\xc3" => true
    );
    check!(
        |store| store.list_range("l", 0, -1),
        "KeyValue.ListRange", b"\x83\xa8listName\xa1l\xa5start\x00\xa4stop\xff", b"\x92\xa1a\xa1b"
        => vec!["a".to_string(), "b".to_string()]
    );
    check!(|store| store.list_clear("l"), "KeyValue.ListClear", b"\xa1l", b"\xc3" => true);
}

#[test]
fn sets() {
    check!(
        |store| store.set_add("s", "v"),
        "KeyValue.SetAdd", b"\x82\xa7setName\xa1s\xa5value\xa1v", b"\x01" => 1
    );
    check!(
        |store| store.set_del("s", "v"),
        "KeyValue.SetDel", b"\x82\xa7setName\xa1s\xa5value\xa1v", b"\x00" => 0
    );
    check!(|store| store.set_query("s"), "KeyValue.SetQuery", b"\xa1s", b"\x91\xa1a" => vec!["a".to_string()]);
    check!(
        |store| store.set_union(&["s", "t"]),
        "KeyValue.SetUnion", b"\x92\xa1s\xa1t", b"\x90" => Vec::<String>::new()
    );
    check!(
        |store| store.set_intersection(&["s", "t"]),
        "KeyValue.SetIntersection", b"\x92\xa1s\xa1t", b"\x91\xa1a" => vec!["a".to_string()]
    );
    check!(|store| store.set_clear("s"), "KeyValue.SetClear", b"\xa1s", b"\xc2" => false);
}

#[test]
fn the_link_can_be_chosen() {
    let (_, record) = with_host(|_| Ok(vec![0xc3]), || KeyValue::linked("cache").contains("k"));
    assert_eq!(record.calls[0].binding, "cache");
}

#[test]
fn what_the_host_refuses_is_its_text() {
    let (result, _) = with_host(|_| Err("no link".into()), || KeyValue::default().get("k"));
    assert_eq!(result, Err("no link".into()));
}

#[test]
fn an_answer_of_another_shape_is_an_error() {
    let refused = |answer: fn(&HostCall) -> Result<Vec<u8>, String>| {
        let store = KeyValue::default();
        let (errors, _) = with_host(answer, || {
            [store.get("k").unwrap_err(), store.increment("k", 1).unwrap_err(), store.set_query("k").unwrap_err()]
        });
        errors
    };
    let [get, increment, query] = refused(|_| Ok(Vec::new()));
    assert_eq!(get, "the answer to `KeyValue.Get` is not a map with `value` (a string) and `exists` (a boolean)");
    assert_eq!(increment, "the answer to `KeyValue.Increment` is not a whole number of 32 bits");
    assert_eq!(query, "the answer to `KeyValue.SetQuery` is not an array of strings");
    refused(|_| Ok(b"\x82\xa5value\x01\xa6exists\xc3".to_vec()));
    refused(|_| Ok(b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()));
    refused(|_| Ok(b"\x92\xa1a\xc0".to_vec()));
}
