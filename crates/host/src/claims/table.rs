//! Claims by their subject, and the actors among them by call alias, for calls look them up by it.

use std::collections::{BTreeMap, BTreeSet};

use lattice_protocol::{ActorKey, CallAlias};

use super::shape::Known;
use crate::bucket::Entry;

/// Claims by their subject.
#[derive(Debug, Default)]
pub(crate) struct Table {
    entries: BTreeMap<String, Known>,
    aliases: BTreeMap<CallAlias, BTreeSet<ActorKey>>,
}

impl Table {
    pub(crate) fn get(&self, subject: &str) -> Option<&Known> {
        self.entries.get(subject)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Known> {
        self.entries.values()
    }

    /// The actor that claims an alias; the smallest key if several do.
    pub(crate) fn aliased(&self, alias: &CallAlias) -> Option<ActorKey> {
        self.aliases.get(alias)?.first().cloned()
    }

    /// Takes what the bucket holds under the key of an entity's claims.
    pub(crate) fn take(&mut self, subject: &str, entry: &Entry) {
        match entry.value.as_ref().map(|value| Known::from_entry(value)) {
            Some(Ok(known)) => self.insert(subject.to_owned(), known),
            None => self.remove(subject),
            Some(Err(error)) => {
                tracing::warn!(key = entry.key, %error, "claims in the lattice's bucket are unreadable, they are skipped");
                self.remove(subject);
            }
        }
    }

    fn insert(&mut self, subject: String, known: Known) {
        self.remove(&subject);
        if let (Some(alias), Some(actor)) = (known.call_alias(), known.actor()) {
            self.aliases.entry(alias).or_default().insert(actor);
        }
        self.entries.insert(subject, known);
    }

    fn remove(&mut self, subject: &str) {
        let Some(known) = self.entries.remove(subject) else { return };
        let (Some(alias), Some(actor)) = (known.call_alias(), known.actor()) else { return };
        if let Some(actors) = self.aliases.get_mut(&alias) {
            actors.remove(&actor);
            if actors.is_empty() {
                self.aliases.remove(&alias);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";
    const OTHER: &str = "MDJ5BWS6JXSWOZL2ZENW2D4FBSHQ5ZMFGEGJB33TLKYKMXTLLAXINU36";

    fn known(subject: &str, alias: &str) -> Known {
        let entry = serde_json::json!({"sub": subject, "call_alias": alias});
        Known::from_entry(entry.to_string().as_bytes()).expect("a map")
    }

    #[test]
    fn aliases_follow_the_claims() {
        let mut table = Table::default();
        let alias: CallAlias = "acme/greeter".parse().expect("an alias");
        let found = |table: &Table| table.aliased(&alias).map(|actor| actor.to_string());
        table.insert(ONE.to_owned(), known(ONE, "acme/greeter"));
        assert_eq!(found(&table).as_deref(), Some(ONE));
        table.insert(OTHER.to_owned(), known(OTHER, "acme/greeter"));
        assert_eq!(found(&table).as_deref(), Some(OTHER));
        table.insert(OTHER.to_owned(), known(OTHER, "acme/other"));
        assert_eq!(found(&table).as_deref(), Some(ONE));
        table.remove(ONE);
        assert_eq!(found(&table), None);
        assert_eq!(table.iter().count(), 1);
        assert_eq!(table.aliases.len(), 1);
    }
}
