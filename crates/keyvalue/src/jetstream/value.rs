//! [`Value`]: what is under a key, and what can be done with it.

use std::collections::BTreeSet;

use crate::{error::Trouble, storage::Kind};

/// What is under a key. A list and a set that are empty are not there at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    List(Vec<String>),
    Set(BTreeSet<String>),
    /// What other programs wrote, and is none of these. It can be replaced and removed.
    Foreign,
}

/// What is under a key after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// What was there before, whatever that is.
    Same,
    /// Nothing.
    Gone,
    /// This.
    Now(Value),
}

/// How a change ends: what is there from now on, and what the caller is told.
pub(super) type Changed<R> = Result<(After, R), Trouble>;

impl Value {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Value::Text(_) => Kind::Text,
            Value::List(_) => Kind::List,
            Value::Set(_) => Kind::Set,
            Value::Foreign => Kind::Foreign,
        }
    }

    fn is_no(&self, wanted: Kind) -> Trouble {
        Trouble::WrongType { holds: self.kind(), wanted }
    }
}

/// The text that is there, if anything is.
pub(super) fn text(value: Option<Value>) -> Result<Option<String>, Trouble> {
    match value {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(other) => Err(other.is_no(Kind::Text)),
    }
}

/// The items of the list that is there; none if nothing is.
pub(super) fn list(value: Option<Value>) -> Result<Vec<String>, Trouble> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::List(items)) => Ok(items),
        Some(other) => Err(other.is_no(Kind::List)),
    }
}

/// The members of the set that is there; none if nothing is.
pub(super) fn set(value: Option<Value>) -> Result<BTreeSet<String>, Trouble> {
    match value {
        None => Ok(BTreeSet::new()),
        Some(Value::Set(members)) => Ok(members),
        Some(other) => Err(other.is_no(Kind::Set)),
    }
}

/// Adds to a number. What is missing is 0.
pub(super) fn increment(value: Option<Value>, by: i32) -> Changed<i32> {
    let number = text(value)?.map_or(Ok(0), |text| text.parse::<i64>());
    let sum = number.map_err(|_| Trouble::NotANumber)?.checked_add(i64::from(by));
    let sum = sum.and_then(|sum| i32::try_from(sum).ok()).ok_or(Trouble::OutOfRange)?;
    Ok((After::Now(Value::Text(sum.to_string())), sum))
}

/// Appends to a list; its new length.
pub(super) fn push(value: Option<Value>, item: &str) -> Changed<u32> {
    let mut items = list(value)?;
    items.push(item.to_owned());
    let length = u32::try_from(items.len()).map_err(|_| Trouble::OutOfRange)?;
    Ok((After::Now(Value::List(items)), length))
}

/// Removes the first item that is the same; whether there was one.
pub(super) fn remove_item(value: Option<Value>, item: &str) -> Changed<bool> {
    let mut items = list(value)?;
    let Some(at) = items.iter().position(|other| other == item) else { return Ok((After::Same, false)) };
    items.remove(at);
    Ok((if items.is_empty() { After::Gone } else { After::Now(Value::List(items)) }, true))
}

/// The items from one to another, both of them too. Negative ones count from the end, and ends beyond the list mean its
/// ends, as in Redis.
pub(super) fn range(items: Vec<String>, start: i32, stop: i32) -> Vec<String> {
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let absolute = |at: i32| if at < 0 { length + i64::from(at) } else { i64::from(at) };
    let (start, stop) = (absolute(start).max(0), absolute(stop));
    let count = usize::try_from(stop - start + 1).unwrap_or_default();
    items.into_iter().skip(usize::try_from(start).unwrap_or(usize::MAX)).take(count).collect()
}

/// Adds to a set; how many were added.
pub(super) fn insert(value: Option<Value>, member: &str) -> Changed<u32> {
    let mut members = set(value)?;
    match members.insert(member.to_owned()) {
        true => Ok((After::Now(Value::Set(members)), 1)),
        false => Ok((After::Same, 0)),
    }
}

/// Removes from a set; how many were removed.
pub(super) fn remove_member(value: Option<Value>, member: &str) -> Changed<u32> {
    let mut members = set(value)?;
    match members.remove(member) {
        false => Ok((After::Same, 0)),
        true if members.is_empty() => Ok((After::Gone, 1)),
        true => Ok((After::Now(Value::Set(members)), 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn a_text(text: &str) -> Option<Value> {
        Some(Value::Text(text.to_owned()))
    }

    #[test]
    fn numbers_are_added_or_refused_whole() {
        let sum = |value, by| increment(value, by).map(|(_, sum)| sum);
        assert_eq!(sum(None, 5).expect("a number"), 5);
        assert_eq!(sum(a_text("-7"), 2).expect("a number"), -5);
        assert_eq!(sum(a_text("2147483648"), -1).expect("in the range again"), i32::MAX);
        for text in ["", " 1", "1.0", "one"] {
            assert!(matches!(sum(a_text(text), 1), Err(Trouble::NotANumber)), "{text}");
        }
        assert!(matches!(sum(a_text("2147483647"), 1), Err(Trouble::OutOfRange)));
        assert!(matches!(sum(a_text("9223372036854775807"), 1), Err(Trouble::OutOfRange)));
        assert!(matches!(sum(Some(Value::List(items("1"))), 1), Err(Trouble::WrongType { .. })));
    }

    #[test]
    fn ranges_count_from_both_ends() {
        let check =
            |start, stop, expect| assert_eq!(range(items("a b c d"), start, stop), items(expect), "{start} {stop}");
        check(0, 10, "a b c d");
        check(1, 2, "b c");
        check(-2, -1, "c d");
        check(-100, 0, "a");
        check(2, 1, "");
        check(4, 9, "");
        check(0, -5, "");
        check(i32::MIN, i32::MAX, "a b c d");
        check(i32::MAX, i32::MIN, "");
    }

    #[test]
    fn what_is_empty_is_gone() {
        let list = |text| Some(Value::List(items(text)));
        assert_eq!(remove_item(list("a b a"), "a").expect("a list"), (After::Now(Value::List(items("b a"))), true));
        assert_eq!(remove_item(list("a"), "a").expect("a list"), (After::Gone, true));
        assert_eq!(remove_item(list("a"), "b").expect("a list"), (After::Same, false));
        assert_eq!(remove_item(None, "b").expect("nothing"), (After::Same, false));
        let set = |text| Some(Value::Set(items(text).into_iter().collect()));
        assert_eq!(remove_member(set("a"), "a").expect("a set"), (After::Gone, 1));
        assert_eq!(remove_member(set("a"), "b").expect("a set"), (After::Same, 0));
        assert_eq!(insert(set("a"), "a").expect("a set"), (After::Same, 0));
        assert_eq!(push(list("a"), "a").expect("a list"), (After::Now(Value::List(items("a a"))), 2));
    }
}
