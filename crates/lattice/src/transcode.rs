//! Between JSON, as people write it, and MessagePack, as actors read it.
//!
//! MessagePack holds more than JSON: bytes become base64 text, keys that are no text become their JSON text, numbers that
//! JSON cannot write become text, and extensions become `{"type": ..., "data": base64}`.

use data_encoding::BASE64;
use rmpv::{Utf8String, Value};
use serde_json::{Map, Number};

/// How deep values may be nested: the limit of the JSON reader, which keeps the stack.
const DEEPEST: usize = 128;

/// Why bytes are not shown as JSON.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum TranscodeError {
    /// Not MessagePack, or nested too deeply.
    #[error("the bytes are not MessagePack")]
    Malformed(#[source] rmpv::decode::Error),
    /// A value, and something behind it.
    #[error("{0} bytes follow the MessagePack value")]
    Trailing(usize),
}

/// The MessagePack of a JSON value.
pub(crate) fn to_message_pack(json: &serde_json::Value) -> Vec<u8> {
    rmp_serde::to_vec_named(json).expect("every JSON value has a MessagePack form and memory takes it")
}

/// The JSON of a MessagePack value; `null` for no bytes at all.
///
/// # Errors
/// The bytes are not one MessagePack value.
pub(crate) fn to_json(mut bytes: &[u8]) -> Result<serde_json::Value, TranscodeError> {
    if bytes.is_empty() {
        return Ok(serde_json::Value::Null);
    }
    let value = rmpv::decode::read_value_with_max_depth(&mut bytes, DEEPEST).map_err(TranscodeError::Malformed)?;
    match bytes.len() {
        0 => Ok(json(value)),
        more => Err(TranscodeError::Trailing(more)),
    }
}

fn json(value: Value) -> serde_json::Value {
    match value {
        Value::Nil => serde_json::Value::Null,
        Value::Boolean(truth) => truth.into(),
        Value::Integer(number) => integer(number),
        Value::F32(number) => float(number.into()),
        Value::F64(number) => float(number),
        Value::String(text) => string(text).into(),
        Value::Binary(bytes) => BASE64.encode(&bytes).into(),
        Value::Array(items) => items.into_iter().map(json).collect(),
        Value::Map(entries) => {
            entries.into_iter().map(|(key, value)| (key_text(key), json(value))).collect::<Map<_, _>>().into()
        }
        Value::Ext(kind, data) => serde_json::json!({ "type": kind, "data": BASE64.encode(&data) }),
    }
}

fn integer(number: rmpv::Integer) -> serde_json::Value {
    match (number.as_u64(), number.as_i64()) {
        (Some(number), _) => number.into(),
        (None, Some(number)) => number.into(),
        (None, None) => serde_json::Value::Null,
    }
}

fn float(number: f64) -> serde_json::Value {
    Number::from_f64(number).map_or_else(|| number.to_string().into(), Into::into)
}

fn string(text: Utf8String) -> String {
    match text.as_str() {
        Some(text) => text.to_owned(),
        None => BASE64.encode(text.as_bytes()),
    }
}

fn key_text(key: Value) -> String {
    match json(key) {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(bytes: &[u8], expect: serde_json::Value) {
        assert_eq!(to_json(bytes).expect("it is MessagePack"), expect);
    }

    #[test]
    fn json_comes_back_as_it_went() {
        for value in [json!(null), json!({"name": "Ada", "n": [1, -1, 1.5, true, "é"], "m": {}}), json!("x"), json!([])]
        {
            check(&to_message_pack(&value), value);
        }
    }

    #[test]
    fn maps_have_text_keys() {
        assert_eq!(to_message_pack(&json!({"a": 1})), b"\x81\xa1a\x01");
    }

    #[test]
    fn what_json_has_not_becomes_text() {
        check(b"", json!(null));
        check(b"\xc4\x02\x00\xff", json!("AP8="));
        check(b"\x81\x07\xc3", json!({"7": true}));
        check(b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", json!("inf"));
        check(b"\xa1\xff", json!("/w=="));
        check(b"\xd4\x05\x01", json!({"type": 5, "data": "AQ=="}));
        check(b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", json!(u64::MAX));
        check(b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", json!(i64::MIN));
    }

    #[test]
    fn what_is_no_message_pack_is_an_error() {
        assert!(matches!(to_json(b"\x92\x01"), Err(TranscodeError::Malformed(_))));
        assert!(matches!(to_json(b"\x01\x02\x03"), Err(TranscodeError::Trailing(2))));
        assert!(to_json(&[0x91; 1 << 20]).is_err());
    }
}
