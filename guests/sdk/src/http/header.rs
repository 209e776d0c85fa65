//! Header fields: pairs in Rust, a map from a name to its values in the contract.

use crate::msgpack::Value;

/// Whether two names are of the same field: HTTP does not tell case.
pub(super) fn same(name: &str, other: &str) -> bool {
    name.eq_ignore_ascii_case(other)
}

/// Every pair of name and value in the map; what is no text is left out, for it is no reason to fail the request.
pub(super) fn read<'a>(header: Option<&Value<'a>>) -> Vec<(&'a str, &'a str)> {
    let entries = header.and_then(Value::as_map).unwrap_or_default();
    entries.iter().flat_map(|(name, values)| pairs(name, values)).collect()
}

fn pairs<'v, 'a: 'v>(name: &'v Value<'a>, values: &'v Value<'a>) -> impl Iterator<Item = (&'a str, &'a str)> + 'v {
    let values = values.as_array().unwrap_or_default().iter().filter_map(Value::as_str);
    values.filter_map(move |value| Some((name.as_str()?, value)))
}

/// The map, in which every name stands once, where it came first, with all its values.
pub(super) fn write<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Value<'a> {
    let mut entries: Vec<(&str, Vec<Value<'_>>)> = Vec::new();
    for (name, value) in fields {
        match entries.iter_mut().find(|(known, _)| same(known, name)) {
            Some((_, values)) => values.push(value.into()),
            None => entries.push((name, vec![value.into()])),
        }
    }
    Value::Map(entries.into_iter().map(|(name, values)| (Value::Str(name), Value::Array(values))).collect())
}
