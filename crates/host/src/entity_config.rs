//! Configuration values of actors and providers: kept in a bucket that hosts of wasmCloud 0.82 share, and read from its copy
//! in memory, once that shows what has been written.
//!
//! Keys stand in the bucket as `{entity}_{key}`, values as they were sent. Both may hold anything; values may be secrets and
//! are never logged.

mod change;
mod table;

use std::sync::{Arc, Mutex, MutexGuard};

use async_nats::jetstream;
use lattice_protocol::{ConfigValue, ConfigValues, EntityKey, HostKey, LatticeName};

pub(crate) use change::{BadKey, ConfigEdit, ConfigEditor};

use crate::{
    bucket::{Bucket, BucketError, Entry, Follower, View},
    error::StartError,
    events::Events,
};
use table::Table;

/// The configuration values of the lattice, as this host knows them; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct EntityConfig {
    bucket: Bucket,
    values: Values,
}

/// The copy in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    table: Arc<Mutex<Table>>,
}

impl EntityConfig {
    /// Opens the lattice's bucket, or makes it, and reads what it holds.
    pub(crate) async fn open(
        jetstream: &jetstream::Context,
        lattice: &LatticeName,
        host: HostKey,
    ) -> Result<(Self, Follower<Values>), StartError> {
        let name = format!("CONFIGDATA_{lattice}");
        let values = Values::default();
        let opened = async {
            let bucket = Bucket::open(jetstream, &name, host).await?;
            let follower = Follower::open(bucket.clone(), values.clone()).await?;
            Ok((Self { bucket, values }, follower))
        };
        opened.await.map_err(|source| StartError::Bucket { bucket: name.clone(), source })
    }

    /// Who changes them, telling the lattice of it.
    pub(crate) fn editor(&self, events: Events) -> ConfigEditor {
        ConfigEditor::new(self.bucket.clone(), self.values.clone(), events)
    }

    /// One value, as new as the bucket.
    pub(crate) async fn value(&self, entity: &EntityKey, key: &str) -> Result<ConfigValue, BucketError> {
        self.bucket.all_shown().await?;
        let value = self.values.lock().value(entity, key);
        Ok(ConfigValue { found: value.is_some(), data: value.map(Vec::from).unwrap_or_default() })
    }

    /// All values of an entity, as new as the bucket.
    pub(crate) async fn values(&self, entity: &EntityKey) -> Result<ConfigValues, BucketError> {
        self.bucket.all_shown().await?;
        let values = self.values.lock().values(entity);
        Ok(ConfigValues(values.into_iter().map(|(key, value)| (key, value.into())).collect()))
    }
}

impl Values {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("nothing panics while it holds the values")
    }
}

impl View for Values {
    fn show(&mut self, changes: Vec<Entry>) {
        let mut table = self.lock();
        changes.into_iter().for_each(|entry| table.take(entry));
    }
}
