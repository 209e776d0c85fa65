//! What is to be kept: said in a text, as a timer sends it, or in a map.

use std::collections::BTreeMap;

use lattice_guest::msgpack::Value;

/// What comes before the name of a label in a text.
const LABEL: &str = "label.";

/// What is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The key of the actor.
    pub(crate) actor: String,
    /// The image that more of it are started from.
    pub(crate) image: String,
    /// How many instances.
    pub(crate) instances: u16,
    /// The lattice.
    pub(crate) lattice: String,
    /// The name that tells what this keeper keeps from what others keep.
    pub(crate) name: String,
    /// What hosts must say of themselves to get any.
    pub(crate) labels: BTreeMap<String, String>,
}

impl Settings {
    /// Reads entries of the form `key=value`, one a line or with semicolons between them.
    pub(crate) fn of_text(text: &str) -> Result<Self, String> {
        let mut told = Told::default();
        for entry in text.split(['\n', ';']).map(str::trim).filter(|entry| !entry.is_empty()) {
            let (key, value) =
                entry.split_once('=').ok_or_else(|| format!("`{}` is not of the form key=value", entry))?;
            told.put(key.trim(), value.trim())?;
        }
        told.settings()
    }

    /// Reads a map with the same keys; `instances` is a number there, and `labels` a map.
    pub(crate) fn of_argument(argument: &Value<'_>) -> Result<Self, String> {
        let entries =
            argument.as_map().ok_or_else(|| format!("the argument must be a map, not {}", argument.kind()))?;
        let mut told = Told::default();
        for (key, value) in entries.iter().filter(|(_, value)| *value != Value::Nil) {
            let key = key.as_str().ok_or("the argument must be a map with string keys")?;
            told.put_value(key, value)?;
        }
        told.settings()
    }
}

/// What was said so far.
#[derive(Default)]
struct Told {
    texts: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
}

impl Told {
    fn put_value(&mut self, key: &str, value: &Value<'_>) -> Result<(), String> {
        match (key, value) {
            ("labels", Value::Map(labels)) => labels.iter().try_for_each(|(name, value)| match (name, value) {
                (Value::Str(name), Value::Str(value)) => self.put_label(name, value),
                _ => Err(String::from("`labels` must be a map of strings")),
            }),
            ("labels", other) => Err(format!("`labels` must be a map of strings, not {}", other.kind())),
            ("instances", Value::Uint(number)) => self.put(key, &number.to_string()),
            ("instances", other) => Err(format!("`instances` must be a whole number, not {}", other.kind())),
            (_, Value::Str(text)) => self.put(key, text),
            (_, other) => Err(format!("`{}` must be a string, not {}", key, other.kind())),
        }
    }

    fn put(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "actor" | "image" | "instances" | "lattice" | "name" => put_once(&mut self.texts, key, value),
            _ => match key.strip_prefix(LABEL) {
                Some(label) => self.put_label(label, value),
                None => Err(format!(
                    "unknown key `{}`, there are `actor`, `image`, `instances`, `lattice`, `name` and labels",
                    key
                )),
            },
        }
    }

    fn put_label(&mut self, name: &str, value: &str) -> Result<(), String> {
        put_once(&mut self.labels, name, value)
    }

    fn settings(self) -> Result<Settings, String> {
        let needed = |key| self.texts.get(key).cloned().ok_or_else(|| format!("there is no `{}`", key));
        let or = |key, default: &str| self.texts.get(key).cloned().unwrap_or_else(|| default.into());
        Ok(Settings {
            actor: needed("actor")?,
            image: needed("image")?,
            instances: needed("instances")?.parse().map_err(|_| "`instances` must be a number from 0 to 65535")?,
            lattice: or("lattice", "default"),
            name: or("name", "keeper"),
            labels: self.labels,
        })
    }
}

