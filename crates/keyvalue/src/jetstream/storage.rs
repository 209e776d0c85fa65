//! A [`Bucket`] as a [`Storage`].

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    Bucket,
    value::{self, After},
};
use crate::{defaults::READS_AT_ONCE, error::Trouble, storage::Storage};

impl Storage for Bucket {
    async fn get(&self, key: &str) -> Result<Option<String>, Trouble> {
        value::text(self.value(key).await?)
    }

    async fn set(&self, key: &str, text: &str, expires: u32) -> Result<(), Trouble> {
        let over = (expires > 0).then(|| SystemTime::now() + Duration::from_secs(expires.into()));
        self.put(key, text, over).await
    }

    async fn contains(&self, key: &str) -> Result<bool, Trouble> {
        Ok(self.value(key).await?.is_some())
    }

    async fn remove(&self, key: &str) -> Result<bool, Trouble> {
        let removed = |found: Option<_>| if found.is_some() { (After::Gone, true) } else { (After::Same, false) };
        self.change(key, |found| Ok(removed(found))).await
    }

    async fn increment(&self, key: &str, by: i32) -> Result<i32, Trouble> {
        self.change(key, |found| value::increment(found, by)).await
    }

    async fn list_add(&self, key: &str, item: &str) -> Result<u32, Trouble> {
        self.change(key, |found| value::push(found, item)).await
    }

    async fn list_remove(&self, key: &str, item: &str) -> Result<bool, Trouble> {
        self.change(key, |found| value::remove_item(found, item)).await
    }

    async fn list_range(&self, key: &str, start: i32, stop: i32) -> Result<Vec<String>, Trouble> {
        Ok(value::range(value::list(self.value(key).await?)?, start, stop))
    }

    async fn set_add(&self, key: &str, member: &str) -> Result<u32, Trouble> {
        self.change(key, |found| value::insert(found, member)).await
    }

    async fn set_remove(&self, key: &str, member: &str) -> Result<u32, Trouble> {
        self.change(key, |found| value::remove_member(found, member)).await
    }

    async fn members(&self, key: &str) -> Result<Vec<String>, Trouble> {
        Ok(self.set_at(key).await?.into_iter().collect())
    }

    async fn union(&self, keys: &[String]) -> Result<Vec<String>, Trouble> {
        let sets = self.sets(keys).await?;
        let all: BTreeSet<String> = sets.into_iter().flatten().collect();
        Ok(all.into_iter().collect())
    }

    async fn intersection(&self, keys: &[String]) -> Result<Vec<String>, Trouble> {
        let common = self.sets(keys).await?.into_iter().reduce(|one, other| &one & &other);
        Ok(common.unwrap_or_default().into_iter().collect())
    }
}

impl Bucket {
    async fn set_at(&self, key: &str) -> Result<BTreeSet<String>, Trouble> {
        value::set(self.value(key).await?)
    }

    async fn sets(&self, keys: &[String]) -> Result<Vec<BTreeSet<String>>, Trouble> {
        // Named first: a stream of borrowing futures is not provably `Send`.
        let reads: Vec<_> = keys.iter().map(|key| self.set_at(key)).collect();
        stream::iter(reads).buffered(READS_AT_ONCE).try_collect().await
    }
}
