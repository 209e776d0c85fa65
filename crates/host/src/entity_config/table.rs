//! The values in memory, by entity and key.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use bytes::Bytes;
use lattice_protocol::EntityKey;

use crate::bucket::Entry;

/// The values by entity and key; `Debug` shows the entities alone.
#[derive(Default)]
pub(super) struct Table {
    entities: HashMap<String, BTreeMap<String, Bytes>>,
}

impl Table {
    pub(super) fn value(&self, entity: &EntityKey, key: &str) -> Option<Bytes> {
        self.entities.get(entity.as_str())?.get(key).cloned()
    }

    pub(super) fn values(&self, entity: &EntityKey) -> BTreeMap<String, Bytes> {
        self.entities.get(entity.as_str()).cloned().unwrap_or_default()
    }

    /// Takes what the bucket holds under a key.
    pub(super) fn take(&mut self, entry: Entry) {
        let Some((entity, key)) = entry.key.split_once(SEPARATOR) else { return };
        match entry.value {
            Some(value) => drop(self.entities.entry(entity.to_owned()).or_default().insert(key.to_owned(), value)),
            None => self.remove(entity, key),
        }
    }

    fn remove(&mut self, entity: &str, key: &str) {
        if let Some(values) = self.entities.get_mut(entity) {
            values.remove(key);
            if values.is_empty() {
                self.entities.remove(entity);
            }
        }
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.entities.keys()).finish()
    }
}

/// What stands between entity and key; no key of an entity holds it.
const SEPARATOR: char = '_';

/// The bucket's key for a value.
pub(super) fn entry_key(entity: &EntityKey, key: &str) -> String {
    format!("{entity}{SEPARATOR}{key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTOR: &str = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";

    fn entry(key: &str, value: Option<&str>) -> Entry {
        let key = format!("{ACTOR}_{key}");
        Entry { key, revision: 1, value: value.map(|text| text.to_owned().into()), writer: None, operation: None }
    }

    #[test]
    fn values_come_and_go() {
        let actor: EntityKey = ACTOR.parse().expect("a published key");
        let mut table = Table::default();
        for key in ["a", "a.b", "a_b"] {
            assert_eq!(entry_key(&actor, key), entry(key, None).key);
            table.take(entry(key, Some(key)));
        }
        table.take(Entry { key: "no entity".to_owned(), ..entry("", Some("x")) });
        table.take(entry("empty", Some("")));
        assert_eq!(table.values(&actor).into_keys().collect::<Vec<_>>(), ["a", "a.b", "a_b", "empty"]);
        assert_eq!(table.value(&actor, "a_b").as_deref(), Some(b"a_b".as_slice()));
        assert_eq!(table.value(&actor, "empty").as_deref(), Some(b"".as_slice()));
        for key in ["a", "a.b", "a_b", "empty", "never"] {
            table.take(entry(key, None));
        }
        assert_eq!(table.value(&actor, "a"), None);
        assert!(table.entities.is_empty());
    }

    #[test]
    fn debug_keeps_the_values_to_itself() {
        let mut table = Table::default();
        table.take(entry("key", Some("secret")));
        assert!(!format!("{table:?}").contains("secret"));
    }
}
