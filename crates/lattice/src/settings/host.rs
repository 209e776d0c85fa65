//! How `lattice host` is to run: flags, then environment, then the file of `--config`.
//!
//! Every source becomes a layer of texts; the first layer that names an option decides, labels add up. Texts are read
//! once, and everything that is wrong is reported together.

mod images;
mod inherited;
mod layer;
mod published;

use std::{path::PathBuf, time::Duration};

use lattice_host::{Mode, ProviderNats};
use lattice_protocol::{ClusterKey, ControlPrefix, Labels, LatticeName};

use super::{
    DEFAULT_NATS_URL, DataDir,
    broker::{Broker, Credentials},
    credentials::DockerFiles,
};
use crate::{
    cli::{self, Global},
    environment::Environment,
    fault::{Code, Fault},
    keys::SeedSource,
};
pub(crate) use images::ImageSettings;
pub(super) use inherited::inherited;
use layer::Layers;
pub(super) use published::LOG_LEVEL as PUBLISHED_LOG_LEVEL;

/// The options, as files name them, beside those about images. The environment has them as `LATTICE_` and the name in capitals.
const OWN_OPTIONS: [&str; 31] = [
    "allow_file",
    "allow_unsigned",
    "call_deadline",
    "cluster_issuers",
    "cluster_seed",
    "control_prefix",
    "creds",
    "data_dir",
    "drain_limit",
    "friendly_name",
    "heartbeat",
    "host_seed",
    "inbox_prefixes",
    "labels",
    "lattice",
    "log_json",
    "max_instances",
    "mode",
    "nats_jwt",
    "nats_seed",
    "nats_url",
    "provider_memory",
    "provider_nats_jwt",
    "provider_nats_seed",
    "provider_nats_url",
    "restore",
    "rpc_creds",
    "rpc_nats_jwt",
    "rpc_nats_seed",
    "rpc_nats_url",
    "typed_events",
];

/// All options.
fn options() -> impl Iterator<Item = &'static str> {
    OWN_OPTIONS.into_iter().chain(images::OPTIONS)
}

/// What a production host runs with. What is `None` is left to the host's own default.
#[derive(Debug)]
pub(crate) struct HostSettings {
    pub(crate) data_dir: DataDir,
    pub(crate) lattice: LatticeName,
    pub(crate) prefix: ControlPrefix,
    pub(crate) mode: Mode,
    /// Where control messages go.
    pub(crate) control: Broker,
    /// Where invocations go, if not there too.
    pub(crate) rpc: Option<Broker>,
    /// The host's identity, if not that of the data directory.
    pub(crate) host_seed: Option<SeedSource>,
    /// The key that signs invocations, if not that of the data directory.
    pub(crate) cluster_seed: Option<SeedSource>,
    pub(crate) cluster_issuers: Vec<ClusterKey>,
    pub(crate) friendly_name: Option<String>,
    pub(crate) labels: Labels,
    pub(crate) allow_file: bool,
    pub(crate) allow_unsigned: bool,
    pub(crate) restore: Option<bool>,
    pub(crate) typed_events: Option<bool>,
    pub(crate) inbox_prefixes: Vec<String>,
    pub(crate) drain_limit: Option<Duration>,
    pub(crate) call_deadline: Option<Duration>,
    pub(crate) max_instances: Option<u32>,
    pub(crate) heartbeat: Option<Duration>,
    /// How providers reach NATS.
    pub(crate) provider_nats: ProviderNats,
    /// MiB of memory of each process of a provider; 0 for no limit.
    pub(crate) provider_memory: Option<u32>,
    /// Where images come from.
    pub(crate) images: ImageSettings,
    pub(crate) log_json: bool,
    /// What was set and has no meaning here.
    pub(crate) ignored: Vec<String>,
}

impl HostSettings {
    /// What the sources say.
    ///
    /// # Errors
    /// One configuration error that lists every problem.
    pub(super) fn find(flags: &cli::Host, global: &Global, environment: &Environment) -> Result<Self, Fault> {
        let mut layers = Layers::default();
        if global.context.is_some() {
            layers.problem("--context is for commands that look for a lattice; a host is told by --config");
        }
        layers.push_flags(flags, global);
        layers.push_environment(environment);
        published::push(&mut layers, environment);
        if let Some(path) = &flags.config {
            layers.push_file(path);
        }
        let settings = Self::read(&mut layers, environment);
        match (settings, layers.into_problems()) {
            (Some(settings), problems) if problems.is_empty() => Ok(settings),
            (_, problems) => Err(report("the settings of the host", &problems)),
        }
    }

