//! Which lattice a command is for, and where it is.

use std::{path::PathBuf, str::FromStr, time::Duration};

use lattice_protocol::{ControlPrefix, LatticeName};

use super::{
    DEFAULT_PATIENCE, DEFAULT_TIMEOUT, DataDir,
    broker::{Broker, Credentials},
    context::Context,
};
use crate::{
    cli::{self, Global},
    environment::{self, Environment},
    fault::{Code, Fault},
    keys::SeedSource,
    requester::requester,
    up::RunningUp,
};

/// The broker that is tried when nothing names one: NATS's own default.
pub(crate) const DEFAULT_NATS_URL: &str = "nats://127.0.0.1:4222";

/// A lattice and how to reach it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The lattice.
    pub(crate) lattice: LatticeName,
    /// What control subjects start with.
    pub(crate) prefix: ControlPrefix,
    /// How long an answer is waited for.
    pub(crate) timeout: Duration,
    /// How long the end of an operation is waited for.
    pub(crate) patience: Duration,
    /// Where it is.
    pub(crate) broker: Broker,
    /// Whether somebody named the broker: it was not found as a running `up`'s, and is not the default.
    pub(crate) is_named: bool,
    /// Who types the command, for the records of operations.
    pub(crate) requester: Option<String>,
    /// The seed that signs calls, if environment or context name one.
    pub(crate) cluster_seed: Option<SeedSource>,
    /// Everything that was looked at to find the broker, in order; the last is what is used.
    pub(crate) looked_at: Vec<String>,
}

impl Target {
    /// What flags, environment, context and the running `up` say, in this order.
    pub(super) fn find(flags: &Global, environment: &Environment) -> Result<Self, Fault> {
        let context = Context::find(flags.context.as_deref(), environment)?;
        let mut search = Search { flags, environment, context: context.as_ref(), looked_at: Vec::new() };
        let place = search.place()?;
        let timeout = search.timeout()?;
        Ok(Self {
            lattice: search.lattice()?.or(place.lattice).unwrap_or_default(),
            prefix: search.prefix()?.or(place.prefix).unwrap_or_default(),
            timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
            patience: timeout.unwrap_or(DEFAULT_PATIENCE),
            broker: Broker { url: place.url, credentials: search.credentials(place.creds) },
            is_named: place.is_named,
            requester: requester(environment),
            cluster_seed: search.cluster_seed()?,
            looked_at: search.looked_at,
        })
    }

    /// The lattice that an `up` runs.
    pub(crate) fn of_up(up: &RunningUp, timeout: Option<Duration>) -> Self {
        Self {
            lattice: up.lattice.clone(),
            prefix: up.control_prefix.clone(),
            timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
            patience: timeout.unwrap_or(DEFAULT_PATIENCE),
            broker: up.broker(),
            is_named: false,
            requester: None,
            cluster_seed: None,
            looked_at: vec![format!("the running `lattice up`, process {}", up.pid)],
        }
    }
}

/// Where the broker is, and what is known with it.
#[derive(Debug, Default)]
struct Place {
    url: String,
    lattice: Option<LatticeName>,
    prefix: Option<ControlPrefix>,
    creds: Option<PathBuf>,
    is_named: bool,
}

impl Place {
    fn named(url: impl Into<String>) -> Self {
        Self { url: url.into(), is_named: true, ..Self::default() }
    }
}

struct Search<'a> {
    flags: &'a Global,
    environment: &'a Environment,
    context: Option<&'a Context>,
    looked_at: Vec<String>,
}

