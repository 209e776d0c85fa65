//! Text on its way into HTML and JSON, and out of the query of a URL.
//!
//! Whatever an actor did not write itself (parts of requests, stored values, texts of errors) goes through here before
//! it stands in a page or a JSON text.

/// The text with what HTML would take for markup written as entities.
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// The text as it stands between the quotes of a JSON string.
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\0'..='\x1f' => out.push_str(&format!("\\u{:04x}", u32::from(character))),
            other => out.push(other),
        }
    }
    out
}

/// The text of one value in a query: `+` is a space, `%` and two hexadecimal digits a byte, anything else itself.
pub fn decode_query(value: &str) -> String {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((byte, after)) = first_byte(rest) {
        out.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn first_byte(rest: &[u8]) -> Option<(u8, &[u8])> {
    match rest {
        [] => None,
        [b'+', after @ ..] => Some((b' ', after)),
        [b'%', high, low, after @ ..] => match (digit(*high), digit(*low)) {
            (Some(high), Some(low)) => Some((high << 4 | low, after)),
            _ => Some((b'%', &rest[1..])),
        },
        [byte, after @ ..] => Some((*byte, after)),
    }
}

fn digit(character: u8) -> Option<u8> {
    let digit = char::from(character).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_has_no_markup_left() {
        assert_eq!(html("<a href='x'>\"&é"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;é");
    }

    #[test]
    fn json_has_no_quote_or_control_left() {
        assert_eq!(json("a\"b\\c\n\u{7f}é"), "a\\\"b\\\\c\\u000a\u{7f}é");
    }

    #[test]
    fn queries_are_decoded_and_broken_ones_kept() {
        assert_eq!(decode_query("Ada+L.%20%C3%A9"), "Ada L. é");
        assert_eq!(decode_query("100%"), "100%");
        assert_eq!(decode_query("%4"), "%4");
        assert_eq!(decode_query("%zz%41"), "%zzA");
        assert_eq!(decode_query("%ff"), "\u{fffd}");
    }
}
