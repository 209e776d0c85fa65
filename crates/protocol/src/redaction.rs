//! What error texts may repeat of what was received: no secret, no control character, nothing long.

/// Characters of a seed that make it a secret: all 58, less two that a slip in copying may have lost.
///
/// A public key has as many, but none of them can begin like a seed.
const SEED_TEXT: usize = 56;
/// Characters repeated of a malformed text: every key fits, and a log line stays readable.
const SHOWN: usize = 64;
const HIDDEN: &str = "(a seed, not shown)";

/// A received text as an error may repeat it.
pub(crate) fn shown(text: &str) -> String {
    let text: String = without_seeds(text).chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The same text with every seed in it replaced.
pub(crate) fn without_seeds(text: &str) -> String {
    text.split_inclusive(|c| !is_base32(c)).fold(String::with_capacity(text.len()), |mut safe, part| {
        let run = part.trim_end_matches(|c| !is_base32(c));
        match seed_at(run.as_bytes()) {
            Some(start) => safe.extend([&run[..start], HIDDEN, &part[run.len()..]]),
            None => safe.push_str(part),
        }
        safe
    })
}

/// Where in a message something is, without a seed and without names that may be URLs with a password in them.
pub(crate) fn without_user_info(path: &str) -> String {
    match path.contains('@') {
        true => "a name that may hold a password and is not shown".to_owned(),
        false => without_seeds(path),
    }
}

/// The same error, repeating neither a received text nor a seed.
///
/// serde quotes a text that stands where it expected something else, and passwords are texts.
pub(crate) fn redacted<E: serde::de::Error>(error: E) -> E {
    let text = error.to_string();
    let safe = without_seeds(&without_value(&text));
    if safe == text { error } else { E::custom(safe) }
}

fn without_value(message: &str) -> String {
    let quoted = message.split_once(": string \"").filter(|(head, _)| head.starts_with("invalid "));
    match quoted.and_then(|(head, rest)| Some((head, rest.rsplit_once("\", expected ")?.1))) {
        Some((head, expected)) => format!("{head}: a string, expected {expected}"),
        None => message.to_owned(),
    }
}

fn is_base32(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '2'..='7')
}

fn seed_at(run: &[u8]) -> Option<usize> {
    let last = run.len().checked_sub(SEED_TEXT)?;
    (0..=last).find(|start| {
        let (first, kind) = (run[*start].to_ascii_uppercase(), run[*start + 1].to_ascii_uppercase());
        first == b'S' && b"ACMNOUVX".contains(&kind)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "SCAIYCZTW775GJYX3MVWLURALVC3PULW43PTEKGH72JBMA3A7LOLGLQ2JA";

    #[test]
    fn seeds_are_replaced_wherever_they_stand() {
        for text in [SEED.to_owned(), SEED.to_lowercase(), format!("x{SEED}"), SEED[..57].to_owned()] {
            let safe = without_seeds(&format!("before {text}\n after"));
            assert!(!safe.to_uppercase().contains(&SEED[2..50]), "{safe}");
            assert!(safe.starts_with("before ") && safe.ends_with("\n after"), "{safe}");
        }
        assert_eq!(without_seeds(&format!("{SEED}.{SEED}")), format!("{HIDDEN}.{HIDDEN}"));
    }

    #[test]
    fn public_keys_and_plain_texts_stay() {
        for text in ["", "SU", "日本 SU", "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR"] {
            assert_eq!(without_seeds(text), text);
        }
    }

    #[test]
    fn shown_texts_are_short_and_plain() {
        assert_eq!(shown("a\u{1b}[2J\nb"), "a\u{fffd}[2J\u{fffd}b");
        assert_eq!(shown(&"日".repeat(70)), format!("{}…", "日".repeat(64)));
    }

    #[test]
    fn a_quoted_text_is_cut_out_of_an_error() {
        let error = serde_json::from_str::<u8>(r#""pass\", expected word""#).expect_err("a text is no number");
        assert_eq!(redacted(error).to_string(), "invalid type: a string, expected u8 at line 1 column 23");
        let error = serde_json::from_str::<u8>("[]").expect_err("a list is no number");
        let text = error.to_string();
        assert_eq!(redacted(error).to_string(), text);
    }
}
