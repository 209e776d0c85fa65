//! What the typed contracts have in common: a call over a link, and an answer that is read as what it must be.

use crate::host_call;
use crate::msgpack::{argument, Value};

/// The link name that is meant where none is given.
pub(crate) const DEFAULT_LINK: &str = "default";

/// A contract over one of the actor's links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contract<'a> {
    /// Its id, such as `wasmcloud:keyvalue`.
    pub(crate) id: &'static str,
    /// The link name.
    pub(crate) link: &'a str,
}

impl Contract<'_> {
    /// Returns the answer of the provider to `operation`, of the form `Interface.Method`.
    pub(crate) fn call(&self, operation: &'static str, argument: &[u8]) -> Result<Answer, String> {
        let payload = host_call(self.link, self.id, operation, argument)?;
        Ok(Answer { operation, payload })
    }
}

/// What a provider answered to an operation.
pub(crate) struct Answer {
    operation: &'static str,
    payload: Vec<u8>,
}

impl Answer {
    /// Returns what `read` makes of the answer; where it makes nothing of it, the error says that this is not `expected`.
    pub(crate) fn read<T>(&self, expected: &str, read: impl Fn(&Value<'_>) -> Option<T>) -> Result<T, String> {
        let value = argument(&self.payload)
            .map_err(|error| format!("the answer to `{}` is unreadable: {}", self.operation, error))?;
        read(&value).ok_or_else(|| format!("the answer to `{}` is not {}", self.operation, expected))
    }

    pub(crate) fn boolean(&self) -> Result<bool, String> {
        self.read("a boolean", |value| value.as_bool())
    }

    pub(crate) fn signed(&self) -> Result<i32, String> {
        self.read("a whole number of 32 bits", |value| value.as_i64()?.try_into().ok())
    }

    pub(crate) fn unsigned(&self) -> Result<u32, String> {
        self.read("a whole number of 32 bits", |value| value.as_u64()?.try_into().ok())
    }

    pub(crate) fn string(&self) -> Result<String, String> {
        self.read("a string", |value| value.as_str().map(String::from))
    }

    pub(crate) fn strings(&self) -> Result<Vec<String>, String> {
        self.read("an array of strings", |value| {
            value.as_array()?.iter().map(|element| element.as_str().map(String::from)).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &[u8]) -> Result<i32, String> {
        Answer { operation: "Test.Ask", payload: payload.into() }.signed()
    }

    #[test]
    fn an_answer_is_read_or_told_why_not() {
        assert_eq!(read(b"\xd2\xff\xff\xff\xff"), Ok(-1));
        for payload in [&b""[..], b"\xc0", b"\xa1x", b"\xce\x80\0\0\0"] {
            assert_eq!(read(payload), Err("the answer to `Test.Ask` is not a whole number of 32 bits".into()));
        }
        assert_eq!(
            read(b"\xcd\x01"),
            Err("the answer to `Test.Ask` is unreadable: the MessagePack ends early at byte 1".into())
        );
    }
}
