//! Reading the byte strings of other implementations.
//!
//! Source: wasmcloud-otp 0.63 `actor_module.ex`, `actor_rpc_server.ex`: its answers hold bytes as MessagePack text,
//! valid UTF-8 or not, and once as an array.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{Error, SeqAccess, Visitor},
};

/// An array's announced length is believed up to here; the rest must come first.
const MAX_RESERVED: usize = 4096;

/// Reads bytes from binary, text of any kind, an array of small integers, or nil. They are borrowed where that is possible.
///
/// For `#[serde(borrow, default, deserialize_with = "lenient_bytes")]`.
///
/// # Errors
/// What stands there is something else.
pub fn lenient_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, [u8]>, D::Error> {
    deserializer.deserialize_any(Bytes)
}

struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = Cow<'de, [u8]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(bytes))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(bytes.to_vec()))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text.as_bytes()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        self.visit_bytes(text.as_bytes())
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Cow::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut bytes = Vec::with_capacity(items.size_hint().unwrap_or_default().min(MAX_RESERVED));
        while let Some(byte) = items.next_element()? {
            bytes.push(byte);
        }
        Ok(Cow::Owned(bytes))
    }
}
