//! Layers of texts, and reading values out of them.

use std::{collections::BTreeMap, fmt, fs, path::Path, str::FromStr, time::Duration};

use lattice_protocol::Labels;

use super::options;
use crate::{
    cli::{self, Global},
    environment::Environment,
    keys::SeedSource,
};

/// The prefix of variables that stand for options.
const PREFIX: &str = "LATTICE_";
/// The prefix of variables that stand for labels.
const LABEL_PREFIX: &str = "LATTICE_LABEL_";

/// One source: its options by name, with who gave them.
pub(super) type Layer = BTreeMap<&'static str, Given>;

/// The texts that one source has for an option.
#[derive(Clone, Default)]
pub(super) struct Given {
    pub(super) origin: String,
    pub(super) texts: Vec<String>,
}

/// The texts may be secrets.
impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Given").field(&self.origin).finish()
    }
}

impl Given {
    pub(super) fn one(origin: impl Into<String>, text: impl Into<String>) -> Self {
        Self { origin: origin.into(), texts: vec![text.into()] }
    }
}

/// All sources, the most important first, and what was found to be wrong with them.
#[derive(Debug, Default)]
pub(super) struct Layers {
    layers: Vec<Layer>,
    problems: Vec<String>,
    ignored: Vec<String>,
}

impl Layers {
    pub(super) fn push(&mut self, layer: Layer) {
        self.layers.push(layer);
    }

    pub(super) fn problem(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    pub(super) fn ignore(&mut self, what: String) {
        self.ignored.push(what);
    }

    pub(super) fn take_ignored(&mut self) -> Vec<String> {
        std::mem::take(&mut self.ignored)
    }

    pub(super) fn into_problems(self) -> Vec<String> {
        self.problems
    }

    /// What was typed.
    pub(super) fn push_flags(&mut self, flags: &cli::Host, global: &Global) {
        let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let single = [
            ("lattice", global.lattice.as_ref().map(ToString::to_string)),
            ("nats_url", global.nats_url.clone()),
            ("creds", path(&global.creds)),
            ("control_prefix", global.control_prefix.as_ref().map(ToString::to_string)),
            ("data_dir", path(&global.data_dir)),
            ("host_seed", flags.host_seed.clone().map(Into::into)),
            ("cluster_seed", flags.cluster_seed.clone().map(Into::into)),
            ("friendly_name", flags.friendly_name.clone()),
            ("mode", flags.mode.clone()),
            ("allow_file", flags.allow_file.clone()),
            ("allow_unsigned", flags.allow_unsigned.clone()),
            ("restore", flags.restore.clone()),
            ("typed_events", flags.typed_events.clone()),
            ("drain_limit", flags.drain_limit.clone()),
            ("call_deadline", flags.call_deadline.clone()),
            ("max_instances", flags.max_instances.clone()),
            ("provider_memory", flags.provider_memory.clone()),
            ("provider_nats_jwt", flags.provider_nats_jwt.clone()),
            ("provider_nats_url", flags.provider_nats_url.clone()),
            ("heartbeat", flags.heartbeat.clone()),
            ("rpc_nats_url", flags.rpc_nats_url.clone()),
            ("rpc_creds", flags.rpc_creds.clone()),
            ("log_json", flags.log_json.clone()),
        ];
        let images = flags.images.single().map(|(name, text)| (name, text.cloned()));
        let single = single.into_iter().chain(images).filter_map(|(name, text)| Some((name, vec![text?])));
        let lists = [
            ("cluster_issuers", &flags.cluster_issuers),
            ("labels", &flags.labels),
            ("inbox_prefixes", &flags.inbox_prefixes),
        ];
        let lists = lists.into_iter().chain(flags.images.lists());
        self.push(typed(single, lists));
    }

    /// What was typed of where images come from.
    pub(super) fn push_images(&mut self, flags: &cli::Images) {
        let single = flags.single().into_iter().filter_map(|(name, text)| Some((name, vec![text.cloned()?])));
        self.push(typed(single, flags.lists().into_iter()));
    }

    /// The variables that begin with `LATTICE_`.
    pub(super) fn push_environment(&mut self, environment: &Environment) {
        let mut layer = Layer::new();
        for name in options().filter(|name| *name != "labels") {
            let variable = format!("{PREFIX}{}", name.to_uppercase());
            match environment.text(&variable) {
                Ok(Some(text)) => drop(layer.insert(name, Given { texts: split(name, &text), origin: variable })),
                Ok(None) => {}
                Err(fault) => self.problem(fault.message),
            }
        }
        insert_labels(&mut layer, environment, LABEL_PREFIX);
        self.push(layer);
    }

    /// A TOML file.
    pub(super) fn push_file(&mut self, path: &Path) {
        let shown = path.display();
        let read = fs::read_to_string(path).map_err(|error| format!("{shown} cannot be read: {error}"));
        let table = read.and_then(|text| {
            text.parse::<toml::Table>().map_err(|error| format!("{shown} is not TOML: {}", error.to_string().trim()))
        });
        match table {
            Ok(table) => self.push_table(&shown.to_string(), table),
            Err(problem) => self.problem(problem),
        }
    }

    fn push_table(&mut self, path: &str, table: toml::Table) {
        let mut layer = Layer::new();
        for (key, value) in table {
            let origin = format!("{key} in {path}");
            let Some(name) = options().find(|name| *name == key) else {
                self.problem(format!("{path} has the unknown key `{key}`"));
                continue;
            };
            match texts(value, name == "labels") {
                Some(texts) => drop(layer.insert(name, Given { origin, texts })),
                None => self.problem(format!("{origin} has a value of the wrong kind")),
            }
        }
        self.push(layer);
    }

    /// The option's value from the first layer that has it.
    pub(super) fn value<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<T> {
        self.read(name, |text| text.parse().map_err(|error: T::Err| error.to_string()))
    }

    /// A seed or a file with one.
    pub(super) fn seed(&mut self, name: &str) -> Option<SeedSource> {
        let given = self.given(name)?;
        Some(SeedSource::read(given.texts.first()?, &given.origin))
    }

    /// A switch; what published hosts take as one is taken too.
    pub(super) fn switch(&mut self, name: &str) -> Option<bool> {
        self.read(name, |text| match text.to_lowercase().as_str() {
            "true" | "1" | "yes" | "y" | "enabled" | "enable" => Ok(true),
            "false" | "0" | "no" | "n" | "disabled" | "disable" => Ok(false),
            _ => Err(format!("`{text}` is neither true nor false")),
        })
    }

    /// A number of things.
    pub(super) fn number(&mut self, name: &str) -> Option<u32> {
        self.read(name, |text| text.parse().map_err(|_| format!("`{text}` is no whole number from 0 to {}", u32::MAX)))
    }

    /// A duration.
    pub(super) fn duration(&mut self, name: &str) -> Option<Duration> {
        self.read(name, |text| cli::duration(text).map_err(|error| format!("`{text}`: {error}")))
    }

    /// All values of the first layer that has any.
    pub(super) fn list<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Vec<T> {
        let given = self.given(name).unwrap_or_default();
        let read: Vec<Result<T, T::Err>> = given.texts.iter().map(|text| text.parse()).collect();
        let keep = |value: Result<T, T::Err>| value.map_err(|error| self.refused(&given.origin, error)).ok();
        read.into_iter().filter_map(keep).collect()
    }

    /// The labels of all layers.
    pub(super) fn labels(&mut self) -> Labels {
        let given: Vec<Given> = self.layers.iter().rev().filter_map(|layer| layer.get("labels").cloned()).collect();
        let mut labels = Labels::new();
        for Given { origin, texts } in given {
            for text in texts {
                match cli::pair(&text) {
                    Ok((key, value)) => drop(labels.insert(key, value)),
                    Err(error) => self.refused(&origin, format!("`{text}`: {error}")),
                }
            }
        }
        labels
    }

    fn read<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let given = self.given(name)?;
        match given.texts.as_slice() {
            [text] => read(text).map_err(|error| self.refused(&given.origin, error)).ok(),
            _ => {
                self.refused(&given.origin, "it is to be one value");
                None
            }
        }
    }

