//! References by name: the lattice's own object store and what is built in.

use std::fmt;

use super::{
    error::ReferenceError,
    part::{Part, is_name},
};

/// Names stand in subjects and headers; this is room enough for people.
pub(super) const MAX_NAME: usize = 255;
const OBJECT: Part = Part {
    what: "the object's name",
    max: MAX_NAME,
    allowed: "letters and digits, with `.`, `_` and `-` between them",
    is_allowed: is_name,
};
const OBJECT_TAG: Part = Part { what: "the tag", max: 128, ..OBJECT };
const BUILTIN: Part = Part {
    what: "the builtin's name",
    max: MAX_NAME,
    allowed: "lower-case letters and digits, with `-` between them",
    is_allowed: |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-',
};

/// An object in the lattice's own store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectReference {
    name: String,
    tag: Option<String>,
}

impl ObjectReference {
    /// The object's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tag, if one is given.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// What the object is called in the store.
    pub(crate) fn object(&self) -> String {
        match &self.tag {
            Some(tag) => format!("{}:{tag}", self.name),
            None => self.name.clone(),
        }
    }

    /// The reference to what the store calls so, if there can be one.
    pub(crate) fn of_object(object: &str) -> Option<Self> {
        Self::parse(object, object).ok()
    }

    pub(super) fn parse(rest: &str, whole: &str) -> Result<Self, ReferenceError> {
        let (name, tag) = match rest.split_once(':') {
            Some((name, tag)) => (name, Some(OBJECT_TAG.check_path(tag, whole)?)),
            None => (rest, None),
        };
        Ok(Self { name: OBJECT.check_path(name, whole)?, tag })
    }
}

impl fmt::Display for ObjectReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("nats://{}", self.object()))
    }
}

/// A part of the program itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BuiltinReference {
    name: String,
}

impl BuiltinReference {
    /// The name under which it is built in.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn parse(rest: &str, whole: &str) -> Result<Self, ReferenceError> {
        Ok(Self { name: BUILTIN.check_path(rest, whole)? })
    }
}
