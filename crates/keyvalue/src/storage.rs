//! [`Storage`]: where keys are kept, as the operations see it.

use std::fmt;

use crate::error::Trouble;

/// What kinds of values there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    List,
    Set,
    /// Nothing that a provider for key-value stores writes.
    Foreign,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Text => "text",
            Kind::List => "list",
            Kind::Set => "set",
            Kind::Foreign => "value of another program",
        })
    }
}

/// Where keys are kept. Every function fails with [`Trouble::WrongType`], and has then changed nothing, where a value of
/// another kind is under the key. Keys are whole, with the link's prefix.
pub(crate) trait Storage: Sync {
    /// The text under a key.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<String>, Trouble>> + Send;

    /// Puts a text in the place of whatever is there, for some seconds or, if they are 0, for good.
    fn set(&self, key: &str, value: &str, expires: u32) -> impl Future<Output = Result<(), Trouble>> + Send;

    /// Whether there is anything.
    fn contains(&self, key: &str) -> impl Future<Output = Result<bool, Trouble>> + Send;

    /// Removes whatever is there; whether there was anything.
    fn remove(&self, key: &str) -> impl Future<Output = Result<bool, Trouble>> + Send;

    /// Adds to a number; the sum.
    fn increment(&self, key: &str, by: i32) -> impl Future<Output = Result<i32, Trouble>> + Send;

    /// Appends to a list; its new length.
    fn list_add(&self, key: &str, value: &str) -> impl Future<Output = Result<u32, Trouble>> + Send;

    /// Removes the first item that is the same; whether there was one.
    fn list_remove(&self, key: &str, value: &str) -> impl Future<Output = Result<bool, Trouble>> + Send;

    /// The items from one to another, both of them too; negative ones count from the end.
    fn list_range(&self, key: &str, start: i32, stop: i32)
    -> impl Future<Output = Result<Vec<String>, Trouble>> + Send;

    /// Adds to a set; how many were added.
    fn set_add(&self, key: &str, value: &str) -> impl Future<Output = Result<u32, Trouble>> + Send;

    /// Removes from a set; how many were removed.
    fn set_remove(&self, key: &str, value: &str) -> impl Future<Output = Result<u32, Trouble>> + Send;

    /// What a set holds.
    fn members(&self, key: &str) -> impl Future<Output = Result<Vec<String>, Trouble>> + Send;

    /// What any of the sets holds. There is at least one key.
    fn union(&self, keys: &[String]) -> impl Future<Output = Result<Vec<String>, Trouble>> + Send;

    /// What all of the sets hold. There is at least one key.
    fn intersection(&self, keys: &[String]) -> impl Future<Output = Result<Vec<String>, Trouble>> + Send;
}
