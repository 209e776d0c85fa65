//! Reading what other implementations send: nil or empty text for nothing, and numbers of another range.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use super::Items;

/// Reads nil as the default of the type.
pub(crate) fn nil_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads the items of a list that can be read, and nil as none: for lists that only tell more about something.
pub(crate) fn good_items<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    Items::deserialize(deserializer).map(|items| items.good)
}

/// Reads nil and the empty string as nothing.
pub(crate) fn empty_as_none<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<String>,
    T::Error: std::fmt::Display,
{
    match Option::<String>::deserialize(deserializer)? {
        Some(text) if !text.is_empty() => T::try_from(text).map(Some).map_err(serde::de::Error::custom),
        _ => Ok(None),
    }
}
