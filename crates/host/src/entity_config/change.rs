//! Changing configuration values: the last write wins, as hosts of wasmCloud 0.82 have it.

use bytes::Bytes;
use lattice_protocol::{
    Ack, EntityKey, OperationId, RefusalCode, error_chain,
    event::{ConfigChange, EventData},
};
use tokio::time::timeout;

use super::{Values, table::entry_key};
use crate::{
    bucket::{Bucket, BucketError, Expected, Written},
    defaults::CHANGE_PATIENCE,
    events::Events,
    operations::Operation,
    turns::{Turn, Turns},
};

/// What keys may hold, besides letters and digits: what every client of key-value buckets lets pass.
const ALLOWED: &str = "-_=/.";

/// What is to change in the configuration of an entity. Its `Debug` is not derived, for the value may be a secret.
pub(crate) struct ConfigEdit {
    entity: EntityKey,
    kind: Kind,
}

enum Kind {
    Put { key: String, value: Bytes },
    Delete { key: String },
    Clear,
}

/// Changes configuration values; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct ConfigEditor {
    bucket: Bucket,
    values: Values,
    events: Events,
    turns: Turns,
}

/// Why a value was not changed, in the words of wasmCloud 0.82.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigRefusal {
    #[error("Unable to store config data")]
    Put(#[source] BucketError),
    #[error("Unable to delete config data")]
    Delete(#[source] BucketError),
    #[error("Unable to delete all config keys. Some keys may remain")]
    Clear(#[source] BucketError),
    #[error("the configuration was not changed: others were changing that of the same entity for {CHANGE_PATIENCE:?}")]
    Busy,
}

/// A key that no bucket can hold.
#[derive(Debug, thiserror::Error)]
#[error("the config key `{key}` contains {found:?}; allowed are letters, digits and `{ALLOWED}`")]
pub(crate) struct BadKey {
    key: String,
    found: char,
}

impl ConfigRefusal {
    fn ack(&self) -> Ack {
        Ack::refused(error_chain(self)).with_code(RefusalCode::Unavailable)
    }
}

impl ConfigEdit {
    pub(crate) fn put(entity: EntityKey, key: String, value: Bytes) -> Result<Self, BadKey> {
        Ok(Self { entity, kind: Kind::Put { key: checked(key)?, value } })
    }

    pub(crate) fn delete(entity: EntityKey, key: String) -> Result<Self, BadKey> {
        Ok(Self { entity, kind: Kind::Delete { key: checked(key)? } })
    }

    pub(crate) fn clear(entity: EntityKey) -> Self {
        Self { entity, kind: Kind::Clear }
    }
}

impl ConfigEditor {
    pub(super) fn new(bucket: Bucket, values: Values, events: Events) -> Self {
        Self { bucket, values, events, turns: Turns::default() }
    }

    /// Lines up for a change: those of the same entity take place in the order in which this is called.
    pub(crate) fn line_up(&self, edit: &ConfigEdit) -> Turn {
        self.turns.take(edit.entity.as_str())
    }

    /// Carries a change out when its turn has come, ends its operation, and returns the answer.
    pub(crate) async fn carry_out(&self, edit: ConfigEdit, turn: Turn, operation: Operation) -> Ack {
        if let EntityKey::Actor(actor) = &edit.entity {
            operation.concerns(actor);
        }
        let changed = match timeout(CHANGE_PATIENCE, turn).await {
            Ok(_turn) => self.change(edit, &operation.id()).await,
            Err(_) => Err(ConfigRefusal::Busy),
        };
        operation.answered(changed.map_err(|refusal| refusal.ack()))
    }

    async fn change(&self, edit: ConfigEdit, operation: &OperationId) -> Result<(), ConfigRefusal> {
        let ConfigEdit { entity, kind } = edit;
        match kind {
            Kind::Put { key, value } => {
                let stored = entry_key(&entity, &key);
                let written = self.bucket.put(&stored, value, Expected::Anything, Some(operation)).await;
                written.map_err(ConfigRefusal::Put)?;
                self.events.publish_for(Some(operation), EventData::ConfigSet(ConfigChange { entity_id: entity, key }));
                Ok(())
            }
            Kind::Delete { key } => self.delete(&entity, key, operation).await.map_err(ConfigRefusal::Delete),
            Kind::Clear => self.clear(&entity, operation).await.map_err(ConfigRefusal::Clear),
        }
    }

    /// Deletes a value; one that is not there is none to delete.
    async fn delete(&self, entity: &EntityKey, key: String, operation: &OperationId) -> Result<(), BucketError> {
        let stored = entry_key(entity, &key);
        let standing = self.bucket.read(&stored).await?;
        let Some(entry) = standing.filter(|entry| entry.value.is_some()) else { return Ok(()) };
        let expected = Expected::Revision(entry.revision);
        match self.bucket.delete(&stored, expected, Some(operation)).await? {
            Written::Stored(_) => {
                let change = ConfigChange { entity_id: entity.clone(), key };
                self.events.publish_for(Some(operation), EventData::ConfigDeleted(change));
            }
            // Somebody wrote a value or deleted it at the same moment: as if this one had come just before.
            Written::Overtaken => {}
        }
        Ok(())
    }

    async fn clear(&self, entity: &EntityKey, operation: &OperationId) -> Result<(), BucketError> {
        self.bucket.all_shown().await?;
        let keys: Vec<_> = self.values.lock().values(entity).into_keys().collect();
        for key in keys {
            self.delete(entity, key, operation).await?;
        }
        Ok(())
    }
}

fn checked(key: String) -> Result<String, BadKey> {
    match key.chars().find(|c| !c.is_ascii_alphanumeric() && !ALLOWED.contains(*c)) {
        Some(found) => Err(BadKey { key, found }),
        None => Ok(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(key: &str, expect: Result<&str, &str>) {
        let checked = checked(key.to_owned()).map_err(|error| error.to_string());
        assert_eq!(checked.as_deref().map_err(String::as_str), expect);
    }

    #[test]
    fn keys_are_what_buckets_can_hold() {
        check("a.b-c_d=e/F9", Ok("a.b-c_d=e/F9"));
        check("a*", Err("the config key `a*` contains '*'; allowed are letters, digits and `-_=/.`"));
        check("ä", Err("the config key `ä` contains 'ä'; allowed are letters, digits and `-_=/.`"));
    }
}
