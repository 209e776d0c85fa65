//! Replies that carry the configuration of an actor or provider.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One value of an entity's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigValue {
    /// The value's bytes, written as a list of numbers.
    #[serde(default)]
    pub data: Vec<u8>,
    /// Whether there is such a value.
    #[serde(default)]
    pub found: bool,
}

/// All values of an entity's configuration, each written as a list of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConfigValues(pub BTreeMap<String, Vec<u8>>);
