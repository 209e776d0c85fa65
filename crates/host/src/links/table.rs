//! The links in memory: by their ids, as the bucket holds them, and by actor, as calls look them up.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use lattice_protocol::{ActorKey, LinkDefinition, LinkName, ProviderKey, error_chain};
use tokio::sync::watch;

use super::shape::from_entry;
use crate::{bucket::Entry, lattice_data::LatticeData};

/// The links by id, and the ids by actor.
#[derive(Debug, Default)]
pub(crate) struct Table {
    links: BTreeMap<String, Standing>,
    actors: HashMap<ActorKey, BTreeMap<String, Arc<LinkDefinition>>>,
    /// Entries that are no links, by the revision about which the log was told.
    bad: HashMap<String, u64>,
}

/// A link as it stands in the bucket.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) link: Arc<LinkDefinition>,
    pub(crate) revision: u64,
}

/// The links of each actor.
pub(crate) type Routes = HashMap<ActorKey, Vec<Arc<LinkDefinition>>>;

/// What an entry changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// There is a link, or it has other values, or goes to another provider.
    Set(Arc<LinkDefinition>),
    /// There is no such link any more.
    Gone(Arc<LinkDefinition>),
}

impl Table {
    /// Takes what the bucket holds under the key of a link.
    pub(crate) fn take(&mut self, id: &str, entry: &Entry) -> Option<Change> {
        let before = self.remove(id);
        let link = entry.value.as_ref().and_then(|value| self.read(id, entry.revision, value));
        if entry.value.is_none() {
            self.bad.remove(id);
        }
        match link {
            Some(link) => {
                let link = Arc::new(link);
                self.insert(id, Standing { link: Arc::clone(&link), revision: entry.revision });
                (before.as_ref() != Some(&link)).then_some(Change::Set(link))
            }
            None => before.map(Change::Gone),
        }
    }

    /// The links as calls look them up.
    pub(crate) fn routes(&self) -> Routes {
        self.actors.iter().map(|(actor, links)| (actor.clone(), links.values().cloned().collect())).collect()
    }

    /// The link in an entry. One that is none is skipped, and told of once.
    fn read(&mut self, id: &str, revision: u64, value: &[u8]) -> Option<LinkDefinition> {
        match from_entry(id, value) {
            Ok(link) => {
                self.bad.remove(id);
                Some(link)
            }
            Err(error) => {
                if self.bad.insert(id.to_owned(), revision) != Some(revision) {
                    let error = error_chain(&error);
                    tracing::warn!(
                        link = id,
                        revision,
                        error,
                        "an entry of the lattice's bucket is no link, it is skipped"
                    );
                }
                None
            }
        }
    }

    fn insert(&mut self, id: &str, standing: Standing) {
        let link = &standing.link;
        self.actors.entry(link.actor_id.clone()).or_default().insert(id.to_owned(), Arc::clone(link));
        self.links.insert(id.to_owned(), standing);
    }

    fn remove(&mut self, id: &str) -> Option<Arc<LinkDefinition>> {
        let link = self.links.remove(id)?.link;
        if let Some(ids) = self.actors.get_mut(&link.actor_id) {
            ids.remove(id);
            if ids.is_empty() {
                self.actors.remove(&link.actor_id);
            }
        }
        Some(link)
    }
}

/// The links of the lattice, as this host knows them; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    data: LatticeData,
}

impl Links {
    pub(crate) fn new(data: LatticeData) -> Self {
        Self { data }
    }

    /// All links.
    pub(crate) fn all(&self) -> Vec<Arc<LinkDefinition>> {
        self.data.lock().links.links.values().map(|standing| Arc::clone(&standing.link)).collect()
    }

    /// The link of this id, as it stands.
    pub(crate) fn standing(&self, id: &str) -> Option<Standing> {
        self.data.lock().links.links.get(id).cloned()
    }

    /// The links that go to a provider under one link name.
    pub(crate) fn of_provider(&self, provider: &ProviderKey, name: &LinkName) -> Vec<Standing> {
        let data = self.data.lock();
        let links = data.links.links.values();
        links.filter(|at| at.link.provider_id == *provider && at.link.link_name == *name).cloned().collect()
    }

    /// The link by which an actor's calls of a contract go under a link name.
    pub(crate) fn route(&self, actor: &ActorKey, contract: &str, name: &str) -> Option<Arc<LinkDefinition>> {
        let routes = self.routes();
        let mut links = routes.get(actor)?.iter();
        links.find(|link| link.contract_id.as_str() == contract && link.link_name.as_str() == name).cloned()
    }

