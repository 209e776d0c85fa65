//! What many hosts answered, and whose answers are missing.

use super::answer::{Fields, Read};
use crate::msgpack::Value;

/// What the hosts of a lattice answered to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gathered<T> {
    /// The answers.
    pub items: Vec<T>,
    /// The hosts that are known to be there, or were just now, and have not answered in time.
    pub missing: Vec<String>,
    /// How many answers could not be read.
    pub unreadable: u64,
    /// Whether nobody could tell which hosts there are.
    uncounted: bool,
}

impl<T> Gathered<T> {
    /// Whether these are the answers of all hosts. If not, hosts may be missing that nobody could name.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.unreadable == 0 && !self.uncounted
    }

    /// Reads the list. What is missing stands in its first element, where SDKs that do not know of it pass it over.
    pub(super) fn read(list: &Value<'_>, read: Read<T>) -> Option<Self> {
        let elements = list.as_array()?;
        let gaps = elements.first().and_then(|first| first.get("incomplete"));
        let (missing, told) = gaps.and_then(read_gaps).unwrap_or_default();
        let items: Vec<T> = elements.iter().filter_map(read).collect();
        let unreadable = told.saturating_add((elements.len() - items.len()) as u64);
        let uncounted = gaps.is_some() && missing.is_empty() && told == 0;
        Some(Self { items, missing, unreadable, uncounted })
    }
}

fn read_gaps(gaps: &Value<'_>) -> Option<(Vec<String>, u64)> {
    let fields = Fields::of(gaps);
    let read = (fields.list("missing", |host| host.as_str().map(String::from)), fields.unsigned("unreadable"));
    fields.made(read)
}
