//! Where the labels of a host come from, and which may be changed.

use lattice_protocol::{Labels, RefusalCode};

use super::{RESERVED_PREFIX, builtin, is_reserved, without_reserved};
use crate::{
    defaults::{MAX_LABEL_KEY, MAX_LABEL_VALUE, MAX_LABELS, MAX_LABELS_SIZE},
    state::LabelChanges,
};

/// The labels of a host: its own, those that it was started with, and what was changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LabelBook {
    configured: Labels,
    changes: LabelChanges,
}

/// A change of one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LabelEdit {
    /// Set it.
    Put {
        /// Its name.
        key: String,
        /// Its value.
        value: String,
    },
    /// Remove it, if it is there.
    Delete {
        /// Its name.
        key: String,
    },
}

/// Why a label cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LabelRefusal {
    #[error("label `{key}` is the host's own, names that begin with `{RESERVED_PREFIX}` cannot be changed")]
    Reserved { key: String },
    #[error("`key` is empty, a label needs a name")]
    NoKey,
    #[error("`key` has {size} bytes, at most {MAX_LABEL_KEY}")]
    LongKey { size: usize },
    #[error("`value` of label `{key}` has {size} bytes, at most {MAX_LABEL_VALUE}")]
    LongValue { key: String, size: usize },
    #[error("the host has {MAX_LABELS} labels, which is as many as it may; delete one first")]
    TooMany,
    #[error("the host's labels would have {size} bytes together, at most {MAX_LABELS_SIZE}; delete one first")]
    TooLarge { size: usize },
}

impl LabelRefusal {
    pub(crate) fn code(&self) -> RefusalCode {
        match self {
            LabelRefusal::Reserved { .. } => RefusalCode::NotAllowed,
            LabelRefusal::NoKey | LabelRefusal::LongKey { .. } | LabelRefusal::LongValue { .. } => RefusalCode::Invalid,
            LabelRefusal::TooMany | LabelRefusal::TooLarge { .. } => RefusalCode::Full,
        }
    }
}

impl LabelBook {
    /// The labels that a host is started with, and the changes that it kept.
    pub(crate) fn new(configured: Labels, kept: LabelChanges) -> Self {
        let changes = LabelChanges { set: without_reserved(kept.set), deleted: kept.deleted };
        Self { configured: without_reserved(configured), changes }
    }

    /// All labels. A change stands above what the host was started with, and the host's own stand above all.
    pub(crate) fn labels(&self) -> Labels {
        let LabelChanges { set, deleted } = &self.changes;
        let configured = self.configured.iter().filter(|(key, _)| !deleted.contains(*key));
        let own = builtin();
        configured.chain(set).chain(&own).map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }

    /// What is to be kept for the next start.
    pub(crate) fn changes(&self) -> &LabelChanges {
        &self.changes
    }

    /// The book after a change.
    pub(crate) fn edited(&self, edit: &LabelEdit) -> Result<Self, LabelRefusal> {
        check_key(edit.key())?;
        let mut edited = self.clone();
        match edit {
            LabelEdit::Put { key, value } => {
                check_value(key, value)?;
                edited.put(key, value);
                edited.check_size(self)?;
            }
            LabelEdit::Delete { key } => edited.delete(key),
        }
        Ok(edited)
    }

    fn put(&mut self, key: &str, value: &str) {
        self.changes.deleted.remove(key);
        self.changes.set.insert(key, value);
    }

    fn delete(&mut self, key: &str) {
        self.changes.set.remove(key);
        // Only what the host was started with would come back by itself.
        if self.configured.get(key).is_some() {
            self.changes.deleted.insert(key.to_owned());
        }
    }

    /// What the host was started with is not questioned, but it does not grow beyond the bounds.
    fn check_size(&self, before: &Self) -> Result<(), LabelRefusal> {
        let (labels, before) = (self.labels(), before.labels());
        if labels.len() > MAX_LABELS.max(before.len()) {
            return Err(LabelRefusal::TooMany);
        }
        match labels.size() {
            size if size > MAX_LABELS_SIZE.max(before.size()) => Err(LabelRefusal::TooLarge { size }),
            _ => Ok(()),
        }
    }
}

impl LabelEdit {
    /// What operations call it.
    pub(crate) fn command(&self) -> &'static str {
        match self {
            LabelEdit::Put { .. } => "labels.put",
            LabelEdit::Delete { .. } => "labels.del",
        }
    }

    fn key(&self) -> &str {
        match self {
            LabelEdit::Put { key, .. } | LabelEdit::Delete { key } => key,
        }
    }
}

fn check_key(key: &str) -> Result<(), LabelRefusal> {
    match key.len() {
        0 => Err(LabelRefusal::NoKey),
        size if size > MAX_LABEL_KEY => Err(LabelRefusal::LongKey { size }),
        _ if is_reserved(key) => Err(LabelRefusal::Reserved { key: key.to_owned() }),
        _ => Ok(()),
    }
}

