use std::fmt::Debug;

use serde::de::DeserializeOwned;

use super::*;

fn written(value: &impl Serialize) -> Vec<u8> {
    rmp_serde::to_vec_named(value).expect("plain values")
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, rmp_serde::decode::Error> {
    rmp_serde::from_slice(bytes)
}

/// The bytes are those that programs made with the published interface crate write.
#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, golden: &[u8]) {
    assert_eq!(written(value), golden);
    assert_eq!(read::<T>(golden).expect("golden bytes are readable"), *value);
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[test]
fn operations_are_named_as_published() {
    assert_eq!(Operation::ALL.len(), 15);
    for operation in Operation::ALL {
        assert_eq!(operation.wire_name(), format!("KeyValue.{}", operation.name()));
        assert_eq!(Operation::from_wire_name(&operation.wire_name()), Some(*operation));
    }
    for other in ["", ".", "Get.", "Other.Get", "KeyValue.get"] {
        assert_eq!(Operation::from_wire_name(other), None, "{other}");
    }
}

#[test]
fn messages_have_their_published_bytes() {
    check(&GetResponse { value: text("v"), exists: true }, b"\x82\xa5value\xa1v\xa6exists\xc3");
    check(&GetResponse::default(), b"\x82\xa5value\xa0\xa6exists\xc2");
    let set = SetRequest { key: text("k"), value: text("v"), expires: 300 };
    check(&set, b"\x83\xa3key\xa1k\xa5value\xa1v\xa7expires\xcd\x01\x2c");
    check(&IncrementRequest { key: text("k"), value: -2 }, b"\x82\xa3key\xa1k\xa5value\xfe");
    check(&ListAddRequest { list_name: text("l"), value: text("v") }, b"\x82\xa8listName\xa1l\xa5value\xa1v");
    check(&ListDelRequest { list_name: text("l"), value: text("v") }, b"\x82\xa8listName\xa1l\xa5value\xa1v");
    let range = ListRangeRequest { list_name: text("l"), start: 0, stop: 100_000 };
    check(&range, b"\x83\xa8listName\xa1l\xa5start\x00\xa4stop\xce\x00\x01\x86\xa0");
    check(&SetAddRequest { set_name: text("s"), value: text("v") }, b"\x82\xa7setName\xa1s\xa5value\xa1v");
    check(&SetDelRequest { set_name: text("s"), value: text("v") }, b"\x82\xa7setName\xa1s\xa5value\xa1v");
}

#[test]
fn what_other_compilers_write_is_understood() {
    let expect = SetRequest { key: text("k"), value: text("v"), expires: 0 };
    for bytes in [
        b"\x82\xa3key\xa1k\xa5value\xa1v".as_slice(),
        b"\x83\xa7expires\xc0\xa5value\xa1v\xa3key\xa1k",
        b"\x84\xa3key\xd9\x01k\xa5value\xda\x00\x01v\xa7expires\xd3\0\0\0\0\0\0\0\0\xa4more\x91\xc0",
        b"\x93\xa1k\xa1v\x00",
        b"\x83\xa3key\xc4\x01k\xa5value\xc4\x01v\xa7expires\xce\0\0\0\0",
    ] {
        assert_eq!(read::<SetRequest>(bytes).expect("a SetRequest"), expect, "{bytes:x?}");
    }
    let snake = read::<ListAddRequest>(b"\x82\xa9list_name\xa1l\xa5value\xa1v").expect("the other spelling");
    assert_eq!(snake, ListAddRequest { list_name: text("l"), value: text("v") });
    let nil = read::<SetAddRequest>(b"\x82\xa7setName\xa1s\xa5value\xc0").expect("nil is the empty text");
    assert_eq!(nil.value, "");
}

#[test]
fn a_request_without_key_or_value_is_none() {
    for bytes in [
        b"\x81\xa5value\xa1v".as_slice(),
        b"\x81\xa3key\xa1k",
        b"\x91\xa1k",
        b"\x82\xa3key\xc0\xa5value\xa1v",
        b"\x80",
        b"\xc0",
        b"\xa1k",
    ] {
        assert!(read::<SetRequest>(bytes).is_err(), "{bytes:x?}");
    }
    assert!(read::<SetRequest>(b"\x83\xa3key\xa1k\xa5value\xa1v\xa7expires\xff").is_err(), "a negative time");
}
