//! The operations of the contract: arguments read, the storage asked, results written.

use bytes::Bytes;
use lattice_protocol::contract::keyvalue::{
    GetResponse, IncrementRequest, ListAddRequest, ListDelRequest, ListRangeRequest, Operation, SetAddRequest,
    SetDelRequest, SetRequest,
};
use lattice_provider::{decode, encode};
use serde::de::DeserializeOwned;

use crate::{
    error::{Failed, Trouble},
    storage::Storage,
};

/// One call on one storage.
pub(crate) struct Call<'a, S> {
    pub(crate) operation: Operation,
    pub(crate) storage: &'a S,
    /// What stands before every key.
    pub(crate) prefix: &'a str,
    /// The argument as it came.
    pub(crate) argument: &'a [u8],
}

impl<S: Storage> Call<'_, S> {
    /// Does it. The result is as it goes to the caller.
    pub(crate) async fn perform(&self) -> Result<Bytes, Failed> {
        match self.operation {
            Operation::Get | Operation::Set | Operation::Increment => self.of_texts().await,
            Operation::Contains | Operation::Del | Operation::ListClear | Operation::SetClear => self.of_any().await,
            Operation::ListAdd | Operation::ListDel | Operation::ListRange => self.of_lists().await,
            Operation::SetAdd | Operation::SetDel | Operation::SetQuery => self.of_a_set().await,
            Operation::SetUnion | Operation::SetIntersection => self.of_sets().await,
        }
    }

    async fn of_texts(&self) -> Result<Bytes, Failed> {
        match self.operation {
            Operation::Set => {
                let SetRequest { key, value, expires } = self.read()?;
                self.tell(&key, self.storage.set(&self.whole(&key), &value, expires).await)?;
                Ok(Bytes::new())
            }
            Operation::Increment => {
                let IncrementRequest { key, value } = self.read()?;
                let sum = self.storage.increment(&self.whole(&key), value).await;
                Ok(encode(&self.tell(&key, sum)?))
            }
            _ => {
                let key: String = self.read()?;
                let found = self.tell(&key, self.storage.get(&self.whole(&key)).await)?;
                Ok(encode(&GetResponse { exists: found.is_some(), value: found.unwrap_or_default() }))
            }
        }
    }

    async fn of_any(&self) -> Result<Bytes, Failed> {
        let key: String = self.read()?;
        let whole = self.whole(&key);
        let outcome = match self.operation {
            Operation::Contains => self.storage.contains(&whole).await,
            _ => self.storage.remove(&whole).await,
        };
        Ok(encode(&self.tell(&key, outcome)?))
    }

    async fn of_lists(&self) -> Result<Bytes, Failed> {
        match self.operation {
            Operation::ListAdd => {
                let ListAddRequest { list_name, value } = self.read()?;
                let length = self.storage.list_add(&self.whole(&list_name), &value).await;
                Ok(encode(&self.tell(&list_name, length)?))
            }
            Operation::ListDel => {
                let ListDelRequest { list_name, value } = self.read()?;
                let removed = self.storage.list_remove(&self.whole(&list_name), &value).await;
                Ok(encode(&self.tell(&list_name, removed)?))
            }
            _ => {
                let ListRangeRequest { list_name, start, stop } = self.read()?;
                let items = self.storage.list_range(&self.whole(&list_name), start, stop).await;
                Ok(encode(&self.tell(&list_name, items)?))
            }
        }
    }

    async fn of_a_set(&self) -> Result<Bytes, Failed> {
        match self.operation {
            Operation::SetAdd => {
                let SetAddRequest { set_name, value } = self.read()?;
                let added = self.storage.set_add(&self.whole(&set_name), &value).await;
                Ok(encode(&self.tell(&set_name, added)?))
            }
            Operation::SetDel => {
                let SetDelRequest { set_name, value } = self.read()?;
                let removed = self.storage.set_remove(&self.whole(&set_name), &value).await;
                Ok(encode(&self.tell(&set_name, removed)?))
            }
            _ => {
                let set_name: String = self.read()?;
                let members = self.storage.members(&self.whole(&set_name)).await;
                Ok(encode(&self.tell(&set_name, members)?))
            }
        }
    }

    /// Of no sets at all there is nothing, whichever way they are put together.
    async fn of_sets(&self) -> Result<Bytes, Failed> {
        let names: Vec<String> = self.read()?;
        let keys: Vec<String> = names.iter().map(|name| self.whole(name)).collect();
        let found = match self.operation {
            _ if keys.is_empty() => Ok(Vec::new()),
            Operation::SetUnion => self.storage.union(&keys).await,
            _ => self.storage.intersection(&keys).await,
        };
        Ok(encode(&self.tell(&names.join("`, `"), found)?))
    }

    fn read<T: DeserializeOwned>(&self) -> Result<T, Failed> {
        let read = decode(self.argument).map_err(|source| Trouble::Argument { source });
        self.tell("?", read)
    }

    fn tell<T>(&self, key: &str, outcome: Result<T, Trouble>) -> Result<T, Failed> {
        outcome.map_err(|source| Failed::new(self.operation.name(), key, source))
    }

    fn whole(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }
}
