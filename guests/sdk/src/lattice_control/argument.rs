//! How arguments are written: as maps whose keys stand in the order of the contract, without what is absent.

use crate::msgpack::Value;

/// Names and values, in the order in which they are written.
pub type Pairs<'a> = &'a [(&'a str, &'a str)];

/// Defines an argument: each field with what it is by default, and with the function that writes it under which key.
macro_rules! argument {
    (
        $(#[$about:meta])*
        $name:ident {
            $($(#[$about_field:meta])* $field:ident: $type:ty = $default:expr => $write:ident($key:literal),)+
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $name<'a> {
            $($(#[$about_field])* pub $field: $type,)+
        }

        impl Default for $name<'_> {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl<'a> $name<'a> {
            pub(super) fn value(&self) -> Value<'a> {
                let entries = vec![$(($key, $write(self.$field)),)+];
                $crate::lattice_control::argument::present(entries)
            }
        }
    };
}
pub(super) use argument;

/// The map of those entries that have a value.
pub(super) fn present<'a>(entries: Vec<(&'a str, Option<Value<'a>>)>) -> Value<'a> {
    Value::Map(entries.into_iter().filter_map(|(key, value)| Some((Value::Str(key), value?))).collect())
}

pub(super) fn text(text: &str) -> Option<Value<'_>> {
    Some(Value::Str(text))
}

pub(super) fn text_if_any(text: Option<&str>) -> Option<Value<'_>> {
    text.map(Value::Str)
}

pub(super) fn number<'a>(number: u16) -> Option<Value<'a>> {
    Some(Value::Uint(number.into()))
}

pub(super) fn number_if_any<'a>(number: Option<u64>) -> Option<Value<'a>> {
    number.map(Value::Uint)
}

pub(super) fn pairs(pairs: Pairs<'_>) -> Option<Value<'_>> {
    Some(Value::Map(pairs.iter().map(|(name, value)| (Value::Str(name), Value::Str(value))).collect()))
}

pub(super) fn pairs_if_any(list: Pairs<'_>) -> Option<Value<'_>> {
    pairs(list).filter(|_| !list.is_empty())
}