fn check_value(key: &str, value: &str) -> Result<(), LabelRefusal> {
    match value.len() {
        size if size > MAX_LABEL_VALUE => Err(LabelRefusal::LongValue { key: key.to_owned(), size }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(configured: &[(&str, &str)]) -> LabelBook {
        LabelBook::new(configured.iter().copied().collect(), LabelChanges::default())
    }

    fn put(key: &str, value: &str) -> LabelEdit {
        LabelEdit::Put { key: key.to_owned(), value: value.to_owned() }
    }

    fn delete(key: &str) -> LabelEdit {
        LabelEdit::Delete { key: key.to_owned() }
    }

    fn after(book: &LabelBook, edits: &[LabelEdit]) -> LabelBook {
        edits.iter().fold(book.clone(), |book, edit| book.edited(edit).expect("an edit that is allowed"))
    }

    /// The labels that are not the host's own.
    fn shown(book: &LabelBook) -> Vec<(String, String)> {
        book.labels().into_iter().filter(|(key, _)| !is_reserved(key)).collect()
    }

    fn check(book: &LabelBook, edits: &[LabelEdit], expect: &[(&str, &str)]) {
        let expect: Vec<_> = expect.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let edited = after(book, edits);
        assert_eq!(shown(&edited), expect);
        let restarted = LabelBook::new(book.configured.clone(), edited.changes().clone());
        assert_eq!(shown(&restarted), expect, "after a restart");
    }

    #[test]
    fn changes_stand_above_what_the_host_was_started_with() {
        let book = book(&[("zone", "a"), ("rack", "7")]);
        check(&book, &[], &[("rack", "7"), ("zone", "a")]);
        check(&book, &[put("zone", "b")], &[("rack", "7"), ("zone", "b")]);
        check(&book, &[delete("zone")], &[("rack", "7")]);
        check(&book, &[delete("zone"), put("zone", "c")], &[("rack", "7"), ("zone", "c")]);
        check(&book, &[put("zone", "c"), delete("zone")], &[("rack", "7")]);
        check(&book, &[put("gpu", "yes"), delete("gpu"), delete("none")], &[("rack", "7"), ("zone", "a")]);
    }

    #[test]
    fn what_comes_and_goes_leaves_no_trace() {
        let book = book(&[]);
        assert_eq!(after(&book, &[put("gpu", "yes"), delete("gpu"), delete("none")]), book);
    }

    #[test]
    fn nobody_can_claim_the_hosts_own_labels() {
        let own = [("hostcore.arch", "z80"), ("hostcore.made.up", "x")];
        let kept = LabelChanges { set: own.into_iter().collect(), deleted: ["hostcore.os".to_owned()].into() };
        let book = LabelBook::new(own.into_iter().collect(), kept);
        assert_eq!(book.labels(), builtin());
        for edit in [put("hostcore.arch", "z80"), delete("hostcore.arch"), put("hostcore.", "")] {
            let refusal = book.edited(&edit).expect_err("it is reserved");
            assert_eq!(refusal.code(), RefusalCode::NotAllowed);
        }
    }

    #[test]
    fn sizes_are_bounded() {
        let check = |edit: LabelEdit, code| {
            let refused = book(&[]).edited(&edit).expect_err("it is too long");
            assert_eq!(refused.code(), code, "{refused}");
        };
        check(put("", "a"), RefusalCode::Invalid);
        check(delete(""), RefusalCode::Invalid);
        check(put(&"k".repeat(MAX_LABEL_KEY + 1), "a"), RefusalCode::Invalid);
        check(put("k", &"v".repeat(MAX_LABEL_VALUE + 1)), RefusalCode::Invalid);
        after(&book(&[]), &[put(&"k".repeat(MAX_LABEL_KEY), &"v".repeat(MAX_LABEL_VALUE))]);
    }

    #[test]
    fn their_number_is_bounded() {
        let room = MAX_LABELS - builtin().len();
        let edits: Vec<_> = (0..room).map(|n| put(&n.to_string(), "")).collect();
        let full = after(&book(&[]), &edits);
        assert_eq!(full.edited(&put("more", "")), Err(LabelRefusal::TooMany));
        let exchanged = after(&full, &[delete("0"), put("more", ""), put("1", "x")]);
        assert_eq!(exchanged.labels().len(), MAX_LABELS);
    }

    #[test]
    fn all_together_are_bounded() {
        let value = "v".repeat(MAX_LABEL_VALUE);
        let edits: Vec<_> = (0..MAX_LABELS_SIZE / MAX_LABEL_VALUE - 1).map(|n| put(&n.to_string(), &value)).collect();
        let large = after(&book(&[]), &edits);
        assert!(matches!(large.edited(&put("more", &value)), Err(LabelRefusal::TooLarge { .. })));
        after(&large, &[put("more", "short"), put("0", "")]);
    }

    #[test]
    fn a_host_that_was_started_with_too_many_can_still_change_them() {
        let many: Vec<_> = (0..MAX_LABELS + 9).map(|n| (n.to_string(), String::new())).collect();
        let book = LabelBook::new(many.into_iter().collect(), LabelChanges::default());
        after(&book, &[put("0", ""), delete("1")]);
        assert_eq!(book.edited(&put("new", "")), Err(LabelRefusal::TooMany));
    }
}
