//! Contexts: lattices that the configuration directory names.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::data_dir::config_dir;
use crate::{
    environment::{self, Environment},
    fault::{Code, Fault},
};

/// What the file of a context says.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Context {
    /// The lattice.
    pub(super) lattice: Option<String>,
    /// The broker.
    pub(super) nats_url: Option<String>,
    /// A NATS credentials file, relative to the context's.
    pub(super) creds: Option<PathBuf>,
    /// What control subjects start with.
    pub(super) control_prefix: Option<String>,
    /// How long an answer is waited for.
    pub(super) timeout: Option<String>,
    /// The seed that signs calls.
    pub(super) cluster_seed: Option<String>,
    /// A file with it, relative to the context's.
    pub(super) cluster_seed_file: Option<PathBuf>,
    /// Where this was read.
    #[serde(skip)]
    pub(super) path: PathBuf,
}

impl Context {
    /// The context that the flag or the environment names, if one does.
    pub(super) fn find(flag: Option<&str>, environment: &Environment) -> Result<Option<Self>, Fault> {
        let named = match flag {
            Some(name) => Some(name.to_owned()),
            None => environment.text(environment::CONTEXT)?,
        };
        named.map(|name| Self::read(&path_of(&name, environment)?, &name)).transpose()
    }

    fn read(path: &Path, name: &str) -> Result<Self, Fault> {
        let unreadable = |error: anyhow::Error| {
            Fault::new(Code::Configuration, format!("context `{name}` cannot be read from {}", path.display()))
                .hint("it is a TOML file with keys such as nats_url, creds and lattice, see `lattice --help`")
                .caused_by(error)
        };
        let text = fs::read_to_string(path).map_err(|error| unreadable(error.into()))?;
        let context: Context = toml::from_str(&text).map_err(|error| unreadable(error.into()))?;
        Ok(context.at(path))
    }

    /// With its paths made absolute.
    fn at(mut self, path: &Path) -> Self {
        let directory = path.parent().unwrap_or(Path::new("/"));
        self.creds = self.creds.map(|file| directory.join(file));
        self.cluster_seed_file = self.cluster_seed_file.map(|file| directory.join(file));
        self.path = path.to_owned();
        self
    }
}

fn path_of(name: &str, environment: &Environment) -> Result<PathBuf, Fault> {
    let is_plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']);
    if !is_plain {
        return Err(Fault::new(
            Code::Configuration,
            format!("`{name}` is not the name of a context, which is a file's"),
        ));
    }
    let directory = config_dir(environment).ok_or_else(|| {
        Fault::new(Code::Configuration, "there are no contexts: neither HOME nor XDG_CONFIG_HOME is set")
    })?;
    Ok(directory.join("contexts").join(format!("{name}.toml")))
}
