//! What the program needs, worked out from what was typed, the environment and files.
//!
//! Nothing is resolved before a command asks for it, so that `--help`, `keys gen` and the like work in a broken environment.

mod broker;
mod context;
mod credentials;
mod data_dir;
mod host;
mod target;

use std::{
    ffi::{OsStr, OsString},
    time::Duration,
};

use lattice_artifact::{Store, StoreError};

use crate::{
    cli::{self, Global},
    environment::{self, Environment},
    fault::{Code, Fault},
    printer::Printer,
};

pub(crate) use broker::{Broker, Credentials};
pub(crate) use data_dir::{DataDir, create_private_dir, write_file, write_private};
pub(crate) use host::{HostSettings, ImageSettings};
pub(crate) use target::{DEFAULT_NATS_URL, Target};

/// How long an answer is waited for: a machine under load answers in far less, and people wait no longer.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the end of an operation is waited for: a large module over a slow line, compiled on a busy machine.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(120);

/// The flags and the environment that a command was given.
#[derive(Debug)]
pub(crate) struct Settings {
    flags: Global,
    environment: Environment,
}

impl Settings {
    /// What was typed, and the environment it was typed in.
    pub(crate) fn new(flags: Global, environment: Environment) -> Self {
        Self { flags, environment }
    }

    /// How to print.
    pub(crate) fn printer(&self) -> Printer {
        Printer::new(self.flags.output, self.flags.quiet)
    }

    /// How often `-v` was given.
    pub(crate) fn verbosity(&self) -> u8 {
        self.flags.verbose
    }

    /// Where state lies.
    pub(crate) fn data_dir(&self) -> Result<DataDir, Fault> {
        DataDir::find(self.flags.data_dir.as_deref(), &self.environment)
    }

    /// Which lattice is meant and how to reach it.
    pub(crate) fn target(&self) -> Result<Target, Fault> {
        Target::find(&self.flags, &self.environment)
    }

    /// The global flags as they were typed, for the same program in the background.
    pub(crate) fn global_arguments(&self) -> Vec<OsString> {
        let Global { lattice, nats_url, creds, timeout, data_dir, context, control_prefix, output: _, quiet, verbose } =
            &self.flags;
        let named: [(&str, Option<OsString>); 7] = [
            ("--lattice", lattice.as_ref().map(|lattice| lattice.as_str().into())),
            ("--nats-url", nats_url.as_ref().map(Into::into)),
            ("--creds", creds.as_ref().map(Into::into)),
            ("--timeout", timeout.map(|timeout| humantime::format_duration(timeout).to_string().into())),
            ("--data-dir", data_dir.as_ref().map(Into::into)),
            ("--context", context.as_ref().map(Into::into)),
            ("--control-prefix", control_prefix.as_ref().map(|prefix| prefix.as_str().into())),
        ];
        let named = named.into_iter().filter_map(|(name, value)| Some([OsString::from(name), value?]));
        let switches = quiet.then(|| "--quiet".into()).into_iter();
        let verbose = std::iter::repeat_n("--verbose".into(), usize::from(*verbose));
        named.flatten().chain(switches).chain(verbose).collect()
    }

    /// How `lattice host` is to run.
    pub(crate) fn host(&self, flags: &cli::Host) -> Result<HostSettings, Fault> {
        HostSettings::find(flags, &self.flags, &self.environment)
    }

    /// The variables that a host is to find that `lattice up` runs as a process of its own.
    pub(crate) fn inherited(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        host::inherited(&self.environment)
    }

    /// Where the images of `lattice up`'s host come from.
    pub(crate) fn images(&self, flags: &cli::Images) -> Result<ImageSettings, Fault> {
        host::of_up(flags, &self.environment)
    }

    /// How this machine reaches registries and what it keeps of them, for commands that fetch or push themselves.
    pub(crate) fn store(&self, registries: cli::Registries) -> anyhow::Result<Store> {
        let images = self.images(&registries.into())?;
        let data_dir = self.data_dir()?;
        data_dir.create()?;
        let opened = Store::open(&data_dir.cache().join("artifacts"), images.store);
        opened.map_err(|error| match error {
            StoreError::Sources { source } => {
                Fault::new(Code::Configuration, "registries cannot be reached as they are set").caused_by(source).into()
            }
            error => error.into(),
        })
    }

    /// What to log, if the environment says; for a host also as published hosts are told.
    pub(crate) fn log(&self, is_host: bool) -> Option<String> {
        let named = |name| self.environment.text(name).ok().flatten();
        let published = || named(host::PUBLISHED_LOG_LEVEL).filter(|_| is_host);
        named(environment::LOG).or_else(|| named("RUST_LOG")).or_else(published)
    }

    /// The secret in an environment variable.
    ///
    /// # Errors
    /// It is not set, or no text.
    pub(crate) fn secret_variable(&self, name: &str) -> Result<String, Fault> {
        let unset = || Fault::new(Code::Usage, format!("the environment variable {name} is not set, or empty"));
        self.environment.text(name)?.ok_or_else(unset)
    }

    /// How long an answer is waited for, if that was typed.
    pub(crate) fn typed_timeout(&self) -> Option<Duration> {
        self.flags.timeout
    }
}
