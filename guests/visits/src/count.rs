//! How often the page was visited, as the key-value store has it.

use lattice_guest::keyvalue::KeyValue;

/// Where the count of the page `/` stands.
pub(crate) const KEY: &str = "visits:/";

/// Counts one visit, and returns how many there were with it.
pub(crate) fn visit() -> Result<i64, String> {
    KeyValue::default().increment(KEY, 1).map(i64::from)
}

/// Returns how many visits there were: none where nothing was counted yet.
pub(crate) fn visits() -> Result<i64, String> {
    match KeyValue::default().get(KEY)? {
        Some(count) => count.trim().parse().map_err(|_| format!("what stands under `{}` is not a number", KEY)),
        None => Ok(0),
    }
}
