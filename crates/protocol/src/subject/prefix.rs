//! The topic prefix of control subjects.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::error::SubjectError;

/// The prefix that published hosts and clients use unless told otherwise.
const DEFAULT_PREFIX: &str = "wasmbus.ctl";

/// What control subjects start with: one or more subject tokens, `wasmbus.ctl` by default.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ControlPrefix(String);

impl ControlPrefix {
    /// The prefix's text, without a dot at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the one that is used unless something else is said.
    pub fn is_default(&self) -> bool {
        self.0 == DEFAULT_PREFIX
    }
}

impl TryFrom<String> for ControlPrefix {
    type Error = SubjectError;

    fn try_from(text: String) -> Result<Self, SubjectError> {
        text.parse()
    }
}

impl From<ControlPrefix> for String {
    fn from(prefix: ControlPrefix) -> String {
        prefix.0
    }
}

impl Default for ControlPrefix {
    fn default() -> Self {
        Self(DEFAULT_PREFIX.to_owned())
    }
}

impl fmt::Display for ControlPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for ControlPrefix {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        match text.split('.').find_map(fault) {
            Some(reason) => Err(SubjectError::Prefix { text: text.to_owned(), reason }),
            None if text.starts_with("_INBOX") || text.starts_with('$') => {
                Err(SubjectError::Prefix { text: text.to_owned(), reason: "the server keeps such subjects for itself" })
            }
            None => Ok(Self(text.to_owned())),
        }
    }
}

fn fault(token: &str) -> Option<&'static str> {
    if token.is_empty() {
        return Some("a token is empty");
    }
    if token.contains(['*', '>']) {
        return Some("wildcards are not allowed");
    }
    token.contains(|c: char| c.is_whitespace() || c.is_control()).then_some("white space is not allowed")
}
