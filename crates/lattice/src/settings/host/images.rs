//! Where a host's images come from, and whose count.

use std::{path::PathBuf, str::FromStr};

use lattice_artifact::{
    BindleSettings, Credentials, OciSettings, SourceSettings, StoreSettings, Trust, UnknownIssuers, WebSettings,
};
use lattice_protocol::{AccountKey, PullPolicy};

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

/// `docker.io=mirror.internal:5000/hub`
struct Mirror {
    registry: String,
    mirror: String,
}

impl FromStr for Mirror {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((registry, mirror)) if !registry.is_empty() && !mirror.is_empty() => {
                Ok(Self { registry: registry.to_owned(), mirror: mirror.to_owned() })
            }
            _ => Err("expected a registry and its mirror, such as docker.io=mirror.internal:5000/hub".to_owned()),
        }
    }
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
    sources.credentials(Credentials::new(credentials))
}

fn web(layers: &mut Layers) -> WebSettings {
    let insecure: Vec<String> = layers.list("insecure_registries");
    let roots: Vec<PathBuf> = layers.list("registry_cas");
    let web = insecure.iter().fold(WebSettings::default(), |web, server| web.insecure(server));
    roots.into_iter().fold(web, WebSettings::extra_root)
}

fn oci(layers: &mut Layers) -> OciSettings {
    let (mirrors, token_servers): (Vec<Mirror>, Vec<String>) =
        (layers.list("registry_mirrors"), layers.list("token_servers"));
    let oci = OciSettings::default().allow_latest(layers.switch("allow_latest").unwrap_or(false));
    let oci = mirrors.iter().fold(oci, |oci, Mirror { registry, mirror }| oci.mirror(registry, mirror));
    token_servers.iter().fold(oci, |oci, server| oci.token_server(server))
}

fn bindle(layers: &mut Layers) -> BindleSettings {
    match layers.value::<String>("bindle_url") {
        Some(url) => BindleSettings::default().url(url),
        None => BindleSettings::default(),
    }
}
