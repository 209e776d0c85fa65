//! The top-level keys of a body: which spelling they show, and whether a type knows any of them.

use std::ops::ControlFlow;

use serde::{
    Deserializer,
    de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};

use super::{Encoding, MAX_DEPTH, Spelling, spelled::KEYS};
use crate::error::DecodeError;

/// The spelling of the first top-level key that has several words, if there is one.
///
/// Nothing behind that key is read, so a body that is cut short later still tells.
pub(super) fn spelling_of(body: &[u8]) -> Option<Spelling> {
    let mut shown = None;
    // What is wrong with the body is told by whoever reads it.
    let _ = for_each_key(body, |key| {
        shown = spelling(key);
        if shown.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    shown
}

fn spelling(key: &str) -> Option<Spelling> {
    KEYS.iter().find_map(|(snake, camel)| match key {
        key if key == *camel => Some(Spelling::Camel),
        key if key == *snake => Some(Spelling::Snake),
        _ => None,
    })
}

/// Fails when the body of a struct is no map with text keys, or has keys of which none is a field of `T`.
pub(super) fn require_known_key<T: DeserializeOwned>(body: &[u8]) -> Result<(), DecodeError> {
    let fields = fields_of::<T>();
    if fields.is_empty() {
        return Ok(());
    }
    let (mut keys, mut known) = (0, false);
    let read = for_each_key(body, |key| {
        keys += 1;
        known = fields.contains(&key);
        if known { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    match read {
        _ if known => Ok(()),
        Err(NotAMap) => Err(DecodeError::NotAMap),
        Ok(()) if keys == 0 => Ok(()),
        Ok(()) => Err(DecodeError::UnknownKeys { expected: fields.join(", ") }),
    }
}

/// The body is no map with text keys, or could not be read to its end.
struct NotAMap;

/// Shows each key of a map to `visit`, in order, until that breaks.
fn for_each_key(body: &[u8], visit: impl FnMut(&str) -> ControlFlow<()>) -> Result<(), NotAMap> {
    let keys = Keys(visit);
    let read = match Encoding::of(body).ok_or(NotAMap)? {
        Encoding::Json => keys.deserialize(&mut serde_json::Deserializer::from_slice(body)).ok(),
        Encoding::MessagePack => {
            let mut reader = rmp_serde::Deserializer::from_read_ref(body);
            reader.set_max_depth(MAX_DEPTH);
            keys.deserialize(&mut reader).ok()
        }
    };
    read.ok_or(NotAMap)
}

struct Keys<F>(F);

impl<'de, F: FnMut(&str) -> ControlFlow<()>> DeserializeSeed<'de> for Keys<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(&str) -> ControlFlow<()>> Visitor<'de> for Keys<F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a map with text keys")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if (self.0)(&key).is_break() {
                break;
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// The field names, aliases included, that a type asks its deserializer for; none if it is not a struct.
pub(super) fn fields_of<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    let _ = T::deserialize(FieldNames { fields: &mut fields });
    fields
}

/// A deserializer that notes which fields are asked for and then gives up.
struct FieldNames<'a> {
    fields: &'a mut &'static [&'static str],
}

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom("only field names are of interest"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.fields = fields;
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
