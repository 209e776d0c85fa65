//! MessagePack, as far as actors need it: one [`Value`] type, decoded from bytes and encoded to them.
//!
//! Decoding takes any bytes and never panics; it is bounded by [`MAX_DEPTH`] and [`MAX_VALUES`], and borrows strings and
//! binaries from its input. Encoding is exact: what a [`Value`] holds can only be written well-formed, in the shortest form.

mod decode;
mod encode;

pub use decode::{argument, decode, DecodeError, Problem, MAX_DEPTH, MAX_VALUES};

/// Any MessagePack value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    Nil,
    /// True or false.
    Bool(bool),
    /// A whole number from 0; decoding gives this whatever the width or sign of the encoding.
    Uint(u64),
    /// A whole number; decoding gives this for negative ones.
    Int(i64),
    /// A floating point number; single precision ones are widened.
    Float(f64),
    /// Text.
    Str(&'a str),
    /// Bytes.
    Bin(&'a [u8]),
    /// Values in order.
    Array(Vec<Value<'a>>),
    /// Keys and values in the order they are written in.
    Map(Vec<(Value<'a>, Value<'a>)>),
    /// An application's own type: its number and bytes.
    Ext(i8, &'a [u8]),
}

impl<'a> Value<'a> {
    /// Makes a map with string keys.
    pub fn map<const N: usize>(entries: [(&'a str, Value<'a>); N]) -> Self {
        let entries = IntoIterator::into_iter(entries);
        Self::Map(entries.map(|(key, value)| (Self::Str(key), value)).collect())
    }

    /// What stands under a string key of a map; none if this is no map, the key is not there, or nil stands there.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let entries = self.as_map()?;
        let (_, value) = entries.iter().find(|(name, _)| name.as_str() == Some(key))?;
        Some(value).filter(|value| !matches!(value, Self::Nil))
    }

    /// The text, if this is text.
    pub fn as_str(&self) -> Option<&'a str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes of a binary or of a text: some writers know no difference.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Bin(bytes) => Some(bytes),
            Self::Str(text) => Some(text.as_bytes()),
            _ => None,
        }
    }

    /// The whole number, if this is one from 0.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Uint(number) => Some(*number),
            _ => None,
        }
    }

    /// The whole number, if this is one that fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Uint(number) => i64::try_from(*number).ok(),
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether it is true, if this is a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The elements, if this is an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The entries, if this is a map.
    pub fn as_map(&self) -> Option<&[(Self, Self)]> {
        match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// What this is, for error texts: `a map`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "a boolean",
            Self::Uint(_) | Self::Int(_) => "a whole number",
            Self::Float(_) => "a floating point number",
            Self::Str(_) => "a string",
            Self::Bin(_) => "a binary",
            Self::Array(_) => "an array",
            Self::Map(_) => "a map",
            Self::Ext(..) => "an extension",
        }
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Uint(number)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Uint(number.into())
    }
}

impl From<i32> for Value<'_> {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Str(text)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bin(bytes)
    }
}

#[cfg(test)]
mod tests;
