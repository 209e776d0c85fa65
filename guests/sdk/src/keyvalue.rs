//! Contract `wasmcloud:keyvalue`: texts, counters, lists and sets that a provider keeps under names.
//!
//! ```
//! use lattice_guest::{keyvalue::KeyValue, testing::with_host};
//!
//! let (visits, record) = with_host(|_| Ok(vec![0x2a]), || KeyValue::default().increment("visits", 1));
//! assert_eq!(visits, Ok(42));
//! assert_eq!(record.calls[0].operation, "KeyValue.Increment");
//! ```
//!
//! Operations, keys and types are those of github.com/wasmCloud/interfaces at a418af8, `keyvalue/rust/src/keyvalue.rs`.

use crate::contract::{Answer, Contract, DEFAULT_LINK};
use crate::msgpack::Value;

/// A key-value store: what stands behind one of the actor's links to a provider of the contract.
///
/// Every operation fails with the host's text, where it refuses the call or the provider fails, and with the operation's
/// name, where the answer is not what the contract says. A host call that timed out may still have been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyValue<'a>(Contract<'a>);

/// The store behind the link `default`.
impl Default for KeyValue<'_> {
    fn default() -> Self {
        Self::linked(DEFAULT_LINK)
    }
}

impl<'a> KeyValue<'a> {
    /// The store behind the link of this name.
    pub const fn linked(link: &'a str) -> Self {
        Self(Contract { id: "wasmcloud:keyvalue", link })
    }
}

/// Texts and counters.
impl KeyValue<'_> {
    /// Returns the text under a key, if there is one.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn get(&self, key: &str) -> Result<Option<String>, String> {
        self.of_name("KeyValue.Get", key)?.read("a map with `value` (a string) and `exists` (a boolean)", found)
    }

    /// Puts a text under a key, until something else is put there.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn set(&self, key: &str, value: &str) -> Result<(), String> {
        self.set_expiring(key, value, 0)
    }

    /// Puts a text under a key for so many seconds; for ever if they are 0.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn set_expiring(&self, key: &str, value: &str, seconds: u32) -> Result<(), String> {
        let entries = [("key", key.into()), ("value", value.into()), ("expires", seconds.into())];
        self.call("KeyValue.Set", &Value::map(entries)).map(done)
    }

    /// Returns whether there is something under a key.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn contains(&self, key: &str) -> Result<bool, String> {
        self.of_name("KeyValue.Contains", key)?.boolean()
    }

    /// Removes what is under a key, and returns whether there was something.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn del(&self, key: &str) -> Result<bool, String> {
        self.of_name("KeyValue.Del", key)?.boolean()
    }

    /// Adds to the number under a key, which is 0 where there is none, and returns what it is then.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn increment(&self, key: &str, by: i32) -> Result<i32, String> {
        let entries = [("key", key.into()), ("value", by.into())];
        self.call("KeyValue.Increment", &Value::map(entries))?.signed()
    }
}

/// Lists.
impl KeyValue<'_> {
    /// Appends a value to a list, and returns how many there are then.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn list_add(&self, list: &str, value: &str) -> Result<u32, String> {
        self.of_list("KeyValue.ListAdd", list, value)?.unsigned()
    }

    /// Removes a value from a list, and returns whether it was there.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn list_del(&self, list: &str, value: &str) -> Result<bool, String> {
        self.of_list("KeyValue.ListDel", list, value)?.boolean()
    }

    /// Returns the values of a list from the place `start` to the place `stop`, both included and counted from 0.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn list_range(&self, list: &str, start: i32, stop: i32) -> Result<Vec<String>, String> {
        let entries = [("listName", list.into()), ("start", start.into()), ("stop", stop.into())];
        self.call("KeyValue.ListRange", &Value::map(entries))?.strings()
    }

    /// Removes a list, and returns whether there was one.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn list_clear(&self, list: &str) -> Result<bool, String> {
        self.of_name("KeyValue.ListClear", list)?.boolean()
    }
}

/// Sets.
impl KeyValue<'_> {
    /// Puts a value into a set, and returns how many values were added: 0 or 1.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn set_add(&self, set: &str, value: &str) -> Result<u32, String> {
        self.of_set("KeyValue.SetAdd", set, value)?.unsigned()
    }

    /// Takes a value out of a set, and returns how many values were removed: 0 or 1.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn set_del(&self, set: &str, value: &str) -> Result<u32, String> {
        self.of_set("KeyValue.SetDel", set, value)?.unsigned()
    }

    /// Returns the values of a set, in no order.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn set_query(&self, set: &str) -> Result<Vec<String>, String> {
        self.of_name("KeyValue.SetQuery", set)?.strings()
    }

    /// Returns the values that are in any of the sets.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn set_union(&self, sets: &[&str]) -> Result<Vec<String>, String> {
        self.of_names("KeyValue.SetUnion", sets)?.strings()
    }

    /// Returns the values that are in all of the sets.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn set_intersection(&self, sets: &[&str]) -> Result<Vec<String>, String> {
        self.of_names("KeyValue.SetIntersection", sets)?.strings()
    }

    /// Removes a set, and returns whether there was one.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn set_clear(&self, set: &str) -> Result<bool, String> {
        self.of_name("KeyValue.SetClear", set)?.boolean()
    }
}

/// The shapes of arguments.
impl KeyValue<'_> {
    fn of_name(&self, operation: &'static str, name: &str) -> Result<Answer, String> {
        self.call(operation, &Value::Str(name))
    }

    fn of_names(&self, operation: &'static str, names: &[&str]) -> Result<Answer, String> {
        self.call(operation, &Value::Array(names.iter().map(|name| Value::Str(name)).collect()))
    }

    fn of_list(&self, operation: &'static str, list: &str, value: &str) -> Result<Answer, String> {
        self.call(operation, &Value::map([("listName", list.into()), ("value", value.into())]))
    }

    fn of_set(&self, operation: &'static str, set: &str, value: &str) -> Result<Answer, String> {
        self.call(operation, &Value::map([("setName", set.into()), ("value", value.into())]))
    }

    fn call(&self, operation: &'static str, argument: &Value<'_>) -> Result<Answer, String> {
        self.0.call(operation, &argument.encode())
    }
}

/// What stands in the answer to a change that has no result differs among providers: no bytes, or nil.
fn done(_answer: Answer) {}

fn found(answer: &Value<'_>) -> Option<Option<String>> {
    answer.as_map()?;
    let exists = answer.get("exists").map_or(Some(false), Value::as_bool)?;
    let value = answer.get("value").map_or(Some(""), Value::as_str)?;
    Some(Some(value.into()).filter(|_| exists))
}

#[cfg(test)]
mod tests;
