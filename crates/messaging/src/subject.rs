//! What may be published and subscribed to, where.

use lattice_protocol::ControlPrefix;

use crate::{
    defaults::{ANSWER_TOKENS, LATTICE_TOKENS, LONGEST_SUBJECT},
    error::SubjectError,
};

/// Which subjects a connection is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All.
    All,
    /// Those that neither lattices nor servers use themselves.
    OutsideTheLattice(ControlPrefix),
}

impl Scope {
    /// Whether a message may be sent to a subject, or be answered there.
    pub(crate) fn require_publishable(&self, subject: &str) -> Result<(), SubjectError> {
        require_tokens(subject)?;
        if subject.split('.').any(is_wildcard) {
            return Err(SubjectError::Wildcard { subject: subject.to_owned() });
        }
        self.require_outside(subject, is_the_lattices)
    }

    /// Whether the messages on a subject may be had.
    pub(crate) fn require_subscribable(&self, subject: &str) -> Result<(), SubjectError> {
        require_tokens(subject)?;
        if subject.split('.').rev().skip(1).any(|token| token == ">") {
            return Err(SubjectError::Form { subject: subject.to_owned() });
        }
        let is_kept = |first: &str| is_the_lattices(first) || is_wildcard(first) || ANSWER_TOKENS.contains(&first);
        self.require_outside(subject, is_kept)
    }

    fn require_outside(&self, subject: &str, is_kept: impl Fn(&str) -> bool) -> Result<(), SubjectError> {
        let Scope::OutsideTheLattice(control) = self else { return Ok(()) };
        let first = subject.split('.').next().unwrap_or_default();
        match is_kept(first) || may_be_under(subject, control) {
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

/// Whether a subject is among those that begin with the prefix, or means some of them.
fn may_be_under(subject: &str, prefix: &ControlPrefix) -> bool {
    let mut tokens = subject.split('.');
    for kept in prefix.as_str().split('.') {
        match tokens.next() {
            Some(">") => return true,
            Some(token) if token == kept || token == "*" => {}
            _ => return false,
        }
    }
    true
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

    fn outside(prefix: &str) -> Scope {
        Scope::OutsideTheLattice(prefix.parse().expect("a prefix"))
    }

    #[test]
    fn subjects_have_their_form() {
        let outside = outside("wasmbus.ctl");
        for subject in ["", ".", "a.", ".a", "a..b", "a b", "a\r\nPUB b", "a\tb", "a\0", &"a".repeat(2000)] {
            assert!(matches!(ALL.require_publishable(subject), Err(SubjectError::Form { .. })), "{subject:?}");
            assert!(matches!(ALL.require_subscribable(subject), Err(SubjectError::Form { .. })), "{subject:?}");
        }
        for subject in ["a", "a.b-c_D", "ä.🎉", "a*b", "_INBOX.x", "wasmbusy.x", "x.wasmbus.$JS"] {
            assert!(outside.require_publishable(subject).is_ok(), "{subject}");
        }
        for subject in ["a.*", "a.>", "a.*.b.>", "a>"] {
            assert!(outside.require_subscribable(subject).is_ok(), "{subject}");
        }
        assert!(matches!(ALL.require_publishable("a.>"), Err(SubjectError::Wildcard { .. })));
        assert!(matches!(ALL.require_subscribable("a.>.b"), Err(SubjectError::Form { .. })));
    }

    #[test]
    fn the_lattice_keeps_its_subjects() {
        let outside = outside("wasmbus.ctl");
        for subject in
            ["wasmbus.ctl.default.cmd.N.la", "wasmbus", "$JS.API.INFO", "$KV.LATTICEDATA_default.k", "$SYS.x"]
        {
            assert!(matches!(outside.require_publishable(subject), Err(SubjectError::Lattice { .. })), "{subject}");
            assert!(matches!(outside.require_subscribable(subject), Err(SubjectError::Lattice { .. })), "{subject}");
            assert!(ALL.require_publishable(subject).is_ok() && ALL.require_subscribable(subject).is_ok(), "{subject}");
        }
        for subject in [">", "*", "*.ctl.>", "wasmbus.>", "_INBOX.>", "_R_.x"] {
            assert!(matches!(outside.require_subscribable(subject), Err(SubjectError::Lattice { .. })), "{subject}");
            assert!(ALL.require_subscribable(subject).is_ok(), "{subject}");
        }
    }

    #[test]
    fn the_lattice_keeps_its_subjects_under_whatever_prefix_it_is_steered() {
        let outside = outside("acme.ctl");
        for subject in ["acme.ctl.default.cmd.N.la", "acme.ctl", "wasmbus.rpc.default.M", "wasmbus.ctl.default.x"] {
            assert!(matches!(outside.require_publishable(subject), Err(SubjectError::Lattice { .. })), "{subject}");
        }
        for subject in ["acme.ctl.>", "acme.>", "acme.*", "acme.*.default.>"] {
            assert!(matches!(outside.require_subscribable(subject), Err(SubjectError::Lattice { .. })), "{subject}");
        }
        for subject in ["acme", "acme.orders", "acme.ctlx.a", "other.acme.ctl"] {
            assert!(outside.require_publishable(subject).is_ok(), "{subject}");
        }
        for subject in ["acme.orders.>", "other.>"] {
            assert!(outside.require_subscribable(subject).is_ok(), "{subject}");
        }
    }
}
