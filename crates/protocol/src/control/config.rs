//! Replies that carry the configuration of an actor or provider.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::lenient::nil_as_default;

/// One value of an entity's configuration; may be a secret, so `Debug` shows its length alone.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigValue {
    /// The value's bytes, written as a list of numbers.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub data: Vec<u8>,
    /// Whether there is such a value.
    #[serde(default)]
    pub found: bool,
}

impl fmt::Debug for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = format_args!("{} bytes", self.data.len());
        f.debug_struct("ConfigValue").field("data", &data).field("found", &self.found).finish()
    }
}

/// All values of an entity's configuration, each written as a list of numbers; `Debug` shows the keys alone.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConfigValues(pub BTreeMap<String, Vec<u8>>);

impl fmt::Debug for ConfigValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
