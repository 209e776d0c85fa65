//! The arguments and results of operations, as bytes.
//!
//! Source: wasmbus-rpc 0.15 `common.rs`: MessagePack, structs as maps with text keys. A first byte 0xc1 or 0x7f says
//! MessagePack or CBOR; results without a value are no bytes from some programs and nil from others.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{defaults::MAX_DEPTH, error::PayloadError};

const MESSAGE_PACK_FOLLOWS: u8 = 0xc1;
const CBOR_FOLLOWS: u8 = 0x7f;
const NIL: &[u8] = &[0xc0];

/// Reads the argument of an operation, or an actor's result. No bytes at all are read as nil.
///
/// # Errors
/// [`PayloadError`]; with `?` a handler gives it to the caller.
pub fn decode<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, PayloadError> {
    let bytes = match payload {
        [] => NIL,
        [CBOR_FOLLOWS, _, ..] => return Err(PayloadError::Cbor),
        [MESSAGE_PACK_FOLLOWS, rest @ ..] => rest,
        plain => plain,
    };
    let mut reader = rmp_serde::Deserializer::from_read_ref(bytes);
    reader.set_max_depth(MAX_DEPTH);
    T::deserialize(&mut reader).map_err(|source| PayloadError::MessagePack { source })
}

/// The bytes of a result, or of an actor's argument.
///
/// # Panics
/// If `value` does not serialize, which no plain type does.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Bytes {
    rmp_serde::to_vec_named(value).expect("plain values serialize, and memory is written").into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn values_are_read_as_published_programs_write_them() {
        assert_eq!(decode::<&str>(b"\xa7counter").expect("a text"), "counter");
        assert_eq!(decode::<&str>(b"\xc1\xa7counter").expect("a text behind its prefix"), "counter");
        assert_eq!(decode::<u8>(b"\x7f").expect("a number that looks like a prefix"), 127);
        for unit in [b"".as_slice(), b"\xc0"] {
            decode::<()>(unit).expect("nothing");
            assert_eq!(decode::<Option<u8>>(unit).expect("nothing"), None);
        }
        assert_eq!(encode(&BTreeMap::from([("a", 1)])), b"\x81\xa1a\x01".as_slice());
    }

    #[test]
    fn what_is_something_else_is_refused() {
        assert!(matches!(decode::<&str>(b"\x7f\x61x"), Err(PayloadError::Cbor)));
        assert!(matches!(decode::<&str>(b"\x01"), Err(PayloadError::MessagePack { .. })));
        assert!(decode::<serde::de::IgnoredAny>(&[0x91; 10_000]).is_err(), "nested without end");
    }
}