    /// The settings; none only if there is a problem.
    fn read(layers: &mut Layers, environment: &Environment) -> Option<Self> {
        let data_dir = read_data_dir(layers, environment);
        let control = read_broker(layers, ["nats_url", "creds", "nats_jwt", "nats_seed"]);
        let rpc = read_broker(layers, ["rpc_nats_url", "rpc_creds", "rpc_nats_jwt", "rpc_nats_seed"]);
        let settings = Self {
            data_dir: data_dir?,
            lattice: layers.value("lattice").unwrap_or_default(),
            prefix: layers.value("control_prefix").unwrap_or_default(),
            mode: layers.value("mode").unwrap_or_default(),
            rpc: rpc_of(&control, rpc),
            control: control.into_broker(DEFAULT_NATS_URL),
            host_seed: layers.seed("host_seed"),
            cluster_seed: layers.seed("cluster_seed"),
            cluster_issuers: layers.list("cluster_issuers"),
            friendly_name: layers.value("friendly_name"),
            labels: layers.labels(),
            allow_file: layers.switch("allow_file").unwrap_or(false),
            allow_unsigned: layers.switch("allow_unsigned").unwrap_or(false),
            restore: layers.switch("restore"),
            typed_events: layers.switch("typed_events"),
            inbox_prefixes: layers.list("inbox_prefixes"),
            drain_limit: layers.duration("drain_limit"),
            call_deadline: layers.duration("call_deadline"),
            max_instances: layers.number("max_instances"),
            heartbeat: layers.duration("heartbeat"),
            provider_nats: read_provider_nats(layers),
            provider_memory: layers.number("provider_memory"),
            images: images::read(layers, environment, DockerFiles::None),
            log_json: layers.switch("log_json").unwrap_or(false),
            ignored: layers.take_ignored(),
        };
        Some(settings)
    }
}

/// Where the images of `lattice up`'s host and of commands that fetch or push themselves come from: flags, then environment.
///
/// # Errors
/// One configuration error that lists every problem.
pub(super) fn of_up(flags: &cli::Images, environment: &Environment) -> Result<ImageSettings, Fault> {
    let mut layers = Layers::default();
    layers.push_images(flags);
    layers.push_environment(environment);
    let settings = images::read(&mut layers, environment, DockerFiles::Usual);
    match layers.into_problems() {
        problems if problems.is_empty() => Ok(settings),
        problems => Err(report("the settings about images and registries", &problems)),
    }
}

/// What the sources say of one connection.
#[derive(Debug)]
struct Connection {
    url: Option<String>,
    credentials: Credentials,
}

impl Connection {
    fn into_broker(self, default_url: &str) -> Broker {
        Broker { url: self.url.unwrap_or_else(|| default_url.to_owned()), credentials: self.credentials }
    }
}

fn read_broker(layers: &mut Layers, [url, creds, jwt, seed]: [&'static str; 4]) -> Connection {
    let url = layers.value(url);
    let credentials = match (layers.value(creds), layers.value(jwt), layers.value(seed)) {
        (Some(file), ..) => Credentials::File(file),
        (None, Some(jwt), Some(seed)) => Credentials::Jwt { jwt, seed },
        (None, None, Some(seed)) => Credentials::Seed(seed),
        (None, Some(_), None) => {
            layers.problem(format!("{jwt} is given without {seed}: a JWT is of no use without the seed of its key"));
            Credentials::None
        }
        (None, None, None) => Credentials::None,
    };
    Connection { url, credentials }
}

/// How providers reach NATS: with credentials of their own, or none.
fn read_provider_nats(layers: &mut Layers) -> ProviderNats {
    let (jwt, seed) = (layers.value("provider_nats_jwt"), layers.value("provider_nats_seed"));
    if jwt.is_some() != seed.is_some() {
        layers.problem("provider_nats_jwt and provider_nats_seed are of use together only");
    }
    ProviderNats {
        url: layers.value("provider_nats_url"),
        user_jwt: jwt.unwrap_or_default(),
        user_seed: seed.unwrap_or_default(),
    }
}

/// A second connection only if something about it differs; the other half comes from the first.
fn rpc_of(control: &Connection, rpc: Connection) -> Option<Broker> {
    if rpc.url.is_none() && rpc.credentials == Credentials::None {
        return None;
    }
    let url = rpc.url.or_else(|| control.url.clone()).unwrap_or_else(|| DEFAULT_NATS_URL.to_owned());
    let credentials = match rpc.credentials {
        Credentials::None => control.credentials.clone(),
        credentials => credentials,
    };
    Some(Broker { url, credentials })
}

fn read_data_dir(layers: &mut Layers, environment: &Environment) -> Option<DataDir> {
    let chosen: Option<PathBuf> = layers.value("data_dir");
    DataDir::find(chosen.as_deref(), environment).map_err(|fault| layers.problem(fault.message)).ok()
}

fn report(about: &str, problems: &[String]) -> Fault {
    let list: String = problems.iter().map(|problem| format!("\n  - {problem}")).collect();
    let count = match problems.len() {
        1 => "is a problem".to_owned(),
        count => format!("are {count} problems"),
    };
    Fault::new(Code::Configuration, format!("there {count} with {about}:{list}")).hint("`--help` lists the options")
}

#[cfg(test)]
mod tests;
