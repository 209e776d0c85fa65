//! Maps of text to text: annotations, labels, constraints, link values.

use std::{
    collections::{BTreeMap, btree_map},
    fmt,
};

use serde::{Deserialize, Serialize};

macro_rules! text_map {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(BTreeMap<String, String>);

        impl $name {
            /// An empty map.
            pub fn new() -> Self {
                Self::default()
            }

            /// Whether there is no entry.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }

            /// How many entries there are.
            pub fn len(&self) -> usize {
                self.0.len()
            }

            /// The value of a key.
            pub fn get(&self, key: &str) -> Option<&str> {
                self.0.get(key).map(String::as_str)
            }

            /// Sets a value and returns the one it replaces.
            pub fn insert(&mut self, key: impl Into<String>, value: impl Into<String>) -> Option<String> {
                self.0.insert(key.into(), value.into())
            }

            /// Removes a key and returns its value.
            pub fn remove(&mut self, key: &str) -> Option<String> {
                self.0.remove(key)
            }

            /// The entries in the order of their keys.
            pub fn iter(&self) -> btree_map::Iter<'_, String, String> {
                self.0.iter()
            }

            /// Whether every entry of `part` is here too; always so for an empty `part`.
            pub fn contains(&self, part: &Self) -> bool {
                part.iter().all(|(key, value)| self.0.get(key) == Some(value))
            }

            /// Bytes of all keys and values.
            pub fn size(&self) -> usize {
                self.iter().map(|(key, value)| key.len() + value.len()).sum()
            }
        }

        impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for $name {
            fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
                Self(entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
            }
        }

        impl IntoIterator for $name {
            type Item = (String, String);
            type IntoIter = btree_map::IntoIter<String, String>;

            fn into_iter(self) -> Self::IntoIter {
                self.0.into_iter()
            }
        }

        impl<'a> IntoIterator for &'a $name {
            type Item = (&'a String, &'a String);
            type IntoIter = btree_map::Iter<'a, String, String>;

            fn into_iter(self) -> Self::IntoIter {
                self.0.iter()
            }
        }
    };
}

text_map!(
    /// What somebody noted on running instances; instances with different annotations are kept apart.
    #[derive(Debug)]
    Annotations
);
text_map!(
    /// What a host says of itself, its architecture for instance.
    #[derive(Debug)]
    Labels
);
text_map!(
    /// Labels that a host must have to be chosen.
    #[derive(Debug)]
    Constraints
);
text_map!(
    /// The settings of a link, meant for the provider; may hold secrets, so `Debug` shows the keys alone.
    LinkValues
);

impl fmt::Debug for LinkValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