/// What is empty or was said before is more likely a mistake than meant.
fn put_once(told: &mut BTreeMap<String, String>, key: &str, value: &str) -> Result<(), String> {
    if key.is_empty() || value.is_empty() {
        return Err(format!("`{}={}` is not of the form key=value", key, value));
    }
    match told.insert(key.into(), value.into()) {
        Some(_) => Err(format!("`{}` is there twice", key)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            actor: "M1".into(),
            image: "r.example/echo:1".into(),
            instances: 6,
            lattice: "default".into(),
            name: "keeper".into(),
            labels: BTreeMap::new(),
        }
    }

    fn labels<const N: usize>(labels: [(&str, &str); N]) -> BTreeMap<String, String> {
        IntoIterator::into_iter(labels).map(|(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn a_text_says_it_line_by_line_or_with_semicolons() {
        let least = "actor=M1\nimage=r.example/echo:1\ninstances=6";
        assert_eq!(Settings::of_text(least), Ok(settings()));
        assert_eq!(Settings::of_text(&least.replace('\n', ";")), Ok(settings()));
        assert_eq!(Settings::of_text(&least.replace('\n', " ;\r\n\n ;")), Ok(settings()));
        let all = [least, "; lattice = prod ;name=k2\nlabel.zone=demo;label.a.b=c=d"].concat();
        let expected = Settings {
            lattice: "prod".into(),
            name: "k2".into(),
            labels: labels([("zone", "demo"), ("a.b", "c=d")]),
            ..settings()
        };
        assert_eq!(Settings::of_text(&all), Ok(expected));
    }

    #[test]
    fn a_map_says_the_same() {
        let mut entries = vec![
            (Value::Str("actor"), Value::Str("M1")),
            (Value::Str("image"), Value::Str("r.example/echo:1")),
            (Value::Str("instances"), Value::Uint(6)),
            (Value::Str("lattice"), Value::Nil),
        ];
        assert_eq!(Settings::of_argument(&Value::Map(entries.clone())), Ok(settings()));
        entries.push((Value::Str("labels"), Value::map([("zone", Value::Str("demo"))])));
        entries.push((Value::Str("name"), Value::Str("k2")));
        let expected = Settings { name: "k2".into(), labels: labels([("zone", "demo")]), ..settings() };
        assert_eq!(Settings::of_argument(&Value::Map(entries)), Ok(expected));
    }

    #[test]
    fn what_a_text_cannot_mean_is_an_error() {
        let check = |text: &str, error: &str| assert_eq!(Settings::of_text(text), Err(error.into()), "{}", text);
        check("", "there is no `actor`");
        check("actor=M1", "there is no `image`");
        check("actor=M1;image=i", "there is no `instances`");
        check("actor=M1;image", "`image` is not of the form key=value");
        check("actor=", "`actor=` is not of the form key=value");
        check("label.=x", "`=x` is not of the form key=value");
        check("actor=M1;actor=M2", "`actor` is there twice");
        check("label.a=1;label.a=1", "`a` is there twice");
        for instances in ["-1", "65536", "six", "6.0"] {
            let text = format!("actor=M1;image=i;instances={}", instances);
            check(&text, "`instances` must be a number from 0 to 65535");
        }
        check(
            "actors=M1",
            "unknown key `actors`, there are `actor`, `image`, `instances`, `lattice`, `name` and labels",
        );
    }

    #[test]
    fn what_a_map_cannot_mean_is_an_error() {
        let check = |argument: Value<'_>, error: &str| {
            assert_eq!(Settings::of_argument(&argument), Err(error.into()));
        };
        check(Value::Nil, "the argument must be a map, not nil");
        check(Value::Map(vec![(Value::Uint(1), Value::Uint(1))]), "the argument must be a map with string keys");
        check(Value::map([("actor", Value::Uint(1))]), "`actor` must be a string, not a whole number");
        check(Value::map([("instances", Value::Str("6"))]), "`instances` must be a whole number, not a string");
        check(Value::map([("labels", Value::Str("a"))]), "`labels` must be a map of strings, not a string");
        let labels = Value::map([("zone", Value::Uint(1))]);
        check(Value::map([("labels", labels)]), "`labels` must be a map of strings");
    }
}
