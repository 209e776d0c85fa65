//! Where images come from, and which of them hosts take: flags of `lattice host`, `up`, `push` and `pull`.

use std::ffi::OsString;

use clap::Args;

// How registries are reached, by hosts and by who pushes. All of it is text here, for it is read together with the environment
// and the file of --config. A doc comment would stand in the place of the command's.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Registries")]
pub(crate) struct Registries {
    /// Take the tag `latest`, and references without a tag, from OCI registries
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) allow_latest: Option<String>,
    /// A registry or bindle server, HOST or HOST:PORT, that is reached without TLS; several with several
    #[arg(long = "insecure-registry", value_name = "SERVER")]
    pub(crate) insecure_registries: Vec<String>,
    /// A file with certificates (PEM) that registries may have besides those that this machine trusts; several with several
    #[arg(long = "registry-ca", value_name = "FILE")]
    pub(crate) registry_cas: Vec<String>,
    /// A mirror that is asked before a registry, such as docker.io=mirror.internal:5000/hub; several with several
    #[arg(long = "registry-mirror", value_name = "REGISTRY=MIRROR")]
    pub(crate) registry_mirrors: Vec<String>,
    /// A token server that may see the credentials of registries that name it, whatever its own name; several with several
    #[arg(long = "token-server", value_name = "SERVER")]
    pub(crate) token_servers: Vec<String>,
    /// The bindle server, such as https://bindle.example/v1/, for references that name none
    #[arg(long, value_name = "URL")]
    pub(crate) bindle_url: Option<String>,
    /// A file with credentials as docker keeps them, or `none` [default: those of docker and podman; for `lattice host` none]
    #[arg(long, value_name = "FILE")]
    pub(crate) docker_config: Option<String>,
}

// Which images a host takes, and how. As above.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Images")]
pub(crate) struct Images {
    /// When the source of an image is asked for what may be cached: always, if-not-present or never [default: always]
    #[arg(long, value_name = "POLICY")]
    pub(crate) pull: Option<String>,
    /// An account (A...) whose signatures count; once one is named, those of others do not. Several with several
    #[arg(long = "trusted-issuer", value_name = "KEY")]
    pub(crate) trusted_issuers: Vec<String>,
    /// What becomes of what others have signed: accept, warn or refuse [default: refuse if any account is trusted, else accept]
    #[arg(long, value_name = "POLICY")]
    pub(crate) unknown_issuers: Option<String>,
    /// The most that the cache keeps of modules and archives, and again of unpacked programs, in MiB [default: 2048]
    #[arg(long, value_name = "MIB")]
    pub(crate) cache_size: Option<String>,
    #[command(flatten)]
    pub(crate) registries: Registries,
}

impl Images {
    /// The flags with one value, by the name of the option.
    pub(crate) fn single(&self) -> [(&'static str, Option<&String>); 6] {
        let Registries { allow_latest, bindle_url, docker_config, .. } = &self.registries;
        [
            ("pull", self.pull.as_ref()),
            ("allow_latest", allow_latest.as_ref()),
            ("bindle_url", bindle_url.as_ref()),
            ("docker_config", docker_config.as_ref()),
            ("unknown_issuers", self.unknown_issuers.as_ref()),
            ("cache_size", self.cache_size.as_ref()),
        ]
    }

    /// The flags that can be given several times, by the name of the option.
    pub(crate) fn lists(&self) -> [(&'static str, &Vec<String>); 5] {
        let Registries { insecure_registries, registry_cas, registry_mirrors, token_servers, .. } = &self.registries;
        [
            ("insecure_registries", insecure_registries),
            ("registry_cas", registry_cas),
            ("registry_mirrors", registry_mirrors),
            ("token_servers", token_servers),
            ("trusted_issuers", &self.trusted_issuers),
        ]
    }

    /// The flags as they were typed, for the same program in the background.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let single = self.single().into_iter().filter_map(|(name, value)| Some((name, value?)));
        let lists = self.lists().into_iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        single.chain(lists).map(|(name, value)| format!("{}={value}", flag(name)).into()).collect()
    }
}

impl From<Registries> for Images {
    fn from(registries: Registries) -> Self {
        Self { registries, ..Self::default() }
    }
}

/// Options that can be given several times, and the flag of each.
const LISTS: [(&str, &str); 8] = [
    ("cluster_issuers", "--cluster-issuer"),
    ("inbox_prefixes", "--inbox-prefix"),
    ("insecure_registries", "--insecure-registry"),
    ("labels", "--label"),
    ("registry_cas", "--registry-ca"),
    ("registry_mirrors", "--registry-mirror"),
    ("token_servers", "--token-server"),
    ("trusted_issuers", "--trusted-issuer"),
];

/// Whether an option can be given several times.
pub(crate) fn is_list(option: &str) -> bool {
    LISTS.iter().any(|(name, _)| *name == option)
}

/// The flag of an option.
pub(crate) fn flag(option: &str) -> String {
    match LISTS.iter().find(|(name, _)| *name == option) {
        Some((_, flag)) => (*flag).to_owned(),
        None => format!("--{}", option.replace('_', "-")),
    }
}
