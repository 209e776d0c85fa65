//! How much of keys, names and references people see: as much as they need to tell things apart, or all of it.

use crate::table::printable;

/// Characters of a key that tell it apart from others at a glance: 35 bits of it. Commands take them for the whole key.
const SHORT_KEY: usize = 8;
/// Characters of a reference: enough for a file's name and its digest, and little enough for a table of 120 columns.
const SHORT_REFERENCE: usize = 40;

/// Digits of a digest: 48 bits, which no two images of one lattice share.
const SHORT_DIGEST: usize = 12;

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// The starts of keys and the ends of references.
    Brief,
    /// Everything.
    Whole,
}

impl Detail {
    /// A key.
    pub(crate) fn key(self, key: &str) -> String {
        self.keys([key]).of(key)
    }

    /// A name with its key, or the whole key if it has no name.
    pub(crate) fn named(self, name: Option<&str>, key: &str) -> String {
        match name.filter(|name| !name.is_empty()) {
            Some(name) => format!("{} ({})", printable(name), self.key(key)),
            None => key.to_owned(),
        }
    }

    /// A reference, which loses its start: its end says what it is.
    pub(crate) fn reference(self, reference: &str) -> String {
        let length = reference.chars().count();
        if self == Detail::Whole || length <= SHORT_REFERENCE {
            return reference.to_owned();
        }
        let end: String = reference.chars().skip(length - (SHORT_REFERENCE - 1)).collect();
        let whole_names = end.find('/').filter(|slash| slash + 1 < end.len()).map_or(&*end, |slash| &end[slash..]);
        format!("…{whole_names}")
    }

    /// A digest, of which people see its first digits, as registries show them.
    pub(crate) fn digest(self, digest: &str) -> String {
        let digits = digest.strip_prefix("sha256:").unwrap_or(digest);
        match self {
            Detail::Brief => digits.chars().take(SHORT_DIGEST).collect(),
            Detail::Whole => digest.to_owned(),
        }
    }

    /// How the keys of one table are shown: all in one length, in which they differ.
    pub(crate) fn keys<'a>(self, keys: impl IntoIterator<Item = &'a str>) -> KeyColumn {
        let mut keys: Vec<&str> = keys.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        let unique = keys.windows(2).map(|pair| common_start(pair[0], pair[1]) + 1).max();
        match self {
            Detail::Brief => KeyColumn { length: unique.unwrap_or_default().max(SHORT_KEY) },
            Detail::Whole => KeyColumn { length: usize::MAX },
        }
    }
}

/// The length in which the keys of a table are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyColumn {
    length: usize,
}

impl KeyColumn {
    /// A key in it.
    pub(crate) fn of(self, key: &str) -> String {
        match key.char_indices().nth(self.length) {
            Some((end, _)) => format!("{}…", &key[..end]),
            None => key.to_owned(),
        }
    }
}

fn common_start(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";

    #[test]
    fn names_come_first_and_keys_are_short() {
        assert_eq!(Detail::Brief.named(Some("hello"), KEY), "hello (MDNX3CB6…)");
        assert_eq!(Detail::Whole.named(Some("hello"), KEY), format!("hello ({KEY})"));
        assert_eq!(Detail::Brief.named(None, KEY), KEY);
        assert_eq!(Detail::Brief.named(Some(""), KEY), KEY);
        assert!(!Detail::Brief.named(Some("\u{1b}[2J"), KEY).contains('\u{1b}'));
    }

    #[test]
    fn the_keys_of_a_table_differ_in_what_is_shown() {
        let keys = ["MDNX3CB6VBAA", "MDNX3CB6VBXG", "MDNX3CB6VBXG", "MAAAAAAAAAAA"];
        let column = Detail::Brief.keys(keys);
        assert_eq!(keys.map(|key| column.of(key))[..2], ["MDNX3CB6VBA…", "MDNX3CB6VBX…"]);
        assert_eq!(Detail::Brief.keys(["MAB", "MAC"]).of("MAB"), "MAB");
    }

    #[test]
    fn digests_lose_their_end() {
        let digest = "sha256:9c5b54685d4471050f2a9c01b2d4e6f89c5b54685d4471050f2a9c01b2d4e6f8";
        assert_eq!(Detail::Brief.digest(digest), "9c5b54685d44");
        assert_eq!(Detail::Whole.digest(digest), digest);
    }

    #[test]
    fn references_keep_their_end() {
        let file = "file:///home/ada/.local/share/lattice/signed/counter-9c5b54685d447105.wasm";
        assert_eq!(Detail::Brief.reference(file), "…/signed/counter-9c5b54685d447105.wasm");
        assert_eq!(Detail::Whole.reference(file), file);
        assert_eq!(Detail::Brief.reference("registry.example.com/mine:1.2.0"), "registry.example.com/mine:1.2.0");
        let long = format!("file:///{}", "ä".repeat(60));
        assert_eq!(Detail::Brief.reference(&long), format!("…{}", "ä".repeat(39)));
    }
}
