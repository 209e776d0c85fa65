//! What may be published and subscribed to, where.

use crate::{
    defaults::{ANSWER_TOKENS, LATTICE_TOKENS, LONGEST_SUBJECT},
    error::SubjectError,
};

/// Which subjects a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All.
    All,
    /// Those that neither lattices nor servers use themselves.
    OutsideTheLattice,
}

impl Scope {
    /// Whether a message may be sent to a subject, or be answered there.
    pub(crate) fn require_publishable(self, subject: &str) -> Result<(), SubjectError> {
        require_tokens(subject)?;
        if subject.split('.').any(is_wildcard) {
            return Err(SubjectError::Wildcard { subject: subject.to_owned() });
        }
        self.require_outside(subject, is_the_lattices)
    }

    /// Whether the messages on a subject may be had.
    pub(crate) fn require_subscribable(self, subject: &str) -> Result<(), SubjectError> {
        require_tokens(subject)?;
        if subject.split('.').rev().skip(1).any(|token| token == ">") {
            return Err(SubjectError::Form { subject: subject.to_owned() });
        }
        let is_kept = |first: &str| is_the_lattices(first) || is_wildcard(first) || ANSWER_TOKENS.contains(&first);
        self.require_outside(subject, is_kept)
    }

    fn require_outside(self, subject: &str, is_kept: impl Fn(&str) -> bool) -> Result<(), SubjectError> {
        let first = subject.split('.').next().unwrap_or_default();
        match self == Scope::OutsideTheLattice && is_kept(first) {
            true => Err(SubjectError::Lattice { subject: subject.to_owned() }),
            false => Ok(()),
        }
    }
}

/// What is no subject could end the line that it is sent in, and begin another.
fn require_tokens(subject: &str) -> Result<(), SubjectError> {
    let is_token = |token: &str| !token.is_empty() && !token.chars().any(|c| c.is_whitespace() || c.is_control());
    match subject.len() <= LONGEST_SUBJECT && subject.split('.').all(is_token) {
        true => Ok(()),
        false => Err(SubjectError::Form { subject: subject.escape_debug().take(LONGEST_SUBJECT).collect() }),
    }
}

fn is_wildcard(token: &str) -> bool {
    token == "*" || token == ">"
}

fn is_the_lattices(first: &str) -> bool {
    first.starts_with('$') || LATTICE_TOKENS.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Scope = Scope::All;
    const OUTSIDE: Scope = Scope::OutsideTheLattice;

    #[test]
    fn subjects_have_their_form() {
        for subject in ["", ".", "a.", ".a", "a..b", "a b", "a\r\nPUB b", "a\tb", "a\0", &"a".repeat(2000)] {
            assert!(matches!(ALL.require_publishable(subject), Err(SubjectError::Form { .. })), "{subject:?}");
            assert!(matches!(ALL.require_subscribable(subject), Err(SubjectError::Form { .. })), "{subject:?}");
        }
        for subject in ["a", "a.b-c_D", "ä.🎉", "a*b", "_INBOX.x", "wasmbusy.x", "x.wasmbus.$JS"] {
            assert!(OUTSIDE.require_publishable(subject).is_ok(), "{subject}");
        }
        for subject in ["a.*", "a.>", "a.*.b.>", "a>"] {
            assert!(OUTSIDE.require_subscribable(subject).is_ok(), "{subject}");
        }
        assert!(matches!(ALL.require_publishable("a.>"), Err(SubjectError::Wildcard { .. })));
        assert!(matches!(ALL.require_subscribable("a.>.b"), Err(SubjectError::Form { .. })));
    }

    #[test]
    fn the_lattice_keeps_its_subjects() {
        for subject in
            ["wasmbus.ctl.default.cmd.N.la", "wasmbus", "$JS.API.INFO", "$KV.LATTICEDATA_default.k", "$SYS.x"]
        {
            assert!(matches!(OUTSIDE.require_publishable(subject), Err(SubjectError::Lattice { .. })), "{subject}");
            assert!(matches!(OUTSIDE.require_subscribable(subject), Err(SubjectError::Lattice { .. })), "{subject}");
            assert!(ALL.require_publishable(subject).is_ok() && ALL.require_subscribable(subject).is_ok(), "{subject}");
        }
        for subject in [">", "*", "*.ctl.>", "wasmbus.>", "_INBOX.>", "_R_.x"] {
            assert!(matches!(OUTSIDE.require_subscribable(subject), Err(SubjectError::Lattice { .. })), "{subject}");
            assert!(ALL.require_subscribable(subject).is_ok(), "{subject}");
        }
    }
}
