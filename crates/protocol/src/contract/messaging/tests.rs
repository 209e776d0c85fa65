use std::fmt::Debug;

use serde::de::DeserializeOwned;

use super::*;

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, rmp_serde::decode::Error> {
    rmp_serde::from_slice(bytes)
}

/// The bytes are those that programs made with the published interface crate write.
#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, golden: &[u8]) {
    assert_eq!(rmp_serde::to_vec_named(value).expect("plain values"), golden);
    assert_eq!(read::<T>(golden).expect("golden bytes are readable"), *value);
}

fn message(reply_to: Option<&str>) -> Message {
    Message { subject: "s".to_owned(), reply_to: reply_to.map(str::to_owned), body: vec![0, 255] }
}

#[test]
fn operations_are_named_as_published() {
    for operation in Operation::ALL {
        assert_eq!(Operation::from_wire_name(&operation.wire_name()), Some(*operation));
    }
    assert_eq!(Operation::Publish.wire_name(), "Messaging.Publish");
    assert_eq!(Operation::Request.wire_name(), "Messaging.Request");
    assert_eq!(Operation::from_wire_name("MessageSubscriber.HandleMessage"), None);
}

#[test]
fn messages_have_their_published_bytes() {
    check(&message(None), b"\x82\xa7subject\xa1s\xa4body\xc4\x02\x00\xff");
    check(&message(Some("r")), b"\x83\xa7subject\xa1s\xa7replyTo\xa1r\xa4body\xc4\x02\x00\xff");
    let request = RequestMessage { subject: "s".to_owned(), body: vec![1], timeout_ms: 2000 };
    check(&request, b"\x83\xa7subject\xa1s\xa4body\xc4\x01\x01\xa9timeoutMs\xcd\x07\xd0");
}

#[test]
fn what_other_compilers_write_is_understood() {
    for bytes in [
        b"\x83\xa4body\xc4\x02\x00\xff\xa7replyTo\xc0\xa7subject\xa1s".as_slice(),
        b"\x83\xa4body\xa2\x00\xff\xa7replyTo\xa0\xa7subject\xa1s",
        b"\x83\xa4body\x92\x00\xcc\xff\xa8reply_to\xa0\xa7subject\xa1s",
        b"\x93\xa1s\xc0\xc4\x02\x00\xff",
    ] {
        assert_eq!(read::<Message>(bytes).expect("a message"), message(None), "{bytes:x?}");
    }
    for bytes in [b"\x81\xa7subject\xa1s".as_slice(), b"\x82\xa7subject\xa1s\xa4body\xc0"] {
        assert_eq!(read::<Message>(bytes).expect("a message without a body").body, b"");
    }
    let request = read::<RequestMessage>(b"\x82\xa7subject\xa1s\xaatimeout_ms\x05").expect("the other spelling");
    assert_eq!((request.timeout_ms, request.body.len()), (5, 0));
}

#[test]
fn damaged_bytes_are_refused() {
    for bytes in [
        b"\x80".as_slice(),
        b"\x82\xa7subject\xa1s\xa4body\x05",
        b"\x82\xa7subject\xa1s\xa4body\xdd\xff\xff\xff\xff",
        b"\x82\xa7subject\xa1s\xa4body\x91\xcd\x01\x00",
        b"\x82\xa7subject\xa1s\xa7replyTo\x01",
    ] {
        assert!(read::<Message>(bytes).is_err(), "{bytes:x?}");
    }
}
