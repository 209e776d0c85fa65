//! Where a host's images come from, and whose count.

use std::{path::PathBuf, str::FromStr};

use lattice_artifact::{
    BindleSettings, Credentials, OciSettings, Place, SourceSettings, StoreSettings, Trust, UnknownIssuers, WebSettings,
};
use lattice_protocol::{AccountKey, PullPolicy, error_chain};

use super::layer::Layers;
use crate::{
    environment::Environment,
    settings::credentials::{self, DockerFiles},
};

/// The options, as files name them.
pub(super) const OPTIONS: [&str; 11] = [
    "allow_latest",
    "bindle_url",
    "cache_size",
    "docker_config",
    "insecure_registries",
    "pull",
    "registry_cas",
    "registry_mirrors",
    "token_servers",
    "trusted_issuers",
    "unknown_issuers",
];

/// Where images come from, and whose count.
#[derive(Clone, Debug)]
pub(crate) struct ImageSettings {
    /// When sources are asked.
    pub(crate) pull: PullPolicy,
    /// Whose signatures count.
    pub(crate) trust: Trust,
    /// Where images come from, and how large things may be.
    pub(crate) store: StoreSettings,
}

/// `mirror.internal:5000`, as references name it.
struct Server(String);

impl FromStr for Server {
    type Err = &'static str;

    /// What is wrong is not repeated, for it may hold a password.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match !text.contains('/') && is_place(text) {
            true => Ok(Self(text.to_owned())),
            false => Err("expected a server, HOST or HOST:PORT, without a scheme, a path and a user"),
        }
    }
}

/// `docker.io=mirror.internal:5000/hub`
struct Mirror {
    registry: String,
    mirror: String,
}

impl FromStr for Mirror {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "expected a registry and its mirror, such as docker.io=mirror.internal:5000/hub";
        let (registry, mirror) = text.split_once('=').ok_or(expected)?;
        let Server(registry) = registry.parse().map_err(|_| expected)?;
        match is_place(mirror) {
            true => Ok(Self { registry, mirror: mirror.to_owned() }),
            false => Err(expected),
        }
    }
}

/// Whether it is a server, perhaps with a path, and nothing else.
fn is_place(text: &str) -> bool {
    !text.contains("://") && !text.contains('@') && text.parse::<Place>().is_ok()
}

/// What the layers and the environment say; `usual` are the files with credentials that are looked into where nobody says
/// which.
pub(super) fn read(layers: &mut Layers, environment: &Environment, usual: DockerFiles) -> ImageSettings {
    let mut store = StoreSettings::default();
    if let Some(mib) = layers.number("cache_size") {
        store = store.cache_capacity(u64::from(mib) << 20);
    }
    let issuers: Vec<AccountKey> = layers.list("trusted_issuers");
    let trust = Trust::new(issuers, layers.value::<UnknownIssuers>("unknown_issuers"));
    let pull = layers.value("pull").unwrap_or_default();
    ImageSettings { pull, trust, store: store.sources(sources(layers, environment, usual)) }
}

fn sources(layers: &mut Layers, environment: &Environment, usual: DockerFiles) -> SourceSettings {
    let files = layers.value("docker_config").unwrap_or(usual);
    let credentials = credentials::read(environment, &files).unwrap_or_else(|problems| {
        problems.into_iter().for_each(|problem| layers.problem(problem));
        Default::default()
    });
    let sources = SourceSettings::default().web(web(layers)).oci(oci(layers)).bindle(bindle(layers));
    // A host opens them once it has reached its broker, which is late for what a flag says.
    sources.problems().iter().for_each(|problem| layers.problem(error_chain(problem)));
    sources.credentials(Credentials::new(credentials))
}

fn web(layers: &mut Layers) -> WebSettings {
    let insecure: Vec<Server> = layers.list("insecure_registries");
    let roots: Vec<PathBuf> = layers.list("registry_cas");
    let web = insecure.iter().fold(WebSettings::default(), |web, Server(server)| web.insecure(server));
    roots.into_iter().fold(web, WebSettings::extra_root)
}

fn oci(layers: &mut Layers) -> OciSettings {
    let (mirrors, token_servers): (Vec<Mirror>, Vec<Server>) =
        (layers.list("registry_mirrors"), layers.list("token_servers"));
    let oci = OciSettings::default().allow_latest(layers.switch("allow_latest").unwrap_or(false));
    let oci = mirrors.iter().fold(oci, |oci, Mirror { registry, mirror }| oci.mirror(registry, mirror));
    token_servers.iter().fold(oci, |oci, Server(server)| oci.token_server(server))
}

fn bindle(layers: &mut Layers) -> BindleSettings {
    match layers.value::<String>("bindle_url") {
        Some(url) => BindleSettings::default().url(url),
        None => BindleSettings::default(),
    }
}