impl Search<'_> {
    fn place(&mut self) -> Result<Place, Fault> {
        if let Some(url) = &self.flags.nats_url {
            return Ok(self.found(Place::named(url), format!("--nats-url {url}")));
        }
        self.missed("no --nats-url");
        if let Some(url) = self.environment.text(environment::NATS_URL)? {
            return Ok(self.found(Place::named(&url), format!("{}={url}", environment::NATS_URL)));
        }
        self.missed(format!("no {}", environment::NATS_URL));
        match self.context.map(|context| (context.nats_url.as_ref(), context.path.display())) {
            Some((Some(url), path)) => return Ok(self.found(Place::named(url), format!("{url} of {path}"))),
            Some((None, path)) => self.missed(format!("no nats_url in {path}")),
            None => self.missed("no --context"),
        }
        Ok(self.running_up().unwrap_or_else(|| self.found(nats_default(), DEFAULT_NATS_URL.to_owned())))
    }

    /// A data directory that cannot be found out has no running `up`.
    fn running_up(&mut self) -> Option<Place> {
        let data_dir = DataDir::find(self.flags.data_dir.as_deref(), self.environment).ok()?;
        let Some(up) = RunningUp::find(&data_dir) else {
            self.missed(format!("no running `lattice up` in {}", data_dir.path().display()));
            return None;
        };
        let looked_at = format!("the running `lattice up`, process {}", up.pid);
        let place = Place {
            url: up.nats_url,
            lattice: Some(up.lattice),
            prefix: Some(up.control_prefix),
            creds: up.creds,
            is_named: false,
        };
        Some(self.found(place, looked_at))
    }

    fn found(&mut self, place: Place, what: String) -> Place {
        let shown = Broker { url: place.url.clone(), credentials: Credentials::None }.shown_url();
        self.looked_at.push(what.replace(&place.url, &shown));
        place
    }

    fn missed(&mut self, what: impl Into<String>) {
        self.looked_at.push(what.into());
    }

    fn lattice(&self) -> Result<Option<LatticeName>, Fault> {
        let in_context = self.context.and_then(|context| context.lattice.as_deref());
        self.value(self.flags.lattice.clone(), environment::LATTICE, ("lattice", in_context))
    }

    fn prefix(&self) -> Result<Option<ControlPrefix>, Fault> {
        let in_context = self.context.and_then(|context| context.control_prefix.as_deref());
        self.value(self.flags.control_prefix.clone(), environment::CONTROL_PREFIX, ("control_prefix", in_context))
    }

    fn timeout(&self) -> Result<Option<Duration>, Fault> {
        let in_context = self.context.and_then(|context| context.timeout.as_deref());
        let flag = self.flags.timeout.map(Wait);
        Ok(self.value(flag, environment::TIMEOUT, ("timeout", in_context))?.map(|wait| wait.0))
    }

    fn credentials(&self, found: Option<PathBuf>) -> Credentials {
        let flag = self.flags.creds.clone();
        let environment = || self.environment.path(environment::CREDS);
        let context = || self.context.and_then(|context| context.creds.clone());
        flag.or_else(environment).or_else(context).or(found).map_or(Credentials::None, Credentials::File)
    }

    fn cluster_seed(&self) -> Result<Option<SeedSource>, Fault> {
        if let Some(text) = self.environment.text(environment::CLUSTER_SEED)? {
            return Ok(Some(SeedSource::read(&text, environment::CLUSTER_SEED)));
        }
        Ok(self.context.and_then(|context| {
            let file = || context.cluster_seed_file.clone().map(SeedSource::File);
            let text = |seed: &String| SeedSource::given(seed, &context.path.display().to_string());
            context.cluster_seed.as_ref().map(text).or_else(file)
        }))
    }

    /// The flag's value, else that of the environment, else that of the context.
    fn value<T>(&self, flag: Option<T>, variable: &str, (key, text): (&str, Option<&str>)) -> Result<Option<T>, Fault>
    where
        T: FromStr<Err: Into<anyhow::Error>>,
    {
        if flag.is_some() {
            return Ok(flag);
        }
        let read = |text: &str| text.parse::<T>().map_err(Into::into);
        if let Some(value) = self.environment.parse(variable, read)? {
            return Ok(Some(value));
        }
        let path = || self.context.map(|context| context.path.clone()).unwrap_or_default();
        text.map(read).transpose().map_err(|error| wrong_in_context(key, path(), error))
    }
}

fn nats_default() -> Place {
    Place { url: DEFAULT_NATS_URL.to_owned(), ..Place::default() }
}

fn wrong_in_context(key: &str, path: PathBuf, error: anyhow::Error) -> Fault {
    Fault::new(Code::Configuration, format!("{key} in {} cannot be used", path.display())).caused_by(error)
}

/// A duration as people write it.
struct Wait(Duration);

impl FromStr for Wait {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, anyhow::Error> {
        cli::duration(text).map(Wait).map_err(anyhow::Error::msg)
    }
}

#[cfg(test)]
mod tests;
