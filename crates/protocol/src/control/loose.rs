//! Any value of either encoding, kept so that it can be read again as something definite.

use serde::{
    Deserialize, Deserializer,
    de::{
        IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
};

/// A value in terms of JSON, even where MessagePack holds what JSON cannot: bytes become text, extensions nil.
///
/// [`serde_json::Value`] itself refuses those, and with them the whole list in which one stands. And it gives every map
/// room for eleven entries, which is two hundred times the three bytes that a map may have in a hostile message.
pub(super) enum Loose {
    Nil,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    List(Vec<Loose>),
    Map(Vec<(String, Loose)>),
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

macro_rules! scalars {
    ($($method:ident($kind:ty) = $variant:ident;)*) => {
        $(fn $method<E>(self, value: $kind) -> Result<Loose, E> {
            Ok(Loose::$variant(value.into()))
        })*
    };
}

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    scalars! {
        visit_bool(bool) = Bool;
        visit_i64(i64) = Signed;
        visit_u64(u64) = Unsigned;
        visit_f64(f64) = Float;
        visit_str(&str) = Text;
        visit_string(String) = Text;
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Loose, E> {
        Ok(Loose::Text(String::from_utf8_lossy(bytes).into_owned()))
    }

    fn visit_unit<E>(self) -> Result<Loose, E> {
        Ok(Loose::Nil)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, extension: D) -> Result<Loose, D::Error> {
        extension.deserialize_any(IgnoredAny).map(|_| Loose::Nil)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Loose, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            push(&mut items, item);
        }
        Ok(Loose::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry()? {
            push(&mut entries, (key_text(key), value));
        }
        Ok(Loose::Map(entries))
    }
}

/// Pushes without room for more behind the first, for most lists and maps of a hostile message have one entry.
fn push<T>(list: &mut Vec<T>, item: T) {
    if list.is_empty() {
        list.reserve_exact(1);
    }
    list.push(item);
}

/// The text of a key; no type knows one that is neither text nor a number.
fn key_text(key: Loose) -> String {
    match key {
        Loose::Text(text) => text,
        Loose::Signed(number) => number.to_string(),
        Loose::Unsigned(number) => number.to_string(),
        _ => String::new(),
    }
}

impl<'de> Deserializer<'de> for Loose {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self {
            Loose::Nil => visitor.visit_unit(),
            Loose::Bool(value) => visitor.visit_bool(value),
            Loose::Signed(number) => visitor.visit_i64(number),
            Loose::Unsigned(number) => visitor.visit_u64(number),
            Loose::Float(number) => visitor.visit_f64(number),
            Loose::Text(text) => visitor.visit_string(text),
            Loose::List(items) => {
                let mut list = SeqDeserializer::new(items.into_iter());
                let value = visitor.visit_seq(&mut list)?;
                list.end().map(|()| value)
            }
            Loose::Map(entries) => {
                let mut map = MapDeserializer::new(entries.into_iter());
                let value = visitor.visit_map(&mut map)?;
                map.end().map(|()| value)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self {
            Loose::Nil => visitor.visit_none(),
            some => visitor.visit_some(some),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    /// Reads a variant by its name alone; no enum of the protocol holds anything.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self {
            Loose::Text(name) => visitor.visit_enum(name.into_deserializer()),
            other => other.deserialize_any(visitor),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, serde_json::Error> for Loose {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
