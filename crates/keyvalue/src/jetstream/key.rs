//! Keys of any text, as keys of a bucket.

use std::fmt::Write as _;

use crate::{defaults::LONGEST_KEY, error::Trouble};

/// The empty key, which no other key is written as: behind `=` there are always two digits.
const EMPTY: &str = "=";

/// The key of a bucket for a key of an actor, different for different keys.
///
/// Letters, digits, `-`, `_` and `/` stand for themselves, and `.` where it is neither first, last nor behind another that does.
/// Any other byte is `=` and its two digits.
pub(super) fn written(key: &str) -> Result<String, Trouble> {
    if key.is_empty() {
        return Ok(EMPTY.to_owned());
    }
    let mut written = String::with_capacity(key.len());
    for (at, byte) in key.bytes().enumerate() {
        let is_last = at + 1 == key.len();
        if is_plain(byte) || (byte == b'.' && is_inside(&written) && !is_last) {
            written.push(char::from(byte));
        } else {
            write!(written, "={byte:02X}").expect("a string grows");
        }
    }
    match written.len() {
        size if size > LONGEST_KEY => Err(Trouble::KeyTooLong { size, limit: LONGEST_KEY }),
        _ => Ok(written),
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/')
}

fn is_inside(written: &str) -> bool {
    !written.is_empty() && !written.ends_with('.')
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The key that was written so.
    fn read(written: &str) -> String {
        if written == EMPTY {
            return String::new();
        }
        let mut bytes = Vec::new();
        let mut rest = written;
        while let Some(first) = rest.chars().next() {
            let length = if first == '=' { 3 } else { 1 };
            let (now, later) = rest.split_at(length);
            bytes.push(if first == '=' {
                u8::from_str_radix(&now[1..], 16).expect("digits")
            } else {
                now.as_bytes()[0]
            });
            rest = later;
        }
        String::from_utf8(bytes).expect("a key is text")
    }

    #[test]
    fn keys_stay_readable_where_they_can() {
        let check = |key: &str, expect: &str| assert_eq!(written(key).expect("not long"), expect);
        check("orders.2024/a-b_C", "orders.2024/a-b_C");
        check("user:1", "user=3A1");
        check("", "=");
        check("=", "=3D");
        check(".", "=2E");
        check("..a..b..", "=2E.a.=2Eb.=2E");
        check("a b*c>", "a=20b=2Ac=3E");
        check("ü", "=C3=BC");
    }

    #[test]
    fn different_keys_are_written_differently_and_read_back() {
        let parts = ["", ".", "=", "a", ":", "=2E", "é", "\0", "..", "2E"];
        let mut seen = HashSet::new();
        for (first, second) in parts.iter().flat_map(|first| parts.iter().map(move |second| (first, second))) {
            let key = format!("{first}{second}");
            let text = written(&key).expect("not long");
            assert_eq!(read(&text), key);
            let subject_token = |token: &str| !token.is_empty() && token.bytes().all(|b| is_plain(b) || b == b'=');
            assert!(text.split('.').all(subject_token), "{text}");
            seen.insert((key, text));
        }
        let (keys, texts): (HashSet<_>, HashSet<_>) = seen.into_iter().unzip();
        assert_eq!(keys.len(), texts.len());
    }

    #[test]
    fn a_key_may_be_too_long() {
        assert!(written(&"k".repeat(LONGEST_KEY)).is_ok());
        assert!(matches!(written(&":".repeat(LONGEST_KEY)), Err(Trouble::KeyTooLong { .. })));
    }
}
