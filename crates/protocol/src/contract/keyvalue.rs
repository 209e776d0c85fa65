//! `wasmcloud:keyvalue`: the contract by which actors keep texts, numbers, lists and sets under keys.
//!
//! Arguments and results are MessagePack: maps with camelCase keys, or a bare text, number or array. A result that is none
//! is no bytes at all. Nil is read as the empty text or 0. A time to expire may be missing.
//! Source: `wasmcloud-interface-keyvalue` 0.11 `keyvalue.rs`.

use serde::{Deserialize, Serialize};

use crate::control::lenient::nil_as_default;

/// The contract's id.
pub const CONTRACT_ID: &str = "wasmcloud:keyvalue";

operations! {
    "KeyValue";
    /// [`IncrementRequest`] to the new number, an `i32`.
    Increment,
    /// A bare key to whether there is something under it.
    Contains,
    /// A bare key to whether something was removed.
    Del,
    /// A bare key to [`GetResponse`].
    Get,
    /// [`ListAddRequest`] to the list's new length, a `u32`.
    ListAdd,
    /// A bare key to whether something was removed.
    ListClear,
    /// [`ListDelRequest`] to whether the list held the value.
    ListDel,
    /// [`ListRangeRequest`] to a list of texts.
    ListRange,
    /// [`SetRequest`] to nothing, zero bytes.
    Set,
    /// [`SetAddRequest`] to how many values were added, a `u32`.
    SetAdd,
    /// [`SetDelRequest`] to how many values were removed, a `u32`.
    SetDel,
    /// A list of keys to the texts that every one of the sets holds.
    SetIntersection,
    /// A bare key to the texts of the set.
    SetQuery,
    /// A list of keys to the texts that any of the sets holds.
    SetUnion,
    /// A bare key to whether something was removed.
    SetClear,
}

/// What is under a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetResponse {
    /// The text, empty if there is none.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub value: String,
    /// Whether there is one.
    #[serde(default)]
    pub exists: bool,
}

/// Puts a text under a key, whatever was there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetRequest {
    /// The key.
    pub key: String,
    /// The text.
    #[serde(deserialize_with = "nil_as_default")]
    pub value: String,
    /// For how many seconds; 0 is for good.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub expires: u32,
}

/// Adds to the number under a key; what is missing counts as 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncrementRequest {
    /// The key.
    pub key: String,
    /// How much to add.
    #[serde(deserialize_with = "nil_as_default")]
    pub value: i32,
}

/// Appends a text to a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListAddRequest {
    /// The list's key.
    #[serde(alias = "list_name")]
    pub list_name: String,
    /// The text.
    #[serde(deserialize_with = "nil_as_default")]
    pub value: String,
}

/// Removes the first of the texts in a list that are the same as this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListDelRequest {
    /// The list's key.
    #[serde(alias = "list_name")]
    pub list_name: String,
    /// The text.
    #[serde(deserialize_with = "nil_as_default")]
    pub value: String,
}

/// Asks for a part of a list. Both ends are part of it; they count from 0, negative ones from the list's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListRangeRequest {
    /// The list's key.
    #[serde(alias = "list_name")]
    pub list_name: String,
    /// The first item.
    #[serde(deserialize_with = "nil_as_default")]
    pub start: i32,
    /// The last item.
    #[serde(deserialize_with = "nil_as_default")]
    pub stop: i32,
}

/// Adds a text to a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetAddRequest {
    /// The set's key.
    #[serde(alias = "set_name")]
    pub set_name: String,
    /// The text.
    #[serde(deserialize_with = "nil_as_default")]
    pub value: String,
}

/// Removes a text from a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetDelRequest {
    /// The set's key.
    #[serde(alias = "set_name")]
    pub set_name: String,
    /// The text.
    #[serde(deserialize_with = "nil_as_default")]
    pub value: String,
}

#[cfg(test)]
mod tests;
