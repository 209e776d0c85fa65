//! What a host needs to know to run.

use std::{ffi::OsString, fmt, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use lattice_claims::{ClusterSeed, HostSeed};
use lattice_protocol::{ClusterKey, ContractId, ControlPrefix, Labels, LatticeName, ProviderKey, PullPolicy};
use lattice_runtime::{Runtime, RuntimeConfig};

use crate::defaults;

/// Whom the lattice is shared with, which decides what compatibility costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// All hosts of the lattice are of this project.
    #[default]
    Own,
    /// The lattice is shared with wasmCloud hosts or steered by clients published for them.
    Mixed,
}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        match text {
            "own" => Ok(Mode::Own),
            "mixed" => Ok(Mode::Mixed),
            _ => Err(UnknownMode { text: text.to_owned() }),
        }
    }
}

/// A text that is no mode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown mode `{text}`; there are `own` and `mixed`")]
pub struct UnknownMode {
    text: String,
}

/// Something that is waited for before an image is fetched.
#[derive(Clone)]
pub struct BeforeFetch(Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>);

impl BeforeFetch {
    /// What this returns is waited for, each time anew.
    pub fn new(wait: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(wait))
    }

    pub(crate) async fn wait(&self) {
        (self.0)().await;
    }
}

impl fmt::Debug for BeforeFetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BeforeFetch")
    }
}

/// A capability provider that is a part of some program of this machine, most likely the one that runs the host. Its
/// reference is `builtin://` and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Builtin {
    /// The name in its reference.
    pub name: String,
    /// Its key: a constant, the same on every host and version, for links name it.
    pub key: ProviderKey,
    /// The contract that it serves.
    pub contract: ContractId,
    /// The name that people read.
    pub title: String,
    /// Its revision.
    pub revision: i32,
    /// Its version.
    pub version: String,
    /// The program.
    pub exe: PathBuf,
    /// What makes the program be this provider.
    pub arguments: Vec<OsString>,
}

/// How providers reach NATS. `Debug` shows no secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProviderNats {
    /// Where it is, if not where the host's own connection for invocations goes.
    pub url: Option<String>,
    /// A user's JWT, or nothing.
    pub user_jwt: String,
    /// That user's seed, or nothing.
    pub user_seed: String,
}

impl fmt::Debug for ProviderNats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderNats").field("has_user", &!self.user_jwt.is_empty()).finish_non_exhaustive()
    }
}

/// How a host runs capability providers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProviderSettings {
    /// The providers that need no archive.
    pub builtins: Vec<Builtin>,
    /// The program that guards processes, whose `main` calls `lattice_guard::run_if_guard`; this process's own without it.
    pub guard: Option<PathBuf>,
    /// All environment variables that providers get.
    pub environment: Vec<(String, String)>,
    /// The most bytes of memory that each process of a provider may take.
    pub memory: Option<u64>,
    /// How providers reach NATS.
    pub nats: ProviderNats,
    /// How long their calls wait for an answer unless they say otherwise.
    pub call_timeout: Duration,
    /// How long a provider may take to shut down before it is told by a signal.
    pub shutdown: Duration,
}

impl Default for ProviderSettings {
    fn default() -> Self {
        Self {
            builtins: Vec::new(),
            guard: None,
            environment: Vec::new(),
            memory: Some(defaults::PROVIDER_MEMORY),
            nats: ProviderNats::default(),
            call_timeout: defaults::PROVIDER_CALL_TIMEOUT,
            shutdown: defaults::SHUTDOWN_PATIENCE,
        }
    }
}

impl ProviderSettings {
    /// The value of an environment variable that providers get.
    pub(crate) fn environment_value(&self, name: &str) -> Option<String> {
        self.environment.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone())
    }
}