    fn given(&self, name: &str) -> Option<Given> {
        self.layers.iter().find_map(|layer| layer.get(name).cloned())
    }

    fn refused(&mut self, origin: &str, error: impl fmt::Display) {
        self.problem(format!("{origin}: {error}"));
    }
}

/// A layer of flags.
fn typed<'a>(
    single: impl Iterator<Item = (&'static str, Vec<String>)>,
    lists: impl Iterator<Item = (&'static str, &'a Vec<String>)>,
) -> Layer {
    let lists = lists.filter(|(_, texts)| !texts.is_empty()).map(|(name, texts)| (name, texts.clone()));
    single.chain(lists).map(|(name, texts)| (name, Given { origin: cli::flag(name), texts })).collect()
}

/// Labels from variables whose names end in the label's key.
pub(super) fn insert_labels(layer: &mut Layer, environment: &Environment, prefix: &str) {
    let pairs = environment.with_prefix(prefix).filter(|(key, _)| !key.is_empty());
    let texts: Vec<String> = pairs.map(|(key, value)| format!("{key}={value}")).collect();
    if !texts.is_empty() {
        layer.insert("labels", Given { origin: format!("{prefix}*"), texts });
    }
}

/// The texts of an option in a variable, where lists have commas between their items.
pub(super) fn split(name: &str, text: &str) -> Vec<String> {
    match cli::is_list(name) {
        true => text.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect(),
        false => vec![text.to_owned()],
    }
}

/// The texts of a TOML value; only labels may be a table.
fn texts(value: toml::Value, is_labels: bool) -> Option<Vec<String>> {
    match value {
        toml::Value::Array(items) if !is_labels => items.into_iter().map(text).collect(),
        toml::Value::Table(table) if is_labels => {
            table.into_iter().map(|(key, value)| Some(format!("{key}={}", text(value)?))).collect()
        }
        value if !is_labels => Some(vec![text(value)?]),
        _ => None,
    }
}

fn text(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(switch) => Some(switch.to_string()),
        _ => None,
    }
}
