//! What the parts of a reference are made of.

use super::error::{ReferenceError, shown};

/// The reference as a whole, whose parts have rules of their own.
pub(super) const WHOLE: Part =
    Part { what: "the reference", max: usize::MAX, allowed: "text without control characters", is_allowed: |_| true };

/// A named part, its length in bytes and its alphabet.
pub(super) struct Part {
    pub(super) what: &'static str,
    pub(super) max: usize,
    pub(super) allowed: &'static str,
    pub(super) is_allowed: fn(char) -> bool,
}

impl Part {
    /// `part` of the reference `whole`, if it is what it must be.
    pub(super) fn check(&self, part: &str, whole: &str) -> Result<String, ReferenceError> {
        let Self { what, max, .. } = *self;
        if part.is_empty() {
            return Err(ReferenceError::Missing { what, text: shown(whole) });
        }
        if part.len() > max {
            return Err(ReferenceError::TooLong { what, length: part.len(), max });
        }
        match part.chars().find(|c| !(self.is_allowed)(*c)) {
            Some(found) => Err(self.refuse(whole, found)),
            None => Ok(part.to_owned()),
        }
    }

    /// [`Part::check`] for parts that consist of segments between slashes, each beginning and ending with a letter or
    /// digit.
    pub(super) fn check_path(&self, part: &str, whole: &str) -> Result<String, ReferenceError> {
        let checked = self.check(part, whole)?;
        let edges = part.split('/').flat_map(|segment| [segment.chars().next(), segment.chars().next_back()]);
        match edges.map(|edge| edge.unwrap_or('/')).find(|edge| !edge.is_ascii_alphanumeric()) {
            Some(found) => Err(self.refuse(whole, found)),
            None => Ok(checked),
        }
    }

    pub(super) fn refuse(&self, whole: &str, found: char) -> ReferenceError {
        ReferenceError::Character { what: self.what, text: shown(whole), found, allowed: self.allowed }
    }
}

/// Letters, digits and what stands between them in names.
pub(super) fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}