/// What a host needs to know to run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HostConfig {
    /// The lattice to join.
    pub lattice: LatticeName,
    /// What control subjects start with.
    pub prefix: ControlPrefix,
    /// Whom the lattice is shared with.
    pub mode: Mode,
    /// The host's identity.
    pub host_seed: HostSeed,
    /// The key that signs invocations.
    pub cluster_seed: ClusterSeed,
    /// Keys whose invocations are accepted, besides the own cluster key.
    pub cluster_issuers: Vec<ClusterKey>,
    /// The name people use; made from the host key when absent.
    pub friendly_name: Option<String>,
    /// What the host says of itself, besides the `hostcore.` labels, which are its own.
    pub labels: Labels,
    /// The connection for control messages and events.
    pub control: async_nats::Client,
    /// The connection for invocations; may be a clone of `control`.
    pub rpc: async_nats::Client,
    /// A directory of this host alone: its lock and what it is to restore.
    pub state_dir: PathBuf,
    /// A directory for modules and compiled code, shared by the hosts of one user on a machine.
    pub cache_dir: PathBuf,
    /// Whether `file://` references are taken.
    pub allow_file: bool,
    /// When the source of an image is asked, unless a command says otherwise.
    pub pull: PullPolicy,
    /// Whether modules without claims are taken.
    pub allow_unsigned: bool,
    /// The most instances that the host runs, of all actors together; without it each annotation set has its own limit
    /// of 65,535 alone.
    pub max_instances: Option<u32>,
    /// Whether what ran when the host last stopped is started again.
    pub restore: bool,
    /// Whether events are published by name too, as some published clients listen.
    pub typed_events: bool,
    /// Where reply subjects may lie; others are not answered.
    pub inbox_prefixes: Vec<String>,
    /// The longest that a stop waits for running calls.
    pub drain_limit: Duration,
    /// How long one call of an actor may take.
    pub call_deadline: Duration,
    /// Calls that may wait for one annotation set of an actor.
    pub call_queue: usize,
    /// How often the host says that it is alive.
    pub heartbeat: Duration,
    /// How often the host notes that it is a member of the lattice; more often than it says that it is alive, and in fewer
    /// words.
    pub member_interval: Duration,
    /// How it runs capability providers.
    pub providers: ProviderSettings,
    /// Sizes and limits of the WebAssembly engine.
    pub runtime: RuntimeConfig,
    /// An engine that exists already, for several hosts of one process; its sizes and limits count then.
    pub engine: Option<Runtime>,
    /// Waited for before each fetch of an image. Without it nothing is; tests make fetches slow with it.
    pub before_fetch: Option<BeforeFetch>,
}

/// The parts of a configuration that have no default.
#[derive(Clone, Debug)]
pub struct HostIdentity {
    /// The lattice to join.
    pub lattice: LatticeName,
    /// The host's identity.
    pub host_seed: HostSeed,
    /// The key that signs invocations.
    pub cluster_seed: ClusterSeed,
}

/// The directories of a host.
#[derive(Clone, Debug)]
pub struct HostDirs {
    /// A directory of this host alone.
    pub state: PathBuf,
    /// A directory shared by the hosts of one user on a machine.
    pub cache: PathBuf,
}

impl HostConfig {
    /// A configuration with defaults for everything that has one, both connections being `nats`.
    pub fn new(identity: HostIdentity, nats: async_nats::Client, dirs: HostDirs) -> Self {
        Self {
            lattice: identity.lattice,
            prefix: ControlPrefix::default(),
            mode: Mode::default(),
            host_seed: identity.host_seed,
            cluster_seed: identity.cluster_seed,
            cluster_issuers: Vec::new(),
            friendly_name: None,
            labels: Labels::new(),
            rpc: nats.clone(),
            control: nats,
            state_dir: dirs.state,
            cache_dir: dirs.cache,
            allow_file: false,
            pull: PullPolicy::default(),
            allow_unsigned: false,
            max_instances: None,
            restore: true,
            typed_events: true,
            inbox_prefixes: vec![defaults::INBOX_PREFIX.to_owned()],
            drain_limit: defaults::DRAIN_LIMIT,
            call_deadline: defaults::CALL_DEADLINE,
            call_queue: defaults::CALL_QUEUE,
            heartbeat: defaults::HEARTBEAT,
            member_interval: defaults::MEMBER_INTERVAL,
            providers: ProviderSettings::default(),
            runtime: RuntimeConfig::default(),
            engine: None,
            before_fetch: None,
        }
    }
}
