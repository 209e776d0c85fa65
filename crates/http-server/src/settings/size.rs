//! Sizes of bodies as links write them: bytes, or with `k`, `m` or `g` behind them multiples of 1,024.

use crate::{defaults::MOST_CONTENT, error::SettingsError};

pub(super) fn parse(value: String) -> Result<usize, SettingsError> {
    let expected = "bytes, at most 500m, with k, m or g for multiples of 1024";
    let size = bytes(value.trim()).filter(|size| *size <= MOST_CONTENT);
    size.ok_or(SettingsError::Number { key: "max_content_len", expected, value })
}

fn bytes(text: &str) -> Option<usize> {
    let (digits, shift) = match text.char_indices().last()? {
        (end, 'k' | 'K') => (&text[..end], 10),
        (end, 'm' | 'M') => (&text[..end], 20),
        (end, 'g' | 'G') => (&text[..end], 30),
        _ => (text, 0),
    };
    digits.parse::<usize>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let check = |text: &str, expect| assert_eq!(parse(text.to_owned()).ok(), expect, "{text}");
        check("0", Some(0));
        check("500", Some(500));
        check(" 5k ", Some(5 << 10));
        check("10M", Some(10 << 20));
        check("500m", Some(500 << 20));
        for bad in ["", "k", "-1", "1.5m", "501m", "1g", "99999999999999999999", "18014398509481984k", "5é", "5 k"] {
            check(bad, None);
        }
    }
}
