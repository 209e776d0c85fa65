//! How many instances: a whole number from 0 to 65,535.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Visitor};

/// A number of instances, 0 to 65,535.
///
/// What 0 means depends on the command. `null`, by which some published clients mean "without bound", is the largest
/// count; it is never 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Count(u16);

impl Count {
    /// The largest count.
    pub const MAX: Count = Count(u16::MAX);

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }

    /// Whether the count is 0.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference whether to skip a field")]
    pub fn is_zero(&self) -> bool {
        self.0 == 0
    }
}

impl From<u16> for Count {
    fn from(count: u16) -> Self {
        Self(count)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is no count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a count is a whole number from 0 to 65535, not `{text}`")]
pub struct CountError {
    text: String,
}

impl FromStr for Count {
    type Err = CountError;

    fn from_str(text: &str) -> Result<Self, CountError> {
        text.parse().map(Self).map_err(|_| CountError { text: text.to_owned() })
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor)
    }
}

/// Reads what others report: nil and what is beyond 16 bits as no bound, a negative number as 0.
pub(crate) fn clamped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Count, D::Error> {
    let number = Option::<i128>::deserialize(deserializer)?;
    Ok(number.map_or(Count::MAX, |number| u16::try_from(number.max(0)).map_or(Count::MAX, Count)))
}

struct CountVisitor;

impl<'de> Visitor<'de> for CountVisitor {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from 0 to 65535 or null")
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Count, E> {
        let count = u16::try_from(number);
        count.map(Count).map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Count, E> {
        let count = u16::try_from(number);
        count.map(Count).map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(number), &self))
    }

    fn visit_unit<E>(self) -> Result<Count, E> {
        Ok(Count::MAX)
    }

    fn visit_none<E>(self) -> Result<Count, E> {
        Ok(Count::MAX)
    }
}
