//! [`Settings`]: what a link says, and behind it what the provider was started with.
//!
//! Published providers differ in how they spell the keys of link values (`URL`, `url`), and take a JSON object at their
//! start that counts where a link says nothing. Source: wasmCloud/capability-providers `nats/src/config.rs`,
//! `kvredis/src/main.rs`; wasmCloud 0.82 `crates/providers/kv-redis`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use lattice_protocol::LinkValues;
use serde_json::Value;

use crate::error::Failure;

/// What counts where a link says nothing: the configuration that a provider was started with, as a JSON object.
#[derive(Clone, Default)]
pub struct Defaults(BTreeMap<String, String>);

impl Defaults {
    /// Reads a [configuration](crate::Context::configuration); none, and one without text, is empty. Lists are joined with
    /// commas, which is how link values hold them.
    ///
    /// # Errors
    /// It is no JSON object of texts, numbers, truth values and lists of these. The text is not repeated.
    pub fn read(configuration: Option<&str>) -> Result<Self, Failure> {
        let text = configuration.map(str::trim).filter(|text| !text.is_empty());
        let Some(text) = text else { return Ok(Self::default()) };
        let read: Result<BTreeMap<String, Value>, _> = serde_json::from_str(text);
        // What the reader says could repeat a part of the text.
        let entries = read.map_err(|_| Failure::new("the configuration is no JSON object"))?;
        let known = entries.into_iter().filter(|(_, value)| !value.is_null());
        known
            .map(|(key, value)| Ok((key.to_ascii_lowercase(), plain(&key, &value)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn plain(key: &str, value: &Value) -> Result<String, Failure> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Array(items) => Ok(items.iter().map(|item| plain(key, item)).collect::<Result<Vec<_>, _>>()?.join(",")),
        _ => Err(Failure::new(format!("`{key}` of the configuration is neither text, number nor a list of these"))),
    }
}

/// The settings of one link. Names are the same in upper and lower case, and what is empty says nothing.
///
/// ```
/// # fn example() -> Result<(), lattice_provider::Failure> {
/// use lattice_provider::{Defaults, LinkValues, Settings};
///
/// let defaults = Defaults::read(Some(r#"{"replicas": 3}"#))?;
/// let values: LinkValues = [("BUCKET", "orders"), ("create", "no")].into_iter().collect();
/// let settings = Settings::new(&values, &defaults);
/// assert_eq!(settings.get("bucket"), Some("orders"));
/// assert_eq!(settings.flag("create")?, Some(false));
/// assert_eq!(settings.number::<usize>("replicas")?, Some(3));
/// # Ok(())
/// # }
/// # example().unwrap();
/// ```
#[derive(Clone)]
pub struct Settings {
    said: BTreeMap<String, String>,
    defaults: BTreeMap<String, String>,
}

impl Settings {
    /// What the link says, and what the provider was started with where it says nothing.
    pub fn new(values: &LinkValues, defaults: &Defaults) -> Self {
        let said = values.iter().map(|(key, value)| (key.to_ascii_lowercase(), value.trim().to_owned()));
        Self { said: said.filter(|(_, value)| !value.is_empty()).collect(), defaults: defaults.0.clone() }
    }

    /// A setting without the space around it; `None` if nobody says anything. `name` is in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.first(&[name])
    }

    /// A setting that has several names, because publishers call it differently: what the link says under any of them, the
    /// first before the others, and otherwise what the configuration says.
    pub fn first(&self, names: &[&str]) -> Option<&str> {
        [&self.said, &self.defaults].into_iter().flat_map(|place| values_of(place, names)).next()
    }

    /// A setting that is `true` or `false`, `yes` or `no`, `1` or `0`.
    ///
    /// # Errors
    /// It is something else.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Failure> {
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(None),
            Some("true" | "yes" | "1") => Ok(Some(true)),
            Some("false" | "no" | "0") => Ok(Some(false)),
            Some(_) => Err(Failure::new(format!("the link value `{name}` is neither true nor false"))),
        }
    }

    /// A setting that is a number.
    ///
    /// # Errors
    /// It is something else, or out of the type's range.
    pub fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Failure> {
        let parsed = self.get(name).map(str::parse).transpose();
        parsed.map_err(|_| Failure::new(format!("the link value `{name}` is no number in its range")))
    }

    /// The parts of a setting that holds several, between commas, under any of its names. Space around parts and empty ones
    /// do not count. Where the link has any, the configuration has none.
    pub fn list(&self, names: &[&str]) -> Vec<&str> {
        let parts_in = |place| -> Vec<&str> {
            let parts = values_of(place, names).flat_map(|value| value.split(',')).map(str::trim);
            parts.filter(|part| !part.is_empty()).collect()
        };
        Some(parts_in(&self.said)).filter(|parts| !parts.is_empty()).unwrap_or_else(|| parts_in(&self.defaults))
    }

    /// The names that are set and not among the known, to warn of a slip of the pen.
    pub fn unknown(&self, known: &[&str]) -> Vec<&str> {
        let names: BTreeSet<&str> = self.names().map(String::as_str).collect();
        names.into_iter().filter(|name| !known.contains(name)).collect()
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        self.said.keys().chain(self.defaults.keys())
    }
}

fn values_of<'a>(place: &'a BTreeMap<String, String>, names: &[&str]) -> impl Iterator<Item = &'a str> {
    let values: Vec<&str> = names.iter().filter_map(|name| place.get(*name)).map(String::as_str).collect();
    values.into_iter().filter(|value| !value.is_empty())
}

/// Shows the names alone: values may be secrets.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// Shows the names alone: values may be secrets.
impl fmt::Debug for Defaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(configuration: &str, values: &[(&str, &str)]) -> Settings {
        let defaults = Defaults::read(Some(configuration)).expect("a configuration");
        Settings::new(&values.iter().copied().collect(), &defaults)
    }

    #[test]
    fn a_link_counts_more_than_the_configuration() {
        let both =
            settings(r#"{"URL":"a","subs":["x","y"],"n":1,"nil":null}"#, &[("url", " b "), ("Subs", " "), ("n", "")]);
        assert_eq!(both.get("url"), Some("b"));
        assert_eq!(both.list(&["subs"]), ["x", "y"]);
        assert_eq!(both.number("n").expect("a number"), Some(1));
        assert_eq!(both.first(&["uri", "url"]), Some("b"));
        assert_eq!(both.unknown(&["n", "subs"]), ["url"]);
        assert_eq!(settings("", &[("l", ",a, b,,"), ("m", "c")]).list(&["m", "l", "n"]), ["c", "a", "b"]);
        let others = settings(r#"{"uris":["x","y"]}"#, &[("uri", "z")]);
        assert_eq!(others.list(&["uris", "uri"]), ["z"]);
        assert_eq!(others.first(&["uris", "uri"]), Some("z"), "the link counts under whatever name");
    }

    #[test]
    fn what_is_wrong_is_told_without_its_value() {
        let wrong = settings("", &[("secret", "hunter2")]);
        for failure in [wrong.flag("secret").map(|_| ()), wrong.number::<u8>("secret").map(|_| ())] {
            let text = failure.expect_err("neither a number nor a flag").to_string();
            assert!(text.contains("`secret`") && !text.contains("hunter2"), "{text}");
        }
        assert!(!format!("{wrong:?}").contains("hunter2"));
        for configuration in ["hunter2", "[\"hunter2\"]", r#"{"a":{"b":"hunter2"}}"#] {
            let text = Defaults::read(Some(configuration)).expect_err("no configuration").to_string();
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
