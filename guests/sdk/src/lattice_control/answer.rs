//! How answers are read: what is absent is empty, for writers leave it out, or write nil or an empty text.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::error::{Code, ControlError};
use crate::msgpack::Value;

/// What a list is read with, element by element.
pub(super) type Read<T> = fn(&Value<'_>) -> Option<T>;

/// The fields of a map. What has another type than it must have makes all of it unreadable, which is noted.
pub(super) struct Fields<'v, 'a> {
    map: &'v Value<'a>,
    readable: Cell<bool>,
}

impl<'v, 'a> Fields<'v, 'a> {
    pub(super) fn of(map: &'v Value<'a>) -> Self {
        Self { map, readable: Cell::new(map.as_map().is_some()) }
    }

    /// What was made of the fields, if all of them were readable.
    pub(super) fn made<T>(self, read: T) -> Option<T> {
        Some(read).filter(|_| self.readable.get())
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.map.get(key).is_some()
    }

    /// The text under a key.
    pub(super) fn text(&self, key: &str) -> String {
        self.some(key, Value::as_str).unwrap_or_default().into()
    }

    /// The text under a key, which must be there.
    pub(super) fn needed_text(&self, key: &str) -> String {
        self.text_if_any(key).or_else(|| self.unreadable()).unwrap_or_default()
    }

    /// The text under a key, if there is one.
    pub(super) fn text_if_any(&self, key: &str) -> Option<String> {
        Some(self.text(key)).filter(|text| !text.is_empty())
    }

    pub(super) fn boolean(&self, key: &str) -> bool {
        self.some(key, Value::as_bool).unwrap_or_default()
    }

    /// The whole number from 0 under a key, which must fit.
    pub(super) fn unsigned<T: Default + TryFrom<u64>>(&self, key: &str) -> T {
        self.some(key, |value| value.as_u64()?.try_into().ok()).unwrap_or_default()
    }

    /// The whole number of 32 bits under a key.
    pub(super) fn signed(&self, key: &str) -> i32 {
        self.some(key, |value| value.as_i64()?.try_into().ok()).unwrap_or_default()
    }

    /// The names and values under a key.
    pub(super) fn pairs(&self, key: &str) -> BTreeMap<String, String> {
        self.some(key, texts).unwrap_or_default()
    }

    /// The list under a key, of which every element must be readable.
    pub(super) fn list<T>(&self, key: &str, read: Read<T>) -> Vec<T> {
        self.some(key, |list| elements(list, read)).unwrap_or_default()
    }

    fn some<T>(&self, key: &str, read: impl FnOnce(&'v Value<'a>) -> Option<T>) -> Option<T> {
        read(self.map.get(key)?).or_else(|| self.unreadable())
    }

    fn unreadable<T>(&self) -> Option<T> {
        self.readable.set(false);
        None
    }
}

/// A map of texts; nil in it is an empty one.
pub(super) fn texts(map: &Value<'_>) -> Option<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for (key, value) in map.as_map()? {
        let value = if *value == Value::Nil { "" } else { value.as_str()? };
        texts.insert(key.as_str()?.into(), value.into());
    }
    Some(texts)
}

/// A list of which every element must be readable.
pub(super) fn elements<T>(list: &Value<'_>, read: Read<T>) -> Option<Vec<T>> {
    list.as_array()?.iter().map(read).collect()
}

/// What a `CtlOperationAck` says.
pub(super) fn acknowledgement(ack: &Value<'_>) -> Option<Result<(), ControlError>> {
    let fields = Fields::of(ack);
    let code = fields.text_if_any("code").map_or(Code::Refused, |code| Code::of(&code));
    let error = ControlError { code, text: fields.text("error") };
    let accepted = fields.boolean("accepted");
    fields.made(if accepted { Ok(()) } else { Err(error) })
}

/// What a command that has no result is answered with: no bytes or nil; or why it was not done.
pub(super) fn nothing(answer: &Value<'_>) -> Option<Result<(), ControlError>> {
    match answer {
        Value::Nil => Some(Ok(())),
        other => acknowledgement(other),
    }
}
