//! The environment variables that the program reads, and reading them.
//!
//! Every `LATTICE_*` name has a flag of the same meaning, which wins. The `WASMCLOUD_*` names are read by `lattice host`
//! alone, see `settings/host`.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
    path::PathBuf,
};

use crate::fault::{Code, Fault};

/// The lattice, `--lattice`.
pub(crate) const LATTICE: &str = "LATTICE_LATTICE";
/// The broker, `--nats-url`.
pub(crate) const NATS_URL: &str = "LATTICE_NATS_URL";
/// A NATS credentials file, `--creds`.
pub(crate) const CREDS: &str = "LATTICE_CREDS";
/// How long an answer is waited for, `--timeout`.
pub(crate) const TIMEOUT: &str = "LATTICE_TIMEOUT";
/// Where state lies, `--data-dir`.
pub(crate) const DATA_DIR: &str = "LATTICE_DATA_DIR";
/// A named lattice of the configuration directory, `--context`.
pub(crate) const CONTEXT: &str = "LATTICE_CONTEXT";
/// What control subjects start with, `--control-prefix`.
pub(crate) const CONTROL_PREFIX: &str = "LATTICE_CONTROL_PREFIX";
/// The seed that signs calls, or a file with it, `--cluster-seed`.
pub(crate) const CLUSTER_SEED: &str = "LATTICE_CLUSTER_SEED";
/// What is logged, in the syntax of `RUST_LOG`, which is read when this is not set.
pub(crate) const LOG: &str = "LATTICE_LOG";

/// The variables of this process, or in tests those of a made-up one.
#[derive(Clone, Default)]
pub(crate) struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// This process's.
    pub(crate) fn of_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// The variable's text; empty counts as not set.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Fault> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        match value.to_str() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(Fault::new(Code::Configuration, format!("{name} is not valid UTF-8"))),
        }
    }

    /// The variable read as `T`.
    pub(crate) fn parse<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> anyhow::Result<T>,
    ) -> Result<Option<T>, Fault> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let refused = |error| Fault::new(Code::Configuration, format!("{name} cannot be used")).caused_by(error);
        read(&text).map(Some).map_err(refused)
    }

    /// The variable as a path.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.raw(name).map(PathBuf::from)
    }

    /// All names and values.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// Names that begin with `prefix`, without it, and their values; what is not UTF-8 is left out.
    pub(crate) fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.to_str()?.strip_prefix(prefix)?, value.to_str()?)))
    }

    fn raw(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }
}

/// Values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Environment {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}