    /// Hears when links have changed, or have been put again as they were.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<Routes>> {
        self.data.routes().subscribe()
    }

    /// The links as calls look them up; a pointer is copied.
    fn routes(&self) -> Arc<Routes> {
        Arc::clone(&self.data.routes().borrow())
    }

    /// The links of one actor.
    #[cfg(test)]
    pub(crate) fn of_actor(&self, actor: &ActorKey) -> Vec<Arc<LinkDefinition>> {
        self.data.lock().links.actors.get(actor).map(|ids| ids.values().cloned().collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{
        super::shape::{
            entry_key,
            tests::{ACTOR, link},
            to_entry,
        },
        *,
    };

    /// A table, and the entries that come one after the other.
    #[derive(Default)]
    struct Bucket {
        table: Table,
        revision: u64,
    }

    impl Bucket {
        fn take(&mut self, id: &str, value: Option<Bytes>) -> Option<Change> {
            self.revision += 1;
            let entry = Entry { key: entry_key(id), revision: self.revision, value, writer: None, operation: None };
            self.table.take(id, &entry)
        }

        fn put(&mut self, link: &LinkDefinition) -> Option<Change> {
            self.take(&link.id(), Some(to_entry(link)))
        }

        fn known(&self) -> usize {
            let by_actor: usize = self.table.actors.values().map(BTreeMap::len).sum();
            assert_eq!(by_actor, self.table.links.len());
            by_actor
        }
    }

    #[test]
    fn changes_are_told_and_repetitions_are_not() {
        let mut bucket = Bucket::default();
        let (plain, with_url) = (link("default", &[]), link("default", &[("URL", "x")]));
        assert_eq!(bucket.put(&plain), Some(Change::Set(plain.clone().into())));
        assert_eq!(bucket.put(&plain), None);
        assert_eq!(bucket.put(&with_url), Some(Change::Set(with_url.clone().into())));
        assert_eq!(bucket.known(), 1);
        assert_eq!(bucket.take(&plain.id(), None), Some(Change::Gone(with_url.into())));
        assert_eq!(bucket.take(&plain.id(), None), None);
        assert_eq!((bucket.known(), bucket.table.actors.len()), (0, 0));
    }

    #[test]
    fn a_link_that_is_written_again_stands_at_the_later_revision() {
        let mut bucket = Bucket::default();
        let link = link("default", &[]);
        bucket.put(&link);
        bucket.put(&link);
        let standing = bucket.table.links.get(&link.id()).expect("it stands");
        assert_eq!((&*standing.link, standing.revision), (&link, 2));
    }

    #[test]
    fn garbage_takes_the_place_of_a_link_and_is_told_of_once() {
        let mut bucket = Bucket::default();
        let link = link("default", &[]);
        let id = link.id();
        bucket.put(&link);
        let garbage = Some("no JSON".into());
        assert_eq!(bucket.take(&id, garbage.clone()), Some(Change::Gone(link.clone().into())));
        assert_eq!(bucket.table.bad.get(&id), Some(&bucket.revision));
        assert_eq!(bucket.take(&id, garbage), None);
        assert_eq!(bucket.put(&link), Some(Change::Set(link.into())));
        assert!(bucket.table.bad.is_empty());
    }

    #[test]
    fn an_actor_has_its_own_links() {
        let mut bucket = Bucket::default();
        let (one, two) = (link("one", &[]), link("two", &[]));
        let mut elsewhere = link("one", &[]);
        elsewhere.actor_id = "MDJ5BWS6JXSWOZL2ZENW2D4FBSHQ5ZMFGEGJB33TLKYKMXTLLAXINU36".parse().expect("published");
        for link in [&one, &two, &elsewhere] {
            bucket.put(link);
        }
        let data = LatticeData::default();
        data.lock().links = bucket.table;
        let links = Links::new(data);
        assert_eq!(links.all().len(), 3);
        let actor: ActorKey = ACTOR.parse().expect("published");
        let mut names: Vec<_> = links.of_actor(&actor).iter().map(|link| link.link_name.to_string()).collect();
        names.sort();
        assert_eq!(names, ["one", "two"]);
        assert!(links.of_actor(&elsewhere.actor_id).iter().all(|link| **link == elsewhere));
    }
}
