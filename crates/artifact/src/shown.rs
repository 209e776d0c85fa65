//! Texts of others as errors repeat them.

/// The first `max` characters, none of them a control character: these would let a text forge lines of a log.
pub(crate) fn shortened(text: &str, max: usize) -> String {
    let mut chars = text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c });
    let start: String = chars.by_ref().take(max).collect();
    match chars.next() {
        Some(_) => start + "…",
        None => start,
    }
}
