//! Lists that keep their good items when some are bad.

use std::marker::PhantomData;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, SeqAccess, Visitor},
};

use super::loose::Loose;
use crate::redaction::{redacted, without_seeds};

/// Faults that are told one by one: enough to see a pattern, and a hostile list cannot fill the memory with them.
const MAX_FAULTS: usize = 100;

/// A list that keeps its good items when some are bad.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Items<T> {
    /// The items that could be read, in order.
    pub good: Vec<T>,
    /// What was wrong with each of the others; of very many, the first and a remark.
    pub bad: Vec<String>,
}

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self { good: Vec::new(), bad: Vec::new() }
    }
}

impl<T> From<Vec<T>> for Items<T> {
    fn from(good: Vec<T>) -> Self {
        Self { good, bad: Vec::new() }
    }
}

impl<T> FromIterator<T> for Items<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Vec::from_iter(items).into()
    }
}

impl<T> IntoIterator for Items<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.good.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Items<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.good.iter()
    }
}

impl<T> std::ops::Deref for Items<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.good
    }
}

impl<T: Serialize> Serialize for Items<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.good.serialize(serializer)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemsVisitor(PhantomData))
    }
}

impl<T: DeserializeOwned> Items<T> {
    fn add(&mut self, index: usize, value: Loose) {
        match serde_path_to_error::deserialize(value) {
            Ok(item) => self.good.push(item),
            Err(error) => self.fault(index, error),
        }
    }

    fn fault(&mut self, index: usize, error: serde_path_to_error::Error<serde_json::Error>) {
        match self.bad.len() {
            ..MAX_FAULTS => {
                let path = without_seeds(&error.path().to_string());
                self.bad.push(format!("item {index} at `{path}`: {}", redacted(error.into_inner())));
            }
            MAX_FAULTS => self.bad.push(format!("items after {index} are not all readable either")),
            _ => {}
        }
    }
}

struct ItemsVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for ItemsVisitor<T> {
    type Value = Items<T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list or nil")
    }

    fn visit_unit<E>(self) -> Result<Items<T>, E> {
        Ok(Items::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Items<T>, A::Error> {
        let mut items = Items::default();
        let mut index = 0;
        while let Some(value) = list.next_element()? {
            items.add(index, value);
            index += 1;
        }
        Ok(items)
    }
}
